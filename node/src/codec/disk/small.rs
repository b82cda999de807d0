//! The small files: a few lines of text, the last of which tells whether they are whole.
//!
//! ```text
//! quorate-identity 1          quorate-vote 1
//! member 00a1b2c3d4e5f607     term 7
//! ensemble -                  vote -
//! lives 1 zk-0.zk-peer:2888   crc 0b7e5d21
//! crc 5f1c8a90
//! ```
//!
//! Lines behind those that a program knows are left alone, as programs before this one do: where a
//! disk lives was added so.

use crate::codec::versions::{Format, OtherVersion};
use crate::core::raft::event::HardState;
use crate::core::recovery::{Flaw, Identity, Residence};
use crate::core::types::{EnsembleId, MemberId, ServerId, Term};

const IDENTITY: &str = "quorate-identity ";
const LIVES: &str = "lives ";
const VOTE: &str = "quorate-vote ";

/// The content of the identity file.
pub(crate) fn encode_identity(identity: &Identity) -> String {
    let ensemble = identity.ensemble.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let version = Format::Identity.known().written;
    let mut body =
        format!("{IDENTITY}{version}\nmember {}\nensemble {ensemble}\n", identity.member);
    // A text with a line break in it would be no line: it is no address either.
    if let Some(lives) = identity.lives.as_ref().filter(|it| !it.peer.contains(['\n', '\r'])) {
        body += &format!("{LIVES}{} {}\n", lives.server, lives.peer);
    }
    seal(body)
}

/// Reads the identity file.
///
/// # Errors
/// When it is not what was written.
pub(crate) fn decode_identity(bytes: &[u8]) -> Result<Identity, Flaw> {
    parse(bytes, IDENTITY, Format::Identity, |lines| {
        let member = MemberId::parse(lines.next()?.strip_prefix("member ")?)?;
        let ensemble = match lines.next()?.strip_prefix("ensemble ")? {
            "-" => None,
            text => Some(EnsembleId::parse(text)?),
        };
        let lives = lines.find_map(|line| line.strip_prefix(LIVES));
        let lives = match lives {
            Some(lives) => Some(residence(lives)?),
            None => None,
        };
        Some(Identity { member, ensemble, lives })
    })
}

fn residence(text: &str) -> Option<Residence> {
    let (server, peer) = text.split_once(' ')?;
    Some(Residence { server: ServerId(server.parse().ok()?), peer: peer.to_owned() })
}

/// The content of the vote file.
pub(crate) fn encode_vote(hard: HardState) -> String {
    let vote = hard.vote.map_or_else(|| "-".to_owned(), |vote| vote.to_string());
    let version = Format::Vote.known().written;
    seal(format!("{VOTE}{version}\nterm {}\nvote {vote}\n", hard.term.0))
}

/// Reads the vote file.
///
/// # Errors
/// When it is not what was written.
pub(crate) fn decode_vote(bytes: &[u8]) -> Result<HardState, Flaw> {
    parse(bytes, VOTE, Format::Vote, |lines| {
        let term = lines.next()?.strip_prefix("term ")?.parse().ok()?;
        let vote = match lines.next()?.strip_prefix("vote ")? {
            "-" => None,
            text => Some(MemberId::parse(text)?),
        };
        Some(HardState { term: Term(term), vote })
    })
}

fn parse<T>(
    bytes: &[u8],
    title: &str,
    format: Format,
    content: impl FnOnce(&mut std::str::Lines<'_>) -> Option<T>,
) -> Result<T, Flaw> {
    let damaged = || Flaw::Damaged("damaged".to_owned());
    let body = std::str::from_utf8(bytes).ok().and_then(unseal).ok_or_else(damaged)?;
    let mut lines = body.lines();
    let version = lines.next().and_then(|first| first.strip_prefix(title)?.trim().parse().ok());
    let other = |other: OtherVersion| Flaw::OtherVersion(other.to_string());
    format.check(version.ok_or_else(damaged)?).map_err(other)?;
    content(&mut lines).ok_or_else(damaged)
}

/// Gives a small text a last line that tells whether it is whole.
pub(crate) fn seal(body: String) -> String {
    format!("{body}crc {:08x}\n", crc32c::crc32c(body.as_bytes()))
}

/// The text that was sealed; `None` if that is not what is there.
pub(crate) fn unseal(text: &str) -> Option<&str> {
    let (body, crc) = text.split_at(text.rfind("crc ")?);
    let crc = u32::from_str_radix(crc.strip_prefix("crc ")?.trim(), 16).ok()?;
    (crc32c::crc32c(body.as_bytes()) == crc).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_come_back_and_no_flipped_bit_goes_unnoticed() {
        let lives =
            Residence { server: ServerId(2), peer: "zk-1.zk-peer.prod.svc:2888".to_owned() };
        let identity = Identity {
            member: MemberId(7),
            ensemble: Some(EnsembleId(9)),
            lives: Some(lives.clone()),
        };
        let blank = Identity { member: MemberId(7), ensemble: None, lives: Some(lives) };
        let of_before = Identity { lives: None, ..identity.clone() };
        for identity in [identity, blank, of_before] {
            let text = encode_identity(&identity).into_bytes();
            assert_eq!(decode_identity(&text), Ok(identity.clone()));
            flipped(&text, |bytes| decode_identity(bytes).as_ref() == Ok(&identity));
        }
        let hard = HardState { term: Term(5), vote: Some(MemberId(3)) };
        for hard in [hard, HardState { vote: None, ..hard }] {
            let text = encode_vote(hard).into_bytes();
            assert_eq!(decode_vote(&text), Ok(hard));
            flipped(&text, |bytes| decode_vote(bytes).ok() == Some(hard));
        }
    }

    #[test]
    fn an_identity_is_written_as_programs_before_read_it_and_what_is_added_behind_is_left_alone() {
        let lives = Residence { server: ServerId(2), peer: "zk-1.zk-peer:2888".to_owned() };
        let identity = Identity { member: MemberId(7), ensemble: None, lives: Some(lives) };
        let text = "quorate-identity 1\nmember 0000000000000007\nensemble -\n\
                    lives 2 zk-1.zk-peer:2888\ncrc 1603fd71\n";
        assert_eq!(encode_identity(&identity), text);
        let body = unseal(text).unwrap().to_owned();
        let more = seal(body.replace("lives", "newer thing\nlives") + "newest thing\n");
        assert_eq!(decode_identity(more.as_bytes()), Ok(identity));
        let wrong = seal(body.replace("lives 2", "lives two"));
        assert!(decode_identity(wrong.as_bytes()).is_err());
    }

    /// Whatever bit is flipped: the file cannot be read, or says the same.
    fn flipped(text: &[u8], same: impl Fn(&[u8]) -> bool) {
        let mut unread = 0;
        for at in 0..text.len() * 8 {
            let mut bytes = text.to_vec();
            bytes[at / 8] ^= 1 << (at % 8);
            let read = decode_identity(&bytes).is_ok() || decode_vote(&bytes).is_ok();
            assert!(!read || same(&bytes), "bit {at}");
            unread += usize::from(!read);
        }
        assert!(unread > text.len() * 7, "nearly all of them");
    }
}
