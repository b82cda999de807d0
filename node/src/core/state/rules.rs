//! What each ensemble version means. All members apply the same entry under the same rules: which
//! ones is replicated itself, and is changed by an entry ([`crate::core::entry::Action::SetVersion`]),
//! never by which program happens to apply it.
//!
//! | version | from then on |
//! |---|---|
//! | 1 | as it was before there were versions |
//! | 2 | the digest covers what access lists say and what is known of sessions; snapshots are stored in format 3 |
//! | 3 | the log's entries are stored in version 2 |

use crate::core::types::EnsembleVersion;

/// What a new ensemble starts with, so that members of every program can join it.
pub(crate) const FIRST: EnsembleVersion = EnsembleVersion(1);
/// The newest whose rules this program knows.
pub(crate) const NEWEST: EnsembleVersion = EnsembleVersion(3);

/// Whether the digest covers access lists and sessions, and the version itself.
pub(super) fn digest_covers_all(version: EnsembleVersion) -> bool {
    version >= EnsembleVersion(2)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::entry::{Action, Command, Entry, Payload};
    use crate::core::op::{Acl, Create, Id, Write};
    use crate::core::state::State;
    use crate::core::types::{Index, Password, ServerId, SessionId, Term, Wall};

    struct World(State, SessionId);

    impl World {
        /// With a session and a znode, whose rights and secrets are these.
        fn new(version: EnsembleVersion, who: &str, timeout_ms: i32, secret: u8) -> World {
            let mut world = World(State::new(), SessionId(0));
            world.apply(Action::SetVersion(version));
            let password = Password([secret; 16]);
            let server = ServerId(1);
            world.1 = world.apply(Action::CreateSession { server, timeout_ms, password });
            let id = Id { scheme: "digest".into(), id: who.into() };
            let acl = Some(vec![Acl { perms: 31, id }]);
            let (path, data) = ("/a".to_owned(), None);
            let create = Create { path, data, acl, flags: 0, ttl: None, with_stat: false };
            world.write(Write::Create(create));
            world
        }

        fn apply(&mut self, action: Action) -> SessionId {
            let command = Command { wall: Wall(7), origin: None, action };
            let payload = Payload::Command(Arc::new(command));
            let outcome =
                self.0.apply(&Entry { term: Term(1), index: self.0.applied().next(), payload });
            assert!(outcome.result.is_ok());
            outcome.opened.map_or(SessionId(0), |opened| opened.session)
        }

        fn write(&mut self, write: Write) {
            let caller = Id { scheme: "digest".into(), id: "a:x".into() };
            let (session, attach, ids) = (self.1, Index(2), Arc::from([caller]));
            self.apply(Action::Write { session, attach, ids, write });
        }
    }

    const SECOND: EnsembleVersion = EnsembleVersion(2);

    #[test]
    fn from_version_2_on_rights_and_sessions_count_in_the_digest() {
        for (version, counts) in [(FIRST, false), (SECOND, true)] {
            let of = |who, timeout, secret| World::new(version, who, timeout, secret).0.digest();
            let digest = of("a:x", 5_000, 1);
            assert_eq!(of("a:x", 5_000, 1), digest);
            for other in [of("b:x", 5_000, 1), of("a:x", 6_000, 1), of("a:x", 5_000, 2)] {
                assert_eq!(other != digest, counts, "version {version}");
            }
        }
    }

    #[test]
    fn the_digest_is_the_same_however_a_state_came_about() {
        let mut world = World::new(FIRST, "a:x", 5_000, 1);
        let id = || Id { scheme: "world".into(), id: "anyone".into() };
        world.write(Write::SetAcl {
            path: "/a".into(),
            acl: Some(vec![Acl { perms: 1, id: id() }, Acl { perms: 3, id: id() }]),
            version: -1,
        });
        let early = world.0.digest();
        world.apply(Action::SetVersion(SECOND));
        assert_ne!(world.0.digest(), early);
        let restored = State::restore(&world.0.image());
        assert_eq!((restored.digest(), restored.version()), (world.0.digest(), SECOND));
        let (session, password) = (world.1, Password([1; 16]));
        world.apply(Action::Attach { session, password, timeout_ms: 9_000 });
        let attached = State::restore(&world.0.image());
        assert_eq!(attached.digest(), world.0.digest());
        world.apply(Action::CloseSession { session, attach: None });
        let closed = State::restore(&world.0.image());
        assert_eq!(closed.digest(), world.0.digest());
    }

    #[test]
    fn the_version_is_never_lowered() {
        let mut world = World::new(SECOND, "a:x", 5_000, 1);
        world.apply(Action::SetVersion(FIRST));
        assert_eq!(world.0.version(), SECOND);
    }
}
