//! A disk that does not live here: it may be a copy, so nothing is said in its member's name. The
//! server stays up, dials nobody, answers no member and serves no client, and says why.

use super::super::ctx::Ctx;
use super::Ensemble;
use crate::core::effect::Note;
use crate::core::recovery::Residence;
use crate::core::types::{EnsembleId, MemberId, Mono};

/// Between two lines of the log about it, in milliseconds.
const TELL_MS: u64 = 600_000;

/// Where the disk lives, and when that was last told.
#[derive(Debug)]
pub(super) struct Elsewhere {
    sentence: String,
    told: Option<Mono>,
}

impl Elsewhere {
    /// Of a disk of that ensemble and member.
    pub(super) fn new(
        lives: &Residence,
        here: &Residence,
        ensemble: EnsembleId,
        member: MemberId,
    ) -> Elsewhere {
        let sentence = format!(
            "this volume is a copy of {lives} (member {member} of the ensemble {ensemble}), or the \
             ensemble has moved: this is {here}. Nothing is said in that member's name, and nobody \
             is served. If it is a copy, give this server an empty volume, and it joins as a new \
             member; if the ensemble has moved, start its members under the addresses that they had"
        );
        Elsewhere { sentence, told: None }
    }
}

impl Ensemble {
    /// Why this server takes no part, if its disk does not live here.
    pub(in crate::core::node) fn elsewhere(&self) -> Option<&str> {
        self.elsewhere.as_ref().map(|it| it.sentence.as_str())
    }

    /// Tells it, now and then.
    pub(super) fn tick_elsewhere(&mut self, cx: &mut Ctx<'_>) {
        let Some(elsewhere) = &mut self.elsewhere else { return };
        if elsewhere.told.is_none_or(|told| cx.now.mono.since(told) >= TELL_MS) {
            elsewhere.told = Some(cx.now.mono);
            let why = elsewhere.sentence.clone();
            cx.note(Note::Elsewhere { why });
        }
    }
}
