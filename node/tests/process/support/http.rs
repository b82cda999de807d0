//! The admin port's HTTP, by hand.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::Value;

fn exchange(port: u16, request: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(15)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let code = answer.get(9..12).and_then(|code| code.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    match (code, body) {
        (Some(code), Some(body)) => Ok((code, body)),
        _ => Err(std::io::ErrorKind::InvalidData.into()),
    }
}

/// Status code and body.
pub(crate) fn get(port: u16, path: &str) -> std::io::Result<(u16, String)> {
    exchange(port, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
}

/// Status code, head and body of a request with more lines in its head.
pub(crate) fn get_with(
    port: u16,
    path: &str,
    lines: &str,
) -> std::io::Result<(u16, String, Vec<u8>)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(15)))?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: x\r\n{lines}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n");
    let end = end.ok_or(std::io::ErrorKind::InvalidData)?;
    let body = answer.split_off(end + 4);
    let head = String::from_utf8_lossy(&answer).into_owned();
    let code = head.get(9..12).and_then(|code| code.parse().ok());
    Ok((code.ok_or(std::io::ErrorKind::InvalidData)?, head, body))
}

/// A call with what stands in its `Authorization` header, if anything.
pub(crate) fn call(port: u16, name: &str, header: Option<&str>, body: &Value) -> (u16, Value) {
    let header = header.map_or_else(String::new, |it| format!("Authorization: {it}\r\n"));
    let body = body.to_string();
    let request = format!(
        "POST /admin/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (code, text) = exchange(port, &request).expect("the admin port answers");
    let json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{code} {text}"));
    (code, json)
}
