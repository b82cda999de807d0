//! What the operating system grants a process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Every client costs a descriptor, and the usual soft limit of 1,024 is for programs that call
/// `select`: takes as many as the hard limit allows.
pub(super) fn raise_descriptors() {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: before.maximum,
        maximum: before.maximum,
    };
    if before.current == before.maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        let limit = before.current;
        tracing::warn!(%error, limit, "raise the limit of open files: clients are limited by it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_descriptors_as_the_hard_limit_allows_may_be_open() {
        let hard = getrlimit(Resource::Nofile).maximum;
        let low = Rlimit {
            current: Some(1_000),
            maximum: hard,
        };
        setrlimit(Resource::Nofile, low).unwrap();
        raise_descriptors();
        assert_eq!(getrlimit(Resource::Nofile).current, hard);
    }
}
