//! Where a disk lives, and whether a start found it there.
//!
//! Ids stand on every copy of a disk: a copy that were started would speak for its original. So a
//! disk knows beside its ids where its member is reached, and one that is found elsewhere says
//! nothing in that member's name.
//!
//! An operator's servers never change their addresses, so there any other one is elsewhere. Owners of
//! a static list do change the addresses in it: another one is told and taken over, unless the
//! list itself says that this disk is another server's, which is still where the disk says.

use super::facts::{Identity, Record};
use super::place::{Residence, Surroundings};
use super::{FoundSegment, Snapshot};
use crate::core::entry::Payload;
use crate::core::raft::config::Config;
use crate::core::types::MemberId;

/// Where a disk was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Where it lives, or nobody knows where that is.
    Home,
    /// At another address, which is taken for a new one of the same server.
    Moved(Residence),
    /// Where it does not live; it does there.
    Elsewhere(Residence),
}

impl Surroundings {
    /// Judges a disk by where it lives as far as that is known.
    pub(super) fn judge(&self, lives: Option<&Residence>) -> Finding {
        let same =
            |lives: &&Residence| lives.is(&self.here) || lives.anywhere() || self.here.anywhere();
        let Some(lives) = lives.filter(|lives| !same(lives)) else {
            return Finding::Home;
        };
        let still_there = |it: &Residence| it.server == lives.server && it.is(lives);
        let of_another = lives.server != self.here.server && self.listed.iter().any(still_there);
        if self.listed.is_empty() || of_another {
            Finding::Elsewhere(lives.clone())
        } else {
            Finding::Moved(lives.clone())
        }
    }
}

/// Where a disk lives: as it says itself, or else as the newest configuration on it says.
pub(super) fn known(identity: &Identity, configured: Option<Residence>) -> Option<Residence> {
    identity.lives.clone().or(configured)
}

/// What the newest configuration that can be read says of a member, also one behind a damage.
pub(super) fn configured(
    segments: &[FoundSegment],
    snapshot: Option<&Snapshot>,
    member: MemberId,
) -> Option<Residence> {
    let newest = configs(segments, snapshot).max_by_key(|it| it.index)?;
    let own = newest.member(member)?;
    Some(Residence { server: own.server, peer: own.peer.clone() })
}

/// All configurations that can be read.
pub(super) fn configs<'a>(
    segments: &'a [FoundSegment],
    snapshot: Option<&'a Snapshot>,
) -> impl Iterator<Item = &'a Config> {
    let records = segments.iter().filter_map(|it| it.content.as_ref().ok());
    let config = |record: &'a Record| match record {
        Record::Entry(entry) => match &entry.payload {
            Payload::Config(config) => Some(config.as_ref()),
            Payload::NewLeader | Payload::Command(_) => None,
        },
        Record::Hard(_) | Record::Truncate(_) | Record::Reset(_) => None,
    };
    let logged = records.flat_map(|scan| &scan.records).filter_map(config);
    snapshot.map(|it| &it.meta.config).into_iter().chain(logged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::ServerId;

    fn at(server: u8, peer: &str) -> Residence {
        Residence { server: ServerId(server), peer: peer.to_owned() }
    }

    #[test]
    fn a_place_is_the_same_under_its_short_and_its_full_name() {
        let full = at(2, "zk-1.zk-peer.prod.svc.cluster.local:2888");
        for same in ["zk-1.zk-peer.prod.svc:2888", "ZK-1.zk-peer.prod.svc.cluster.local.:2888"] {
            assert!(full.is(&at(2, same)) && at(2, same).is(&full), "{same}");
        }
        let others = [
            "zk-1.zk-peer.test.svc:2888",
            "zk-1.zk-peer.prod.svc:2889",
            "zk-10.zk-peer.prod.svc:2888",
            "zk-1.zk-peer.prod.sv:2888",
            "zk-1.zk-peer.prod.svc.other:2888",
        ];
        for other in others {
            assert!(!full.is(&at(2, other)) && !at(2, other).is(&full), "{other}");
        }
        for (one, other) in [("10.0.0.1:2888", "10.0.0.10:2888"), ("zk-1:1", "zk-1.copy:1")] {
            assert!(!at(1, one).is(&at(1, other)), "{one}");
        }
    }

    #[test]
    fn under_an_operator_every_other_address_is_elsewhere() {
        let operated = |peer| Surroundings { here: at(2, peer), listed: Vec::new() };
        let lives = at(2, "zk-1.zk-peer.prod.svc:2888");
        assert_eq!(operated("zk-1.zk-peer.prod.svc:2888").judge(Some(&lives)), Finding::Home);
        let away = operated("zk-1.zk-peer.copy.svc:2888").judge(Some(&lives));
        assert_eq!(away, Finding::Elsewhere(lives));
        assert_eq!(operated("zk-1.zk-peer.copy.svc:2888").judge(None), Finding::Home);
    }

    #[test]
    fn in_a_list_only_the_disk_of_another_listed_server_is_elsewhere() {
        let (a, b, c) = (at(1, "a:2888"), at(2, "b:2888"), at(3, "c:2888"));
        let listed = vec![a.clone(), b.clone(), c];
        let judge = |here: &Residence, lives: &Residence| {
            Surroundings { here: here.clone(), listed: listed.clone() }.judge(Some(lives))
        };
        assert_eq!(judge(&a, &a), Finding::Home);
        let renamed = at(1, "old-a:2888");
        assert_eq!(judge(&a, &renamed), Finding::Moved(renamed));
        // Two servers changed their addresses with each other.
        let exchanged = at(1, "b:2888");
        assert_eq!(judge(&a, &exchanged), Finding::Moved(exchanged));
        assert_eq!(judge(&a, &b), Finding::Elsewhere(b.clone()));
        // Listed by itself as listening everywhere, as ZooKeeper's image is often told.
        assert_eq!(judge(&at(2, "0.0.0.0:2888"), &b), Finding::Home);
        assert_eq!(judge(&a, &at(1, "[::]:2888")), Finding::Home);
        // Renumbered in place, or of a server that the list has no more.
        assert_eq!(judge(&a, &at(2, "a:2888")), Finding::Home);
        let gone = at(4, "d:2888");
        assert_eq!(judge(&a, &gone), Finding::Moved(gone));
    }
}
