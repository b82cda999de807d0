//! Opens the data folder: looks at all that is there, has the core decide what it amounts to, and does
//! to the files what was decided.

use std::fs::File as OpenFile;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::writer::Log;
use super::{DiskConfig, DiskError, files, folder, import, io, snapshots};
use crate::codec::disk::survey::{self, Source, Start};
use crate::core::entry::Entry;
use crate::core::input::Snapshot;
use crate::core::raft::event::HardState;
use crate::core::recovery::{
    self, Damage, Facts, File, Identity, Recovery, Refusal, Residence, Surroundings, Verdict,
};
use crate::core::state::image::Image;
use crate::core::types::{MemberId, ServerId};

/// What is there.
#[derive(Debug)]
pub struct Found {
    /// Who this disk is.
    pub identity: Identity,
    /// Term and vote.
    pub hard: HardState,
    /// The newest good snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The log behind it.
    pub entries: Vec<Arc<Entry>>,
    /// What is damaged, if anything that may have been acknowledged is.
    pub damage: Option<Damage>,
    /// Where this disk lives, if that is not here.
    pub elsewhere: Option<Residence>,
    /// On a blank disk: what an ensemble that is formed from it begins with.
    pub imported: Option<Arc<Image>>,
    /// Keep other processes out for as long as they live.
    pub locks: Vec<OpenFile>,
}

/// Opens the folder. `alone`: the settings know of no other member; it counts only where no
/// configuration can be read. `place`: where this is.
pub fn open(
    config: &DiskConfig,
    alone: bool,
    place: Surroundings,
) -> Result<(Found, Log), DiskError> {
    let locks = folder::open(config)?;
    let fresh = MemberId(u64::from_be_bytes(files::entropy()?) | 1);
    let facts: Facts = survey::survey(config, Start { alone, fresh, place })?;
    let wiped = facts.wipe;
    let recovery = recovery::decide(facts).map_err(|refusal| refused(config, refusal))?;
    let imported = match recovery.verdict {
        Verdict::Blank if !wiped => import::waiting(config)?,
        Verdict::Blank | Verdict::Member | Verdict::Repairing(_) | Verdict::Elsewhere(_) => {
            import::set_aside(config)?;
            None
        }
    };
    snapshots::remove_unfinished(config)?;
    for note in &recovery.notes {
        tracing::warn!("{config}: {note}");
    }
    let log = Log::begin(config.clone(), &recovery)?;
    let Recovery { verdict, identity, hard, snapshot, entries, .. } = recovery;
    let (damage, elsewhere) = match verdict {
        Verdict::Repairing(damage) => (Some(damage), None),
        Verdict::Elsewhere(lives) => (None, Some(lives)),
        Verdict::Blank | Verdict::Member => (None, None),
    };
    Ok((Found { identity, hard, snapshot, entries, damage, elsewhere, imported, locks }, log))
}

/// Whether a start would find the folder blank; looks only.
pub(super) fn is_blank(config: &DiskConfig) -> Result<bool, DiskError> {
    // Of a blank folder it does not matter where it is.
    let here = Residence { server: ServerId(0), peer: String::new() };
    let place = Surroundings { here, listed: Vec::new() };
    let start = Start { alone: true, fresh: MemberId(1), place };
    let facts: Facts = survey::survey(config, start)?;
    let recovery = recovery::decide(facts).map_err(|refusal| refused(config, refusal))?;
    Ok(recovery.verdict == Verdict::Blank)
}

fn refused(config: &DiskConfig, refusal: Refusal) -> DiskError {
    match refusal {
        Refusal::OtherVersion(file, other) => {
            DiskError::OtherVersion { path: config.path(file), other }
        }
        refusal => DiskError::Damaged(format!("{config}: {refusal}")),
    }
}

impl Source for DiskConfig {
    type Error = DiskError;

    fn log_names(&self) -> Result<Vec<String>, DiskError> {
        names(&self.log_dir())
    }

    fn snapshot_names(&self) -> Result<Vec<String>, DiskError> {
        names(&self.snap_dir())
    }

    fn read(&self, file: File) -> Result<Option<Bytes>, String> {
        match std::fs::read(self.path(file)) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn stream(&self, file: File, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), String> {
        files::stream(&self.path(file), take).map_err(|error| error.to_string())
    }
}

/// The names in a folder that are text: files of others may have any.
fn names(dir: &Path) -> Result<Vec<String>, DiskError> {
    let mut names = Vec::new();
    for file in std::fs::read_dir(dir).map_err(io("list", dir))? {
        let name = file.map_err(io("list", dir))?.file_name();
        names.extend(name.into_string().ok());
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
