//! What a start makes of what it finds on the disk: a pure function from the facts to what this
//! member is and what is done to its files.
//!
//! A last batch that power cut short is cut off. Damage to what was durable when a later record was
//! written, or in a file that was sealed, is something else: entries that may have been
//! acknowledged are gone. The member then keeps what is good, does not vote, and repairs itself from
//! the others; alone it refuses to start. A refusal changes nothing.
//!
//! `file` names · `facts` what was found · `replay` what the log's records amount to · `damage` what can
//! be wrong, in sentences · `place` where disks live, `residence` whether one does
//! where it was found · `plan` what is decided.

mod damage;
pub(crate) mod facts;
mod file;
mod place;
mod plan;
mod replay;
mod residence;

use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) use self::damage::{Damage, Refusal};
pub(crate) use self::facts::{
    Content, Facts, Flaw, FoundSegment, FoundSnapshot, Identity, Record, SegmentEnd, Single,
};
pub(crate) use self::file::File;
pub use self::place::{Residence, Surroundings};
pub(crate) use self::plan::{Archived, Change, Note, Recovery, Tail, Verdict};
use self::replay::Replay;
use self::residence::Finding;
use super::input::Snapshot;
use super::raft::event::HardState;
use super::types::{Index, MemberId, Term};

/// Decides what a member starts as, and what is done to its files before it says anything.
///
/// # Errors
/// When it must not start; nothing may be changed then.
pub(crate) fn decide(facts: Facts) -> Result<Recovery, Refusal> {
    if facts.wipe {
        return Ok(wiped(&facts));
    }
    of_this_version(&facts)?;
    let Facts { identity, vote, mut segments, snapshots, repairing, alone, fresh, place, .. } =
        facts;
    let mut changes = without_unused(&mut segments);
    let identity = match identity {
        Single::Sound(identity) => identity,
        Single::Missing if segments.is_empty() => {
            // Before the log: a log without an identity is refused.
            let identity = new_identity(&place, fresh);
            changes.push(Change::Identify(identity.clone()));
            identity
        }
        Single::Missing => return Err(Refusal::NoIdentity),
        Single::Flawed(Flaw::Unreadable(why)) => {
            return Err(Refusal::Unreadable(File::Identity, why));
        }
        Single::Flawed(_) => return Err(Refusal::DamagedIdentity),
    };
    let mut notes = Vec::new();
    let any_snapshot = !snapshots.is_empty();
    let Snapshots { sound: snapshot, damaged } = newest_sound(snapshots, &mut notes);
    let voters = voters(&segments, snapshot.as_deref());
    let configured = residence::configured(&segments, snapshot.as_deref(), identity.member);
    let mut replay = Replay::new(snapshot.as_ref().map_or(Index(0), |it| it.meta.index));
    if segments.is_empty() && identity.ensemble.is_some() {
        // Term and vote were in it: to begin anew would be to vote twice.
        replay.damaged(Damage::NoLog);
    }
    let numbers: Vec<u64> = segments.iter().map(|it| it.number).collect();
    let read = follow(segments, &mut replay)?;
    if let Some(newest) = damaged.first().filter(|it| it.index > replay.last()) {
        replay.damaged(Damage::Snapshot(newest.file()));
    }
    let spoke = any_snapshot || !replay.entries.is_empty() || replay.hard != HardState::default();
    let voted = voted(vote, &mut notes)?;
    if identity.ensemble.is_none() && (spoke || voted.is_some_and(|it| it.vote.is_some())) {
        return Err(Refusal::ForgottenEnsemble);
    }
    replay.hard = later(replay.hard, voted.unwrap_or_default());

    let mut decision = Decision { identity, voted, changes, notes, elsewhere: None };
    let tail = match &replay.damage {
        None => decision.go_on(read),
        Some(damage) => {
            if voters.map_or(alone, |voters| voters <= 1) {
                return Err(Refusal::Alone(damage.clone()));
            }
            if voted.is_none() && decision.identity.ensemble.is_some() {
                return Err(Refusal::ForgottenVote(damage.clone()));
            }
            decision.rewrite(damage, &numbers, &replay)
        }
    };
    // Lest somebody takes one of them for the newest, or sends it.
    let aside = damaged.iter().filter(|it| it.read).map(|it| Change::SetAside(it.file()));
    decision.changes.extend(aside);
    if replay.damage.is_none() && repairing {
        replay.damage = Some(Damage::Earlier);
    }
    // Only the first segment shows that nothing was said: a later one followed records that are gone.
    if !spoke && numbers == [1] && replay.damage.is_none() {
        decision.blank_again(&mut replay);
    }
    decision.find(&place, configured, fresh);
    Ok(decision.end(replay, snapshot, tail))
}

/// Whatever else is wrong with a disk: of what another version wrote on it nothing can be judged, and
/// nothing may be changed. A snapshot that is not looked at does not matter.
fn of_this_version(facts: &Facts) -> Result<(), Refusal> {
    let identity = facts.identity.flaw().map(|flaw| (File::Identity, flaw));
    let vote = facts.vote.flaw().map(|flaw| (File::Vote, flaw));
    let segments = facts.segments.iter().filter_map(|it| {
        let flaw = it.content.as_ref().err()?;
        Some((File::Segment(it.number), flaw))
    });
    let snapshots = facts.snapshots.iter().filter_map(|it| {
        let flaw = it.content.as_ref()?.as_ref().err()?;
        Some((File::Snapshot(it.index, it.term), flaw))
    });
    let flaws = identity.into_iter().chain(vote).chain(segments).chain(snapshots);
    for (file, flaw) in flaws {
        if let Flaw::OtherVersion(sentence) = flaw {
            return Err(Refusal::OtherVersion(file, sentence.clone()));
        }
    }
    Ok(())
}

/// What is known so far, and what is to be done about it.
struct Decision {
    identity: Identity,
    voted: Option<HardState>,
    changes: Vec<Change>,
    notes: Vec<Note>,
    /// Where the disk lives, if it is not here.
    elsewhere: Option<Residence>,
}

impl Decision {
    /// The log is sound: it goes on where it ends.
    fn go_on(&mut self, read: Segments) -> Tail {
        let Some(last) = read.last else {
            let segment = 1;
            self.changes.push(Change::Begin { records: Vec::new() });
            return Tail { sealed: read.sealed, segment, at: None, highest: Index(0) };
        };
        let Last { segment, at, highest, torn } = last;
        if torn {
            self.notes.push(Note::TornTail { segment, at });
            self.changes.push(Change::CutTail { segment, at });
        }
        Tail { sealed: read.sealed, segment, at: Some(at), highest }
    }

    /// Begins the log anew with what is good, and puts the damaged files aside.
    fn rewrite(&mut self, damage: &Damage, numbers: &[u64], replay: &Replay) -> Tail {
        // Before the damaged files go: a start that finds only what is good must still know that
        // something is missing.
        self.changes.push(Change::Mark(damage.clone()));
        let segment = numbers.last().map_or(1, |last| last + 1);
        let mut records = vec![Record::Hard(replay.hard)];
        records.extend(replay.entries.values().map(|entry| Record::Entry(Arc::clone(entry))));
        let highest = replay.entries.keys().next_back().copied().unwrap_or_default();
        // Before they go as well: until then they are all there is of it.
        self.changes.push(Change::Begin { records });
        let old = numbers.iter().map(|number| Change::SetAside(File::Segment(*number)));
        self.changes.extend(old);
        Tail { sealed: VecDeque::new(), segment, at: None, highest }
    }

    /// The process ended between saving the ensemble's id and the first record: a vote or an
    /// acknowledgement leaves only after its record, so there was none, and without a configuration
    /// this disk would wait for ever.
    fn blank_again(&mut self, replay: &mut Replay) {
        // A founder's first term, in which nobody votes, may have been saved before it was logged.
        let founding = self.voted.is_none_or(|it| it.vote.is_none() && it.term <= Term(1));
        if self.identity.ensemble.is_none() || !founding {
            return;
        }
        self.notes.push(Note::BlankAgain);
        replay.hard = HardState::default();
        self.identity.ensemble = None;
        // The identity last: a start in between finds the same case once more.
        let identity = Change::Identify(self.identity.clone());
        self.changes.extend([Change::Remove(File::Vote), identity]);
    }

    /// Judges whether the disk is where it lives, and has it say from now on where that is.
    fn find(&mut self, place: &Surroundings, configured: Option<Residence>, fresh: MemberId) {
        let lives = residence::known(&self.identity, configured);
        match place.judge(lives.as_ref()) {
            Finding::Home => {}
            Finding::Elsewhere(lives) if self.identity.ensemble.is_some() => {
                self.elsewhere = Some(lives);
                return;
            }
            // It may be a copy, and nobody counts on its id here.
            Finding::Elsewhere(_) => self.identity.member = fresh,
            Finding::Moved(from) => {
                self.notes.push(Note::Moved { from, to: place.here.clone() });
            }
        }
        if self.identity.lives.as_ref() != Some(&place.here) {
            self.identity.lives = Some(place.here.clone());
            self.changes.push(Change::Identify(self.identity.clone()));
        }
    }

    fn end(mut self, replay: Replay, snapshot: Option<Arc<Snapshot>>, tail: Tail) -> Recovery {
        let hard = replay.hard;
        if self.voted != Some(hard) && hard != HardState::default() {
            self.changes.push(Change::Vote(hard));
        }
        let verdict = match (self.elsewhere, replay.damage) {
            (Some(lives), _) => Verdict::Elsewhere(lives),
            (None, Some(damage)) => Verdict::Repairing(damage),
            (None, None) if self.identity.ensemble.is_none() => Verdict::Blank,
            (None, None) => Verdict::Member,
        };
        Recovery {
            verdict,
            identity: self.identity,
            hard,
            snapshot,
            entries: replay.entries.into_values().collect(),
            changes: self.changes,
            tail,
            notes: self.notes,
        }
    }
}

/// Of a disk that begins blank.
fn new_identity(place: &Surroundings, fresh: MemberId) -> Identity {
    Identity { member: fresh, ensemble: None, lives: Some(place.here.clone()) }
}

/// Everything goes into the archive, and the member begins blank.
fn wiped(facts: &Facts) -> Recovery {
    let identity = new_identity(&facts.place, facts.fresh);
    let mut changes = Vec::new();
    if facts.identity != Single::Missing {
        // Otherwise an earlier start has begun, and its archive is the one to fill. One is kept: the newest.
        changes.push(Change::EmptyArchive);
    }
    changes.extend([
        // First: without it the rest could only be refused, never be voted with.
        Change::Archive(Archived::Identity),
        Change::Archive(Archived::Vote),
        Change::Archive(Archived::Log),
        Change::Archive(Archived::Snapshots),
        Change::Archive(Archived::Repair),
        // Once nothing is left of the member that was asked to go.
        Change::Remove(File::Wipe),
        Change::Identify(identity.clone()),
        Change::Begin { records: Vec::new() },
    ]);
    Recovery {
        verdict: Verdict::Blank,
        identity,
        hard: HardState::default(),
        snapshot: None,
        entries: Vec::new(),
        changes,
        tail: Tail { sealed: VecDeque::new(), segment: 1, at: None, highest: Index(0) },
        notes: Vec::new(),
    }
}

/// A segment is made before it is needed. One without a record is taken away: the one before it
/// is still the last, may end in a torn write, and holds the vote.
fn without_unused(segments: &mut Vec<FoundSegment>) -> Vec<Change> {
    let mut changes = Vec::new();
    while let [_, .., last] = &segments[..] {
        let unused = |scan: &Content| scan.records.is_empty() && scan.end != SegmentEnd::Corrupt;
        if !last.content.as_ref().is_ok_and(unused) {
            break;
        }
        changes.push(Change::Remove(File::Segment(last.number)));
        segments.pop();
    }
    changes
}

/// What the snapshot files amount to.
struct Snapshots {
    /// The newest that can be used.
    sound: Option<Arc<Snapshot>>,
    /// Newer ones that are damaged, newest first.
    damaged: Vec<Useless>,
}

/// A snapshot that cannot be used.
struct Useless {
    index: Index,
    term: Term,
    /// Its content was given, and is not what was written.
    read: bool,
}

impl Useless {
    fn file(&self) -> File {
        File::Snapshot(self.index, self.term)
    }
}

/// A damaged snapshot is passed over: an older one will do if the log covers the gap.
fn newest_sound(snapshots: Vec<FoundSnapshot>, notes: &mut Vec<Note>) -> Snapshots {
    let mut found = Snapshots { sound: None, damaged: Vec::new() };
    for FoundSnapshot { index, term, content } in snapshots {
        match content {
            Some(Ok(snapshot)) => {
                found.sound = Some(snapshot);
                break;
            }
            Some(Err(flaw)) => {
                let read = matches!(flaw, Flaw::Damaged(_));
                notes.push(Note::PassOver(File::Snapshot(index, term), flaw));
                found.damaged.push(Useless { index, term, read });
            }
            None => {}
        }
    }
    found
}

/// How many voters the newest configuration has that can be read, also behind a damage.
fn voters(segments: &[FoundSegment], snapshot: Option<&Snapshot>) -> Option<usize> {
    let newest = residence::configs(segments, snapshot).max_by_key(|it| it.index)?;
    Some(newest.voters().len())
}

/// What the vote file says; `None` if that is gone or cannot be read.
fn voted(vote: Single<HardState>, notes: &mut Vec<Note>) -> Result<Option<HardState>, Refusal> {
    match vote {
        Single::Sound(hard) => Ok(Some(hard)),
        Single::Missing => Ok(None),
        Single::Flawed(Flaw::Unreadable(why)) => Err(Refusal::Unreadable(File::Vote, why)),
        Single::Flawed(flaw) => {
            notes.push(Note::FlawedVote(flaw));
            Ok(None)
        }
    }
}

/// What holds of two: the later term, and the vote in it.
fn later(one: HardState, other: HardState) -> HardState {
    std::cmp::max_by_key(one, other, |it| (it.term, it.vote.is_some()))
}

/// The sound segments of a log.
#[derive(Default)]
struct Segments {
    /// Number and highest entry.
    sealed: VecDeque<(u64, Index)>,
    last: Option<Last>,
}

/// The last segment: where its records end, the highest entry in it, and whether a torn write follows.
struct Last {
    segment: u64,
    at: usize,
    highest: Index,
    torn: bool,
}

/// Follows the segments up to the first damage: what is before it is kept.
fn follow(segments: Vec<FoundSegment>, replay: &mut Replay) -> Result<Segments, Refusal> {
    let mut found = Segments::default();
    let mut before = None;
    let count = segments.len();
    for (place, FoundSegment { number, content }) in segments.into_iter().enumerate() {
        let (file, is_last) = (File::Segment(number), place + 1 == count);
        let scan = match content {
            Ok(scan) => scan,
            Err(Flaw::Unreadable(why)) => return Err(Refusal::Unreadable(file, why)),
            Err(_) => {
                replay.damaged(Damage::Header(file));
                break;
            }
        };
        if before.is_some_and(|before| before + 1 != number) {
            replay.damaged(Damage::NoFileBefore(file));
            break;
        }
        let highest = replay.take(scan.records);
        if scan.end == SegmentEnd::Corrupt || (scan.end == SegmentEnd::Torn && !is_last) {
            replay.damaged(Damage::At(file, scan.length));
        }
        if replay.damage.is_some() {
            break;
        }
        if is_last {
            let torn = scan.end == SegmentEnd::Torn;
            found.last = Some(Last { segment: number, at: scan.length, highest, torn });
        } else {
            found.sealed.push_back((number, highest));
        }
        before = Some(number);
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
