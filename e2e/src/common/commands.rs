//! Programs, run and heard.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Runs a program to its end and gives what it printed.
pub(crate) async fn output(command: &mut Command, input: &str) -> Result<String> {
    let name = named(command);
    command.kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input may have closed it.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let done = tokio::time::timeout(Duration::from_secs(180), child.wait_with_output());
    let done = done.await.with_context(|| format!("{name} takes more than 180 s"))??;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    if !done.status.success() {
        let complaint = String::from_utf8_lossy(&done.stderr);
        bail!("{name}: {}: {}{}", done.status, complaint.trim(), text.trim());
    }
    Ok(text)
}

/// Runs a program whose own output is for the user.
pub(crate) async fn aloud(command: &mut Command) -> Result<()> {
    let name = named(command);
    command.kill_on_drop(true).stdin(Stdio::null());
    let status = command.status().await.with_context(|| format!("cannot start {name}"))?;
    if !status.success() {
        bail!("{name}: {status}");
    }
    Ok(())
}

fn named(command: &Command) -> String {
    let command = command.as_std();
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words: Vec<_> =
        std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    let mut text = words.join(" ");
    if let Some((end, _)) = text.char_indices().nth(120) {
        text.truncate(end);
        text.push('…');
    }
    text
}
