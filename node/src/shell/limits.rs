//! What the operating system grants a process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Every client costs a descriptor, and the usual soft limit of 1,024 is for programs that call
/// `select`: takes as many as the hard limit allows.
pub(crate) fn raise_descriptors() {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    if before.current == before.maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        let limit = before.current;
        tracing::warn!(%error, limit, "raise the limit of open files: clients are limited by it");
    }
}

/// Descriptors that clients do not get: the log, snapshots, other members and probes need theirs,
/// and a segment of the log that cannot be made ends the process.
const RESERVE: usize = 128;

/// How many client connections there may be, if so many are wanted (0: any number).
pub(super) fn connections(wanted: usize) -> usize {
    within(wanted, getrlimit(Resource::Nofile).current)
}

/// `limit`: of descriptors; `None`: there is none.
fn within(wanted: usize, limit: Option<u64>) -> usize {
    let Some(limit) = limit else { return wanted };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // Where the limit is tight, too, somebody must be served.
    let most = limit.saturating_sub(RESERVE).max(limit / 4).max(1);
    if wanted == 0 { most } else { wanted.min(most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_descriptors_as_the_hard_limit_allows_may_be_open() {
        let hard = getrlimit(Resource::Nofile).maximum;
        let low = Rlimit { current: Some(1_000), maximum: hard };
        setrlimit(Resource::Nofile, low).unwrap();
        raise_descriptors();
        assert_eq!(getrlimit(Resource::Nofile).current, hard);
    }

    #[test]
    fn clients_leave_descriptors_to_the_log() {
        let cases = [
            ((0, None), 0),
            ((50, None), 50),
            ((0, Some(1_024)), 896),
            ((50, Some(1_024)), 50),
            ((5_000, Some(1_024)), 896),
            ((0, Some(100)), 25),
            ((0, Some(0)), 1),
        ];
        for ((wanted, limit), most) in cases {
            assert_eq!(within(wanted, limit), most, "{wanted} {limit:?}");
        }
    }
}
