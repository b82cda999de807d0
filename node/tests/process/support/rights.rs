//! What a client does about rights: authenticating, access lists, and asking who it is.

use bytes::Bytes;
use quorate_node::wire::client::op;

use super::client::{Client, Failure};

pub(crate) const NO_AUTH: i32 = -102;
pub(crate) const INVALID_ACL: i32 = -114;
pub(crate) const AUTH_FAILED: i32 = -115;
pub(crate) const AUTH_REQUIRED: i32 = -124;

/// The error code that was answered.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> i32 {
    match result {
        Ok(_) => 0,
        Err(Failure::Code(code)) => code,
        Err(broken) => panic!("{broken:?}"),
    }
}

impl Client {
    /// A znode that only this id may use.
    pub(crate) fn create_for(&mut self, path: &str, scheme: &str, id: &str) -> Result<(), Failure> {
        let answer = self.call(op::CREATE, |body| {
            body.ustring(path);
            body.buffer(Some(b"x"));
            body.count(1);
            body.int(31);
            body.ustring(scheme);
            body.ustring(id);
            body.int(0);
        });
        answer.map(drop)
    }

    pub(crate) fn authenticate(&mut self, scheme: &str, auth: &[u8]) -> Result<(), Failure> {
        let answer = self.call(op::AUTH, |body| {
            body.int(0);
            body.ustring(scheme);
            body.buffer(Some(auth));
        });
        answer.map(drop)
    }

    /// A step of SASL.
    pub(crate) fn sasl(&mut self, token: &[u8]) -> Result<Option<Bytes>, Failure> {
        self.sasl_or_null(Some(token))
    }

    /// The same with a token that may be null.
    pub(crate) fn sasl_or_null(&mut self, token: Option<&[u8]>) -> Result<Option<Bytes>, Failure> {
        let mut answer = self.call(op::SASL, |body| body.buffer(token))?;
        Ok(answer.buffer()?)
    }

    /// `scheme:user` of each id that the server knows the client by.
    pub(crate) fn who_am_i(&mut self) -> Vec<String> {
        let mut answer = self.call(op::WHO_AM_I, |_| {}).expect("whoAmI");
        let ids = answer.vector(|id| {
            let scheme = id.ustring()?.unwrap_or_default();
            Ok(format!("{scheme}:{}", id.ustring()?.unwrap_or_default()))
        });
        ids.expect("ids").unwrap_or_default()
    }
}
