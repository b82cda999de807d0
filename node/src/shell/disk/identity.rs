//! Who this disk is: a random id per incarnation, and the ensemble once it belongs to one.

use std::path::{Path, PathBuf};

use super::{DiskError, files, io, other_version};
use crate::codec::versions::{Format, OtherVersion};
use crate::core::types::{EnsembleId, MemberId};

const TITLE: &str = "quorate-identity ";

/// The content of the identity file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// This incarnation.
    pub member: MemberId,
    /// `None`: blank.
    pub ensemble: Option<EnsembleId>,
}

fn path(dir: &Path) -> PathBuf {
    dir.join("identity")
}

/// Reads the file, or makes a new blank identity if there is none and no log either.
pub(crate) fn load_or_create(dir: &Path, has_log: bool) -> Result<Identity, DiskError> {
    let path = path(dir);
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&text).map_err(other_version(&path))?.ok_or_else(|| {
            DiskError::Damaged(format!(
                "{} is damaged: move the data folder aside; the member then joins as a new one",
                path.display()
            ))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && has_log => {
            Err(DiskError::Damaged(format!(
                "{} is missing but there is a log beside it: restore the file, or move the data \
                 folder aside; the member then joins as a new one",
                path.display()
            )))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let member = MemberId(u64::from_be_bytes(files::entropy()?) | 1);
            let identity = Identity { member, ensemble: None };
            save(dir, identity)?;
            Ok(identity)
        }
        Err(error) => Err(io("read", &path)(error)),
    }
}

/// Writes the file, durably.
pub(crate) fn save(dir: &Path, identity: Identity) -> Result<(), DiskError> {
    let ensemble = identity.ensemble.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let version = Format::Identity.known().written;
    let body = format!("{TITLE}{version}\nmember {}\nensemble {ensemble}\n", identity.member);
    files::replace(&path(dir), files::seal(body).as_bytes())
}

/// `None`: damaged.
fn parse(text: &str) -> Result<Option<Identity>, OtherVersion> {
    let Some(body) = files::unseal(text) else {
        return Ok(None);
    };
    if let Some(version) = files::version(body, TITLE) {
        Format::Identity.check(version)?;
    }
    Ok(fields(body))
}

fn fields(body: &str) -> Option<Identity> {
    files::version(body, TITLE)?;
    let mut lines = body.lines().skip(1);
    let member = MemberId::parse(lines.next()?.strip_prefix("member ")?)?;
    let ensemble = match lines.next()?.strip_prefix("ensemble ")? {
        "-" => None,
        text => Some(EnsembleId::parse(text)?),
    };
    Some(Identity { member, ensemble })
}
