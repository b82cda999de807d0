//! A file of the transaction log: a header, then for each transaction a checksum, a length, that many bytes,
//! and a mark; then zeros, for files are made longer in advance.

use bytes::Bytes;

use super::{TTL_BITS, acl, adler, header, lifetime, path};
use crate::codec::jute::{Malformed, Reader};
use crate::core::import::{Change, Transaction};
use crate::core::state::znode::Lifetime;
use crate::core::types::{SessionId, Zxid};

/// Behind each transaction.
const MARK: u8 = b'B';

/// ZooKeeper's numbers of operations (`ZooDefs.OpCode`).
mod kind {
    pub(super) const CREATE: i32 = 1;
    pub(super) const DELETE: i32 = 2;
    pub(super) const SET_DATA: i32 = 5;
    pub(super) const SET_ACL: i32 = 7;
    pub(super) const CHECK: i32 = 13;
    pub(super) const MULTI: i32 = 14;
    pub(super) const CREATE2: i32 = 15;
    pub(super) const RECONFIG: i32 = 16;
    pub(super) const CREATE_CONTAINER: i32 = 19;
    pub(super) const DELETE_CONTAINER: i32 = 20;
    pub(super) const CREATE_TTL: i32 = 21;
    pub(super) const OPEN_SESSION: i32 = -10;
    pub(super) const CLOSE_SESSION: i32 = -11;
    pub(super) const ERROR: i32 = -1;
}

/// The transactions of a file.
#[derive(Debug)]
pub(crate) struct Transactions {
    reader: Reader,
    length: usize,
}

impl Transactions {
    /// Of a file's content. One that has no header yet has none: ZooKeeper stopped while it made it.
    ///
    /// # Errors
    /// When it is no such file.
    pub(crate) fn of(file: &Bytes) -> Result<Transactions, String> {
        let mut reader = Reader::new(file.clone());
        let begun = file.iter().take(16).any(|byte| *byte != 0);
        if begun && file.len() >= 16 {
            header(&mut reader, b"ZKLG", "transaction log")?;
        } else {
            reader = Reader::new(Bytes::new());
        }
        Ok(Transactions { reader, length: file.len() })
    }

    /// The next one; `None` at the end, also where the last one was cut short, as ZooKeeper reads it.
    ///
    /// # Errors
    /// Where and how the file is damaged.
    pub(crate) fn next(&mut self) -> Result<Option<Transaction>, String> {
        let at = self.length - self.reader.remaining();
        let Some((sum, bytes, mark)) = frame(&mut self.reader) else { return Ok(None) };
        if bytes.is_empty() {
            return Ok(None);
        }
        if adler(&bytes) != sum || mark != MARK {
            return Err(format!(
                "the transaction at byte {at} is damaged: its checksum is not its own"
            ));
        }
        let decoded = transaction(&mut Reader::new(bytes));
        decoded.map(Some).map_err(|error| format!("the transaction at byte {at}: {error}"))
    }
}

fn frame(reader: &mut Reader) -> Option<(i64, Bytes, u8)> {
    let sum = reader.long().ok()?;
    let bytes = reader.buffer().ok()??;
    if bytes.is_empty() {
        return Some((sum, bytes, MARK));
    }
    Some((sum, bytes, reader.u8().ok()?))
}

fn transaction(reader: &mut Reader) -> Result<Transaction, Malformed> {
    let session = SessionId(reader.long()?);
    reader.int()?;
    let (zxid, time) = (Zxid(reader.long()?), reader.long()?);
    let kind = reader.int()?;
    let change = match kind {
        kind::OPEN_SESSION => Change::OpenSession(reader.int()?),
        // Before 3.6 with nothing behind it.
        kind::CLOSE_SESSION if reader.remaining() == 0 => Change::CloseSession(Vec::new()),
        kind::CLOSE_SESSION => {
            Change::CloseSession(reader.client_vector(path)?.unwrap_or_default())
        }
        kind::MULTI => Change::Multi(multi(reader, session)?),
        kind => change(kind, reader, session)?,
    };
    Ok(Transaction { session, zxid, time, change })
}

/// One that failed says so in one part, and then does nothing in the others.
fn multi(reader: &mut Reader, session: SessionId) -> Result<Vec<Change>, Malformed> {
    let parts = reader.client_vector(|reader| Ok((reader.int()?, reader.buffer()?)))?;
    let parts = parts.unwrap_or_default();
    if parts.iter().any(|(kind, _)| *kind == kind::ERROR) {
        return Ok(Vec::new());
    }
    let part = |(kind, bytes): (i32, Option<Bytes>)| {
        change(kind, &mut Reader::new(bytes.unwrap_or_default()), session)
    };
    parts.into_iter().map(part).collect()
}

fn change(kind: i32, reader: &mut Reader, session: SessionId) -> Result<Change, Malformed> {
    Ok(match kind {
        kind::CREATE | kind::CREATE2 => {
            let (path, data, acl) = (path(reader)?, reader.buffer()?, acl(reader)?);
            let lifetime = lifetime(if reader.bool()? { session.0 } else { 0 });
            // Before 3.4 it ended there.
            let parent = if reader.remaining() == 0 { -1 } else { reader.int()? };
            let parent = Some(parent).filter(|it| *it != -1);
            Change::Create { path, data, acl, lifetime, parent }
        }
        kind::CREATE_CONTAINER | kind::CREATE_TTL => {
            let (path, data, acl) = (path(reader)?, reader.buffer()?, acl(reader)?);
            let parent = Some(reader.int()?).filter(|it| *it != -1);
            let lifetime = match kind {
                kind::CREATE_TTL => Lifetime::Ttl(reader.long()? & TTL_BITS),
                _ => Lifetime::Container,
            };
            Change::Create { path, data, acl, lifetime, parent }
        }
        kind::DELETE | kind::DELETE_CONTAINER => Change::Delete(path(reader)?),
        kind::SET_DATA | kind::RECONFIG => {
            let (path, data) = (path(reader)?, reader.buffer()?);
            Change::SetData { path, data, version: reader.int()? }
        }
        kind::SET_ACL => {
            let (path, acl) = (path(reader)?, acl(reader)?);
            Change::SetAcl { path, acl, version: reader.int()? }
        }
        kind::ERROR | kind::CHECK => Change::Nothing,
        _ => return Err(Malformed::Value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jute::Writer;

    /// As `FileTxnLog` writes one, by hand.
    fn framed(transaction: &[u8]) -> Vec<u8> {
        let mut out = Writer::new();
        out.long(i64::from(adler2::adler32_slice(transaction)));
        out.buffer(Some(transaction));
        out.u8(b'B');
        out.into_inner().to_vec()
    }

    fn set_data(zxid: i64, path: &str) -> Vec<u8> {
        let mut out = Writer::new();
        out.long(5);
        out.int(1);
        out.long(zxid);
        out.long(1_000);
        out.int(kind::SET_DATA);
        out.ustring(path);
        out.buffer(Some(b"data"));
        out.int(4);
        out.into_inner().to_vec()
    }

    fn file(parts: &[Vec<u8>]) -> Bytes {
        let mut out = Writer::new();
        out.raw(b"ZKLG");
        out.int(2);
        out.long(0);
        out.raw(&parts.concat());
        out.into_inner().freeze()
    }

    fn all(file: &Bytes) -> Result<Vec<i64>, String> {
        let mut transactions = Transactions::of(file)?;
        let mut zxids = Vec::new();
        while let Some(txn) = transactions.next()? {
            zxids.push(txn.zxid.0);
        }
        Ok(zxids)
    }

    #[test]
    fn a_log_ends_where_zeros_begin_or_where_the_last_transaction_was_cut_short() {
        let (one, two) = (framed(&set_data(7, "/a")), framed(&set_data(8, "/b")));
        assert_eq!(all(&file(&[one.clone(), two.clone()])), Ok(vec![7, 8]));
        assert_eq!(all(&file(&[one.clone(), vec![0; 500]])), Ok(vec![7]));
        for cut in 0..two.len() {
            assert_eq!(all(&file(&[one.clone(), two[..cut].to_vec()])), Ok(vec![7]), "{cut}");
        }
        // One that ZooKeeper had only just made.
        assert_eq!(all(&Bytes::from(vec![0; 64])), Ok(vec![]));
        assert_eq!(all(&Bytes::new()), Ok(vec![]));
    }

    #[test]
    fn a_flipped_bit_anywhere_in_a_transaction_is_named_and_no_end() {
        let (one, two) = (framed(&set_data(7, "/a")), framed(&set_data(8, "/b")));
        for at in 12..one.len() - 1 {
            let mut bad = one.clone();
            bad[at] ^= 4;
            let error = all(&file(&[bad, two.clone()])).unwrap_err();
            assert!(error.contains("byte 16"), "{at}: {error}");
        }
    }

    #[test]
    fn another_files_first_bytes_are_no_log() {
        let mut snapshot = file(&[]).to_vec();
        snapshot[..4].copy_from_slice(b"ZKSN");
        assert!(all(&snapshot.into()).unwrap_err().contains("transaction log"));
        let mut newer = file(&[]).to_vec();
        newer[7] = 3;
        assert!(all(&newer.into()).unwrap_err().contains("format 3"));
    }

    #[test]
    fn a_multi_with_a_failed_part_does_nothing_and_another_one_all_of_it() {
        let part = |out: &mut Writer, kind: i32, body: &[u8]| {
            out.int(kind);
            out.buffer(Some(body));
        };
        let multi = |failed: bool| {
            let mut out = Writer::new();
            out.raw(&set_data(9, "/a")[..28]);
            out.int(kind::MULTI);
            out.int(2);
            part(&mut out, kind::SET_DATA, &set_data(9, "/a")[32..]);
            let body =
                if failed { vec![255, 255, 255, 155] } else { set_data(9, "/b")[32..].to_vec() };
            part(&mut out, if failed { kind::ERROR } else { kind::SET_DATA }, &body);
            Transactions::of(&file(&[framed(&out.into_inner())]))
                .unwrap()
                .next()
                .unwrap()
                .unwrap()
                .change
        };
        assert_eq!(multi(true), Change::Multi(Vec::new()));
        let Change::Multi(changes) = multi(false) else { panic!("no multi") };
        assert_eq!(changes.len(), 2);
    }
}
