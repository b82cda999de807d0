//! The files of a ZooKeeper server: found, unpacked, and read. They are never touched.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{DiskError, io};
use crate::codec::zookeeper::log::Transactions;
use crate::codec::zookeeper::snapshot;
use crate::core::import::Replay;
use crate::core::state::image::Image;
use crate::core::types::Zxid;

/// The folder inside of ZooKeeper's dataDir and dataLogDir.
pub(super) const VERSION: &str = "version-2";
/// Before each block of Snappy's, as `SnappyOutputStream` writes them: a mark of 8 bytes and two numbers.
const SNAPPY: &[u8; 8] = b"\x82SNAPPY\0";
/// A block is 32 KiB before it is packed; one that claims to be larger than this is damaged.
const BLOCK_MAX: usize = 64 << 20;

/// A ZooKeeper server's files, each kind sorted by the zxid in its name.
#[derive(Debug, Default)]
pub(super) struct ZooKeeperFiles {
    snapshots: Vec<(Zxid, PathBuf)>,
    logs: Vec<(Zxid, PathBuf)>,
    /// Files that name an epoch that it took part in.
    epochs: Vec<PathBuf>,
}

impl ZooKeeperFiles {
    /// Looks in `version-2` of the folders.
    pub(super) fn find(
        data: &Path,
        logs: Option<&Path>,
    ) -> Result<Option<ZooKeeperFiles>, DiskError> {
        let mut found = ZooKeeperFiles::default();
        let mut folders = vec![data.join(VERSION)];
        folders.extend(logs.filter(|logs| *logs != data).map(|logs| logs.join(VERSION)));
        for folder in &folders {
            found.look(folder)?;
        }
        found.snapshots.sort();
        found.logs.sort();
        Ok(Some(found).filter(|it| !it.snapshots.is_empty() || !it.logs.is_empty()))
    }

    fn look(&mut self, folder: &Path) -> Result<(), DiskError> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io("list", folder)(error)),
        };
        for entry in entries {
            let path = entry.map_err(io("list", folder))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let Some((kind, rest)) = name.split_once('.') else {
                if name == "currentEpoch" || name == "acceptedEpoch" {
                    self.epochs.push(path);
                }
                continue;
            };
            let number = rest.strip_suffix(".gz").or_else(|| rest.strip_suffix(".snappy"));
            let Ok(zxid) = u64::from_str_radix(number.unwrap_or(rest), 16) else { continue };
            match kind {
                "snapshot" => self.snapshots.push((Zxid(zxid as i64), path)),
                "log" => self.logs.push((Zxid(zxid as i64), path)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The highest epoch that it took part in.
    fn epoch(&self) -> Result<u32, DiskError> {
        self.epochs.iter().try_fold(0, |highest: u32, path| {
            let text = std::fs::read_to_string(path).map_err(io("read", path))?;
            let epoch = text.trim().parse();
            let epoch = epoch.map_err(|_| refusal(path, format!("`{}` is no epoch", text.trim())));
            Ok(highest.max(epoch?))
        })
    }

    /// One of the newest of them, to be named.
    pub(super) fn newest(&self) -> PathBuf {
        let newest = self.logs.last().or(self.snapshots.last());
        newest.map(|(_, path)| path.clone()).unwrap_or_default()
    }

    /// The state that they amount to.
    pub(super) fn read(&self) -> Result<Image, DiskError> {
        let (mut replay, passed_over) = self.newest_sound()?;
        let begun = replay.zxid();
        // The file before may go on beyond where the snapshot was begun.
        let first = self.logs.iter().rposition(|(zxid, _)| *zxid <= begun).unwrap_or(0);
        for (_, path) in self.logs.iter().skip(first) {
            let content = read(path)?;
            let bad = |why: String| refusal(path, why);
            let mut transactions = Transactions::of(&content).map_err(bad)?;
            while let Some(txn) = transactions.next().map_err(bad)? {
                if txn.zxid <= replay.zxid() {
                    continue;
                }
                if !follows(replay.zxid(), txn.zxid) {
                    let last = replay.zxid();
                    return Err(refusal(path, gap(last, txn.zxid, passed_over.as_deref())));
                }
                replay.apply(&txn);
            }
        }
        Ok(replay.finish(self.epoch()?))
    }

    /// The newest snapshot that is whole, as ZooKeeper chooses it, and what is wrong with the newest one if
    /// it is another. Without any, the log has to begin at the beginning.
    fn newest_sound(&self) -> Result<(Replay, Option<String>), DiskError> {
        let mut damaged: Option<(&PathBuf, String)> = None;
        for (zxid, path) in self.snapshots.iter().rev() {
            match snapshot::read(&read(path)?, *zxid) {
                Ok(replay) => {
                    let passed_over =
                        damaged.map(|(path, why)| format!("{}: {why}", path.display()));
                    return Ok((replay, passed_over));
                }
                Err(why) => {
                    damaged.get_or_insert((path, why));
                }
            }
        }
        match damaged {
            None => Ok((Replay::new(), None)),
            Some((path, why)) => {
                let why =
                    format!("{why}, and no other snapshot is whole: import from another server");
                Err(refusal(path, why))
            }
        }
    }
}

/// Whether one transaction comes right after another: numbers go on by one, and begin anew in each epoch.
fn follows(last: Zxid, next: Zxid) -> bool {
    let same = next.epoch() == last.epoch();
    if same { next.0 == last.0 + 1 } else { next.counter() == 1 }
}

fn gap(last: Zxid, next: Zxid, damaged: Option<&str>) -> String {
    let why = damaged.map(|damaged| format!(" ({damaged})")).unwrap_or_default();
    format!(
        "its first transaction that counts is {next}, and nothing that is there leads from {last} up to it{why}: \
         find the log file or the snapshot that is missing (dataLogDir?), or import from another server of that \
         ensemble"
    )
}

fn refusal(path: &Path, why: String) -> DiskError {
    DiskError::Import { path: path.to_owned(), why }
}

/// A file's content, unpacked.
fn read(path: &Path) -> Result<Bytes, DiskError> {
    let packed = std::fs::read(path).map_err(io("read", path))?;
    let unpacked = match path.extension().and_then(|it| it.to_str()) {
        Some("gz") => {
            let mut out = Vec::new();
            // What is missing at its end shows in the checksum of what is there.
            let _ = flate2::read::GzDecoder::new(&*packed).read_to_end(&mut out);
            out
        }
        Some("snappy") => unsnap(&packed).map_err(|why| refusal(path, why))?,
        _ => packed,
    };
    Ok(unpacked.into())
}

/// What `SnappyOutputStream` packed: its mark, two versions, and blocks with their lengths.
fn unsnap(packed: &[u8]) -> Result<Vec<u8>, String> {
    let broken = || "it is not packed as ZooKeeper packs with Snappy".to_owned();
    let mut rest = packed.strip_prefix(SNAPPY).and_then(|rest| rest.get(8..)).ok_or_else(broken)?;
    let mut out = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let block = behind.get(..length).ok_or_else(broken)?;
        let size = snap::raw::decompress_len(block).map_err(|_| broken())?;
        if size > BLOCK_MAX {
            return Err(broken());
        }
        let unpacked = snap::raw::Decoder::new().decompress_vec(block);
        out.extend(unpacked.map_err(|error| format!("it is damaged: {error}"))?);
        rest = behind.get(length..).unwrap_or_default();
    }
    Ok(out)
}
