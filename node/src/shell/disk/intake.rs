//! Taking in a ZooKeeper server's data: by a command, or before a first start.

use std::fmt;
use std::path::{Path, PathBuf};

use super::zookeeper::{VERSION, ZooKeeperFiles};
use super::{DiskConfig, DiskError, folder, import, recovery};
use crate::core::types::Zxid;

/// What was taken in.
#[derive(Debug)]
pub(crate) struct Done {
    from: PathBuf,
    znodes: usize,
    sessions: usize,
    zxid: Zxid,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Done { from, znodes, sessions, zxid } = self;
        write!(
            f,
            "took in {znodes} znodes and {sessions} sessions up to zxid {zxid} from {}: an ensemble that this \
             server forms begins with them",
            from.display()
        )
    }
}

/// Reads what a ZooKeeper server left in `from` (its log in `logs`, if that is another folder) into a
/// blank data folder.
///
/// # Errors
/// When the data folder is not blank or in use, or a file of ZooKeeper's is damaged or missing. Nothing
/// is written then.
pub(crate) fn from(
    from: &Path,
    logs: Option<&Path>,
    config: &DiskConfig,
) -> Result<Done, DiskError> {
    let _locks = folder::open(config)?;
    let target = import::waiting_file(config);
    if !recovery::is_blank(config)? {
        let why =
            "this data folder belongs to an ensemble already; import into a blank one".to_owned();
        return Err(DiskError::Import { path: config.dir.clone(), why });
    }
    if target.exists() {
        let why = "an import waits here already; remove it to import anew".to_owned();
        return Err(DiskError::Import { path: target, why });
    }
    let Some(found) = ZooKeeperFiles::find(from, logs)? else {
        let why = format!("there is no {VERSION} with a snapshot or a transaction log in it");
        return Err(DiskError::Import { path: from.to_owned(), why });
    };
    take_in(from, &found, config)
}

/// Reads what a ZooKeeper server left in a blank data folder, if it left something and that was not
/// done before.
///
/// # Errors
/// As [`from`].
pub(crate) fn at_first_start(config: &DiskConfig) -> Result<Option<Done>, DiskError> {
    let _locks = folder::open(config)?;
    if import::waiting_file(config).exists() || import::used_file(config).exists() {
        return Ok(None);
    }
    let found = ZooKeeperFiles::find(&config.dir, config.log_home.as_deref())?;
    // Whether a folder is blank is seen by reading all of it: only where it matters.
    match found {
        Some(found) if recovery::is_blank(config)? => {
            take_in(&config.dir, &found, config).map(Some)
        }
        _ => Ok(None),
    }
}

fn take_in(from: &Path, found: &ZooKeeperFiles, config: &DiskConfig) -> Result<Done, DiskError> {
    let image = found.read()?;
    let (znodes, sessions, zxid) = (image.znodes(), image.sessions.len(), image.zxid);
    import::keep(config, image)?;
    Ok(Done { from: from.to_owned(), znodes, sessions, zxid })
}
