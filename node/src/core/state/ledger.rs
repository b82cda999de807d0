//! What is kept beside each znode so that no write has to work it out again: hashes of its path and
//! data, its part of the digest, and what is below it. One row for each place of the arena, outside
//! of the image; made anew when one is restored.
//!
//! A write costs as much as the znode is deep, however much data it has and however many are below.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bytes::Bytes;

use super::digest;
use super::znode::{ROOT, Znode};

/// Znodes and bytes of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) znodes: i64,
    pub(super) bytes: i64,
}

impl Amount {
    fn add(&mut self, other: Amount) {
        self.znodes += other.znodes;
        self.bytes += other.bytes;
    }

    fn negative(self) -> Amount {
        Amount { znodes: -self.znodes, bytes: -self.bytes }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    path: u64,
    data: u64,
    part: u64,
    /// Its access list's part, which counts apart.
    access: u64,
    /// The znode itself and all below it.
    holds: Amount,
    parent: u32,
    depth: u32,
}

/// The rows of all znodes.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    rows: Vec<Row>,
    digest: u64,
    access_digest: u64,
    /// Below these places something is gone that the rows above them still hold. The deepest is
    /// first.
    unsettled: BTreeMap<(Reverse<u32>, u32), Amount>,
}

impl Ledger {
    /// The sum of all parts.
    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// The sum of all access lists' parts.
    pub(super) fn access_digest(&self) -> u64 {
        self.access_digest
    }

    /// What a subtree has, its own znode included.
    pub(super) fn holds(&self, place: u32) -> Amount {
        self.rows.get(place as usize).map_or_else(Amount::default, |row| row.holds)
    }

    /// A znode is there from now on; its parent is already.
    pub(super) fn enter(&mut self, place: u32, znode: &Znode, list: u64) {
        let own = self.enter_alone(place, znode, list);
        if place != ROOT {
            self.spread(znode.parent, own);
        }
    }

    /// The same, while those above are not told what they hold ([`Ledger::sum_up`]).
    pub(super) fn enter_alone(&mut self, place: u32, znode: &Znode, list: u64) -> Amount {
        let above = self.rows.get(znode.parent as usize).copied();
        let above = above.unwrap_or_default();
        let own = Amount { znodes: 1, bytes: length(znode.data.as_ref()) };
        let mut row = Row {
            path: digest::of_path(above.path, &znode.name),
            data: digest::of_data(znode.data.as_ref()),
            part: 0,
            access: 0,
            holds: own,
            parent: znode.parent,
            depth: above.depth + 1,
        };
        row.part = digest::of_znode(row.path, row.data, znode);
        self.digest = self.digest.wrapping_add(row.part);
        row.access = digest::of_words([row.path, list]);
        self.access_digest = self.access_digest.wrapping_add(row.access);
        let at = place as usize;
        if self.rows.len() <= at {
            self.rows.resize(at + 1, Row::default());
        }
        self.rows[at] = row;
        own
    }

    /// Tells every znode of a tree what it holds. `all` has each place after its parent's.
    pub(super) fn sum_up(&mut self, all: &[u32]) {
        for place in all.iter().rev().filter(|place| **place != ROOT) {
            let Row { holds, parent, .. } = self.rows[*place as usize];
            self.rows[parent as usize].holds.add(holds);
        }
    }

    /// A znode changed, but for its data.
    pub(super) fn changed(&mut self, place: u32, znode: &Znode) {
        if let Some(row) = self.rows.get_mut(place as usize) {
            let part = digest::of_znode(row.path, row.data, znode);
            self.digest = self.digest.wrapping_sub(row.part).wrapping_add(part);
            row.part = part;
        }
    }

    /// A znode has another access list, of this hash.
    pub(super) fn access_changed(&mut self, place: u32, list: u64) {
        if let Some(row) = self.rows.get_mut(place as usize) {
            let access = digest::of_words([row.path, list]);
            self.access_digest = self.access_digest.wrapping_sub(row.access).wrapping_add(access);
            row.access = access;
        }
    }

    /// A znode's data changed, and perhaps the rest: `grown` by so many bytes.
    pub(super) fn data_changed(&mut self, place: u32, znode: &Znode, grown: i64) {
        if let Some(row) = self.rows.get_mut(place as usize) {
            row.data = digest::of_data(znode.data.as_ref());
        }
        self.changed(place, znode);
        let (znodes, bytes) = (0, grown);
        self.spread(place, Amount { znodes, bytes });
    }

    /// A childless znode is gone.
    pub(super) fn leave(&mut self, place: u32) {
        if let Some((parent, gone)) = self.take(place) {
            self.spread(parent, gone);
        }
    }

    /// The same for one of many, which those above are told of together ([`Ledger::settle`]).
    pub(super) fn leave_unsettled(&mut self, place: u32) {
        if let Some((parent, gone)) = self.take(place) {
            self.unsettle(parent, gone);
        }
    }

    fn take(&mut self, place: u32) -> Option<(u32, Amount)> {
        let row = std::mem::take(self.rows.get_mut(place as usize)?);
        self.digest = self.digest.wrapping_sub(row.part);
        self.access_digest = self.access_digest.wrapping_sub(row.access);
        (place != ROOT).then(|| (row.parent, row.holds.negative()))
    }

    fn unsettle(&mut self, place: u32, more: Amount) {
        if let Some(row) = self.rows.get(place as usize) {
            let due = self.unsettled.entry((Reverse(row.depth), place));
            due.or_default().add(more);
        }
    }

    /// Tells those above of all that left: each of them once, however many had it above them.
    pub(super) fn settle(&mut self) {
        while let Some(((_, place), amount)) = self.unsettled.pop_first() {
            if let Some(row) = self.rows.get_mut(place as usize) {
                row.holds.add(amount);
                let parent = row.parent;
                if place != ROOT {
                    self.unsettle(parent, amount);
                }
            }
        }
    }

    fn spread(&mut self, from: u32, more: Amount) {
        let mut at = from;
        while let Some(row) = self.rows.get_mut(at as usize) {
            row.holds.add(more);
            if at == ROOT {
                break;
            }
            at = row.parent;
        }
    }
}

/// What data counts for.
pub(super) fn length(data: Option<&Bytes>) -> i64 {
    data.map_or(0, |data| data.len() as i64)
}
