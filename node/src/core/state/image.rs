//! An immutable image of the replicated state that shares structure with it.

/// The replicated state at one index.
#[derive(Clone, Debug, Default)]
pub struct Image {}
