//! Who somebody is, as far as values can say: what an authentication scheme takes for an id and
//! whom an id names ([`scheme`]), X.500 names ([`x500`]), and the server's side of SASL DIGEST-MD5
//! ([`digest_md5`]). Shared by the replicated state, which judges access lists, and by the
//! connections, which collect ids.

pub(crate) mod digest_md5;
pub(crate) mod scheme;
pub(crate) mod x500;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

/// Users of SASL DIGEST-MD5 and their passwords. Not shown by `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SaslUsers(pub BTreeMap<String, String>);

impl fmt::Debug for SaslUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SaslUsers({})", self.0.len())
    }
}

/// How callers prove who they are, and what is asked of them. Each server has its own; what
/// follows from it travels with the entries, as the caller's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthOptions {
    /// The schemes that are on: their packets are taken, and access lists that come in here may
    /// name them. `world` and `auth` need not be among them.
    pub(crate) schemes: BTreeSet<String>,
    /// `super:base64(sha1(...))`: who authenticates so may do anything.
    pub(crate) super_digest: Option<String>,
    /// The certificate's subject whose holder may do anything.
    pub(crate) super_subject: Option<String>,
    /// `None`: no SASL, which is answered with an empty token.
    pub(crate) sasl_users: Option<SaslUsers>,
    /// Users of SASL who may do anything.
    pub(crate) super_users: Vec<String>,
    /// Whether a client may stay whose SASL exchange failed.
    pub(crate) allow_sasl_failed: bool,
    /// Without an id of one of these schemes a connection may only authenticate. Empty: no rule.
    pub(crate) enforced: Vec<String>,
    /// What the `ensemble` scheme takes for this ensemble's name. Empty: any.
    pub(crate) ensemble_names: Vec<String>,
}

impl AuthOptions {
    /// Whether a scheme is on.
    pub(crate) fn knows(&self, scheme: &str) -> bool {
        self.schemes.contains(scheme)
    }
}

impl Default for AuthOptions {
    /// ZooKeeper's: `digest` and `ip`, and no super user.
    fn default() -> AuthOptions {
        AuthOptions {
            schemes: ["digest", "ip"].map(str::to_owned).into(),
            super_digest: None,
            super_subject: None,
            sasl_users: None,
            super_users: Vec::new(),
            allow_sasl_failed: false,
            enforced: Vec::new(),
            ensemble_names: Vec::new(),
        }
    }
}
