//! What a run did, in a few numbers: they stay the same, bit for bit, when code is only moved.
//!
//! Values are folded in by the codecs and by fixed numbers of their kinds, never by `Debug` texts:
//! what a type or a field is called must not count.

use bytes::BytesMut;

use crate::codec::peer::Frame;
use crate::codec::{client_reply, peer, record};
use crate::core::effect::{Effect, Note};
use crate::core::entry::Entry;
use crate::core::input::AdminError;
use crate::core::message::Hello;
use crate::core::raft::event::{LogWrite, SnapshotMeta};
use crate::core::types::Index;

/// The fingerprint of one seed's run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// How often a server was stepped.
    pub steps: u64,
    /// Over every effect of every step, in order.
    pub effects: u64,
    /// Over every server's applied index and digest after every step.
    pub states: u64,
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:016x} {:016x}", self.steps, self.effects, self.states)
    }
}

impl Fingerprint {
    /// A server was stepped: what it wants done, and where its state is then.
    pub(super) fn step(&mut self, slot: usize, effects: &[Effect], applied: Index, digest: u64) {
        self.steps += 1;
        self.effects = fold(self.effects, &(slot as u64).to_be_bytes());
        for effect in effects {
            self.effects = fold(self.effects, &bytes_of(effect));
        }
        for word in [slot as u64, applied.0, digest] {
            self.states = fold(self.states, &word.to_be_bytes());
        }
    }
}

/// FNV-1a, with a rotation that lets the order count.
fn fold(hash: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
    bytes.iter().fold(hash ^ 0xCBF2_9CE4_8422_2325, step).rotate_left(5)
}

/// Bytes that are the same for the same effect.
struct Bytes(BytesMut);

impl Bytes {
    fn kind(kind: u8) -> Bytes {
        Bytes(BytesMut::from(&[kind][..]))
    }

    fn word(mut self, word: u64) -> Bytes {
        self.0.extend_from_slice(&word.to_be_bytes());
        self
    }

    fn text(mut self, text: &str) -> Bytes {
        self = self.word(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn frame(self, frame: &Frame) -> Bytes {
        Bytes(peer::encode(frame, self.0))
    }

    fn hello(self, hello: &Hello) -> Bytes {
        self.frame(&Frame::Hello(hello.clone()))
    }

    fn meta(self, meta: &SnapshotMeta) -> Bytes {
        let config = &meta.config;
        let it = self.word(meta.index.0).word(meta.term.0).word(config.index.0);
        let it = config.members.iter().fold(it.word(config.members.len() as u64), |it, member| {
            it.word(member.id.0).word(u64::from(config.votes(member.id))).text(&member.peer)
        });
        config.outgoing.iter().chain(&config.leaving).fold(it, |it, id| it.word(id.0))
    }

    fn entry(self, entry: &std::sync::Arc<Entry>) -> Bytes {
        let seal = record::Seal { nonce: 0, synced: 0, entry: 1 };
        Bytes(record::encode(&record::Record::Entry(std::sync::Arc::clone(entry)), seal, self.0))
    }

    fn result(self, result: &Result<Index, AdminError>) -> Bytes {
        match result {
            Ok(index) => self.word(0).word(index.0),
            Err(error) => self.word(1).word(*error as u64),
        }
    }
}

fn bytes_of(effect: &Effect) -> BytesMut {
    let it = match effect {
        Effect::Client { conn, frame } => {
            Bytes(client_reply::server_frame(frame, Bytes::kind(1).word(conn.0).0))
        }
        Effect::Mark { conn, sent } => {
            Bytes::kind(2).word(conn.0).word(sent.bytes as u64).word(sent.events as u64)
        }
        Effect::Again => Bytes::kind(3),
        Effect::Close { conn, reason } => Bytes::kind(4).word(conn.0).word(*reason as u64),
        Effect::Peer { to, message } => {
            Bytes::kind(5).word(to.0).frame(&Frame::Message(message.clone()))
        }
        Effect::Links { hello, links } => {
            links.iter().fold(Bytes::kind(6).hello(hello).word(links.len() as u64), |it, link| {
                it.text(&link.address).word(link.member.map_or(0, |member| member.0))
            })
        }
        Effect::AcceptPeer { link, hello } => Bytes::kind(7).word(link.0).hello(hello),
        Effect::HearPeer { link } => Bytes::kind(21).word(link.0),
        Effect::IgnorePeer { link } => Bytes::kind(20).word(link.0),
        Effect::RefusePeer { link, hello } => Bytes::kind(8).word(link.0).hello(hello),
        Effect::Adopt { seq, ensemble } => {
            Bytes::kind(9).word(seq.0).word((ensemble.0 >> 64) as u64).word(ensemble.0 as u64)
        }
        Effect::Found { seq, snapshot } => Bytes::kind(20).word(seq.0).meta(&snapshot.meta),
        Effect::Write { seq, write } => of_write(Bytes::kind(10).word(seq.0), write),
        Effect::SaveSnapshot(snapshot) => Bytes::kind(11).meta(&snapshot.meta),
        Effect::SendSnapshot { to, term, index } => {
            Bytes::kind(12).word(to.0).word(term.0).word(index.0)
        }
        Effect::AnswerAdmin { call, result } => Bytes::kind(13).word(call.0).result(result),
        Effect::Repaired => Bytes::kind(14),
        Effect::Wipe => Bytes::kind(15),
        Effect::Fatal(why) => Bytes::kind(16).text(why),
        Effect::Note(note) => of_note(Bytes::kind(17), note),
        Effect::HangUp { member } => Bytes::kind(19).word(member.0),
        Effect::Version(version) => Bytes::kind(18).word(u64::from(version.0)),
    };
    it.0
}

fn of_write(it: Bytes, write: &LogWrite) -> Bytes {
    match write {
        LogWrite::Hard(hard) => {
            it.word(1).word(hard.term.0).word(hard.vote.map_or(0, |member| member.0))
        }
        LogWrite::Truncate(from) => it.word(2).word(from.0),
        LogWrite::Append(entries) => {
            entries.iter().fold(it.word(3).word(entries.len() as u64), Bytes::entry)
        }
        LogWrite::InstallSnapshot(meta) => it.word(4).meta(meta),
        LogWrite::Compact(index) => it.word(5).word(index.0),
    }
}

fn of_note(it: Bytes, note: &Note) -> Bytes {
    match note {
        Note::BecameLeader { term } => it.word(1).word(term.0),
        Note::Following { leader, term } => it.word(2).word(leader.0).word(term.0),
        Note::NoLeader { term } => it.word(3).word(term.0),
        Note::Adopted { ensemble } => it.word(4).word(ensemble.0 as u64),
        Note::ImportUnused { zxid } => it.word(99).word(zxid.0 as u64),
        Note::Configured { version, voters, learners, joint } => {
            let it = it.word(5).word(version.0).word(*voters as u64).word(*learners as u64);
            it.word(u64::from(*joint))
        }
        Note::SessionCreated { session } => it.word(6).word(session.0 as u64),
        Note::SessionExpired { session } => it.word(7).word(session.0 as u64),
        Note::SessionClosed { session } => it.word(8).word(session.0 as u64),
        Note::Answered(answered) => {
            let it = it.word(9).word(answered.conn.0).text(answered.name);
            let it = it.word(answered.xid as u64).word(answered.zxid.0 as u64);
            it.word(answered.waited / 1_000).word(u64::from(answered.write))
        }
        Note::Applied { millis } => it.word(10).word(*millis),
        Note::Fired { kind, watches } => it.word(11).word(*kind as u64).word(*watches as u64),
        Note::AuthFailed { conn, scheme, why } => it.word(12).word(conn.0).text(scheme).text(why),
        Note::PeerRefused { member, why } => it.word(13).word(member.0).text(why),
        Note::SnapshotInstalled { index } => it.word(14).word(index.0),
        Note::OverQuota(overrun) => it.word(15).text(&overrun.path).word(u64::from(overrun.hard)),
        Note::Paused { millis } => it.word(16).word(*millis),
        Note::WallJumped { millis } => it.word(17).word(*millis as u64),
        Note::Implausible { member, what } => it.word(19).word(member.0).text(what.what()),
        Note::Elsewhere { why } => it.word(20).text(why),
        Note::EnsembleVersion { version } => it.word(18).word(u64::from(version.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{Term, WriteSeq};

    fn print(effects: &[Effect], applied: u64, digest: u64) -> Fingerprint {
        let mut print = Fingerprint::default();
        print.step(1, effects, Index(applied), digest);
        print
    }

    #[test]
    fn order_values_and_states_count() {
        let note = |term| Effect::Note(Note::NoLeader { term: Term(term) });
        let hard = |seq| Effect::Write { seq: WriteSeq(seq), write: LogWrite::Compact(Index(3)) };
        let first = print(&[note(1), hard(1)], 5, 7);
        assert_eq!(first, print(&[note(1), hard(1)], 5, 7));
        for other in [
            print(&[hard(1), note(1)], 5, 7),
            print(&[note(2), hard(1)], 5, 7),
            print(&[note(1), hard(2)], 5, 7),
            print(&[note(1)], 5, 7),
            print(&[note(1), hard(1)], 6, 7),
            print(&[note(1), hard(1)], 5, 8),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_fingerprint_and_another_one_another() {
        let of = |seed| super::super::fingerprint(seed).expect("the seed passes");
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
