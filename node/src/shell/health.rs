//! Asking a server's admin port how it is.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail};

/// Time for a connection, and for each read of the answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The answer's text, if it is a yes.
///
/// # Errors
/// When the server at `address` (`host:port`) does not answer, or the answer is no.
pub(crate) fn ask(address: &str, what: &str) -> anyhow::Result<String> {
    let resolved = address.to_socket_addrs().context("resolve the address")?.next();
    let resolved = resolved.with_context(|| format!("{address} has no address"))?;
    let mut stream = TcpStream::connect_timeout(&resolved, PATIENCE)
        .with_context(|| format!("connect to {resolved}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let path = what.trim_start_matches('/');
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("read the answer")?;
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim();
    if !answer.starts_with("HTTP/1.1 200") {
        bail!("{path}: {body}");
    }
    Ok(body.to_owned())
}
