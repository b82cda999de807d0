//! Key stores and trust stores, as ZooKeeper's keys name them: PEM files.

use std::path::PathBuf;

use anyhow::ensure;

/// Endings of stores that are not PEM, and what they are.
const STORES: [(&str, &str); 4] =
    [("jks", "JKS"), ("p12", "PKCS12"), ("pfx", "PKCS12"), ("bcfks", "BCFKS")];

/// A file, and what it is said to be.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    location: Option<PathBuf>,
    kind: Option<String>,
}

impl Store {
    pub(super) fn set_location(&mut self, value: &str) {
        self.location = Some(PathBuf::from(value));
    }

    pub(super) fn set_kind(&mut self, value: &str) {
        self.kind = Some(value.to_owned()).filter(|kind| !kind.is_empty());
    }

    /// The file, which must be PEM.
    pub(super) fn pem(&self, key: &str) -> anyhow::Result<Option<PathBuf>> {
        let Some(path) = &self.location else {
            return Ok(None);
        };
        let ending = path.extension().and_then(|it| it.to_str()).unwrap_or("pem");
        let by_ending = STORES.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known));
        let kind = match (&self.kind, by_ending) {
            (Some(kind), _) => kind.to_uppercase(),
            (None, Some((_, kind))) => (*kind).to_owned(),
            (None, None) => "PEM".to_owned(),
        };
        ensure!(
            kind == "PEM",
            "{key} {}: {kind} stores cannot be read here. Make it PEM (for a key store: \
             `keytool -importkeystore -srckeystore FILE -destkeystore x.p12 -deststoretype PKCS12`, \
             then `openssl pkcs12 -in x.p12 -nodes -out x.pem`) and set its type to PEM",
            path.display()
        );
        Ok(Some(path.clone()))
    }
}
