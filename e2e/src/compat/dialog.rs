//! Programs that ask for faults while they run. A line that begins with `@` is a request to the
//! ensemble. Once it is fulfilled, `done HOST:PORT` says to which member that was done:
//!
//! - `@restart leader`: the member that leads is killed and started again
//! - `@restart HOST:PORT`: that one; `@restart 0xSESSION`: the one that this session is connected to
//! - `@kill ...` and `@start ...`: the same in two parts; `@stop ...`: SIGTERM in place of SIGKILL
//! - `@find ...`: nothing is done
//!
//! Any other line is for people. The last one has to be `all is well`.

use std::process::Stdio;

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::common::until::until;
use crate::local::LocalEnsemble;

/// Runs a program to its end, and does to the ensemble what it asks for.
pub(super) async fn hold(mut command: Command, ensemble: &mut LocalEnsemble) -> Result<()> {
    let name = command.as_std().get_program().display().to_string();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let stdout = child.stdout.take().context("no standard output")?;
    let mut stderr = child.stderr.take().context("no standard error")?;
    let complaints = tokio::spawn(async move {
        let mut bytes = Vec::new();
        // What could be read is all there is to show.
        let _ = stderr.read_to_end(&mut bytes).await;
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let mut lines = BufReader::new(stdout).lines();
    let mut said = Vec::new();
    let mut refused = None;
    while let Some(line) = lines.next_line().await? {
        if let Some(request) = line.strip_prefix('@') {
            match fulfil(request, ensemble).await {
                Ok(member) => {
                    let answer = format!("done {member}\n");
                    stdin.write_all(answer.as_bytes()).await?;
                }
                // It waits for an answer that does not come.
                Err(error) => {
                    refused = Some(error.context(line.clone()));
                    child.start_kill()?;
                }
            }
        }
        said.push(line);
    }
    let status = child.wait().await?;
    if !status.success() || said.last().map(String::as_str) != Some("all is well") {
        let complaints = complaints.await.unwrap_or_default();
        let tail = |text: &str| {
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(60)..].join("\n")
        };
        let (said, complaints) = (tail(&said.join("\n")), tail(&complaints));
        let what = format!("{name}: {status}\n{said}\n{complaints}");
        return Err(match refused {
            Some(error) => error.context(what),
            None => anyhow!(what),
        });
    }
    Ok(())
}

async fn fulfil(request: &str, ensemble: &mut LocalEnsemble) -> Result<String> {
    let (verb, whom) = request.split_once(' ').context("a request names a member")?;
    let at = match whom {
        "leader" => ensemble.leader().await?,
        session if session.starts_with("0x") => holder(session, ensemble).await?,
        address => ensemble.at(address)?,
    };
    ensure!(
        ["restart", "kill", "stop", "start", "find"].contains(&verb),
        "there is no such request"
    );
    match verb {
        "kill" | "restart" => ensemble.kill(at)?,
        "stop" => ensemble.stop(at).await?,
        _ => {}
    }
    if ["restart", "start"].contains(&verb) {
        ensemble.resume(at).await?;
        // The rest may have lost their leader.
        ensemble.serves().await?;
    }
    ensemble.address(at)
}

/// The member that a session is connected to, by what the word `cons` says.
async fn holder(session: &str, ensemble: &LocalEnsemble) -> Result<usize> {
    let wanted = format!("sid={session},");
    until("a member has the session", 30, async || {
        for at in 0..ensemble.len() {
            let answer = ensemble.word(at, "cons").await;
            if answer.is_ok_and(|it| it.contains(&wanted)) {
                return Ok(at);
            }
        }
        bail!("none has {session}")
    })
    .await
}
