//! What a consensus core is told once.

use super::event::{Timing, Window};
use crate::core::types::MemberId;

/// This member and its bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) id: MemberId,
    pub(super) timing: Timing,
    pub(super) window: Window,
}
