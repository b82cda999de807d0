//! What a client does with znodes that end by themselves.

use super::super::oracle::mortal;
use super::super::rng::Rng;
use super::writes::{create, create_for, set};
use super::{SimClient, What};
use crate::core::op::{Op, Request, Write, flags};
use crate::core::types::Zxid;

/// What makes a TTL znode.
const TTL: i32 = 5;
/// How many of its own a client goes on with.
const KEPT: usize = 4;

impl SimClient {
    /// Makes a container or TTL znode, gives one a child, takes that away, or writes to one.
    pub(super) fn mortal(&mut self, now: u64, floor: Zxid, rng: &mut Rng, out: &mut Vec<Request>) {
        let data = self.next_serial();
        let name = format!("c{}s{}", self.name, self.serial);
        let old = rng.pick(&self.mortals).cloned();
        let write = match (rng.below(6), old) {
            (0 | 1, _) | (_, None) => {
                let ttl = [300, 2_000, 8_000][rng.below(3) as usize];
                let path = mortal::path(Some(ttl), &name);
                self.mortals.push(path.clone());
                create_for(&path, &data, TTL, Some(ttl))
            }
            (2, _) => {
                let path = mortal::path(None, &name);
                self.mortals.push(path.clone());
                create(&path, &data, flags::CONTAINER)
            }
            (3, Some(old)) => create(&format!("{old}/child"), &data, 0),
            (4, Some(old)) => {
                let (path, version) = (format!("{old}/child"), -1);
                let op = Op::Write(Write::Delete { path, version });
                return self.issue(now, floor, What::Delete, op, out);
            }
            (_, Some(old)) => set(&old, &data),
        };
        if self.mortals.len() > KEPT {
            self.mortals.remove(0);
        }
        self.issue(now, floor, What::Write(data), Op::Write(write), out);
    }
}
