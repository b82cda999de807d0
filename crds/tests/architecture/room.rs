//! What a rule of a room can say.

/// What holds in a room: a folder or a file. Where rooms lie in one another, all rules hold.
pub(crate) struct Room {
    /// As ARCHITECTURE.md names it.
    pub(crate) place: &'static str,
    /// Rooms in it that have rules of their own instead.
    pub(crate) except: &'static [&'static str],
    /// If there are any: nothing else may be named, of whatever crate. What lies below an entry is
    /// allowed with it.
    pub(crate) only: &'static [&'static str],
    /// If there are any: nothing else of the same crate may be named.
    pub(crate) own: &'static [&'static str],
    /// Must not be named, whatever the others say.
    pub(crate) never: &'static [&'static str],
    /// Methods that must not be called.
    pub(crate) uncalled: &'static [&'static str],
    /// Words that must not stand in any file, of whatever language.
    pub(crate) unsaid: &'static [&'static str],
    /// Tests are held to it as well.
    pub(crate) tests: bool,
}

/// Nothing is forbidden.
pub(crate) const OPEN: Room = Room {
    place: "",
    except: &[],
    only: &[],
    own: &[],
    never: &[],
    uncalled: &[],
    unsaid: &[],
    tests: true,
};
