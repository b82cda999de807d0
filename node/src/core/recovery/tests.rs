use std::sync::Arc;

use super::*;
use crate::core::entry::{Entry, Payload};
use crate::core::raft::config::{Config, Member, Role};
use crate::core::raft::event::SnapshotMeta;
use crate::core::state::State;
use crate::core::types::{EnsembleId, MemberId, ServerId};

/// The folder's member, where it lives.
fn me() -> Identity {
    Identity { member: MemberId(7), ensemble: Some(EnsembleId(9)), lives: Some(home()) }
}

fn home() -> Residence {
    Residence { server: ServerId(7), peer: "h7:1".to_owned() }
}

fn hard(term: u64, vote: u64) -> HardState {
    HardState { term: Term(term), vote: Some(MemberId(vote)).filter(|vote| vote.0 > 0) }
}

fn entry(index: u64) -> Record {
    let payload = Payload::NewLeader;
    Record::Entry(Arc::new(Entry { term: Term(1), index: Index(index), payload }))
}

fn voters(count: u64, index: u64) -> Config {
    let member = |id| Member {
        id: MemberId(id),
        server: ServerId(id as u8),
        role: Role::Voter,
        peer: format!("h{id}:1"),
        client: String::new(),
    };
    Config { index: Index(index), members: (1..=count).map(member).collect(), ..Config::default() }
}

fn config(count: u64, index: u64) -> Record {
    let payload = Payload::Config(Arc::new(voters(count, index)));
    Record::Entry(Arc::new(Entry { term: Term(1), index: Index(index), payload }))
}

fn segment(number: u64, records: Vec<Record>, end: SegmentEnd) -> FoundSegment {
    let length = 29 + 40 * records.len();
    FoundSegment { number, content: Ok(Content { records, length, end }) }
}

fn snapshot(index: u64) -> FoundSnapshot {
    let meta = SnapshotMeta { index: Index(index), term: Term(1), config: voters(3, 1) };
    let sound = Arc::new(Snapshot { meta, image: State::new().image() });
    FoundSnapshot { index: Index(index), term: Term(1), content: Some(Ok(sound)) }
}

fn damaged_snapshot(index: u64) -> FoundSnapshot {
    let content = Some(Err(Flaw::Damaged("a block is damaged".to_owned())));
    FoundSnapshot { index: Index(index), term: Term(1), content }
}

/// A voter of three with a log of that content.
fn member(segments: Vec<FoundSegment>) -> Facts {
    Facts {
        identity: Single::Sound(me()),
        vote: Single::Sound(hard(3, 2)),
        segments,
        snapshots: Vec::new(),
        repairing: false,
        wipe: false,
        alone: false,
        fresh: MemberId(99),
        place: Surroundings { here: home(), listed: Vec::new() },
    }
}

/// Of three voters, up to that entry.
fn log(last: u64) -> Vec<Record> {
    let start = [Record::Hard(hard(3, 2)), config(3, 1)];
    start.into_iter().chain((2..=last).map(entry)).collect()
}

fn indexes(recovery: &Recovery) -> Vec<u64> {
    recovery.entries.iter().map(|entry| entry.index.0).collect()
}

fn damage(facts: Facts) -> Damage {
    match decide(facts).unwrap().verdict {
        Verdict::Repairing(damage) => damage,
        verdict => panic!("{verdict:?}"),
    }
}

#[test]
fn a_sound_log_is_gone_on_with_and_nothing_is_changed() {
    let segments =
        vec![segment(1, log(4), SegmentEnd::Clean), segment(2, vec![entry(5)], SegmentEnd::Clean)];
    let recovery = decide(member(segments)).unwrap();
    assert_eq!(recovery.verdict, Verdict::Member);
    assert_eq!((recovery.hard, indexes(&recovery)), (hard(3, 2), vec![1, 2, 3, 4, 5]));
    assert_eq!(recovery.changes, []);
    let sealed = VecDeque::from([(1, Index(4))]);
    assert_eq!(recovery.tail, Tail { sealed, segment: 2, at: Some(69), highest: Index(5) });
}

#[test]
fn the_end_of_the_last_segment_alone_may_be_torn() {
    let last = |end| vec![segment(1, log(4), SegmentEnd::Clean), segment(2, vec![entry(5)], end)];
    let recovery = decide(member(last(SegmentEnd::Torn))).unwrap();
    assert_eq!(recovery.verdict, Verdict::Member);
    assert_eq!(recovery.changes, [Change::CutTail { segment: 2, at: 69 }]);
    assert_eq!(damage(member(last(SegmentEnd::Corrupt))), Damage::At(File::Segment(2), 69));
    for end in [SegmentEnd::Torn, SegmentEnd::Corrupt] {
        let sealed = vec![segment(1, log(4), end), segment(2, vec![entry(5)], SegmentEnd::Clean)];
        assert_eq!(damage(member(sealed)), Damage::At(File::Segment(1), 229));
    }
}

#[test]
fn a_segment_made_ahead_is_removed_and_the_one_before_is_the_last() {
    let ahead =
        vec![segment(1, log(4), SegmentEnd::Torn), segment(2, Vec::new(), SegmentEnd::Clean)];
    let recovery = decide(member(ahead)).unwrap();
    assert_eq!((recovery.verdict, recovery.tail.segment), (Verdict::Member, 1));
    let cut = Change::CutTail { segment: 1, at: 229 };
    assert_eq!(recovery.changes, [Change::Remove(File::Segment(2)), cut]);
}

#[test]
fn a_damage_is_marked_before_the_good_is_copied_and_that_before_the_damaged_goes() {
    let segments = vec![
        segment(1, log(4), SegmentEnd::Corrupt),
        segment(2, vec![entry(9)], SegmentEnd::Clean),
    ];
    let recovery = decide(member(segments)).unwrap();
    let damage = Damage::At(File::Segment(1), 229);
    assert_eq!(recovery.verdict, Verdict::Repairing(damage.clone()));
    let records = log(4);
    let aside = |number| Change::SetAside(File::Segment(number));
    let changes = [Change::Mark(damage), Change::Begin { records }, aside(1), aside(2)];
    assert_eq!(recovery.changes, changes);
    assert_eq!((recovery.tail.segment, recovery.tail.highest), (3, Index(4)));
}

#[test]
fn a_repair_is_due_until_it_is_done_and_what_was_voted_counts_though_the_log_forgot() {
    let mut facts = member(vec![segment(1, log(4), SegmentEnd::Clean)]);
    facts.repairing = true;
    assert_eq!(damage(facts), Damage::Earlier);
    let mut facts = member(vec![segment(1, log(4), SegmentEnd::Torn)]);
    facts.vote = Single::Sound(hard(8, 4));
    assert_eq!(decide(facts).unwrap().hard, hard(8, 4));
    let mut facts = member(vec![segment(1, log(4), SegmentEnd::Clean)]);
    facts.vote = Single::Missing;
    let recovery = decide(facts).unwrap();
    assert_eq!(recovery.hard, hard(3, 2));
    assert_eq!(recovery.changes, [Change::Vote(hard(3, 2))], "made anew");
}

#[test]
fn what_is_missing_from_the_middle_or_the_start_or_altogether_is_a_damage() {
    let gap =
        vec![segment(1, log(4), SegmentEnd::Clean), segment(3, vec![entry(9)], SegmentEnd::Clean)];
    assert_eq!(damage(member(gap)), Damage::NoFileBefore(File::Segment(3)));
    let late = vec![segment(2, vec![entry(5)], SegmentEnd::Clean)];
    assert_eq!(damage(member(late)), Damage::NoEntries { before: Index(5) });
    let reset = vec![segment(1, vec![Record::Reset(Index(8))], SegmentEnd::Clean)];
    assert_eq!(damage(member(reset)), Damage::NoSnapshot(Index(8)));
    assert_eq!(damage(member(Vec::new())), Damage::NoLog);
}

#[test]
fn a_damaged_snapshot_is_passed_over_if_the_log_reaches_as_far_and_is_a_damage_if_not() {
    let with = |last, snapshots| {
        let mut facts = member(vec![segment(1, log(last), SegmentEnd::Clean)]);
        facts.snapshots = snapshots;
        facts
    };
    let aside = Change::SetAside(File::Snapshot(Index(8), Term(1)));
    let recovery = decide(with(9, vec![damaged_snapshot(8), snapshot(5)])).unwrap();
    assert_eq!(recovery.verdict, Verdict::Member);
    assert_eq!(recovery.snapshot.map(|it| it.meta.index), Some(Index(5)));
    assert!(recovery.changes.len() == 1 && recovery.changes.contains(&aside), "lest it is sent");
    let short = with(7, vec![damaged_snapshot(8), snapshot(5)]);
    assert_eq!(damage(short.clone()), Damage::Snapshot(File::Snapshot(Index(8), Term(1))));
    let changes = decide(short).unwrap().changes;
    assert!(matches!(changes[0], Change::Mark(_)) && changes.contains(&aside));
}

#[test]
fn with_nobody_who_has_the_data_a_damage_is_refused() {
    for (count, alone, refused) in [(1, false, true), (1, true, true), (3, true, false)] {
        let records = vec![Record::Hard(hard(3, 2)), config(count, 1)];
        let mut facts = member(vec![segment(1, records, SegmentEnd::Corrupt)]);
        facts.alone = alone;
        assert_eq!(decide(facts).is_err(), refused, "{count} voters, {alone}");
    }
    let mut facts = member(Vec::new());
    assert!(decide(facts.clone()).is_ok());
    facts.alone = true;
    assert_eq!(decide(facts).unwrap_err(), Refusal::Alone(Damage::NoLog));
    // What is behind the damage still tells that there are others.
    let first = vec![Record::Hard(hard(3, 2)), config(1, 1)];
    let later = segment(2, vec![config(3, 5)], SegmentEnd::Clean);
    assert!(decide(member(vec![segment(1, first, SegmentEnd::Corrupt), later])).is_ok());
}

#[test]
fn who_cannot_know_its_votes_or_who_it_is_is_refused_in_words() {
    let mut facts = member(vec![segment(1, log(4), SegmentEnd::Corrupt)]);
    facts.vote = Single::Flawed(Flaw::Damaged("damaged".to_owned()));
    assert!(matches!(decide(facts), Err(Refusal::ForgottenVote(_))));
    let refusal = |identity| {
        let mut facts = member(vec![segment(1, log(4), SegmentEnd::Clean)]);
        facts.identity = identity;
        decide(facts).unwrap_err()
    };
    let flawed = |flaw: fn(String) -> Flaw| refusal(Single::Flawed(flaw("what".to_owned())));
    assert_eq!(refusal(Single::Missing), Refusal::NoIdentity);
    assert_eq!(flawed(Flaw::Damaged), Refusal::DamagedIdentity);
    let unreadable = Refusal::Unreadable(File::Identity, "what".to_owned());
    assert_eq!(flawed(Flaw::Unreadable), unreadable);
    // As if its last change had never happened: but the disk has spoken since.
    let before = refusal(Single::Sound(Identity { ensemble: None, ..me() }));
    assert_eq!(before, Refusal::ForgottenEnsemble);
    for refusal in [before, Refusal::NoIdentity, Refusal::DamagedIdentity] {
        let text = refusal.to_string();
        assert!(text.contains("identity") && text.contains("move the data folder aside"), "{text}");
    }
}

#[test]
fn a_blank_folder_gets_an_identity_before_it_gets_a_log() {
    let mut facts = member(Vec::new());
    (facts.identity, facts.vote) = (Single::Missing, Single::Missing);
    let recovery = decide(facts).unwrap();
    let identity = Identity { member: MemberId(99), ensemble: None, lives: Some(home()) };
    assert_eq!((recovery.verdict, recovery.identity), (Verdict::Blank, identity.clone()));
    let begin = Change::Begin { records: Vec::new() };
    assert_eq!(recovery.changes, [Change::Identify(identity), begin]);
}

#[test]
fn adopted_but_silent_it_is_blank_again_and_forgets_the_ensemble_last() {
    let silent = || {
        let mut facts = member(vec![segment(1, Vec::new(), SegmentEnd::Torn)]);
        facts.vote = Single::Sound(hard(1, 0));
        facts
    };
    let recovery = decide(silent()).unwrap();
    let identity = Identity { ensemble: None, ..me() };
    assert_eq!((recovery.verdict, recovery.hard), (Verdict::Blank, HardState::default()));
    let forgets = [Change::Remove(File::Vote), Change::Identify(identity)];
    assert_eq!(recovery.changes[1..], forgets);
    let kept: [fn(&mut Facts); 4] = [
        |it| it.vote = Single::Sound(hard(1, 3)),
        |it| it.repairing = true,
        |it| it.snapshots = vec![snapshot(0)],
        |it| it.segments[0].number = 2,
    ];
    for spoke in kept {
        let mut facts = silent();
        spoke(&mut facts);
        assert_eq!(decide(facts).unwrap().identity, me());
    }
}

#[test]
fn a_wipe_archives_the_identity_first_and_forgets_that_it_was_asked_last() {
    let mut facts = member(vec![segment(1, log(4), SegmentEnd::Corrupt)]);
    facts.wipe = true;
    let recovery = decide(facts.clone()).unwrap();
    assert_eq!((recovery.verdict, recovery.identity.member), (Verdict::Blank, MemberId(99)));
    let identity = Change::Archive(Archived::Identity);
    assert_eq!(recovery.changes[..2], [Change::EmptyArchive, identity.clone()]);
    let place = |change| recovery.changes.iter().position(|it| *it == change);
    let all = [Archived::Vote, Archived::Log, Archived::Snapshots, Archived::Repair];
    for archived in all {
        assert!(place(Change::Archive(archived)) < place(Change::Remove(File::Wipe)));
    }
    facts.identity = Single::Missing;
    let again = decide(facts).unwrap();
    assert_eq!(again.changes[0], identity, "what an earlier start archived is kept");
}

#[test]
fn what_another_version_wrote_is_refused_in_its_words_whatever_else_is_wrong() {
    let newer = || Flaw::OtherVersion("of version 9".to_owned());
    let sound = || member(vec![segment(1, log(4), SegmentEnd::Corrupt)]);
    let spoilt: [fn(&mut Facts, Flaw); 4] = [
        |it, flaw| it.identity = Single::Flawed(flaw),
        |it, flaw| it.vote = Single::Flawed(flaw),
        |it, flaw| it.segments.push(FoundSegment { number: 2, content: Err(flaw) }),
        |it, flaw| it.snapshots.push(FoundSnapshot { content: Some(Err(flaw)), ..snapshot(2) }),
    ];
    for spoil in spoilt {
        let mut facts = sound();
        spoil(&mut facts, newer());
        let refusal = decide(facts).unwrap_err();
        assert!(matches!(refusal, Refusal::OtherVersion(..)), "{refusal:?}");
        assert!(refusal.to_string().ends_with(": of version 9"), "{refusal}");
    }
}

/// The same member's folder, found by that server.
fn found_at(server: u8, peer: &str) -> Facts {
    let mut facts = member(vec![segment(1, log(4), SegmentEnd::Clean)]);
    facts.place.here = Residence { server: ServerId(server), peer: peer.to_owned() };
    facts
}

/// The identity of a folder of three members that no program has said yet where it lives.
fn unsaid(member: u64) -> Single<Identity> {
    Single::Sound(Identity { member: MemberId(member), lives: None, ..me() })
}

#[test]
fn a_member_that_is_found_elsewhere_takes_no_part_and_goes_on_living_where_it_lives() {
    let recovery = decide(found_at(7, "h7.copy:1")).unwrap();
    assert_eq!(recovery.verdict, Verdict::Elsewhere(home()));
    assert_eq!((recovery.identity, recovery.changes), (me(), vec![]));
    // Also one that is damaged, or of a program that did not say yet where it lives: its log does.
    let mut damaged = found_at(7, "h7.copy:1");
    damaged.segments = vec![segment(1, log(4), SegmentEnd::Corrupt)];
    assert_eq!(decide(damaged).unwrap().verdict, Verdict::Elsewhere(home()));
    let mut older = found_at(2, "h2.copy:1");
    older.identity = unsaid(2);
    let recovery = decide(older).unwrap();
    let lives = Residence { server: ServerId(2), peer: "h2:1".to_owned() };
    assert_eq!(recovery.verdict, Verdict::Elsewhere(lives));
}

#[test]
fn a_disk_of_a_program_before_says_from_now_on_where_it_lives() {
    let mut older = found_at(2, "h2:1");
    older.identity = unsaid(2);
    let here = older.place.here.clone();
    let recovery = decide(older).unwrap();
    assert_eq!(recovery.verdict, Verdict::Member);
    assert_eq!(recovery.identity.lives, Some(here));
    assert_eq!(recovery.changes, [Change::Identify(recovery.identity)]);
}

#[test]
fn a_changed_address_of_a_listed_server_is_told_and_taken_over() {
    let mut facts = found_at(7, "new-h7:1");
    let here = facts.place.here.clone();
    facts.place.listed = vec![here.clone()];
    let recovery = decide(facts).unwrap();
    assert_eq!(recovery.verdict, Verdict::Member);
    assert_eq!(recovery.notes, [Note::Moved { from: home(), to: here.clone() }]);
    assert_eq!(recovery.changes, [Change::Identify(recovery.identity)]);
    // But not by a server beside which the list still has the owner.
    let mut facts = found_at(3, "h3:1");
    facts.place.listed = vec![facts.place.here.clone(), home()];
    assert_eq!(decide(facts).unwrap().verdict, Verdict::Elsewhere(home()));
}

#[test]
fn a_blank_disk_that_is_found_elsewhere_is_another_one() {
    let mut facts = member(Vec::new());
    facts.vote = Single::Missing;
    facts.identity = Single::Sound(Identity { ensemble: None, ..me() });
    assert_eq!(decide(facts.clone()).unwrap().identity.member, MemberId(7));
    facts.place.here = Residence { server: ServerId(7), peer: "h7.copy:1".to_owned() };
    let here = facts.place.here.clone();
    let recovery = decide(facts).unwrap();
    let identity = Identity { member: MemberId(99), ensemble: None, lives: Some(here) };
    assert_eq!((recovery.verdict, recovery.identity), (Verdict::Blank, identity.clone()));
    assert_eq!(recovery.changes.last(), Some(&Change::Identify(identity)));
}
