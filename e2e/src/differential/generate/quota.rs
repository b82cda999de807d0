//! Quotas of the history's own znodes: limits and usage below `/zookeeper/quota`, and writes that
//! keep or break them. One write at a time: ZooKeeper judges by what it has applied so far, so what
//! is on its way, or stands before in the same multi, counts or not as it happens.

use super::Maker;
use super::requests::persistent;
use super::rights::open_acl;
use crate::differential::history::{Field, Request};
use crate::differential::ops;

/// Znodes with quotas, by the places of their branches; the second lies below the first.
const PLACES: [&str; 3] = ["~", "~/a", "~/b"];
/// Limits as ZooKeeper's tools write them, soft and hard. ZooKeeper does not survive others.
const LIMITS: [&str; 11] = [
    "count=3,bytes=-1",
    "count=-1,bytes=20",
    "count=-1,bytes=-1=;byteHardLimit=30;countHardLimit=4",
    "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=4",
    "count=2,bytes=5=;byteHardLimit=40;countHardLimit=5",
    "count=-1,bytes=-1=;byteHardLimit=12;countHardLimit=-1",
    "count=-1,bytes=-1=;byteHardLimit=0;countHardLimit=0",
    "countHardLimit=3",
    "byteHardLimit=25",
    "bytes=7,count=3;countHardLimit=6",
    "",
];
/// What clients create usage with, or spoil it by.
const USAGES: [&str; 4] = ["count=0,bytes=0", "count=0,bytes=0", "", "count=9,bytes=90"];

impl Maker {
    /// The branches of quotas, and mostly a quota.
    pub(super) fn plant_quotas(&mut self) -> Vec<Request> {
        let mut requests: Vec<Request> =
            PLACES.iter().map(|place| persistent(place, open_acl())).collect();
        let place = self.rng.pick(&PLACES);
        if self.rng.chance(80) {
            for part in ["zookeeper_limits", "zookeeper_stats"] {
                requests.push(self.quota_part(place, part));
            }
        }
        requests
    }

    fn text_of(&mut self, part: &str) -> Field {
        let text = match part {
            "zookeeper_limits" => self.rng.pick(&LIMITS),
            _ => self.rng.pick(&USAGES),
        };
        Field::Buffer(Some(text.as_bytes().to_vec()))
    }

    fn quota_part(&mut self, place: &str, part: &str) -> Request {
        let text = self.text_of(part);
        let path = Field::text(&format!("{place}/{part}"));
        Request::new(ops::CREATE, vec![path, text, open_acl(), Field::Int(0)])
    }

    /// Something about a quota itself, or a write that it counts.
    pub(super) fn quota_request(&mut self) -> Request {
        let place = self.rng.pick(&PLACES);
        let part = self.rng.pick(&["zookeeper_limits", "zookeeper_stats"]);
        let path = Field::text(&format!("{place}/{part}"));
        match self.rng.weighted(&[3, 2, 1, 4, 1, 5, 6]) {
            0 => self.quota_part(place, part),
            1 => {
                let text = self.text_of(part);
                Request::new(ops::SET_DATA, vec![path, text, Field::Int(-1)])
            }
            2 => Request::new(ops::DELETE, vec![path, Field::Int(-1)]),
            3 => Request::new(ops::GET_DATA, vec![path, Field::Byte(0)]),
            4 => {
                let place = Field::text(place);
                Request::new(ops::GET_CHILDREN2, vec![place, Field::Byte(0)])
            }
            5 => {
                let (path, data) = (self.good_path(), self.some_data());
                Request::new(ops::SET_DATA, vec![path, data, Field::Int(-1)])
            }
            _ => {
                let flags = self.rng.pick(&[0, 0, 1, 2]);
                let path = match flags {
                    2 => Field::text(self.rng.pick(&["$/a/n", "$/n", "$/b/"])),
                    _ => self.good_path(),
                };
                let fields = vec![path, self.some_data(), open_acl(), Field::Int(flags)];
                Request::new(self.rng.pick(&[ops::CREATE, ops::CREATE2]), fields)
            }
        }
    }

    /// Of any length that limits can tell from others.
    fn some_data(&mut self) -> Field {
        let length = self.rng.below(24);
        Field::Buffer((length > 0).then(|| vec![b'd'; length - 1]))
    }
}
