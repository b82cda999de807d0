//! Whether an ensemble had a quorum, judged from what its members said. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use quorate_crds::status::Role;

use crate::stage::member::MemberView;

/// What the members' answers of one moment amount to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// The leader's id and term, if one of them leads.
    pub(crate) leader: Option<(String, u64)>,
    /// Voters of the leader's configuration.
    pub(crate) voters: usize,
    /// Those of them that serve under it.
    pub(crate) serving: usize,
    /// Whether that is a quorum; of both sets, while membership changes.
    pub(crate) quorum: bool,
    /// Whether no change of the membership is under way.
    pub(crate) settled: bool,
}

/// Judges the answers of one moment.
pub(crate) fn judge(answers: &[MemberView]) -> Verdict {
    let leads = answers.iter().filter(|it| it.role == Role::Leader);
    let Some(leader) = leads.max_by_key(|it| it.term) else {
        return Verdict { leader: None, voters: 0, serving: 0, quorum: false, settled: false };
    };
    let serves = |id: &str| {
        answers.iter().any(|it| {
            it.member_id == id
                && it.serving
                && it.term == leader.term
                && it.leader_id.as_deref() == Some(leader.member_id.as_str())
        })
    };
    let voters: Vec<&str> = leader.config.voters().collect();
    let majority =
        |set: &[&str]| set.is_empty() || set.iter().filter(|id| serves(id)).count() > set.len() / 2;
    let outgoing: Vec<&str> = leader.config.outgoing.iter().map(String::as_str).collect();
    Verdict {
        leader: Some((leader.member_id.clone(), leader.term)),
        voters: voters.len(),
        serving: voters.iter().filter(|id| serves(id)).count(),
        quorum: !voters.is_empty() && majority(&voters) && majority(&outgoing),
        settled: !leader.config.joint && !leader.config.pending,
    }
}

/// The verdicts of a while.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// How many there were.
    pub(crate) samples: u64,
    /// Every leader, in order.
    pub(crate) leaders: Vec<(Duration, String, u64)>,
    /// How many voters settled configurations had.
    pub(crate) sizes: BTreeSet<usize>,
    /// When there was no quorum at two samples or more in a row: from when, and for how long.
    pub(crate) lost: Vec<(Duration, Duration)>,
    /// Since when there is none.
    without: Option<(Duration, u64)>,
}

impl History {
    /// Takes note of what was seen at this time.
    pub(crate) fn record(&mut self, at: Duration, verdict: &Verdict) {
        self.samples += 1;
        if let Some((id, term)) = &verdict.leader {
            if self.leaders.last().is_none_or(|(_, last, _)| last != id) {
                self.leaders.push((at, id.clone(), *term));
            }
            if verdict.settled {
                self.sizes.insert(verdict.voters);
            }
        }
        // The members are not asked at the same instant: one sample proves nothing.
        match (verdict.quorum, self.without) {
            (true, _) => self.without = None,
            (false, None) => self.without = Some((at, 1)),
            (false, Some((since, count))) => {
                self.without = Some((since, count + 1));
                if count == 1 {
                    self.lost.push((since, at - since));
                } else if let Some(last) = self.lost.last_mut() {
                    last.1 = at - since;
                }
            }
        }
    }

    /// How often another member took the lead.
    pub(crate) fn leader_changes(&self) -> usize {
        self.leaders.len().saturating_sub(1)
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.sizes.iter().map(ToString::to_string).collect();
        write!(
            f,
            "quorum lost {} times in {} samples, {} leader changes, settled voter sets of {}",
            self.lost.len(),
            self.samples,
            self.leader_changes(),
            sizes.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::member::{ConfigView, ListedMember};

    fn member(id: &str, leader: &str, term: u64, voters: &[&str]) -> MemberView {
        let listed =
            |id: &&str| ListedMember { member_id: (*id).to_owned(), role: "Voter".to_owned() };
        MemberView {
            member_id: id.to_owned(),
            role: if id == leader { Role::Leader } else { Role::Follower },
            term,
            leader_id: Some(leader.to_owned()),
            serving: true,
            config: ConfigView {
                members: voters.iter().map(listed).collect(),
                ..ConfigView::default()
            },
            ..MemberView::default()
        }
    }

    fn ensemble(ids: &[&str], voters: &[&str]) -> Vec<MemberView> {
        ids.iter().map(|id| member(id, "a", 3, voters)).collect()
    }

    #[test]
    fn a_majority_under_one_leader_is_a_quorum() {
        assert!(judge(&ensemble(&["a", "b"], &["a", "b", "c"])).quorum);
        assert!(!judge(&ensemble(&["a"], &["a", "b", "c"])).quorum);
    }

    #[test]
    fn a_voter_that_follows_another_leader_does_not_count() {
        let mut answers = ensemble(&["a", "b"], &["a", "b", "c"]);
        answers[1].leader_id = Some("c".to_owned());
        assert!(!judge(&answers).quorum);
    }

    #[test]
    fn a_member_that_does_not_serve_does_not_count() {
        let mut answers = ensemble(&["a", "b"], &["a", "b", "c"]);
        answers[1].serving = false;
        assert!(!judge(&answers).quorum);
    }

    #[test]
    fn a_learner_does_not_count() {
        let mut answers = ensemble(&["a", "d"], &["a", "b", "c"]);
        answers[0]
            .config
            .members
            .push(ListedMember { member_id: "d".to_owned(), role: "Learner".to_owned() });
        assert!(!judge(&answers).quorum);
    }

    #[test]
    fn while_membership_changes_both_sets_need_a_majority() {
        let mut answers = ensemble(&["a", "d", "e"], &["a", "b", "c", "d", "e"]);
        answers[0].config.joint = true;
        answers[0].config.outgoing = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let verdict = judge(&answers);
        assert!(!verdict.quorum);
        assert!(!verdict.settled);
    }

    #[test]
    fn the_leader_of_the_highest_term_is_believed() {
        let mut answers = ensemble(&["a", "b", "c"], &["a", "b", "c"]);
        answers[1] = member("b", "b", 4, &["a", "b", "c"]);
        assert_eq!(judge(&answers).leader, Some(("b".to_owned(), 4)));
    }

    fn at(tenths: u64) -> Duration {
        Duration::from_millis(tenths * 100)
    }

    #[test]
    fn one_bad_sample_is_no_loss_and_two_are() {
        let good = judge(&ensemble(&["a", "b"], &["a", "b", "c"]));
        let bad = judge(&ensemble(&["a"], &["a", "b", "c"]));
        let mut history = History::default();
        for (i, verdict) in [&good, &bad, &good, &bad].into_iter().enumerate() {
            history.record(at(2 * i as u64), verdict);
        }
        assert!(history.lost.is_empty());
        history.record(at(8), &bad);
        history.record(at(10), &bad);
        assert_eq!(history.lost, [(at(6), at(4))]);
    }

    #[test]
    fn leader_changes_are_counted_and_only_settled_sizes_are_kept() {
        let mut history = History::default();
        let three = judge(&ensemble(&["a", "b", "c"], &["a", "b", "c"]));
        let mut moving = judge(&ensemble(&["a", "b"], &["a", "b"]));
        moving.settled = false;
        let mut other = three.clone();
        other.leader = Some(("b".to_owned(), 4));
        for (i, verdict) in [&three, &moving, &other, &other, &three].into_iter().enumerate() {
            history.record(at(i as u64), verdict);
        }
        assert_eq!(history.leader_changes(), 2);
        assert_eq!(history.sizes, BTreeSet::from([3]));
    }
}
