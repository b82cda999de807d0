//! Rot: what was durable is not what is read. Bits flip, blocks are lost or exchanged, names are lost or
//! are the earlier ones.
//!
//! A start is promised to notice each that it could know of. What it cannot know of is left out: a
//! last batch behind which nothing was written looks as if power had cut it short, and of a newest
//! file that is gone nothing else tells.

use super::super::rng::Rng;
use super::model::{Model, start};
use crate::codec::disk::survey::{self, Source};
use crate::codec::record::{self, HEADER};
use crate::core::recovery::{self, File};
use crate::core::types::MemberId;

/// Spoils one file; gives which, or `None` if that came to nothing.
pub(super) fn rot(disk: &mut Model, rng: &mut Rng) -> Option<File> {
    for _ in 0..8 {
        let mut rotten = disk.clone();
        if let Some(file) = spoil(&mut rotten, rng)
            && rotten.content() != disk.content()
            && disk.files().into_iter().all(|file| is_noticeable(disk, &rotten, file))
        {
            *disk = rotten;
            return Some(file);
        }
    }
    None
}

fn spoil(disk: &mut Model, rng: &mut Rng) -> Option<File> {
    let files = disk.files();
    // Most of a disk is log and snapshots.
    let large = |file: &&File| matches!(file, File::Segment(_) | File::Snapshot(..));
    let large: Vec<File> = files.iter().filter(large).copied().collect();
    let file = *if rng.chance(85) { rng.pick(&large) } else { rng.pick(&files) }?;
    let used = used(disk, file);
    let at = rng.below(used as u64) as usize;
    let block = [512, 4_096][rng.below(2) as usize];
    match rng.below(6) {
        0 => disk.lose_name(file, false),
        1 => match disk.replaced.get(&file).cloned() {
            Some(before) => *disk.data(file)? = before,
            None => disk.lose_name(file, true),
        },
        2 => {
            let data = disk.data(file)?;
            let from = at / block * block;
            let to = (from + block).min(data.len());
            data[from..to].fill(0);
        }
        3 if large.contains(&file) => {
            let other = *rng.pick(&large)?;
            exchange(disk, file, other, at / block * block, block);
        }
        4 => {
            let other = rng.below(used as u64) as usize / block * block;
            swap_within(disk.data(file)?, at / block * block, other, block);
        }
        _ => {
            let data = disk.data(file)?;
            for _ in 0..rng.between(1, 3) {
                let at = (at + rng.below(64) as usize).min(data.len() - 1);
                data[at] ^= 1 << rng.below(8);
            }
        }
    }
    Some(file)
}

/// How many bytes of a file mean something.
fn used(disk: &Model, file: File) -> usize {
    let bytes = disk.read(file).ok().flatten().unwrap_or_default();
    match (file, record::decode_header(&bytes)) {
        (File::Segment(_), Ok(header)) => record::scan(&bytes, header.nonce).length,
        _ => bytes.len(),
    }
}

/// Two files have each other's block.
fn exchange(disk: &mut Model, file: File, other: File, at: usize, block: usize) {
    let mut there = disk.data(other).cloned().unwrap_or_default();
    let Some(data) = disk.data(file) else { return };
    let end = (at + block).min(data.len()).min(there.len());
    if file != other && at < end {
        data[at..end].swap_with_slice(&mut there[at..end]);
        if let Some(data) = disk.data(other) {
            *data = there;
        }
    }
}

fn swap_within(data: &mut [u8], one: usize, other: usize, block: usize) {
    let (one, other) = (one.min(other), one.max(other));
    if one + block <= other && other + block <= data.len() {
        let (head, tail) = data.split_at_mut(other);
        head[one..one + block].swap_with_slice(&mut tail[..block]);
    }
}

/// Whether anything that is left shows that something is missing.
fn is_noticeable(before: &Model, after: &Model, file: File) -> bool {
    if before.read(file) == after.read(file) {
        return true;
    }
    match file {
        File::Segment(number) if last_used(before) == Some(number) => {
            let (Ok(Some(old)), Ok(Some(new))) = (before.read(file), after.read(file)) else {
                return false;
            };
            let (from, to) = last_batch(&old);
            let first = old.iter().zip(new.iter()).position(|(old, new)| old != new);
            // The last batch tells that all before it was durable.
            first.is_some_and(|first| first < from) && old[from..to] == new[from..to]
        }
        File::Snapshot(index, _) if after.read(file) == Ok(None) => {
            let Ok(facts) = survey::survey(before, start(false, MemberId(1)));
            let newest = facts.snapshots.first().is_none_or(|it| it.index == index);
            let reaches = recovery::decide(facts).ok().and_then(|it| it.entries.last().cloned());
            !newest || reaches.is_some_and(|last| last.index > index)
        }
        File::Segment(_) | File::Snapshot(..) => true,
        File::Identity | File::Vote | File::Repair | File::Wipe => true,
    }
}

/// The last segment that holds a record.
fn last_used(disk: &Model) -> Option<u64> {
    let mut numbers: Vec<u64> = disk
        .files()
        .into_iter()
        .filter_map(|file| match file {
            File::Segment(number) if used(disk, file) > HEADER => Some(number),
            _ => None,
        })
        .collect();
    numbers.sort_unstable();
    numbers.last().copied()
}

/// Where the last batch of a segment's records begins and ends: each record tells how much was
/// durable before it.
fn last_batch(bytes: &bytes::Bytes) -> (usize, usize) {
    let Ok(header) = record::decode_header(bytes) else {
        return (0, 0);
    };
    let end = record::scan(bytes, header.nonce).length;
    let (mut at, mut from) = (HEADER, HEADER);
    while at < end {
        let length = u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let synced =
            bytes[at + 8..at + 16].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        from = from.max(synced);
        at += 8 + length as usize;
    }
    (from, end)
}
