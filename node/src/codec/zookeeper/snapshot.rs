//! A snapshot, unpacked: header, sessions, access lists, znodes, each with its parent before it, and a
//! checksum over all of that. What later versions put behind it, a digest and a zxid, each with a checksum of
//! its own, says nothing that is needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{acl, adler, header, lifetime};
use crate::codec::jute::{Malformed, Reader};
use crate::core::import::{Replay, StoredZnode};
use crate::core::op::Acl;
use crate::core::state::acl::{ALL, anyone};
use crate::core::types::{SessionId, Zxid};

/// ZooKeeper's number for the list that lets anybody do anything, which is stored with no list.
const OPEN: i64 = -1;
/// What is written behind the last znode, and behind each checksum.
const END: &str = "/";

/// Reads a snapshot that was begun at this transaction.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(file: &Bytes, zxid: Zxid) -> Result<Replay, String> {
    let mut reader = Reader::new(file.clone());
    header(&mut reader, b"ZKSN", "snapshot")?;
    let mut replay = Replay::new();
    let broken = |error: Malformed| format!("it is damaged or not whole: {error}");
    sessions(&mut reader, &mut replay).map_err(broken)?;
    let lists = lists(&mut reader).map_err(broken)?;
    while let Some(znode) = znode(&mut reader, &lists).map_err(broken)? {
        replay.znode(znode)?;
    }
    let covered = file.len() - reader.remaining();
    let sum = reader.long().map_err(broken)?;
    if file.get(..covered).map(adler) != Some(sum) {
        return Err("its checksum is not that of its content".to_owned());
    }
    replay.loaded(zxid);
    Ok(replay)
}

fn sessions(reader: &mut Reader, replay: &mut Replay) -> Result<(), Malformed> {
    for _ in 0..reader.int()? {
        let id = SessionId(reader.long()?);
        replay.session(id, reader.int()?);
    }
    Ok(())
}

fn lists(reader: &mut Reader) -> Result<BTreeMap<i64, Arc<[Acl]>>, Malformed> {
    let mut lists = BTreeMap::from([(OPEN, anyone(ALL))]);
    for _ in 0..reader.int()? {
        let number = reader.long()?;
        lists.insert(number, acl(reader)?);
    }
    Ok(lists)
}

/// The next znode; `None` behind the last one.
fn znode(
    reader: &mut Reader,
    lists: &BTreeMap<i64, Arc<[Acl]>>,
) -> Result<Option<StoredZnode>, Malformed> {
    let path = super::path(reader)?;
    if path == END {
        return Ok(None);
    }
    let data = reader.buffer()?;
    let acl = lists.get(&reader.long()?).ok_or(Malformed::Value)?;
    let (czxid, mzxid) = (Zxid(reader.long()?), Zxid(reader.long()?));
    let (ctime, mtime) = (reader.long()?, reader.long()?);
    let (version, cversion, aversion) = (reader.int()?, reader.int()?, reader.int()?);
    let (lifetime, pzxid) = (lifetime(reader.long()?), Zxid(reader.long()?));
    let acl = Arc::clone(acl);
    Ok(Some(StoredZnode {
        path,
        data,
        acl,
        czxid,
        mzxid,
        pzxid,
        ctime,
        mtime,
        version,
        cversion,
        aversion,
        lifetime,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jute::Writer;
    use crate::core::state::State;

    /// As `FileSnap` writes one, by hand: a session, a list, the root and a znode.
    fn file() -> Vec<u8> {
        let mut out = Writer::new();
        out.raw(b"ZKSN");
        out.int(2);
        out.long(-1);
        out.int(1);
        out.long(0x0100_0000_0000_0007);
        out.int(30_000);
        out.int(1);
        out.long(1);
        out.int(1);
        out.int(1);
        out.ustring("digest");
        out.ustring("u:h");
        for (path, acl) in [("", OPEN), ("/a", 1)] {
            out.ustring(path);
            out.buffer(Some(b"data"));
            out.long(acl);
            for word in [2_i64, 3, 20, 30] {
                out.long(word);
            }
            for word in [4, 5, 6] {
                out.int(word);
            }
            out.long(0);
            out.long(9);
        }
        out.ustring(END);
        let body = out.into_inner();
        let mut out = Writer::new();
        out.raw(&body);
        out.long(i64::from(adler2::adler32_slice(&body)));
        out.ustring(END);
        out.into_inner().to_vec()
    }

    #[test]
    fn a_whole_snapshot_is_read_whatever_stands_behind_its_checksum() {
        let mut longer = file();
        longer.extend([1; 40]);
        for file in [file(), longer] {
            let image = read(&file.into(), Zxid(0x1_0000_0003)).unwrap().finish(1);
            let state = State::restore(&image);
            assert_eq!((state.counts().znodes, state.counts().sessions), (5, 1));
            assert_eq!(state.zxid(), Zxid(0x1_0000_0003));
        }
    }

    #[test]
    fn a_flipped_bit_or_a_missing_end_is_never_half_a_snapshot() {
        let whole = file();
        let end = whole.len() - 5;
        for at in 0..end {
            let mut bad = whole.clone();
            bad[at] ^= 0x10;
            assert!(read(&bad.into(), Zxid(1)).is_err(), "byte {at}");
        }
        for length in 0..end {
            assert!(read(&whole[..length].to_vec().into(), Zxid(1)).is_err(), "{length} bytes");
        }
    }
}
