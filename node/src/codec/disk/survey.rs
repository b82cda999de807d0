//! What a start finds, read from whatever holds the files.

use std::sync::Arc;

use bytes::Bytes;

use super::small::{decode_identity, decode_vote};
use super::snapshot_file::FileDecoder;
use crate::codec::record;
use crate::codec::versions::OtherVersion;
use crate::core::input::Snapshot;
use crate::core::recovery::{
    Content, Facts, File, Flaw, FoundSegment, FoundSnapshot, SegmentEnd, Single, Surroundings,
};
use crate::core::types::MemberId;

/// What holds the files of a data folder.
pub(crate) trait Source {
    /// Why a folder cannot be listed.
    type Error;

    /// The names in the log's folder, in any order.
    fn log_names(&self) -> Result<Vec<String>, Self::Error>;

    /// The names in the snapshots' folder, in any order.
    fn snapshot_names(&self) -> Result<Vec<String>, Self::Error>;

    /// A file's whole content; `None` if it is not there.
    ///
    /// # Errors
    /// What the operating system says.
    fn read(&self, file: File) -> Result<Option<Bytes>, String>;

    /// Gives a file's content in pieces, until there is no more or `take` wants no more.
    ///
    /// # Errors
    /// What the operating system says, also where the file is not there.
    fn stream(&self, file: File, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), String>;
}

/// What a start knows before it has looked at anything.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// The settings know of no other member.
    pub alone: bool,
    /// A random id, in case that this disk needs one.
    pub fresh: MemberId,
    /// Where this is.
    pub place: Surroundings,
}

/// Looks at everything that a start has to know of.
///
/// # Errors
/// When a folder cannot be listed.
pub(crate) fn survey<S: Source>(source: &S, start: Start) -> Result<Facts, S::Error> {
    let Start { alone, fresh, place } = start;
    let there = |file| !matches!(source.read(file), Ok(None));
    let mut facts = Facts {
        identity: single(source, File::Identity, decode_identity),
        vote: Single::Missing,
        segments: Vec::new(),
        snapshots: Vec::new(),
        repairing: there(File::Repair),
        wipe: there(File::Wipe),
        alone,
        fresh,
        place,
    };
    if !facts.wipe {
        facts.vote = single(source, File::Vote, decode_vote);
        facts.segments = segments(source)?;
        facts.snapshots = snapshots(source)?;
    }
    Ok(facts)
}

fn single<S: Source, T>(source: &S, file: File, decode: fn(&[u8]) -> Result<T, Flaw>) -> Single<T> {
    match source.read(file) {
        Ok(None) => Single::Missing,
        Ok(Some(bytes)) => decode(&bytes).map_or_else(Single::Flawed, Single::Sound),
        Err(why) => Single::Flawed(Flaw::Unreadable(why)),
    }
}

fn segments<S: Source>(source: &S) -> Result<Vec<FoundSegment>, S::Error> {
    let names = source.log_names()?;
    let mut files: Vec<File> = names.iter().filter_map(|name| File::segment(name)).collect();
    files.sort_unstable();
    let found = files.into_iter().filter_map(|file| {
        let File::Segment(number) = file else { return None };
        let content = match source.read(file) {
            Ok(bytes) => scan(number, bytes.unwrap_or_default()),
            Err(why) => Err(Flaw::Unreadable(why)),
        };
        Some(FoundSegment { number, content })
    });
    Ok(found.collect())
}

/// A segment under the name of another one is as good as a damaged one.
fn scan(number: u64, bytes: Bytes) -> Result<Content, Flaw> {
    let header = match record::decode_header(&bytes) {
        Ok(header) if header.number == number => header,
        Ok(_) => return Err(Flaw::Damaged("it is another file of the log".to_owned())),
        Err(error) => {
            let damaged = || Flaw::Damaged("its header is damaged".to_owned());
            let other = |other: OtherVersion| Flaw::OtherVersion(other.to_string());
            return Err(error.other_version().map_or_else(damaged, other));
        }
    };
    let record::Scan { records, length, end } = record::scan(&bytes, header.nonce);
    let end = match end {
        record::End::Clean => SegmentEnd::Clean,
        record::End::Torn => SegmentEnd::Torn,
        record::End::Corrupt => SegmentEnd::Corrupt,
        record::End::OtherVersion(other) => return Err(Flaw::OtherVersion(other.to_string())),
    };
    Ok(Content { records, length, end })
}

/// Newest first; those behind the first sound one are not looked at.
fn snapshots<S: Source>(source: &S) -> Result<Vec<FoundSnapshot>, S::Error> {
    let names = source.snapshot_names()?;
    let mut files: Vec<File> = names.iter().filter_map(|name| File::snapshot(name)).collect();
    files.sort_unstable();
    files.reverse();
    let mut sound = false;
    let found = files.into_iter().filter_map(|file| {
        let File::Snapshot(index, term) = file else { return None };
        let content = (!sound).then(|| read_snapshot(source, file).map(Arc::new));
        sound |= matches!(content, Some(Ok(_)));
        Some(FoundSnapshot { index, term, content })
    });
    Ok(found.collect())
}

/// Reads a snapshot file.
///
/// # Errors
/// When any of it is damaged, or cannot be read.
pub(crate) fn read_snapshot<S: Source>(source: &S, file: File) -> Result<Snapshot, Flaw> {
    let mut decoder = FileDecoder::default();
    let mut pushed = Ok(());
    let read = source.stream(file, &mut |piece| {
        pushed = decoder.push(piece);
        pushed.is_ok()
    });
    read.map_err(Flaw::Unreadable)?;
    pushed?;
    decoder.finish()
}
