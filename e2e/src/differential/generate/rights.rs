//! Who may do what, and who somebody is: access lists and auth packets.

use super::{Maker, Theme};
use crate::differential::history::{Field, Request};
use crate::differential::ops;

/// `digest` ids of users with the passwords that [`Maker::auth`] sends.
pub(super) const BOB: &str = "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=";
/// What the servers are told about the super user: `super:test`.
pub(in crate::differential) const SUPER: &str = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";

/// Access lists as users write them: somebody may do some things.
const USUAL: [&[(i32, &str, &str)]; 12] = [
    &[(31, "digest", BOB)],
    &[(31, "auth", "")],
    &[(1, "world", "anyone"), (31, "digest", BOB)],
    &[(1, "world", "anyone"), (30, "auth", "")],
    &[(30, "world", "anyone")],
    &[(15, "world", "anyone")],
    &[(5, "world", "anyone"), (8, "ip", "127.0.0.1")],
    &[(27, "world", "anyone")],
    &[(23, "world", "anyone")],
    &[(16, "world", "anyone")],
    &[(17, "world", "anyone"), (12, "ip", "127.0.0.0/8"), (2, "digest", BOB)],
    &[(31, "ip", "10.0.0.0/8"), (3, "digest", SUPER)],
];

impl Maker {
    pub(super) fn acl(&mut self) -> Field {
        let odd = match self.theme {
            Theme::Rights | Theme::Sasl => 60,
            _ => 8,
        };
        if !self.rng.chance(odd) {
            return open_acl();
        }
        if self.rng.chance(8) {
            return Field::List(if self.rng.chance(50) { None } else { Some(Vec::new()) });
        }
        if self.rng.chance(70) {
            return self.usual_acl();
        }
        let lines = (0..1 + self.rng.below(3)).map(|_| self.acl_line());
        Field::List(Some(lines.collect()))
    }

    fn usual_acl(&mut self) -> Field {
        if self.theme == Theme::Sasl && self.rng.chance(75) {
            return self.sasl_acl();
        }
        list(self.rng.pick(&USUAL))
    }

    pub(super) fn acl_line(&mut self) -> Vec<Field> {
        let perms = self.rng.pick(&[31, 31, 31, 1, 2, 4, 8, 16, 3, 15, 30, 0, 255, -1]);
        let (scheme, id) = self.rng.pick(&[
            ("world", "anyone"),
            ("world", "anyone"),
            ("auth", ""),
            ("auth", "whatever"),
            ("digest", BOB),
            ("digest", SUPER),
            ("ip", "127.0.0.1"),
            ("ip", "127.0.0.0/8"),
            ("ip", "10.0.0.0/8"),
            ("world", "anyone"),
            ("auth", ""),
            ("digest", BOB),
            ("world", "someone"),
            ("digest", "bob"),
            ("digest", "a:b:c"),
            ("digest", ""),
            ("ip", "300.1.1.1"),
            ("ip", "127.0.0.1/33"),
            ("ip", "127.0.0.1/-1"),
            ("ip", "127.0.0.1/x"),
            ("ip", "127.0.0.1/"),
            ("ip", "1.2.3"),
            ("ip", "::1"),
            ("ip", "0:0:0:0:0:0:0:1"),
            ("ip", ""),
            ("super", ""),
            ("sasl", "bob"),
            ("sasl", ""),
            ("sasl", "super"),
            ("sasl", "a@b@c"),
            ("x509", "CN=bob"),
            ("nobody", "x"),
            ("", ""),
        ]);
        vec![Field::Int(perms), Field::text(scheme), Field::text(id)]
    }

    pub(super) fn auth(&mut self) -> Request {
        let digest = |text: &'static str| ("digest", Some(text));
        let (scheme, auth) = self.rng.pick(&[
            digest("bob:secret"),
            digest("bob:secret"),
            digest("alice:secret"),
            digest("super:test"),
            digest("super:wrong"),
            ("ip", Some("")),
            ("ip", Some("1.2.3.4")),
            ("world", Some("anyone")),
            digest("nocolon"),
            digest(":"),
            digest("a:b:c"),
            digest(""),
            ("digest", None),
            ("nobody", Some("x")),
            ("auth", Some("")),
            ("x509", Some("CN=bob")),
            ("sasl", Some("bob")),
            ("ensemble", Some("ours")),
            ("super", Some("")),
            ("", Some("")),
        ]);
        auth_packet(scheme, auth)
    }
}

/// An access list of these lines.
pub(super) fn list(lines: &[(i32, &str, &str)]) -> Field {
    let line = |(perms, scheme, id): &(i32, &str, &str)| {
        vec![Field::Int(*perms), Field::text(scheme), Field::text(id)]
    };
    Field::List(Some(lines.iter().map(line).collect()))
}

pub(super) fn auth_packet(scheme: &str, auth: Option<&str>) -> Request {
    let auth = Field::Buffer(auth.map(|it| it.as_bytes().to_vec()));
    let mut request = Request::new(ops::AUTH, vec![Field::Int(0), Field::text(scheme), auth]);
    request.xid = Some(-4);
    request
}

/// `world:anyone` with all permissions.
pub(super) fn open_acl() -> Field {
    let line = vec![Field::Int(31), Field::text("world"), Field::text("anyone")];
    Field::List(Some(vec![line]))
}
