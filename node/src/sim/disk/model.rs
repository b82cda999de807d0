//! Files and folders, and what of them survives a power cut.
//!
//! What is written to a file is safe once the file is synced; before, any block of it may be there or
//! not. A name is safe once its folder is synced; before, of a folder's changes of names only the
//! first few may be there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::super::rng::Rng;
use crate::codec::disk::journal::Files;
use crate::codec::disk::snapshot_file::FileEncoder;
use crate::codec::disk::survey::{Source, Start};
use crate::codec::record::{HEADER, Header, decode_header, encode_header};
use crate::core::input::Snapshot;
use crate::core::raft::event::SnapshotMeta;
use crate::core::recovery::{Archived, File, Residence, Surroundings};
use crate::core::types::{Index, MemberId, ServerId};

/// What is known where a disk is started; it is never moved.
pub(super) fn start(alone: bool, fresh: MemberId) -> Start {
    let here = Residence { server: ServerId(1), peer: "home".to_owned() };
    Start { alone, fresh, place: Surroundings { here, listed: Vec::new() } }
}

/// The power went in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PowerCut;

/// No error: a folder can always be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Never {}

/// A folder and a name in it.
pub(super) type Name = (&'static str, String);

const HOME: &str = "";
const LOG: &str = "log";
const SNAP: &str = "snap";

#[derive(Clone, Debug, Default)]
struct Inode {
    data: Vec<u8>,
    /// What unsynced writes have overwritten, in their order.
    unsynced: Vec<(usize, Vec<u8>)>,
}

/// One change of a folder: names, and what they stood for before.
type Renaming = Vec<(String, Option<u64>)>;

/// The disk of one server.
#[derive(Clone, Debug)]
pub(super) struct Model {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<Name, u64>,
    /// Of each folder, since it was synced last.
    unsynced: BTreeMap<&'static str, Vec<Renaming>>,
    /// What small files held before they were replaced last.
    pub(super) replaced: BTreeMap<File, Vec<u8>>,
    next: u64,
    /// After how many more operations the power goes.
    pub(super) fuel: Option<u64>,
    rng: Rng,
    capacity: u64,
    retain: usize,
}

/// Where a file is.
pub(super) fn name_of(file: File) -> Name {
    let folder = match file {
        File::Segment(_) => LOG,
        File::Snapshot(..) => SNAP,
        File::Identity | File::Vote | File::Repair | File::Wipe => HOME,
    };
    let text = file.to_string();
    let name = text.rsplit('/').next().unwrap_or_default().to_owned();
    (folder, name)
}

fn with_extension((folder, name): &Name, extension: &str) -> Name {
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    (folder, format!("{stem}.{extension}"))
}

fn part(index: Index) -> Name {
    (SNAP, format!("{:016x}.part", index.0))
}

impl Model {
    /// An empty disk. `capacity`: bytes of a segment; `retain`: how many snapshots are kept.
    pub(super) fn new(seed: u64, capacity: u64, retain: usize) -> Model {
        Model {
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            unsynced: BTreeMap::new(),
            replaced: BTreeMap::new(),
            next: 0,
            fuel: None,
            rng: Rng::new(seed),
            capacity,
            retain,
        }
    }

    fn spend(&mut self) -> Result<(), PowerCut> {
        match &mut self.fuel {
            Some(0) => return Err(PowerCut),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(())
    }

    /// All files by their names.
    pub(super) fn content(&self) -> BTreeMap<Name, Vec<u8>> {
        self.names.iter().map(|(name, id)| (name.clone(), self.inodes[id].data.clone())).collect()
    }

    /// A file's content, to be spoilt.
    pub(super) fn data(&mut self, file: File) -> Option<&mut Vec<u8>> {
        let id = self.names.get(&name_of(file))?;
        Some(&mut self.inodes.get_mut(id)?.data)
    }

    /// A name is gone as if it had never been synced; the file may be found under its earlier one.
    pub(super) fn lose_name(&mut self, file: File, earlier: bool) {
        let name = name_of(file);
        let Some(id) = self.names.remove(&name) else {
            return;
        };
        if earlier {
            self.names.insert(with_extension(&name, "tmp"), id);
        }
    }

    /// The files that a start looks at.
    pub(super) fn files(&self) -> Vec<File> {
        let file = |(folder, name): &Name| match *folder {
            LOG => File::segment(name),
            SNAP => File::snapshot(name),
            _ => [File::Identity, File::Vote].into_iter().find(|file| name_of(*file).1 == *name),
        };
        self.names.keys().filter_map(file).collect()
    }

    fn rename(&mut self, from: &Name, to: &Name) -> Result<(), PowerCut> {
        self.spend()?;
        let before = |name: &Name| (name.1.clone(), self.names.get(name).copied());
        let renaming = vec![before(from), before(to)];
        self.unsynced.entry(from.0).or_default().push(renaming);
        if let Some(id) = self.names.remove(from) {
            self.names.insert(to.clone(), id);
        }
        Ok(())
    }

    fn unlink(&mut self, names: Vec<Name>) -> Result<(), PowerCut> {
        self.spend()?;
        let Some((folder, _)) = names.first() else {
            return Ok(());
        };
        let renaming = names.iter().map(|name| (name.1.clone(), self.names.get(name).copied()));
        self.unsynced.entry(folder).or_default().push(renaming.collect());
        for name in &names {
            self.names.remove(name);
        }
        Ok(())
    }

    fn sync_folder(&mut self, folder: &'static str) -> Result<(), PowerCut> {
        self.spend()?;
        self.unsynced.remove(folder);
        self.collect();
        Ok(())
    }

    /// Forgets what no name stands for any more, not even after a power cut.
    fn collect(&mut self) {
        let lost = self.unsynced.values().flatten().flatten().filter_map(|(_, id)| *id);
        let named: BTreeSet<u64> = self.names.values().copied().chain(lost).collect();
        self.inodes.retain(|id, _| named.contains(id));
    }

    fn make(&mut self, name: &Name) -> Result<u64, PowerCut> {
        self.spend()?;
        self.next += 1;
        let before = self.names.insert(name.clone(), self.next);
        let renaming = vec![(name.1.clone(), before)];
        self.unsynced.entry(name.0).or_default().push(renaming);
        self.inodes.insert(self.next, Inode::default());
        Ok(self.next)
    }

    fn write(&mut self, id: u64, at: usize, bytes: &[u8]) -> Result<(), PowerCut> {
        self.spend()?;
        let inode = self.inodes.entry(id).or_default();
        let end = at + bytes.len();
        if inode.data.is_empty() {
            // Zeros that come from the allocator: a segment is mostly these.
            inode.data = vec![0; end];
        } else if inode.data.len() < end {
            inode.data.resize(end, 0);
        }
        inode.unsynced.push((at, inode.data[at..end].to_vec()));
        inode.data[at..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self, id: u64) -> Result<(), PowerCut> {
        self.spend()?;
        if let Some(inode) = self.inodes.get_mut(&id) {
            inode.unsynced.clear();
        }
        Ok(())
    }

    /// Writes a file under another name, syncs it, and gives it its name.
    fn write_aside(&mut self, name: &Name, aside: &str, bytes: &[u8]) -> Result<(), PowerCut> {
        let temporary = with_extension(name, aside);
        let id = self.make(&temporary)?;
        self.write(id, 0, bytes)?;
        self.sync(id)?;
        self.rename(&temporary, name)?;
        self.sync_folder(name.0)
    }

    fn segment(&self, number: u64) -> u64 {
        *self.names.get(&name_of(File::Segment(number))).expect("only of a segment that was made")
    }

    fn make_segment(&mut self, header: Header) -> Result<(), PowerCut> {
        let mut bytes = encode_header(header, BytesMut::new());
        bytes.resize(self.capacity as usize, 0);
        self.write_aside(&name_of(File::Segment(header.number)), "tmp", &bytes)
    }

    /// Stores a snapshot of this server's own, and drops the oldest.
    pub(super) fn save(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), PowerCut> {
        let bytes = encoded(snapshot);
        let file = File::Snapshot(snapshot.meta.index, snapshot.meta.term);
        self.write_aside(&name_of(file), "tmp", &bytes)?;
        let mut stored: Vec<File> =
            self.files().into_iter().filter(|file| matches!(file, File::Snapshot(..))).collect();
        stored.sort_unstable_by_key(|file| std::cmp::Reverse(*file));
        for old in stored.into_iter().skip(self.retain) {
            self.unlink(vec![name_of(old)])?;
        }
        Ok(())
    }

    /// A whole snapshot arrived.
    pub(super) fn receive(&mut self, snapshot: &Arc<Snapshot>) {
        let bytes = encoded(snapshot);
        let stored = self.make(&part(snapshot.meta.index)).and_then(|id| {
            self.write(id, 0, &bytes)?;
            self.sync(id)
        });
        stored.expect("the power is on");
    }

    /// The power goes: what was not synced is there in part.
    pub(super) fn power_cut(&mut self) {
        self.fuel = None;
        for (folder, mut renamings) in std::mem::take(&mut self.unsynced) {
            let kept = self.rng.below(renamings.len() as u64 + 1) as usize;
            for renaming in renamings.drain(kept..).rev() {
                for (name, id) in renaming {
                    match id {
                        Some(id) => self.names.insert((folder, name), id),
                        None => self.names.remove(&(folder, name)),
                    };
                }
            }
        }
        let block = if self.rng.chance(50) { 512 } else { 4_096 };
        // None of it, half of it, or all: then only the process ended.
        let kept = [0, 50, 50, 100][self.rng.below(4) as usize];
        for inode in self.inodes.values_mut().filter(|it| !it.unsynced.is_empty()) {
            tear(inode, block, || self.rng.chance(kept));
        }
        self.collect();
    }
}

/// A snapshot's file.
fn encoded(snapshot: &Arc<Snapshot>) -> Vec<u8> {
    let mut bytes = Vec::new();
    FileEncoder::new(Arc::clone(snapshot)).for_each(|part| bytes.extend_from_slice(&part));
    bytes
}

/// Of what was written since the last sync, each block is there or not.
fn tear(inode: &mut Inode, block: usize, mut kept: impl FnMut() -> bool) {
    let mut before = inode.data.clone();
    let mut touched = BTreeSet::new();
    for (at, bytes) in std::mem::take(&mut inode.unsynced).into_iter().rev() {
        touched.extend(at / block..(at + bytes.len()).div_ceil(block));
        before[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    for number in touched {
        let range = number * block..((number + 1) * block).min(inode.data.len());
        if !kept() {
            inode.data[range.clone()].copy_from_slice(&before[range]);
        }
    }
}

impl Source for Model {
    type Error = Never;

    fn log_names(&self) -> Result<Vec<String>, Self::Error> {
        Ok(self.names.keys().filter(|name| name.0 == LOG).map(|name| name.1.clone()).collect())
    }

    fn snapshot_names(&self) -> Result<Vec<String>, Self::Error> {
        Ok(self.names.keys().filter(|name| name.0 == SNAP).map(|name| name.1.clone()).collect())
    }

    fn read(&self, file: File) -> Result<Option<Bytes>, String> {
        let id = self.names.get(&name_of(file));
        Ok(id.map(|id| Bytes::copy_from_slice(&self.inodes[id].data)))
    }

    fn stream(&self, file: File, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), String> {
        let id = self.names.get(&name_of(file)).ok_or("no such file")?;
        let mut pieces = self.inodes[id].data.chunks(4_000);
        while pieces.next().is_some_and(&mut *take) {}
        Ok(())
    }
}

impl Files for Model {
    type Error = PowerCut;

    fn replace(&mut self, file: File, content: &[u8]) -> Result<(), PowerCut> {
        let name = name_of(file);
        let before = self.names.get(&name).map(|id| self.inodes[id].data.clone());
        self.write_aside(&name, "new", content)?;
        if let Some(before) = before {
            self.replaced.insert(file, before);
        }
        Ok(())
    }

    fn remove(&mut self, file: File) -> Result<(), PowerCut> {
        let name = name_of(file);
        let folder = name.0;
        self.unlink(vec![name])?;
        self.sync_folder(folder)
    }

    fn drop_later(&mut self, file: File) -> Result<(), PowerCut> {
        self.unlink(vec![name_of(file)])
    }

    fn set_aside(&mut self, file: File) -> Result<(), PowerCut> {
        let name = name_of(file);
        self.rename(&name, &with_extension(&name, "damaged"))?;
        self.sync_folder(name.0)
    }

    fn empty_archive(&mut self) -> Result<(), PowerCut> {
        self.spend()
    }

    fn archive(&mut self, what: Archived) -> Result<(), PowerCut> {
        let whole =
            |folder| self.names.keys().filter(move |name| name.0 == folder).cloned().collect();
        let (folder, names) = match what {
            Archived::Identity => (HOME, vec![name_of(File::Identity)]),
            Archived::Vote => (HOME, vec![name_of(File::Vote)]),
            Archived::Repair => (HOME, vec![name_of(File::Repair)]),
            Archived::Log => (LOG, whole(LOG)),
            Archived::Snapshots => (SNAP, whole(SNAP)),
        };
        self.unlink(names)?;
        self.sync_folder(folder)
    }

    fn header(&mut self, segment: u64) -> Result<Header, PowerCut> {
        let data = &self.inodes[&self.segment(segment)].data;
        Ok(decode_header(&data[..HEADER]).expect("it was read before"))
    }

    fn nonce(&mut self) -> Result<u64, PowerCut> {
        Ok(self.rng.word())
    }

    fn create(&mut self, header: Header) -> Result<(), PowerCut> {
        let name = name_of(File::Segment(header.number));
        let made = self.names.get(&name).map(|id| decode_header(&self.inodes[id].data));
        if made == Some(Ok(header)) { Ok(()) } else { self.make_segment(header) }
    }

    fn create_ahead(&mut self, header: Header) {
        // Whether it succeeded is seen when it is needed.
        let _ = self.make_segment(header);
    }

    fn append(&mut self, segment: u64, at: u64, bytes: &[u8]) -> Result<(), PowerCut> {
        let id = self.segment(segment);
        self.write(id, at as usize, bytes)?;
        self.sync(id)
    }

    fn clear(&mut self, segment: u64, at: u64) -> Result<(), PowerCut> {
        let id = self.segment(segment);
        let rest = self.inodes[&id].data.len().saturating_sub(at as usize);
        self.write(id, at as usize, &vec![0; rest])?;
        self.sync(id)
    }

    fn adopt(&mut self, snapshot: &SnapshotMeta) -> Result<(), PowerCut> {
        let part = part(snapshot.index);
        let target = name_of(File::Snapshot(snapshot.index, snapshot.term));
        if self.names.contains_key(&part) || !self.names.contains_key(&target) {
            assert!(self.names.contains_key(&part), "install follows a received snapshot");
            self.rename(&part, &target)?;
            self.sync_folder(SNAP)?;
        }
        Ok(())
    }

    fn store(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), PowerCut> {
        self.save(snapshot)
    }
}
