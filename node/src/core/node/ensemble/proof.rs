//! Whether a link that claims to be a member's is: its claim counts once the process at that member's
//! address vouches for it.
//!
//! Ids stand on every copy of a disk, so they prove nothing. But only what is at a member's address
//! is that member, and messages go both ways: each end dials the other. So a dialler says a secret
//! with its hello, another one to each member, and whoever is dialled answers with what only the
//! holder of that secret for the dialler can make, and from which nobody can tell the secret. The acceptor
//! compares both: what was said on the link, and what its own dial of the member's address was answered.
//! Until they agree nothing is taken from the link, and a link about which they never agree is closed
//! without harm to the true one.
//!
//! It does not matter from which address a link comes: networks translate addresses, and pods change
//! theirs. What this does not keep out: who answers at a member's address (through names, routes or
//! the member's machine), who reads what members say to each other, and an invented member: one that
//! is not in the configuration here is heard at the address that it gives itself, for the configuration
//! here may be old. TLS keeps all of them out.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use sha1::{Digest, Sha1};

use super::super::ctx::Ctx;
use super::Ensemble;
use crate::core::effect::{Effect, Link, Note};
use crate::core::message::PROOF_MS;
use crate::core::raft::event::Event;
use crate::core::types::{LinkId, MemberId, Mono};

/// How many may wait at the same time.
const WAITING: usize = 256;
/// Of one member, so that strangers do not displace the links of others.
const OF_ONE: usize = 16;
/// Bytes of what is said.
const BYTES: usize = 16;

/// What the process at a member's address says of the links that it dials.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Vouched {
    /// The one whose secret gives this is its own.
    For(Bytes),
    /// Its program says nothing of it: it is one of before.
    Nothing,
}

/// A link that was accepted, and is not heard yet.
#[derive(Debug)]
struct Claim {
    link: LinkId,
    member: MemberId,
    secret: Bytes,
    since: Mono,
}

/// Who may be heard.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    vouched: BTreeMap<MemberId, Vouched>,
    claims: VecDeque<Claim>,
}

/// What only a process that knows `own` can say, to one member in one name.
pub(in crate::core::node) fn secret(own: [u8; 16], from: MemberId, to: MemberId) -> Bytes {
    let mut hash = Sha1::new_with_prefix(b"quorate link ");
    hash.update(own);
    hash.update(from.0.to_be_bytes());
    hash.update(to.0.to_be_bytes());
    Bytes::copy_from_slice(&hash.finalize()[..BYTES])
}

/// What shows to whoever was told a secret that one knows it, and does not give it away.
pub(in crate::core::node) fn voucher(secret: &Bytes) -> Bytes {
    let mut hash = Sha1::new_with_prefix(b"quorate voucher ");
    hash.update(secret);
    Bytes::copy_from_slice(&hash.finalize()[..BYTES])
}

impl Proofs {
    /// Only these links are wanted from now on: what was said over others counts no more.
    pub(super) fn keep(&mut self, links: &[Link]) {
        self.vouched.retain(|member, _| links.iter().any(|link| link.member == Some(*member)));
    }

    fn agrees(&self, member: MemberId, secret: &Bytes) -> bool {
        match self.vouched.get(&member) {
            Some(Vouched::For(voucher_of_its_own)) => voucher(secret) == *voucher_of_its_own,
            Some(Vouched::Nothing) => true,
            None => false,
        }
    }
}

impl Ensemble {
    /// A link was accepted that claims to be this member's.
    pub(super) fn claimed(
        &mut self,
        cx: &mut Ctx<'_>,
        link: LinkId,
        member: MemberId,
        secret: Bytes,
    ) {
        if self.proofs.agrees(member, &secret) {
            return cx.out.push(Effect::HearPeer { link });
        }
        let claims = &mut self.proofs.claims;
        let same = |claim: &Claim| claim.member == member;
        if claims.iter().filter(|it| same(it)).count() >= OF_ONE {
            let oldest = claims.iter().position(same);
            oldest.and_then(|oldest| claims.remove(oldest));
        } else if claims.len() >= WAITING {
            claims.pop_front();
        }
        claims.push_back(Claim { link, member, secret, since: cx.now.mono });
    }

    /// Our dial of a member's address was answered by it.
    pub(in crate::core::node) fn vouched(
        &mut self,
        cx: &mut Ctx<'_>,
        member: MemberId,
        voucher: Bytes,
    ) {
        let said = if voucher.is_empty() { Vouched::Nothing } else { Vouched::For(voucher) };
        self.proofs.vouched.insert(member, said);
        let (claims, out) = (std::mem::take(&mut self.proofs.claims), &mut cx.out);
        for claim in claims {
            if claim.member == member && self.proofs.agrees(member, &claim.secret) {
                out.push(Effect::HearPeer { link: claim.link });
            } else {
                self.proofs.claims.push_back(claim);
            }
        }
    }

    /// Our link to it broke: who is at its address now has to say so anew.
    pub(in crate::core::node) fn link_down(&mut self, cx: &mut Ctx<'_>, member: MemberId) {
        self.proofs.vouched.remove(&member);
        cx.events.push_back(Event::LinkDown(member));
    }

    /// Forgets claims for which nobody vouched.
    pub(super) fn tick_proofs(&mut self, cx: &mut Ctx<'_>) {
        let now = cx.now.mono;
        let late = |claim: &Claim| now.since(claim.since) >= PROOF_MS;
        while self.proofs.claims.front().is_some_and(late) {
            let Some(claim) = self.proofs.claims.pop_front() else { return };
            // Where nobody answers nobody can vouch: that is seen elsewhere.
            if self.proofs.vouched.contains_key(&claim.member) {
                let why = "whoever is at that member's address does not know of this link: it comes \
                           from a copy of its disk, or the address leads elsewhere";
                cx.note(Note::PeerRefused { member: claim.member, why });
            }
        }
    }
}
