//! The secure client port: its flags and variables, and ZooKeeper's keys for it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;

use super::settings::{ClientAuth, PeerTls, SecurePort};
use super::values::number;
use super::zoo_quorum_tls::ZooQuorumTls;
use super::zoo_store::Store;

/// The port that ZooKeeper's users know for it.
const PORT: u16 = 2281;

/// Keys that are known here.
pub const KEYS: [&str; 24] = [
    "secureClientPort",
    "secureClientPortAddress",
    "client.portUnification",
    "client.certReload",
    "netty.server.outstandingHandshake.limit",
    "ssl.keyStore.location",
    "ssl.keyStore.type",
    "ssl.keyStore.password",
    "ssl.keyStore.passwordPath",
    "ssl.trustStore.location",
    "ssl.trustStore.type",
    "ssl.trustStore.password",
    "ssl.trustStore.passwordPath",
    "ssl.clientAuth",
    "ssl.protocol",
    "ssl.enabledProtocols",
    "ssl.ciphersuites",
    "ssl.hostnameVerification",
    "ssl.clientHostnameVerification",
    "ssl.crl",
    "ssl.ocsp",
    "ssl.handshakeDetectionTimeoutMillis",
    "ssl.context.supplier.class",
    "sslProvider",
];

/// Flags of the secure client port, and of SASL.
#[derive(Args, Debug, Default)]
pub(crate) struct SecureArgs {
    /// IP:PORT where this server listens for clients with TLS [default: [::]:2281 once there is a
    /// certificate].
    #[arg(long, env = "QUORATE_SECURE_CLIENT_ADDR")]
    pub(crate) secure_client_addr: Option<SocketAddr>,
    /// A PEM file with the server's certificate and its intermediates. It is read again when it
    /// changes, as the other TLS files are.
    #[arg(long, env = "QUORATE_TLS_CERT_FILE")]
    pub(crate) tls_cert_file: Option<PathBuf>,
    /// A PEM file with the private key of that certificate [default: the certificate's file].
    #[arg(long, env = "QUORATE_TLS_KEY_FILE")]
    pub(crate) tls_key_file: Option<PathBuf>,
    /// A PEM file with the authorities that clients' certificates are verified with.
    #[arg(long, env = "QUORATE_TLS_CA_FILE")]
    pub(crate) tls_ca_file: Option<PathBuf>,
    /// Whether clients must show a certificate [default: need].
    #[arg(long, env = "QUORATE_TLS_CLIENT_AUTH", value_enum)]
    pub(crate) tls_client_auth: Option<ClientAuth>,
    /// A JAAS file, whose section `Server` names users and passwords for SASL DIGEST-MD5
    /// [default: none, and there is no SASL].
    #[arg(long, env = "QUORATE_JAAS_FILE")]
    pub(crate) jaas_file: Option<PathBuf>,
}

/// These settings of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct ZooTls {
    port: Option<u16>,
    address: Option<IpAddr>,
    key_store: Store,
    trust_store: Store,
    client_auth: Option<ClientAuth>,
    quorum: ZooQuorumTls,
}

impl ZooTls {
    /// Takes a key; `false`: it is none of these.
    ///
    /// # Errors
    /// When the value is none for this key, or asks for what this server cannot do.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> anyhow::Result<bool> {
        match key {
            "secureClientPort" => self.port = Some(number(key, value)?),
            "secureClientPortAddress" => self.address = Some(number(key, value)?),
            "ssl.keyStore.location" => self.key_store.set_location(value),
            "ssl.keyStore.type" => self.key_store.set_kind(value),
            "ssl.trustStore.location" => self.trust_store.set_location(value),
            "ssl.trustStore.type" => self.trust_store.set_kind(value),
            "ssl.clientAuth" => {
                self.client_auth = match value.to_lowercase().as_str() {
                    "none" => Some(ClientAuth::None),
                    "want" => Some(ClientAuth::Want),
                    "need" => Some(ClientAuth::Need),
                    "" => None,
                    _ => bail!("{key}: `{value}` is neither none, want nor need"),
                };
            }
            "ssl.protocol" | "ssl.enabledProtocols" => {
                let mut all = value.split(',').map(str::trim);
                ensure!(
                    all.any(|it| matches!(it, "TLS" | "TLSv1.2" | "TLSv1.3")),
                    "{key}: `{value}` leaves nothing; this server speaks TLSv1.2 and TLSv1.3"
                );
            }
            "ssl.crl"
            | "ssl.ocsp"
            | "ssl.clientHostnameVerification"
            | "client.portUnification" => {
                let asked = value.eq_ignore_ascii_case("true");
                ensure!(!asked, "{key} is not supported: remove it, or set it to false");
            }
            "ssl.context.supplier.class" => bail!("{key}: Java classes cannot run here"),
            _ => return Ok(self.quorum.set(key, value)? || KEYS.contains(&key)),
        }
        Ok(true)
    }

    /// TLS between members; `None`: there is none.
    ///
    /// # Errors
    /// When a file is missing or none that can be used.
    pub(super) fn peer_tls(&self) -> anyhow::Result<Option<PeerTls>> {
        self.quorum.peer_tls()
    }

    /// Whether the file asks for the port.
    pub(crate) fn has_port(&self) -> bool {
        self.port.is_some()
    }

    /// The secure port; `None`: none is asked for. Flags win.
    ///
    /// # Errors
    /// When a file is missing or none that can be used.
    pub(super) fn secure_port(&self, args: &SecureArgs) -> anyhow::Result<Option<SecurePort>> {
        let asked = args.secure_client_addr.is_some() || args.tls_cert_file.is_some();
        if !asked && self.port.is_none() {
            ensure!(
                self.address.is_none(),
                "secureClientPortAddress is set, but secureClientPort is not"
            );
            return Ok(None);
        }
        let any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let own = SocketAddr::new(self.address.unwrap_or(any), self.port.unwrap_or(PORT));
        let given = |flag: &Option<PathBuf>, store: &Store, key: &str| match flag {
            Some(path) => Ok(Some(path.clone())),
            None => store.pem(key),
        };
        let certificates = given(&args.tls_cert_file, &self.key_store, "ssl.keyStore.location")?
            .context(
                "the secure port needs a certificate and its key: --tls-cert-file and \
                 --tls-key-file, or ssl.keyStore.location",
            )?;
        let authorities = given(&args.tls_ca_file, &self.trust_store, "ssl.trustStore.location")?;
        let client_auth = args.tls_client_auth.or(self.client_auth);
        let client_auth = client_auth.unwrap_or(ClientAuth::Need);
        ensure!(
            authorities.is_some() || client_auth == ClientAuth::None,
            "clients are asked for certificates, but no authority is named: give --tls-ca-file or \
             ssl.trustStore.location, or set --tls-client-auth or ssl.clientAuth to none"
        );
        let key = args.tls_key_file.as_deref();
        Ok(Some(SecurePort {
            address: args.secure_client_addr.unwrap_or(own),
            key: key.map_or_else(|| certificates.clone(), Path::to_path_buf),
            certificates,
            authorities,
            client_auth,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(keys: &[(&str, &str)], args: &SecureArgs) -> anyhow::Result<Option<SecurePort>> {
        let mut tls = ZooTls::default();
        for (key, value) in keys {
            assert!(tls.set(key, value)?, "{key}");
        }
        tls.secure_port(args)
    }

    const STORE: (&str, &str) = ("ssl.keyStore.location", "/k.pem");
    const TRUST: (&str, &str) = ("ssl.trustStore.location", "/t.pem");
    const ON: (&str, &str) = ("secureClientPort", "2281");

    #[test]
    fn zookeepers_keys_make_a_port() {
        let none = SecureArgs::default();
        assert_eq!(config(&[STORE, TRUST], &none).unwrap(), None);
        let port = ("secureClientPort", "2299");
        let ip = ("secureClientPortAddress", "127.0.0.1");
        let found = config(&[port, ip, STORE, TRUST], &none).unwrap().unwrap();
        assert_eq!(found.address, "127.0.0.1:2299".parse().unwrap());
        assert_eq!(found.certificates, Path::new("/k.pem"));
        assert_eq!(found.key, Path::new("/k.pem"));
        assert_eq!(found.authorities.as_deref(), Some(Path::new("/t.pem")));
        assert_eq!(found.client_auth, ClientAuth::Need);
    }

    #[test]
    fn flags_win_and_a_certificate_alone_opens_the_usual_port() {
        let args = SecureArgs {
            tls_cert_file: Some("/flag.crt".into()),
            tls_key_file: Some("/flag.key".into()),
            tls_client_auth: Some(ClientAuth::None),
            ..SecureArgs::default()
        };
        let jks = [("ssl.keyStore.location", "/k.jks"), ("ssl.clientAuth", "need")];
        let found = config(&jks, &args).unwrap().unwrap();
        assert_eq!(found.address.port(), PORT);
        assert_eq!(found.certificates, Path::new("/flag.crt"));
        assert_eq!(found.key, Path::new("/flag.key"));
        assert_eq!(found.client_auth, ClientAuth::None);
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_what_to_do() {
        let jks = ("ssl.keyStore.location", "/k.jks");
        let typed = ("ssl.keyStore.type", "PKCS12");
        let trusted = ("ssl.trustStore.location", "/t.jks");
        let wrong: [(&[(&str, &str)], &str); 10] = [
            (&[ON], "needs a certificate"),
            (&[ON, STORE], "no authority is named"),
            (&[ON, jks, TRUST], "JKS stores cannot be read here. Make it PEM"),
            (&[ON, STORE, typed, TRUST], "PKCS12 stores cannot"),
            (&[ON, STORE, trusted], "ssl.trustStore.location /t.jks"),
            (&[("secureClientPortAddress", "::1")], "secureClientPort is not"),
            (&[("ssl.clientAuth", "maybe")], "neither none, want nor need"),
            (&[("ssl.enabledProtocols", "TLSv1.1")], "leaves nothing"),
            (&[("ssl.crl", "true")], "not supported"),
            (&[("ssl.context.supplier.class", "a.B")], "Java classes"),
        ];
        for (keys, expected) in wrong {
            let error = format!("{:#}", config(keys, &SecureArgs::default()).unwrap_err());
            assert!(error.contains(expected), "{keys:?}: {error}");
        }
        let pem = [ON, ("ssl.keyStore.location", "/k.jks"), ("ssl.keyStore.type", "pem"), TRUST];
        assert!(config(&pem, &SecureArgs::default()).is_ok(), "the type wins over the ending");
    }
}
