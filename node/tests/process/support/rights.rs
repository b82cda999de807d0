//! What a client does about rights: authenticating, access lists, and asking who it is.

use bytes::Bytes;
use quorate_zk::{Reader, Request};

use super::client::{Client, Failure};

pub(crate) const NO_AUTH: i32 = -102;
pub(crate) const INVALID_ACL: i32 = -114;
pub(crate) const AUTH_FAILED: i32 = -115;
pub(crate) const AUTH_REQUIRED: i32 = -124;

/// The error code that was answered.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> i32 {
    match result {
        Ok(_) => 0,
        Err(Failure::Code(code)) => code.number(),
        Err(broken) => panic!("{broken:?}"),
    }
}

impl Client {
    pub(crate) fn authenticate(&mut self, scheme: &str, auth: &[u8]) -> Result<(), Failure> {
        self.call(&Request::Auth { scheme, auth }).map(drop)
    }

    /// A step of SASL.
    pub(crate) fn sasl(&mut self, token: &[u8]) -> Result<Option<Bytes>, Failure> {
        self.sasl_or_null(Some(token))
    }

    /// The same with a token that may be null.
    pub(crate) fn sasl_or_null(&mut self, token: Option<&[u8]>) -> Result<Option<Bytes>, Failure> {
        let answer = self.call(&Request::Sasl { token })?;
        Ok(Reader::new(&answer).buffer()?.map(Bytes::copy_from_slice))
    }

    /// `scheme:user` of each id that the server knows the client by.
    pub(crate) fn who_am_i(&mut self) -> Vec<String> {
        let answer = self.call(&Request::WhoAmI).expect("whoAmI");
        let mut ids = Reader::new(&answer);
        let count = ids.int().expect("ids");
        let mut text = || ids.text().expect("an id").to_owned();
        (0..count).map(|_| format!("{}:{}", text(), text())).collect()
    }
}
