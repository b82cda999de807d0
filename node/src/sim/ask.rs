//! What a client asks of the membership.

/// A reconfig as it was asked for. Each gives a client port to some server that no other one gives
/// to any, so that its effect can be told from all others.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// That port, as the end of a line.
    pub marker: String,
    /// Lines of servers that must be there.
    pub lines: Vec<String>,
    /// Starts of lines of servers that must not.
    pub gone: Vec<String>,
    /// Whether nobody else may be there.
    pub whole: bool,
    /// Of the configuration that it is meant for; -1 is any.
    pub version: i64,
}
