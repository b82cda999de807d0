//! Majorities. A joint configuration needs one of each half (Raft §6). Computed anew from a small
//! sorted array each time: nothing is kept that could go stale.

use super::config::Config;
use crate::core::types::MemberId;

/// How many of `voters` are a majority.
pub(crate) fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// The highest value that a majority of each half has reached. 0 without voters.
pub(crate) fn agreed(config: &Config, value: impl Fn(MemberId) -> u64) -> u64 {
    let incoming = agreed_of(&config.voters(), &value);
    if config.joint() { incoming.min(agreed_of(&config.outgoing, &value)) } else { incoming }
}

fn agreed_of(voters: &[MemberId], value: &impl Fn(MemberId) -> u64) -> u64 {
    let mut values: Vec<u64> = voters.iter().map(|voter| value(*voter)).collect();
    values.sort_unstable_by(|a, b| b.cmp(a));
    // The k-th highest is reached by k voters.
    values.get(majority(voters.len()) - 1).copied().unwrap_or(0)
}

/// Whether those for whom `has` holds are a majority of each half.
pub(crate) fn reached(config: &Config, has: impl Fn(MemberId) -> bool) -> bool {
    agreed(config, |id| u64::from(has(id))) == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::raft::config::{Member, Role};
    use crate::core::types::ServerId;

    fn config(incoming: &[u64], outgoing: &[u64]) -> Config {
        let member = |id: &u64| Member {
            id: MemberId(*id),
            server: ServerId(*id as u8),
            role: Role::Voter,
            peer: String::new(),
            client: String::new(),
        };
        Config {
            members: incoming.iter().map(member).collect(),
            outgoing: outgoing.iter().map(|id| MemberId(*id)).collect(),
            ..Config::default()
        }
    }

    /// By counting, for every candidate value, who has reached it.
    fn dumb(voters: &[u64], values: &[u64]) -> u64 {
        let reached =
            |value: u64| voters.iter().filter(|id| values[**id as usize] >= value).count();
        let mut best = 0;
        for id in voters {
            let value = values[*id as usize];
            if reached(value) * 2 > voters.len() {
                best = best.max(value);
            }
        }
        best
    }

    proptest! {
        #[test]
        fn the_agreed_value_is_what_counting_gives(
            values in proptest::collection::vec(0u64..20, 10),
            incoming in proptest::sample::subsequence((1u64..10).collect::<Vec<_>>(), 1..=9),
            outgoing in proptest::sample::subsequence((1u64..10).collect::<Vec<_>>(), 0..=9),
        ) {
            let config = config(&incoming, &outgoing);
            let mut expected = dumb(&incoming, &values);
            if !outgoing.is_empty() {
                expected = expected.min(dumb(&outgoing, &values));
            }
            prop_assert_eq!(agreed(&config, |id| values[id.0 as usize]), expected);
            let has = |id: MemberId| values[id.0 as usize] > 9;
            let flags: Vec<u64> = values.iter().map(|value| u64::from(*value > 9)).collect();
            let mut all = dumb(&incoming, &flags) == 1;
            if !outgoing.is_empty() {
                all &= dumb(&outgoing, &flags) == 1;
            }
            prop_assert_eq!(reached(&config, has), all);
        }
    }
}
