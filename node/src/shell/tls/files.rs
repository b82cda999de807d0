//! Certificates and keys: PEM files, and what they make.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::{ClientAuth, TlsConfig};

/// The content of the files.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Files {
    certificates: Vec<u8>,
    key: Vec<u8>,
    authorities: Option<Vec<u8>>,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files(..)")
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("read {}", path.display()))
}

fn certificates(pem: &[u8], path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.with_context(|| format!("{} is not PEM", path.display()))?;
    ensure!(!all.is_empty(), "{} holds no certificate", path.display());
    Ok(all)
}

impl Files {
    /// Reads them.
    ///
    /// # Errors
    /// Names the one that cannot be read.
    pub(crate) fn read(config: &TlsConfig) -> anyhow::Result<Files> {
        Ok(Files {
            certificates: read(&config.certificates)?,
            key: read(&config.key)?,
            authorities: config.authorities.as_deref().map(read).transpose()?,
        })
    }

    /// What handshakes need: TLS 1.2 and 1.3 with ring.
    ///
    /// # Errors
    /// Names the file that does not hold what it should.
    pub(crate) fn server(&self, config: &TlsConfig) -> anyhow::Result<Arc<ServerConfig>> {
        let chain = certificates(&self.certificates, &config.certificates)?;
        let provider = Arc::new(ring::default_provider());
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&versions)?;
        let builder = match self.verifier(config)? {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder.with_client_cert_verifier(verifier),
        };
        let server =
            builder.with_single_cert(chain, self.private_key(&config.key)?).with_context(|| {
                let (key, certificate) = (config.key.display(), config.certificates.display());
                format!("the key of {key} and the certificate of {certificate} do not go together")
            })?;
        Ok(Arc::new(server))
    }

    /// What dialling needs: the same certificate, and who verifies the other end's, given whom to
    /// believe.
    ///
    /// # Errors
    /// Names the file that does not hold what it should.
    pub(crate) fn client<V: ServerCertVerifier + 'static>(
        &self,
        config: &TlsConfig,
        verifier: impl FnOnce(Arc<RootCertStore>) -> anyhow::Result<Arc<V>>,
    ) -> anyhow::Result<Arc<ClientConfig>> {
        let chain = certificates(&self.certificates, &config.certificates)?;
        let roots = self.roots(config)?.context("no authority is named")?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
        let builder = builder.with_protocol_versions(&versions)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier(roots)?);
        let key = self.private_key(&config.key)?;
        Ok(Arc::new(builder.with_client_auth_cert(chain, key)?))
    }

    /// The authorities that are believed, if any are named.
    fn roots(&self, config: &TlsConfig) -> anyhow::Result<Option<Arc<RootCertStore>>> {
        let (Some(pem), Some(path)) = (&self.authorities, &config.authorities) else {
            return Ok(None);
        };
        let mut roots = RootCertStore::empty();
        for root in certificates(pem, path)? {
            roots.add(root).with_context(|| format!("a certificate of {}", path.display()))?;
        }
        Ok(Some(Arc::new(roots)))
    }

    fn private_key(&self, path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
        const ENCRYPTED: &[u8] = b"BEGIN ENCRYPTED PRIVATE KEY";
        match PrivateKeyDer::from_pem_slice(&self.key) {
            Ok(key) => Ok(key),
            Err(_) if self.key.windows(ENCRYPTED.len()).any(|it| it == ENCRYPTED) => bail!(
                "the key of {} is encrypted, which is not supported: decrypt it (openssl pkey -in \
                 FILE -out NEW) and guard the file by its permissions",
                path.display()
            ),
            Err(error) => Err(error).with_context(|| format!("{} holds no key", path.display())),
        }
    }

    fn verifier(&self, config: &TlsConfig) -> anyhow::Result<Option<Arc<dyn ClientCertVerifier>>> {
        if config.client_auth == ClientAuth::None {
            return Ok(None);
        }
        let Some(roots) = self.roots(config)? else {
            return Ok(None);
        };
        let provider = Arc::new(ring::default_provider());
        let builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
        let builder = match config.client_auth {
            ClientAuth::Want => builder.allow_unauthenticated(),
            _ => builder,
        };
        Ok(Some(builder.build()?))
    }
}
