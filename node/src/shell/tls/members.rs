//! TLS between members: both ends show a certificate of one authority, which names the host at which
//! the member is reached. Every refusal is a sentence, of kind `PermissionDenied`.

use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::files::Files;
use super::stream::PeerStream;
use super::{TlsConfig, reload};
use crate::shell::metrics::Metrics;

/// Time for a handshake.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first byte of who speaks TLS: a handshake record.
const HANDSHAKE_RECORD: u8 = 0x16;
/// What is answered to who does not: an alert record, twice, for a header of a frame is longer than
/// one.
const NOT_IN_CLEAR: [u8; 14] = [0x15, 3, 3, 0, 2, 2, 70, 0x15, 3, 3, 0, 2, 2, 70];

/// How members talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerTlsConfig {
    /// The files; members must show certificates.
    pub(crate) files: TlsConfig,
    /// Links to others speak TLS.
    pub(crate) dials: bool,
    /// Others may speak in clear.
    pub(crate) takes_plain: bool,
    /// A certificate must name the host at which its member is reached.
    pub(crate) verifies_names: bool,
}

/// What is in force.
struct Current {
    files: Files,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

struct Tls {
    config: PeerTlsConfig,
    current: RwLock<Current>,
}

/// The security of links; without TLS there is none.
#[derive(Clone, Default)]
pub(crate) struct Security(Option<Arc<Tls>>);

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Tls" } else { "Plain" })
    }
}

fn refused(sentence: String) -> Error {
    Error::new(ErrorKind::PermissionDenied, sentence)
}

/// Whether a header's first bytes are those of [`NOT_IN_CLEAR`], and what that means.
///
/// # Errors
/// The sentence, if so.
pub(crate) fn asks_for_tls(head: &[u8]) -> Result<()> {
    if head.starts_with(&NOT_IN_CLEAR[..3]) {
        return Err(refused(
            "the member there takes nothing but TLS, and this server speaks in clear: set \
             sslQuorum=true here, or portUnification=true there"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Answers who speaks in clear. To close with something unread would take the answer back.
async fn say_no(stream: &mut TcpStream) -> Result<()> {
    let mut said = [0; 4 << 10];
    let _ = stream.read(&mut said).await?;
    stream.write_all(&NOT_IN_CLEAR).await?;
    stream.shutdown().await
}

/// The host of `host:port`.
fn host_of(address: &str) -> Result<ServerName<'static>> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    ServerName::try_from(host.to_owned())
        .map_err(|_| refused(format!("{address} is no name that a certificate could hold")))
}

impl Current {
    fn of(files: Files, config: &PeerTlsConfig) -> anyhow::Result<Current> {
        let server = files.server(&config.files)?;
        let client = files.client(&config.files, |roots| {
            let provider = Arc::new(ring::default_provider());
            let inner = WebPkiServerVerifier::builder_with_provider(roots, provider).build()?;
            Ok(Arc::new(Member { inner, verifies_names: config.verifies_names }))
        })?;
        Ok(Current { files, server, client })
    }
}

impl Security {
    /// Reads the files. `None`: members talk in clear.
    ///
    /// # Errors
    /// Names the file that cannot be used, and why.
    pub(crate) fn load(config: Option<PeerTlsConfig>) -> anyhow::Result<Security> {
        let Some(config) = config else {
            return Ok(Security(None));
        };
        let current = Current::of(Files::read(&config.files)?, &config)?;
        Ok(Security(Some(Arc::new(Tls { config, current: RwLock::new(current) }))))
    }

    /// Puts changed files into force, for as long as the server runs.
    pub(crate) async fn watch(&self, metrics: &Metrics) {
        if let Some(tls) = &self.0 {
            reload::watch(metrics, || tls.reload()).await;
        }
    }

    /// Secures a connection that was dialled at this address.
    ///
    /// # Errors
    /// When it breaks, or the certificate shown there is not believed.
    pub(crate) async fn dialled(&self, stream: TcpStream, address: &str) -> Result<PeerStream> {
        let Some(tls) = self.0.as_ref().filter(|tls| tls.config.dials) else {
            return Ok(PeerStream::Plain(stream));
        };
        let connector = TlsConnector::from(tls.look(|current| Arc::clone(&current.client)));
        let shaken = timeout(PATIENCE, connector.connect(host_of(address)?, stream)).await?;
        let stream = shaken.map_err(|error| {
            refused(format!("the TLS handshake with the member at {address} failed: {error}"))
        })?;
        Ok(PeerStream::Tls(Box::new(TlsStream::Client(stream))))
    }

    /// What it means that a dialled connection ended before the answer to a hello.
    pub(crate) fn unanswered(&self, stream: &PeerStream, error: Error) -> Error {
        let alert = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        let gone = matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset);
        match stream {
            PeerStream::Tls(_) if alert || gone => refused(format!(
                "the member there has ended the link after the TLS handshake ({error}): it does not \
                 believe this server's certificate, or that does not name the host at which this \
                 server is reached; its log says which"
            )),
            PeerStream::Plain(_) | PeerStream::Tls(_) => error,
        }
    }

    /// Secures a connection that was accepted.
    ///
    /// # Errors
    /// When it breaks, is not what it should be, or its certificate is not believed.
    pub(crate) async fn accepted(&self, mut stream: TcpStream) -> Result<PeerStream> {
        let mut first = [0];
        if timeout(PATIENCE, stream.peek(&mut first)).await?? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        match (&self.0, first == [HANDSHAKE_RECORD]) {
            (None, false) => Ok(PeerStream::Plain(stream)),
            (None, true) => Err(refused(
                "it speaks TLS, and this server has none between members: set sslQuorum or \
                 portUnification here"
                    .to_owned(),
            )),
            (Some(tls), false) if tls.config.takes_plain => Ok(PeerStream::Plain(stream)),
            (Some(_), false) => {
                timeout(PATIENCE, say_no(&mut stream)).await??;
                Err(refused(
                    "it speaks in clear, and this server takes nothing but TLS between members \
                     (sslQuorum without portUnification)"
                        .to_owned(),
                ))
            }
            (Some(tls), true) => {
                let acceptor = TlsAcceptor::from(tls.look(|current| Arc::clone(&current.server)));
                let shaken = timeout(PATIENCE, acceptor.accept(stream)).await?;
                let stream = shaken
                    .map_err(|error| refused(format!("its TLS handshake failed: {error}")))?;
                Ok(PeerStream::Tls(Box::new(TlsStream::Server(stream))))
            }
        }
    }

    /// Checks that the certificate shown on an accepted link names the host of this address, at which
    /// the member is reached that it is said to be of.
    ///
    /// # Errors
    /// A sentence, when it does not.
    pub(crate) fn names(&self, stream: &PeerStream, address: &str) -> Result<()> {
        let checked = self.0.as_ref().filter(|tls| tls.config.verifies_names);
        let (Some(_), Some(shown)) = (checked, stream.shown()) else {
            return Ok(());
        };
        let host = host_of(address)?;
        let names = webpki::EndEntityCert::try_from(shown)
            .and_then(|certificate| certificate.verify_is_valid_for_subject_name(&host));
        names.map_err(|_| {
            refused(format!(
                "its certificate does not name {}, where the member is reached that it says it is",
                host.to_str()
            ))
        })
    }
}

impl Tls {
    fn look<T>(&self, at: impl FnOnce(&Current) -> T) -> T {
        at(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn reload(&self) -> anyhow::Result<bool> {
        let files = Files::read(&self.config.files)?;
        if self.look(|current| current.files == files) {
            return Ok(false);
        }
        let current = Current::of(files, &self.config)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(true)
    }
}

/// Believes what the authority has signed; the name only matters where it is to be verified.
#[derive(Debug)]
struct Member {
    inner: Arc<WebPkiServerVerifier>,
    verifies_names: bool,
}

impl ServerCertVerifier for Member {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The name is looked at last: all else is right.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.verifies_names => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
