//! TLS between members: ZooKeeper's keys for it. What asks for protection that this server does not
//! give is refused: it would be believed to be there.

use anyhow::{bail, ensure};

use super::settings::PeerTls;
use super::zoo_store::Store;

/// Keys that are known here.
pub const KEYS: [&str; 27] = [
    "sslQuorum",
    "portUnification",
    "sslQuorumReloadCertFiles",
    "ssl.quorum.keyStore.location",
    "ssl.quorum.keyStore.type",
    "ssl.quorum.keyStore.password",
    "ssl.quorum.keyStore.passwordPath",
    "ssl.quorum.trustStore.location",
    "ssl.quorum.trustStore.type",
    "ssl.quorum.trustStore.password",
    "ssl.quorum.trustStore.passwordPath",
    "ssl.quorum.clientAuth",
    "ssl.quorum.hostnameVerification",
    "ssl.quorum.clientHostnameVerification",
    "ssl.quorum.protocol",
    "ssl.quorum.enabledProtocols",
    "ssl.quorum.ciphersuites",
    "ssl.quorum.crl",
    "ssl.quorum.ocsp",
    "ssl.quorum.handshakeDetectionTimeoutMillis",
    "ssl.quorum.context.supplier.class",
    "quorum.auth.enableSasl",
    "quorum.auth.learnerRequireSasl",
    "quorum.auth.serverRequireSasl",
    "quorum.auth.learner.saslLoginContext",
    "quorum.auth.server.saslLoginContext",
    "quorum.auth.kerberos.servicePrincipal",
];

/// These settings of the file.
#[derive(Clone, Debug)]
pub(super) struct ZooQuorumTls {
    dials: bool,
    unified: bool,
    key_store: Store,
    trust_store: Store,
    verifies_names: bool,
}

impl Default for ZooQuorumTls {
    fn default() -> ZooQuorumTls {
        ZooQuorumTls {
            dials: false,
            unified: false,
            key_store: Store::default(),
            trust_store: Store::default(),
            verifies_names: true,
        }
    }
}

impl ZooQuorumTls {
    /// Takes a key; `false`: it is none of these.
    ///
    /// # Errors
    /// When it asks for what this server cannot do.
    pub(super) fn set(&mut self, key: &str, value: &str) -> anyhow::Result<bool> {
        let is = |word: &str| value.eq_ignore_ascii_case(word);
        match key {
            "sslQuorum" => self.dials = switch(key, value)?,
            "portUnification" => self.unified = switch(key, value)?,
            "ssl.quorum.hostnameVerification" => self.verifies_names = switch(key, value)?,
            "ssl.quorum.keyStore.location" => self.key_store.set_location(value),
            "ssl.quorum.keyStore.type" => self.key_store.set_kind(value),
            "ssl.quorum.trustStore.location" => self.trust_store.set_location(value),
            "ssl.quorum.trustStore.type" => self.trust_store.set_kind(value),
            "ssl.quorum.clientAuth" => ensure!(
                value.is_empty() || is("need"),
                "{key}: `{value}` would let a member in that shows no certificate; between members \
                 it is always need"
            ),
            "ssl.quorum.protocol" | "ssl.quorum.enabledProtocols" => {
                let mut all = value.split(',').map(str::trim);
                ensure!(
                    all.any(|it| matches!(it, "TLS" | "TLSv1.2" | "TLSv1.3")),
                    "{key}: `{value}` leaves nothing; members speak TLSv1.2 and TLSv1.3"
                );
            }
            "ssl.quorum.crl" | "ssl.quorum.ocsp" => {
                ensure!(!is("true"), "{key} is not supported: remove it, or set it to false");
            }
            "ssl.quorum.context.supplier.class" => bail!("{key}: Java classes cannot run here"),
            "quorum.auth.enableSasl"
            | "quorum.auth.learnerRequireSasl"
            | "quorum.auth.serverRequireSasl" => ensure!(
                !is("true"),
                "{key}: members do not prove themselves by SASL here. Use TLS between them instead: \
                 sslQuorum=true with ssl.quorum.keyStore.location and \
                 ssl.quorum.trustStore.location; then remove {key}"
            ),
            _ => return Ok(KEYS.contains(&key)),
        }
        Ok(true)
    }

    /// TLS between members; `None`: there is none.
    ///
    /// # Errors
    /// When a file is missing or none that can be used.
    pub(super) fn peer_tls(&self) -> anyhow::Result<Option<PeerTls>> {
        if !self.dials && !self.unified {
            return Ok(None);
        }
        let asks = if self.dials { "sslQuorum" } else { "portUnification" };
        let (keys, trusted) = ("ssl.quorum.keyStore.location", "ssl.quorum.trustStore.location");
        let (Some(certificates), Some(authorities)) =
            (self.key_store.pem(keys)?, self.trust_store.pem(trusted)?)
        else {
            bail!(
                "{asks}=true needs {keys} (a PEM file with this server's certificate and key) and \
                 {trusted} (a PEM file with the authority of all members' certificates); \
                 `quorate-node cert` makes both"
            );
        };
        Ok(Some(PeerTls {
            key: certificates.clone(),
            certificates,
            authorities,
            dials: self.dials,
            takes_plain: self.unified,
            verifies_names: self.verifies_names,
        }))
    }
}

fn switch(key: &str, value: &str) -> anyhow::Result<bool> {
    match value.to_lowercase().as_str() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => bail!("{key}: `{value}` is neither true nor false"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(keys: &[(&str, &str)]) -> anyhow::Result<Option<PeerTls>> {
        let mut tls = ZooQuorumTls::default();
        for (key, value) in keys {
            assert!(tls.set(key, value)?, "{key}");
        }
        tls.peer_tls()
    }

    const STORE: (&str, &str) = ("ssl.quorum.keyStore.location", "/k.pem");
    const TRUST: (&str, &str) = ("ssl.quorum.trustStore.location", "/t.pem");
    const ON: (&str, &str) = ("sslQuorum", "true");
    const BOTH: (&str, &str) = ("portUnification", "true");

    #[test]
    fn the_steps_of_a_roll_from_plain_to_tls_are_those_of_zookeeper() {
        assert_eq!(config(&[STORE, TRUST]).unwrap(), None);
        let of = |keys: &[(&str, &str)]| {
            let found = config(&[&[STORE, TRUST], keys].concat()).unwrap().unwrap();
            assert_eq!(found.certificates, Path::new("/k.pem"));
            assert_eq!(found.authorities, Path::new("/t.pem"));
            assert!(found.verifies_names);
            (found.dials, found.takes_plain)
        };
        assert_eq!(of(&[BOTH]), (false, true));
        assert_eq!(of(&[ON, BOTH]), (true, true));
        assert_eq!(of(&[ON]), (true, false));
    }

    #[test]
    fn what_asks_for_protection_that_is_not_given_is_refused_with_what_to_do() {
        let jks = ("ssl.quorum.keyStore.location", "/k.jks");
        let wrong: [(&[(&str, &str)], &str); 11] = [
            (&[ON], "sslQuorum=true needs ssl.quorum.keyStore.location"),
            (&[BOTH, STORE], "portUnification=true needs"),
            (&[ON, jks, TRUST], "JKS stores cannot be read here"),
            (&[("sslQuorum", "yes")], "neither true nor false"),
            (&[("ssl.quorum.clientAuth", "want")], "it is always need"),
            (&[("ssl.quorum.crl", "true")], "not supported"),
            (&[("ssl.quorum.enabledProtocols", "TLSv1.1")], "leaves nothing"),
            (&[("ssl.quorum.context.supplier.class", "a.B")], "Java classes"),
            (&[("quorum.auth.enableSasl", "true")], "Use TLS between them instead"),
            (&[("quorum.auth.learnerRequireSasl", "TRUE")], "Use TLS between them instead"),
            (&[("quorum.auth.serverRequireSasl", "true")], "then remove quorum.auth.server"),
        ];
        for (keys, expected) in wrong {
            let error = format!("{:#}", config(keys).unwrap_err());
            assert!(error.contains(expected), "{keys:?}: {error}");
        }
        assert_eq!(config(&[("quorum.auth.enableSasl", "false")]).unwrap(), None);
    }
}
