//! A stopped server's log files, to be damaged on purpose.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use quorate_node::wire::record::{self, Scan};

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
