//! Changes of the membership that a client asks for, and what must be true of the answers.

use super::super::ask::Ask;
use super::{SimClient, What};
use crate::core::op::{Body, ErrorCode, Op, Request};
use crate::core::types::Zxid;
use crate::sim::operator::CONFIG;
use crate::sim::oracle::Oracle;

impl SimClient {
    /// Asks for this, unless it waits for another one.
    pub(crate) fn reconfigure(&mut self, now: u64, ask: Ask, oracle: &mut Oracle) -> Vec<Request> {
        let mut requests = Vec::new();
        if self.waits_long() || self.issued.len() >= 8 {
            return requests;
        }
        let list = |items: &[String]| Some(items.join(","));
        let numbers = ask.gone.iter().map(|it| {
            let number = it.trim_start_matches("server.");
            number.trim_end_matches('=').to_owned()
        });
        let numbers: Vec<String> = numbers.collect();
        let (version, whole) = (ask.version, ask.whole);
        let op = Op::Reconfig {
            joining: list(&ask.lines).filter(|_| !whole),
            leaving: list(&numbers).filter(|_| !whole),
            members: list(&ask.lines).filter(|_| whole),
            version,
        };
        oracle.asked(&ask);
        let floor = oracle.acknowledged();
        self.issue(now, floor, What::Reconfig(ask), op, &mut requests);
        requests
    }

    /// Reads the configuration, and wants to be told when it changes.
    pub(crate) fn look_at_members(&mut self, now: u64, oracle: &Oracle) -> Vec<Request> {
        let mut requests = Vec::new();
        if self.issued.len() < 8 {
            let fresh = self.linearizable;
            let floor = oracle.acknowledged();
            self.read(now, floor, CONFIG, fresh, true, &mut requests);
        }
        requests
    }

    /// A reconfig takes longer than a server may be silent: a client pings meanwhile.
    pub(super) fn waits_long(&self) -> bool {
        let mut issued = self.issued.iter();
        issued.any(|it| matches!(it.what, What::Reconfig(_)))
            && !self.issued.iter().any(|it| matches!(it.what, What::Ping))
    }
}

/// An answer is what the configuration really was, and has what was asked for; a refused reconfig
/// never comes to pass.
pub(super) fn judge(
    ask: Ask,
    zxid: Zxid,
    floor: Zxid,
    result: &Result<Body, ErrorCode>,
    oracle: &mut Oracle,
) -> Result<(), String> {
    match result {
        Ok(Body::Data { data, .. }) => {
            oracle.check_read(CONFIG, zxid, result)?;
            let text = String::from_utf8_lossy(data.as_deref().unwrap_or_default()).into_owned();
            let servers = text.lines().filter(|it| it.starts_with("server."));
            let present = ask.lines.iter().all(|line| text.lines().any(|it| it == line));
            let absent =
                !text.lines().any(|line| ask.gone.iter().any(|it| line.starts_with(it.as_str())));
            let exact = !ask.whole || servers.count() == ask.lines.len();
            if !(present && absent && exact) {
                return Err(format!("{ask:?} was answered with {text}"));
            }
            if zxid <= floor {
                return Err(format!("{ask:?} at {zxid} is not after {floor}"));
            }
            oracle.took_effect(&ask, zxid)
        }
        Err(
            ErrorCode::BadVersion
            | ErrorCode::BadArguments
            | ErrorCode::ReconfigInProgress
            | ErrorCode::NewConfigNoQuorum
            | ErrorCode::SessionExpired
            | ErrorCode::Unimplemented,
        ) => {
            oracle.refused(ask.marker);
            Ok(())
        }
        other => Err(format!("{ask:?} was answered with {other:?}")),
    }
}
