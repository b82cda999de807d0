//! Bytes that are no requests: bad lengths, frames that end too early, strangers that say
//! something else first than a handshake, and four-letter words.

use quorate_zk::{Jute, Request as Good};

use super::Maker;
use crate::differential::history::{Action, Field, Request, StepId};
use crate::differential::wire;

/// ZooKeeper's `jute.maxbuffer`: the longest frame that is taken.
pub(super) const LONGEST: usize = 0xF_FFFF;

/// Words whose answers do not depend on what other clients do, and some that are none.
const WORDS: [&str; 11] = [
    "ruok",
    "ruok\n",
    "isro",
    "gtmk",
    "srst",
    "crst",
    "RUOK",
    "nope",
    "ruo\n",
    "GET / HTTP/1.1\r\n\r\n",
    "\u{16}\u{3}\u{1}\u{2}",
];

impl Maker {
    /// Bytes on a client's connection, which does not survive them.
    pub(super) fn raw_step(&mut self, client: usize) {
        let int = |value: i32| value.to_be_bytes().to_vec();
        let (bytes, cut) = match self.rng.below(9) {
            0 => (int(-1), false),
            1 => (int(i32::MIN), false),
            2 => (int(i32::MAX), false),
            3 => (int(i32::try_from(LONGEST).unwrap_or(i32::MAX) + 1), false),
            4 => (int(0), false),
            5 => {
                // Shorter than a request's header.
                let length = 1 + self.rng.below(7);
                let frame = vec![0; length];
                (wire::framed(&frame), false)
            }
            6 => {
                // It never ends.
                let mut bytes = wire::framed(&[0; 40]);
                bytes.truncate(1 + self.rng.below(40));
                (bytes, true)
            }
            7 => (int(-3).repeat(4), false),
            _ => {
                // A whole request, and one that never ends: the first one may be done or not.
                let mut bytes = Vec::new();
                Good::Ping.encode(1, &mut bytes);
                bytes.extend(int(100));
                (bytes, true)
            }
        };
        self.push(client, Action::Raw { bytes, cut });
        if self.rng.chance(60) {
            self.reconnect(client);
        }
    }

    /// A connection of nobody.
    pub(super) fn stranger(&mut self, client: usize) -> StepId {
        let int = |value: i32| value.to_be_bytes().to_vec();
        let bytes = match self.rng.below(10) {
            0 => int(-1),
            1 => int(0),
            2 => int(i32::MAX),
            3 => wire::framed(&[0; 20]),
            4 => {
                // A request in place of a handshake.
                let mut bytes = Vec::new();
                Good::Exists { path: "/", watch: false }.encode(1, &mut bytes);
                bytes
            }
            5 => {
                // A handshake whose password has a length that it cannot have.
                let mut frame = Vec::new();
                frame.int(0);
                frame.long(0);
                frame.int(10_000);
                frame.long(0);
                frame.int(self.rng.pick(&[-2, 17, 1 << 24, i32::MAX, i32::MIN]));
                frame.extend([0; 16]);
                wire::framed(&frame)
            }
            _ => self.rng.pick(&WORDS).as_bytes().to_vec(),
        };
        self.push(client, Action::Stranger(bytes))
    }

    /// A second handshake, which is read as a request.
    pub(super) fn second_handshake(&mut self) -> Request {
        let mut request = Request::new(
            0,
            vec![
                Field::Int(0),
                Field::Int(10_000),
                Field::Long(0),
                Field::Buffer(Some(vec![0; 16])),
                Field::Byte(0),
            ],
        );
        request.xid = Some(0);
        request
    }
}
