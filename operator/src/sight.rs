//! What one reconcile has seen of an ensemble.

use crate::plan::names::Names;
use crate::plan::observed::Observed;

/// What was seen, and what must not be shown: the token.
pub(crate) struct Sight {
    /// For the plan.
    pub(crate) observed: Observed,
    /// Of the ensemble's objects.
    pub(crate) names: Names,
    /// For calls to members; empty while there is none.
    pub(crate) token: String,
}
