//! Who is on a connection: auth packets and SASL, and what is asked of those who are nobody yet.
//! Source: ZooKeeper's `ZooKeeperServer.processPacket` and `processSasl`, and its providers.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::super::ctx::Ctx;
use super::Clients;
use crate::core::auth::digest_md5::{Failure, Step};
use crate::core::effect::{CloseReason, Note};
use crate::core::op::{Acl, Body, ErrorCode, Id, Op, Reply, ServerFrame, Write};
use crate::core::types::{ConnId, Zxid};

/// `user:password` as the id that ACLs name: `user:base64(sha1(user:password))`.
fn digest_id(auth: &[u8]) -> String {
    let text = String::from_utf8_lossy(auth);
    let user = text.split(':').next().unwrap_or_default();
    let hash = STANDARD.encode(Sha1::digest(text.as_bytes()));
    format!("{user}:{hash}")
}

/// What an auth packet came to.
enum Packet {
    Accepted,
    Refused(&'static str),
    /// The connection is closed without a word, so that the client tries another server.
    OtherEnsemble,
}

impl From<Result<(), &'static str>> for Packet {
    fn from(result: Result<(), &'static str>) -> Packet {
        match result {
            Ok(()) => Packet::Accepted,
            Err(why) => Packet::Refused(why),
        }
    }
}

impl Clients {
    /// Gives a connection an id, after `super` if that is due.
    fn add_ids(
        &mut self,
        conn: ConnId,
        scheme: &str,
        id: String,
        is_super: bool,
    ) -> Result<(), &'static str> {
        let Some(connection) = self.connections.get_mut(conn) else {
            return Ok(());
        };
        let assumed = is_super.then(|| ("super", String::new()));
        for (scheme, id) in assumed.into_iter().chain([(scheme, id)]) {
            let scheme = scheme.to_owned();
            if !connection.add_id(Id { scheme, id }) {
                return Err("the connection has too many ids");
            }
        }
        Ok(())
    }

    /// The client's certificate was verified.
    pub(super) fn certified(&mut self, cx: &Ctx<'_>, conn: ConnId, subject: &str) {
        if cx.options.auth.knows("x509") {
            let is_super = cx.options.auth.super_subject.as_deref() == Some(subject);
            // The first of its ids: there is room.
            let _ = self.add_ids(conn, "x509", subject.to_owned(), is_super);
        }
    }

    fn add_digest(&mut self, cx: &Ctx<'_>, conn: ConnId, auth: &[u8]) -> Result<(), &'static str> {
        let id = digest_id(auth);
        let listed = cx.options.auth.super_digest.as_ref();
        let is_super = listed.is_some_and(|it| it.as_bytes().ct_eq(id.as_bytes()).into());
        self.add_ids(conn, "digest", id, is_super)
    }

    /// Whether the ensemble is the one that the client looks for.
    fn is_meant(&self, cx: &Ctx<'_>, name: &[u8]) -> bool {
        let names = &cx.options.auth.ensemble_names;
        name.is_empty() || names.is_empty() || names.iter().any(|it| it.as_bytes() == name)
    }

    fn packet(&mut self, cx: &Ctx<'_>, conn: ConnId, scheme: &str, auth: Option<&[u8]>) -> Packet {
        if !cx.options.auth.knows(scheme) {
            return Packet::Refused("the scheme is not known here, or not switched on");
        }
        match scheme {
            "digest" => match auth {
                Some(auth) => self.add_digest(cx, conn, auth).into(),
                None => Packet::Refused("there is no user"),
            },
            // The implicit id is there already.
            "ip" => Packet::Accepted,
            "x509" if self.has_scheme(conn, &["x509".to_owned()]) => Packet::Accepted,
            "x509" => Packet::Refused("the client showed no certificate"),
            "ensemble" if self.is_meant(cx, auth.unwrap_or_default()) => Packet::Accepted,
            "ensemble" => Packet::OtherEnsemble,
            _ => Packet::Refused("this scheme has no packet"),
        }
    }

    /// An auth packet. A failed one is answered and ends the connection, as in ZooKeeper.
    pub(super) fn authenticate(
        &mut self,
        cx: &mut Ctx<'_>,
        conn: ConnId,
        xid: i32,
        scheme: &str,
        auth: Option<&[u8]>,
    ) {
        match self.packet(cx, conn, scheme, auth) {
            Packet::Accepted => self.answer_auth(cx, conn, xid, (ErrorCode::Ok, Body::Empty)),
            Packet::Refused(why) => {
                note_failure(cx, conn, scheme, why);
                self.answer_auth(cx, conn, xid, (ErrorCode::AuthFailed, Body::Empty));
            }
            Packet::OtherEnsemble => self.close(cx, conn, CloseReason::OtherEnsemble),
        }
    }

    /// A step of SASL. It is answered at once, before what is in the line, as in ZooKeeper.
    pub(super) fn sasl(&mut self, cx: &mut Ctx<'_>, conn: ConnId, xid: i32, token: Option<&[u8]>) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        let step = match (token, &cx.options.auth.sasl_users) {
            (None, _) => Err(Failure::Unreadable("there is no token")),
            // ZooKeeper without SASL answers so, and its clients go on unauthenticated.
            (_, None) => {
                return self.answer_auth(cx, conn, xid, (ErrorCode::Ok, Body::Token(None)));
            }
            (Some(token), Some(users)) => connection.sasl.step(token, users),
        };
        let step = match step {
            Ok(Step::Done { user, token }) => {
                let is_super = cx.options.auth.super_users.contains(&user);
                let added = self.add_ids(conn, "sasl", user, is_super);
                added.map(|()| token).map_err(Failure::from)
            }
            Ok(Step::Challenge(token)) => Ok(token),
            Err(failure) => Err(failure),
        };
        let why = match step {
            Ok(token) => {
                let body = Body::Token(Some(token));
                return self.answer_auth(cx, conn, xid, (ErrorCode::Ok, body));
            }
            Err(Failure::Refused(why)) => why,
            Err(Failure::Unreadable(why)) => {
                note_failure(cx, conn, "sasl", why);
                return self.close(cx, conn, CloseReason::AuthFailed);
            }
        };
        note_failure(cx, conn, "sasl", why);
        let required = cx.options.auth.enforced.iter().any(|it| it == "sasl");
        let err = if required {
            ErrorCode::SessionClosedRequireSaslAuth
        } else if cx.options.auth.allow_sasl_failed {
            ErrorCode::Ok
        } else {
            ErrorCode::AuthFailed
        };
        self.answer_auth(cx, conn, xid, (err, Body::Token(None)));
    }

    /// Answers outside the line of requests, with the zxid 0; an error ends the connection.
    fn answer_auth(
        &mut self,
        cx: &mut Ctx<'_>,
        conn: ConnId,
        xid: i32,
        (err, body): (ErrorCode, Body),
    ) {
        let zxid = Zxid(0);
        let reply = Reply { xid, zxid, err, body };
        self.tell(cx, conn, ServerFrame::Reply(reply));
        match err {
            ErrorCode::Ok => {}
            ErrorCode::AuthFailed => self.close(cx, conn, CloseReason::AuthFailed),
            _ => self.close(cx, conn, CloseReason::AuthRequired),
        }
    }

    fn has_scheme(&self, conn: ConnId, schemes: &[String]) -> bool {
        let ids = self.connections.get(conn).map(|it| &it.ids);
        ids.is_some_and(|ids| ids.iter().any(|id| schemes.contains(&id.scheme)))
    }

    /// Whether the connection must authenticate first. Pings are not excepted.
    pub(super) fn lacks_authentication(&self, cx: &Ctx<'_>, conn: ConnId, op: &Op) -> bool {
        let enforced = &cx.options.auth.enforced;
        let free = enforced.is_empty() || matches!(op, Op::Auth { .. } | Op::Sasl { .. });
        !free && !self.has_scheme(conn, enforced)
    }

    /// The answer to who lacks it. The name of the code is of SASL, but it is that of any scheme.
    pub(super) fn demand_authentication(&mut self, cx: &mut Ctx<'_>, conn: ConnId, xid: i32) {
        let why = "a request came before the authentication that is enforced";
        note_failure(cx, conn, "any", why);
        let error = ErrorCode::SessionClosedRequireSaslAuth;
        self.answer_auth(cx, conn, xid, (error, Body::Empty));
    }

    /// Takes the scheme off lines of access lists whose scheme is not on here. The list is then
    /// refused at its place among the checks, the same on every member, whatever is on there.
    pub(super) fn name_only_known_schemes(&self, cx: &Ctx<'_>, mut write: Write) -> Write {
        let forget = |list: &mut Option<Vec<Acl>>| {
            for line in list.iter_mut().flatten() {
                let scheme = line.id.scheme.as_str();
                if !matches!(scheme, "world" | "auth") && !cx.options.auth.knows(scheme) {
                    line.id.scheme.clear();
                }
            }
        };
        match &mut write {
            Write::Create(create) => forget(&mut create.acl),
            Write::SetAcl { acl, .. } => forget(acl),
            Write::Multi(writes) => {
                let all = std::mem::take(writes).into_iter();
                *writes = all.map(|it| self.name_only_known_schemes(cx, it)).collect();
            }
            _ => {}
        }
        write
    }

    /// Whose rights those of these ids have.
    pub(super) fn rights(&self, cx: &Ctx<'_>, ids: &Arc<[Id]>) -> Arc<[Id]> {
        if !cx.options.skip_acl {
            return Arc::clone(ids);
        }
        let all = Id { scheme: "super".to_owned(), id: String::new() };
        ids.iter().cloned().chain([all]).collect()
    }
}

fn note_failure(cx: &mut Ctx<'_>, conn: ConnId, scheme: &str, why: &'static str) {
    // The client chose the scheme's name, of any length.
    let scheme = scheme.chars().take(32).collect();
    cx.note(Note::AuthFailed { conn, scheme, why });
}

#[cfg(test)]
mod tests {
    use super::digest_id;

    /// What ZooKeeper's `DigestAuthenticationProvider.generateDigest` makes of the same.
    #[test]
    fn a_digest_id_is_the_user_and_the_base64_of_the_sha1_of_both() {
        let cases: [(&[u8], &str); 5] = [
            (b"super:test", "super:D/InIHSb7yEEbrWz8b9l71RjZJU="),
            (b"a", "a:hvfkN/qlp/zhXR3cuerq6jd2Z7g="),
            (b"", ":2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
            (b"a:b:c", "a:cLzgnoJ6mP5qz3w+mwvPE2vDgu0="),
            ("\u{e9}:x".as_bytes(), "\u{e9}:vJQ1uRvLi+QDvTkAPJk5WaYa798="),
        ];
        for (auth, expected) in cases {
            assert_eq!(digest_id(auth), expected);
        }
    }
}
