//! A stopped server's log files, to be damaged on purpose.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use quorate_node::wire::record::{self, Record, Scan};

/// The segments, oldest first.
pub(crate) fn segments(data: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data.join("log")).expect("list the log");
    let paths = entries.map(|entry| entry.expect("list the log").path());
    let mut found: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|it| it == "log")).collect();
    found.sort();
    found
}

/// The good records of a segment, and where they end.
pub(crate) fn scan(path: &Path) -> Scan {
    let bytes = Bytes::from(std::fs::read(path).expect("read a segment"));
    let header = record::decode_header(&bytes).expect("its header is good");
    record::scan(&bytes, header.nonce)
}

/// The good records of a segment, each with where it begins.
pub(crate) fn placed(bytes: &[u8]) -> Vec<(usize, Record)> {
    let nonce = record::decode_header(bytes).expect("its header is good").nonce;
    let records = record::scan(&Bytes::copy_from_slice(bytes), nonce).records;
    let mut next = record::HEADER;
    let place = |record| {
        let at = next;
        let length = bytes[at..at + 4].try_into().expect("four bytes");
        next += 8 + u32::from_be_bytes(length) as usize;
        (at, record)
    };
    records.into_iter().map(place).collect()
}

/// Flips a bit of the last entry: nothing is written behind it but what shows that it was durable.
pub(crate) fn rot_last_entry(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read a segment");
    let records = placed(&bytes);
    let entry = records.iter().rfind(|(_, it)| matches!(it, Record::Entry(_)));
    bytes[entry.expect("there is one").0 + 30] ^= 0x10;
    std::fs::write(path, bytes).expect("write a segment");
}

/// The newest segment that holds a record.
pub(crate) fn active(data: &Path) -> PathBuf {
    let mut all = segments(data).into_iter().rev();
    let used = all.find(|path| !scan(path).records.is_empty());
    used.expect("there is a record")
}

/// Flips bits in the middle of the used part of a segment: good records come later.
pub(crate) fn damage(path: &Path) {
    let middle = record::HEADER + (scan(path).length - record::HEADER) / 2;
    let mut bytes = std::fs::read(path).expect("read a segment");
    for byte in &mut bytes[middle..middle + 8] {
        *byte ^= 0x5A;
    }
    std::fs::write(path, bytes).expect("write a segment");
}
