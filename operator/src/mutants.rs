//! Planted faults. A guard that nothing fails without is not known to be there, so each guard that is
//! named here can be left out at run time, alone or beside another: whoever tests plants a fault and must
//! see a property break. Only with the feature `mutants`, which no program that ships is built with.

/// The names of all of them: what is left out, or done wrong.
pub const ALL: &[&str] = &[
    "an absent member is removed",
    "an apply forces everything",
    "an apply lowers the replicas",
    "an apply states no uid",
    "an apply states no version",
    "an even or partial formation",
    "an old configuration is believed",
    "an old spec is applied again",
    "a call names any configuration",
    "a change is marked before it is committed",
    "a change of the membership upon another",
    "a deletion states no version",
    "a disk that goes is taken in",
    "a disruption beside an absent member",
    "a foreign object is none",
    "a leader is alone",
    "a leader is heard for ever",
    "a leader leaves without a successor",
    "a leader is restarted like a follower",
    "a handover waits for a lost token",
    "a learner votes at once",
    "a lost disk is replaced whatever the spec says",
    "a merge states no uid and version",
    "a new spec is not applied first",
    "a pod goes though another could not start",
    "a pod goes while it has a member",
    "a pod is not asked whether it is ready",
    "a record is overwritten",
    "a repair beside a pod that goes",
    "a report states no version",
    "a roll does not wait for voters",
    "a second ensemble is formed",
    "several ensembles are adopted as one",
    "what others control is adopted",
    "a seed is formed again",
    "a serving pod is deleted",
    "a spare is not kept",
    "a StatefulSet is made for the wanted only",
    "a stranger's disk fits",
    "a template is applied without what it needs",
    "a turn is not asked for",
    "an ensemble is formed before its pods are sure",
    "an image that has not worked is given to others",
    "an operator's upgrade restarts members",
    "another's objects are ours",
    "another's turn is left",
    "claims go when scaled",
    "claims go with their StatefulSet",
    "claims keep the keys of other tools",
    "claims lose the owners of others",
    "a claim goes before its member",
    "a claim goes that a late spec wants",
    "a claim goes under its pod",
    "an old spec decides on claims",
    "pods grow on claims that may go",
    "claims go with any spec",
    "configurations go while pods use them",
    "followers of any term count",
    "invariants are not asked",
    "members that are not ready serve",
    "paused is not paused",
    "pods go though an ensemble may be there",
    "the mark comes after the change",
    "whoever does not serve is broken",
];

#[cfg(feature = "mutants")]
thread_local! {
    static PLANTED: std::cell::Cell<&'static [&'static str]> = const { std::cell::Cell::new(&[]) };
}

/// Plants these of [`ALL`] in this thread, in the place of those before; whether this program can.
#[cfg(feature = "mutants")]
pub fn plant(names: &'static [&'static str]) -> bool {
    PLANTED.set(names);
    true
}

/// Plants these of [`ALL`] in this thread, in the place of those before; whether this program can.
#[cfg(not(feature = "mutants"))]
pub fn plant(names: &'static [&'static str]) -> bool {
    names.is_empty()
}

/// Whether this one is planted.
#[cfg(feature = "mutants")]
pub fn planted(name: &str) -> bool {
    PLANTED.get().contains(&name) || named().is_some_and(|named| named == name)
}

/// Whether this one is planted.
#[cfg(not(feature = "mutants"))]
pub const fn planted(_name: &str) -> bool {
    false
}

/// What the environment plants in every thread: for tests that plant nothing themselves.
#[cfg(feature = "mutants")]
fn named() -> Option<&'static str> {
    static NAMED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    NAMED.get_or_init(|| std::env::var("QUORATE_MUTANT").ok()).as_deref()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::ALL;

    fn read(folder: &Path, into: &mut String) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                read(&path, into);
            } else if !path.ends_with("mutants.rs") && path.extension().is_some_and(|it| it == "rs")
            {
                into.push_str(&std::fs::read_to_string(&path).expect("a text"));
            }
        }
    }

    #[test]
    fn every_fault_that_is_named_can_be_planted_and_every_one_that_can_is_named() {
        let mut text = String::new();
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        read(&own.join("src"), &mut text);
        read(&own.join("../e2e/src/world"), &mut text);
        let used: BTreeSet<&str> = text
            .split("planted(\"")
            .skip(1)
            .filter_map(|rest| rest.split_once('"').map(|(name, _)| name))
            .collect();
        assert_eq!(used, ALL.iter().copied().collect::<BTreeSet<&str>>());
        #[cfg(not(feature = "mutants"))]
        assert!(ALL.iter().all(|name| !super::planted(name)), "what ships has none of them");
    }
}
