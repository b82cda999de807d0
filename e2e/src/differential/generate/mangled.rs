//! Requests whose bodies are not what they claim to be.

use super::Maker;
use crate::differential::history::{Field, Request};
use crate::differential::ops;

/// Lengths and counts that are none, or are not there. Not -1, which is null.
const CLAIMS: [i32; 7] = [-2, i32::MIN, i32::MAX, 1 << 24, 0xF_FFFF, 5_000, 200];

impl Maker {
    /// Spoils a request's body at one place.
    pub(super) fn mangle(&mut self, request: &mut Request) {
        match self.rng.below(6) {
            0 => request.extra = 1 + self.rng.below(9),
            1 => request.cut = Some(self.rng.below(24)),
            2 => request.xid = Some(self.rng.pick(&[0, i32::MAX, -5, i32::MIN, -8])),
            3 => self.claim(&mut request.fields),
            4 => {
                let length = self.rng.below(40);
                let noise: Vec<u8> = (0..length).map(|_| self.noise()).collect();
                request.fields = vec![Field::Bytes(noise)];
            }
            // A TTL that is none, of a znode that should have none, ends ZooKeeper.
            _ if request.op == ops::CREATE_TTL => {}
            _ => {
                let at = self.rng.below(request.fields.len());
                if at < request.fields.len() {
                    request.fields.remove(at);
                }
            }
        }
    }

    /// Never a slash, so that no path of others comes out of it.
    fn noise(&mut self) -> u8 {
        let byte = self.rng.pick(&[0, 0, 0, 1, 4, 127, 128, 255]);
        if self.rng.chance(60) {
            return byte;
        }
        u8::try_from(self.rng.below(256)).ok().filter(|it| *it != b'/').unwrap_or(0)
    }

    /// Puts a length in the place of something that has one.
    fn claim(&mut self, fields: &mut [Field]) {
        let sized =
            |field: &Field| matches!(field, Field::Text(_) | Field::Buffer(_) | Field::List(_));
        let places: Vec<usize> = (0..fields.len()).filter(|at| sized(&fields[*at])).collect();
        if places.is_empty() {
            return;
        }
        let at = self.rng.pick(&places);
        if let Field::List(Some(lines)) = &mut fields[at]
            && self.rng.chance(50)
            && !lines.is_empty()
        {
            let line = self.rng.below(lines.len());
            return self.claim(&mut lines[line]);
        }
        let claim = Field::Int(self.rng.pick(&CLAIMS));
        // With what it was behind it, or without.
        let content = match (&fields[at], self.rng.chance(50)) {
            (Field::Text(Some(text)), true) => Field::Text(Some(text.clone())),
            (Field::List(Some(lines)), true) => Field::Bare(lines.clone()),
            _ => Field::Bytes(Vec::new()),
        };
        fields[at] = Field::Bare(vec![vec![claim, content]]);
    }
}
