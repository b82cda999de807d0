//! Who is on a connection. Schemes: ZooKeeper's `digest` and `ip`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::Node;
use crate::core::effect::{CloseReason, Effect};
use crate::core::op::{Body, ErrorCode, Id, Reply, ServerFrame};
use crate::core::types::{ConnId, Zxid};

/// `user:password` as the id that ACLs name: `user:base64(sha1(user:password))`.
fn digest_id(auth: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(auth).ok()?;
    let (user, _) = text.split_once(':')?;
    Some(format!("{user}:{}", STANDARD.encode(Sha1::digest(auth))))
}

impl Node {
    /// Whether the connection may have this id.
    fn add_digest(&mut self, conn: ConnId, id: String) -> bool {
        let Some(connection) = self.connections.get_mut(conn) else {
            return true;
        };
        let mut ids = Vec::new();
        if self.options.super_digest.as_deref() == Some(id.as_str()) {
            ids.push(("super", String::new()));
        }
        ids.push(("digest", id));
        ids.into_iter().all(|(scheme, id)| {
            connection.add_id(Id {
                scheme: scheme.to_owned(),
                id,
            })
        })
    }

    /// An auth packet. A failed one is answered and ends the connection, as in ZooKeeper.
    pub(super) fn authenticate(
        &mut self,
        conn: ConnId,
        xid: i32,
        scheme: &str,
        auth: &[u8],
        out: &mut Vec<Effect>,
    ) {
        let accepted = match scheme {
            "digest" => digest_id(auth).is_some_and(|id| self.add_digest(conn, id)),
            // The implicit id is there already.
            "ip" => true,
            _ => false,
        };
        let err = if accepted {
            ErrorCode::Ok
        } else {
            ErrorCode::AuthFailed
        };
        let reply = Reply {
            xid,
            zxid: Zxid(0),
            err,
            body: Body::Empty,
        };
        out.push(Effect::Client {
            conn,
            frame: ServerFrame::Reply(reply),
        });
        if err != ErrorCode::Ok {
            self.close(conn, CloseReason::AuthFailed, out);
        }
    }

    /// Whose rights a connection's requests have.
    pub(super) fn ids_of(&self, conn: ConnId) -> Arc<[Id]> {
        let Some(connection) = self.connections.get(conn) else {
            return Arc::new([]);
        };
        if !self.options.skip_acl {
            return Arc::clone(&connection.ids);
        }
        let all = Id {
            scheme: "super".to_owned(),
            id: String::new(),
        };
        connection.ids.iter().cloned().chain([all]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::digest_id;

    /// The value that `DigestAuthenticationProvider super:test` of ZooKeeper prints.
    #[test]
    fn a_digest_id_is_the_user_and_the_base64_of_the_sha1_of_both() {
        assert_eq!(
            digest_id(b"super:test").as_deref(),
            Some("super:D/InIHSb7yEEbrWz8b9l71RjZJU=")
        );
        assert_eq!(digest_id(b"nobody"), None);
    }
}
