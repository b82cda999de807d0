//! TLS: which certificate is shown and who is believed ([`files`], `reload` without a restart), what a
//! client's connection goes through before its first frame ([`acceptor`]), and a link between members
//! ([`members`], over a [`stream`]).

pub(crate) mod acceptor;
pub(crate) mod files;
pub(crate) mod members;
pub(crate) mod stream;

mod reload;

use std::path::PathBuf;

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// They are not asked.
    None,
    /// They may; a wrong one is refused.
    Want,
    /// They must.
    Need,
}

/// A port's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    /// PEM: the server's certificate and its intermediates.
    pub(crate) certificates: PathBuf,
    /// PEM: its key; may be the same file.
    pub(crate) key: PathBuf,
    /// PEM: the authorities of clients' certificates.
    pub(crate) authorities: Option<PathBuf>,
    /// Whether clients must show one.
    pub(crate) client_auth: ClientAuth,
}
