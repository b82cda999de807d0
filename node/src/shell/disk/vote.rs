//! Term and vote once more, outside of the log. A member must not vote twice in a term, nor follow a
//! leader older than one that it voted for: a log that lost its records must not make it forget.

use std::path::{Path, PathBuf};

use super::{DiskError, files, io, other_version};
use crate::codec::versions::{Format, OtherVersion};
use crate::core::raft::event::HardState;
use crate::core::types::{MemberId, Term};

const TITLE: &str = "quorate-vote ";

fn path(dir: &Path) -> PathBuf {
    dir.join("vote")
}

/// Writes it, durably, before the log has it: so it is never behind the log.
pub(super) fn save(dir: &Path, hard: HardState) -> Result<(), DiskError> {
    let vote = hard.vote.map_or_else(|| "-".to_owned(), |vote| vote.to_string());
    let version = Format::Vote.known().written;
    let body = format!("{TITLE}{version}\nterm {}\nvote {vote}\n", hard.term.0);
    files::replace(&path(dir), files::seal(body).as_bytes())
}

/// What was saved last; `None` if that is gone or cannot be read.
pub(super) fn load(dir: &Path) -> Result<Option<HardState>, DiskError> {
    let path = path(dir);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let hard = std::str::from_utf8(&bytes).ok().map(parse).transpose();
            let hard = hard.map_err(other_version(&path))?.flatten();
            if hard.is_none() {
                tracing::warn!(path = %path.display(), "damaged");
            }
            Ok(hard)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("read", &path)(error)),
    }
}

/// Forgets it: this disk never spoke for an ensemble.
pub(super) fn remove(dir: &Path) -> Result<(), DiskError> {
    files::remove(&path(dir))
}

/// What holds of two: the later term, and the vote in it.
pub(super) fn later(one: HardState, other: HardState) -> HardState {
    std::cmp::max_by_key(one, other, |it| (it.term, it.vote.is_some()))
}

/// `None`: damaged.
fn parse(text: &str) -> Result<Option<HardState>, OtherVersion> {
    let Some(body) = files::unseal(text) else {
        return Ok(None);
    };
    if let Some(version) = files::version(body, TITLE) {
        Format::Vote.check(version)?;
    }
    Ok(fields(body))
}

fn fields(body: &str) -> Option<HardState> {
    files::version(body, TITLE)?;
    let mut lines = body.lines().skip(1);
    let term = lines.next()?.strip_prefix("term ")?.parse().ok()?;
    let vote = match lines.next()?.strip_prefix("vote ")? {
        "-" => None,
        text => Some(MemberId::parse(text)?),
    };
    Some(HardState { term: Term(term), vote })
}
