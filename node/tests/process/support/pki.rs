//! Certificates made for a test, and a client that speaks TLS.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::client::{self, Client, Failure, Session};

/// A certificate and its key, both PEM.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Identity {
    /// Both in one file, as ZooKeeper's PEM key stores are.
    pub(crate) fn write(&self, path: &Path) {
        std::fs::write(path, self.certificate.clone() + &self.key).expect("write a key store");
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("PEM")]
    }
}

/// Who signs.
#[derive(Debug)]
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

fn params(subject: &[(DnType, &str)]) -> CertificateParams {
    params_for(&["localhost", "127.0.0.1"], subject)
}

fn params_for(names: &[&str], subject: &[(DnType, &str)]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in subject {
        params.distinguished_name.push(kind.clone(), *value);
    }
    params
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = params(&[(DnType::CommonName, name)]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// Its certificate, PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self, subject: &[(DnType, &str)]) -> Identity {
        self.sign(params(subject))
    }

    /// A certificate that names this host alone.
    pub(crate) fn issue_for(&self, host: &str) -> Identity {
        self.sign(params_for(&[host], &[(DnType::CommonName, host)]))
    }

    /// A certificate whose time is over.
    pub(crate) fn issue_expired(&self, name: &str) -> Identity {
        let mut params = params(&[(DnType::CommonName, name)]);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

/// A connection with TLS.
pub(crate) type TlsStream = StreamOwned<ClientConnection, std::net::TcpStream>;

/// Shakes hands with a server that this authority signed; what comes of it shows at the first
/// byte read.
pub(crate) fn open(
    port: u16,
    authority: &Authority,
    shown: Option<&Identity>,
) -> std::io::Result<TlsStream> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("PEM");
    roots.add(root).expect("an authority");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("PEM");
            let config = builder.with_client_auth_cert(identity.chain(), key);
            config.expect("a certificate and its key")
        }
    };
    let name = ServerName::try_from("localhost").expect("a name");
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
    let mut stream = client::open(port)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(tls, stream))
}

/// A new session over TLS.
pub(crate) fn connect(
    port: u16,
    authority: &Authority,
    shown: Option<&Identity>,
) -> Result<Client, Failure> {
    let session = Session { id: 0, password: vec![0; 16], timeout_ms: 60_000 };
    Client::over(Box::new(open(port, authority, shown)?), &session)
}

/// A four-letter word's answer over TLS.
pub(crate) fn word(port: u16, authority: &Authority, word: &str) -> String {
    let mut stream = open(port, authority, None).expect("connect");
    stream.write_all(word.as_bytes()).expect("send a word");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read an answer");
    answer
}

/// The certificate that the server shows.
pub(crate) fn shown_by(port: u16, authority: &Authority) -> Option<Vec<u8>> {
    let stream = open(port, authority, None).ok()?;
    let chain = stream.conn.peer_certificates()?;
    chain.first().map(|certificate| certificate.to_vec())
}

/// An identity's certificate as a server shows it.
pub(crate) fn encoded(identity: &Identity) -> Vec<u8> {
    let chain = identity.chain();
    chain.first().expect("one").to_vec()
}
