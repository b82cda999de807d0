//! Paths: few that are good, and every way to be bad.

use super::{Maker, Theme};
use crate::differential::history::Field;

/// Good ones, the first ones more often; `$` is the history's root.
const GOOD: [&str; 18] = [
    "$/a",
    "$/a",
    "$/a",
    "$/a",
    "$/a",
    "$/b",
    "$/b",
    "$/b",
    "$/a/x",
    "$/a/x",
    "$/a/x",
    "$",
    "$/a/y",
    "$/b/x",
    "$/a/x/deep",
    "$/c",
    "$/a/n0000000000",
    "$/a/n0000000001",
];

/// One for each rule, and each edge of a range of characters.
const BAD: [&str; 27] = [
    "",
    "a",
    "$/",
    "$/a/",
    "$//a",
    "$/./a",
    "$/../a",
    "$/a/.",
    "$/a/..",
    "$/.a",
    "$/...",
    "$/a\0b",
    "$/\u{1}",
    "$/\u{1f}",
    "$/\u{7f}",
    "$/\u{9f}",
    "$/\u{a0}",
    "$/\u{d7ff}",
    "$/\u{e000}",
    "$/\u{f8ff}",
    "$/\u{f900}",
    "$/\u{ffef}",
    "$/\u{fff0}",
    "$/\u{ffff}",
    "$/\u{1f600}",
    "$/missing//x",
    "$/missing/x/../y",
];

/// Znodes that all histories share.
const SHARED: [&str; 6] =
    ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/zookeeper/nothing", ""];

impl Maker {
    /// Mostly a good one.
    pub(super) fn path(&mut self) -> Field {
        let odd = if self.theme == Theme::Odd { 30 } else { 3 };
        if self.rng.chance(odd) {
            return self.bad_path();
        }
        Field::text(self.rng.pick(&GOOD))
    }

    pub(super) fn good_path(&mut self) -> Field {
        Field::text(self.rng.pick(&GOOD))
    }

    pub(super) fn bad_path(&mut self) -> Field {
        match self.rng.below(30) {
            0 => Field::Text(None),
            1 => Field::Text(Some(b"$/\xFFx".to_vec())),
            2 => Field::Text(Some(b"$/\xE2\x82".to_vec())),
            _ => Field::text(self.rng.pick(&BAD)),
        }
    }

    pub(super) fn shared_path(&mut self) -> Field {
        Field::text(self.rng.pick(&SHARED))
    }
}
