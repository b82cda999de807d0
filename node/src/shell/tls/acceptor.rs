//! Handshakes on the secure port, with the certificates that are in force.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::files::Files;
use super::{TlsConfig, reload};
use crate::codec::x500;
use crate::shell::metrics::Metrics;
use crate::shell::metrics::labels::TlsEvent;

/// Time for a client's part of the handshake.
const PATIENCE: Duration = Duration::from_secs(10);
/// Handshakes at the same time; each costs work and memory before anybody is known.
const HANDSHAKES: usize = 256;
/// The first byte of a client that speaks TLS: a handshake record.
const HANDSHAKE_RECORD: u8 = 0x16;

/// The secure port's side of handshakes.
#[derive(Debug)]
pub(crate) struct Tls {
    config: TlsConfig,
    current: RwLock<(Files, Arc<ServerConfig>)>,
    handshakes: Semaphore,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Names the file that cannot be used, and why.
    pub(crate) fn load(config: TlsConfig) -> anyhow::Result<Tls> {
        let files = Files::read(&config)?;
        let server = files.server(&config)?;
        Ok(Tls {
            config,
            current: RwLock::new((files, server)),
            handshakes: Semaphore::new(HANDSHAKES),
        })
    }

    fn current(&self) -> Arc<ServerConfig> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current.1)
    }

    /// Puts changed files into force for connections to come, for as long as the server runs.
    pub(crate) async fn watch(&self, metrics: &Metrics) {
        reload::watch(metrics, || self.reload()).await;
    }

    /// Whether there was something new.
    fn reload(&self) -> anyhow::Result<bool> {
        let files = Files::read(&self.config)?;
        let known = |current: &(Files, _)| current.0 == files;
        if known(&self.current.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(false);
        }
        let server = files.server(&self.config)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (files, server);
        Ok(true)
    }

    /// Does the handshake; `None`: the connection is of no use. With the client's name if it
    /// showed a certificate.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        metrics: &Metrics,
    ) -> Option<(TlsStream<TcpStream>, Option<String>)> {
        let Ok(_permit) = self.handshakes.try_acquire() else {
            tracing::warn!(%address, "too many TLS handshakes at the same time: closed");
            metrics.tls(TlsEvent::HandshakeRefused);
            return None;
        };
        match timeout(PATIENCE, self.handshake(stream, address, metrics)).await {
            Ok(Some(done)) => {
                metrics.tls(TlsEvent::Handshake);
                Some(done)
            }
            Ok(None) => None,
            Err(_) => {
                tracing::info!(%address, "the client did not finish its TLS handshake in time");
                metrics.tls(TlsEvent::HandshakeTimedOut);
                None
            }
        }
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        metrics: &Metrics,
    ) -> Option<(TlsStream<TcpStream>, Option<String>)> {
        let mut first = [0];
        match stream.peek(&mut first).await {
            // Gone without a word: a probe.
            Ok(0) | Err(_) => return None,
            Ok(_) if first != [HANDSHAKE_RECORD] => {
                tracing::warn!(%address, "the client does not speak TLS on the secure port: closed");
                metrics.tls(TlsEvent::NotTls);
                return None;
            }
            Ok(_) => {}
        }
        let stream = match TlsAcceptor::from(self.current()).accept(stream).await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%address, %error, "the TLS handshake failed");
                metrics.tls(TlsEvent::HandshakeFailed);
                return None;
            }
        };
        let shown = stream.get_ref().1.peer_certificates();
        let subject = match shown.and_then(|chain| chain.first()).map(subject) {
            None => None,
            Some(Some(subject)) => Some(subject),
            Some(None) => {
                tracing::warn!(%address, "the client's certificate has no readable subject");
                metrics.tls(TlsEvent::HandshakeFailed);
                return None;
            }
        };
        Some((stream, subject))
    }
}

/// The holder's name of a certificate that was verified.
fn subject(certificate: &rustls::pki_types::CertificateDer<'_>) -> Option<String> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    x500::name(certificate.subject()).ok()
}
