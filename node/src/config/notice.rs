//! What a person should know of settings that are no errors.

use std::path::PathBuf;

/// One such thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A key of ZooKeeper's that tunes what does not exist here.
    Meaningless { line: usize, key: String },
    /// A key that nobody knows; a system property, to ZooKeeper.
    Unknown { line: usize, key: String },
    /// A system property that ZooKeeper takes from its file only.
    OfFileOnly { property: String },
    /// The JAAS file has no section of this name, so there is no SASL.
    NoSection { file: PathBuf, section: String },
    /// `reconfigEnabled` is set where an operator decides who is a member.
    ReconfigIsOperated,
}
