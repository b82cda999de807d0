//! Operators' short names of requests, as the four-letter word `cons` shows a connection's last one
//! (ZooKeeper's `FinalRequestProcessor`).

use super::op::{Op, Read, Write};

/// Of a session's making or taking over.
pub(crate) const SESSION: &str = "SESS";
/// Of a ping.
pub(crate) const PING: &str = "PING";

/// The short name of a request. One that ZooKeeper has no name for is `NA`.
pub(crate) fn of(op: &Op) -> &'static str {
    match op {
        Op::Read(read) => of_read(read),
        Op::Write(write) => of_write(write),
        Op::Sync { .. } => "SYNC",
        Op::Ping => PING,
        Op::SetWatches(set) => {
            let older = set.persistent.is_empty() && set.persistent_recursive.is_empty();
            if older { "SETW" } else { "STW2" }
        }
        Op::AddWatch { .. } => "ADDW",
        Op::RemoveWatches { .. } => "REMW",
        Op::CheckWatches { .. } => "CHKW",
        Op::Reconfig { .. } => "RECO",
        Op::Close => "CLOS",
        _ => "NA",
    }
}

fn of_read(read: &Read) -> &'static str {
    match read {
        Read::Exists { .. } => "EXIS",
        Read::GetData { .. } => "GETD",
        Read::GetAcl { .. } => "GETA",
        Read::GetChildren { .. } => "GETC",
        Read::GetAllChildrenNumber { .. } => "GETACN",
        Read::GetEphemerals { .. } => "GETE",
        Read::MultiRead(_) => "MLTR",
        Read::WhoAmI => "HOMI",
    }
}

fn of_write(write: &Write) -> &'static str {
    match write {
        Write::Create(_) => "CREA",
        Write::Delete { .. } => "DELE",
        Write::SetData { .. } => "SETD",
        Write::SetAcl { .. } => "SETA",
        Write::Check { .. } => "CHEC",
        Write::Multi(_) => "MULT",
        Write::Reconfig(_) => "RECO",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::op::SetWatches;

    #[test]
    fn the_two_ops_that_set_watches_again_are_told_apart_by_what_only_one_can_carry() {
        let mut set = SetWatches::default();
        set.data.push("/a".to_owned());
        assert_eq!(of(&Op::SetWatches(set.clone())), "SETW");
        set.persistent.push("/a".to_owned());
        assert_eq!(of(&Op::SetWatches(set)), "STW2");
    }
}
