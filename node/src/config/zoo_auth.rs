//! Keys of zoo.cfg that say how clients authenticate. ZooKeeper takes most of them as system
//! properties, whose prefix may be left out here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::jaas;
use super::notice::Notice;
use super::sources::Sources;
use crate::core::auth::{AuthOptions, SaslUsers};

/// Keys that are known here.
pub const KEYS: [&str; 17] = [
    "DigestAuthenticationProvider.superDigest",
    "DigestAuthenticationProvider.enabled",
    "DigestAuthenticationProvider.digestAlg",
    "X509AuthenticationProvider.superUser",
    "SASLAuthenticationProvider.superPassword",
    "java.security.auth.login.config",
    "sasl.serverconfig",
    "superUser",
    "allowSaslFailedClients",
    "sessionRequireClientSASLAuth",
    "requireClientAuthScheme",
    "enforce.auth.enabled",
    "enforce.auth.schemes",
    "ensembleAuthName",
    "letAnySaslUserDoX",
    "jaasLoginRenew",
    "ssl.authProvider",
];

/// ZooKeeper's own providers, by class.
const PROVIDERS: [(&str, &str); 5] = [
    ("DigestAuthenticationProvider", "digest"),
    ("EnsembleAuthenticationProvider", "ensemble"),
    ("IPAuthenticationProvider", "ip"),
    ("SASLAuthenticationProvider", "sasl"),
    ("X509AuthenticationProvider", "x509"),
];

/// These settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct ZooAuth {
    super_digest: Option<String>,
    digest_off: bool,
    super_subject: Option<String>,
    super_password: Option<Hidden>,
    jaas: Option<PathBuf>,
    section: Option<String>,
    super_users: Vec<String>,
    allow_sasl_failed: bool,
    require_sasl: bool,
    enforce: bool,
    enforced: Vec<String>,
    ensemble_names: Vec<String>,
    providers: BTreeSet<String>,
}

/// A password, which `Debug` does not show.
#[derive(Clone)]
struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

fn list(value: &str) -> Vec<String> {
    let parts = value.split(',').map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// As Java reads it.
fn flag(value: &str) -> bool {
    value.eq_ignore_ascii_case("true")
}

impl ZooAuth {
    /// Takes a key; `false`: it is none of these.
    ///
    /// # Errors
    /// When the value is none for this key, or asks for what this server cannot do.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> anyhow::Result<bool> {
        let text = || value.to_owned();
        match key {
            "DigestAuthenticationProvider.superDigest" => self.super_digest = Some(text()),
            "DigestAuthenticationProvider.enabled" => self.digest_off = !flag(value),
            "DigestAuthenticationProvider.digestAlg" => {
                let known = ["SHA1", "SHA-1", "SHA"].iter();
                let known = known.into_iter().any(|it| it.eq_ignore_ascii_case(value));
                ensure!(known, "{key}: `{value}` is not supported, only SHA1 is");
            }
            "X509AuthenticationProvider.superUser" => self.super_subject = Some(text()),
            "SASLAuthenticationProvider.superPassword" => {
                self.super_password = Some(Hidden(text()));
            }
            "java.security.auth.login.config" => self.jaas = Some(PathBuf::from(value)),
            "sasl.serverconfig" => self.section = Some(text()),
            "superUser" => self.super_users.push(text()),
            "allowSaslFailedClients" => self.allow_sasl_failed = flag(value),
            "sessionRequireClientSASLAuth" => self.require_sasl = flag(value),
            "enforce.auth.enabled" => self.enforce = flag(value),
            "enforce.auth.schemes" => self.enforced = list(value),
            "ensembleAuthName" => self.ensemble_names = list(value),
            "letAnySaslUserDoX" => bail!("{key} is not supported: list the users in the ACLs"),
            "ssl.authProvider" => {
                ensure!(value == "x509", "{key}: `{value}` is not supported, only x509 is");
            }
            // ZooKeeper 3.9 does not read the first any more; the second is of Kerberos.
            "requireClientAuthScheme" | "jaasLoginRenew" => {}
            _ if key.starts_with("superUser.") => self.super_users.push(text()),
            _ => match key.strip_prefix("authProvider.") {
                Some(_) => self.add_provider(key, value)?,
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn add_provider(&mut self, key: &str, class: &str) -> anyhow::Result<()> {
        let own = class.strip_prefix("org.apache.zookeeper.server.auth.");
        let known = PROVIDERS.iter().find(|(name, _)| own == Some(name));
        let Some((_, scheme)) = known else {
            bail!(
                "{key}: the class {class} cannot run here. This server has ZooKeeper's own \
                 providers: digest, ip, x509, sasl and ensemble"
            );
        };
        self.providers.insert((*scheme).to_owned());
        Ok(())
    }

    /// The users of SASL, by the JAAS file; `jaas` is the flag's, which wins. `None`: no SASL.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(super) fn sasl_users(
        &self,
        jaas: Option<&Path>,
        sources: &impl Sources,
        notices: &mut Vec<Notice>,
    ) -> anyhow::Result<Option<SaslUsers>> {
        let Some(path) = jaas.or(self.jaas.as_deref()) else {
            return Ok(None);
        };
        let text = sources.text(path).with_context(|| path.display().to_string())?;
        let section = self.section.as_deref().unwrap_or("Server");
        let users = jaas::users(&text, section).with_context(|| path.display().to_string())?;
        let Some(mut users) = users else {
            let (file, section) = (path.to_owned(), section.to_owned());
            notices.push(Notice::NoSection { file, section });
            return Ok(None);
        };
        if let (Some(password), Some(known)) = (&self.super_password, users.get_mut("super")) {
            known.clone_from(&password.0);
        }
        Ok(Some(SaslUsers(users)))
    }

    /// What it means. `certificates`: clients may show some.
    ///
    /// # Errors
    /// When a scheme is enforced that is not on.
    pub(super) fn options(
        &self,
        sasl_users: Option<SaslUsers>,
        certificates: bool,
    ) -> anyhow::Result<AuthOptions> {
        let mut schemes = self.providers.clone();
        schemes.insert("ip".to_owned());
        if !self.digest_off {
            schemes.insert("digest".to_owned());
        }
        if certificates {
            schemes.insert("x509".to_owned());
        }
        if sasl_users.is_some() {
            schemes.insert("sasl".to_owned());
        }
        let enforced = if self.require_sasl {
            vec!["sasl".to_owned()]
        } else if self.enforce {
            ensure!(
                !self.enforced.is_empty(),
                "enforce.auth.enabled is true: say in enforce.auth.schemes which"
            );
            self.enforced.clone()
        } else {
            Vec::new()
        };
        if let Some(scheme) = enforced.iter().find(|it| !schemes.contains(*it)) {
            bail!(
                "the authentication scheme {scheme} is enforced, but it is not on here: sasl needs \
                 a JAAS file (--jaas-file), x509 a secure port with client certificates"
            );
        }
        Ok(AuthOptions {
            schemes,
            super_digest: self.super_digest.clone(),
            super_subject: self.super_subject.clone(),
            sasl_users,
            super_users: self.super_users.clone(),
            allow_sasl_failed: self.allow_sasl_failed,
            enforced,
            ensemble_names: self.ensemble_names.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(keys: &[(&str, &str)]) -> anyhow::Result<ZooAuth> {
        let mut auth = ZooAuth::default();
        for (key, value) in keys {
            assert!(auth.set(key, value)?, "{key}");
        }
        Ok(auth)
    }

    fn schemes(keys: &[(&str, &str)], certificates: bool) -> String {
        let options = set(keys).unwrap().options(None, certificates).unwrap();
        options.schemes.into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn schemes_are_on_as_in_zookeeper() {
        let sasl =
            ("authProvider.1", "org.apache.zookeeper.server.auth.SASLAuthenticationProvider");
        let off = ("DigestAuthenticationProvider.enabled", "false");
        assert_eq!(schemes(&[], false), "digest ip");
        assert_eq!(schemes(&[], true), "digest ip x509");
        assert_eq!(schemes(&[sasl, off], false), "ip sasl");
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_what_can() {
        let wrong = [
            (("authProvider.x", "com.example.Ldap"), "com.example.Ldap cannot run here"),
            (("DigestAuthenticationProvider.digestAlg", "MD5"), "only SHA1"),
            (("letAnySaslUserDoX", "bob"), "not supported"),
        ];
        for (key, expected) in wrong {
            let error = format!("{:#}", set(&[key]).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        let sasl = [("sessionRequireClientSASLAuth", "true")];
        let x509 = [("enforce.auth.enabled", "true"), ("enforce.auth.schemes", "digest, x509")];
        let none = [("enforce.auth.enabled", "true")];
        for (keys, expected) in [
            (&sasl[..], "sasl is enforced"),
            (&x509, "x509 is enforced"),
            (&none, "say in enforce.auth.schemes"),
        ] {
            let error = set(keys).unwrap().options(None, false).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        let enforced = set(&x509).unwrap().options(None, true).unwrap().enforced;
        assert_eq!(enforced, ["digest", "x509"]);
    }

    #[test]
    fn no_secret_is_shown() {
        let auth = set(&[("SASLAuthenticationProvider.superPassword", "sesame")]).unwrap();
        assert!(!format!("{auth:?}").contains("sesame"));
    }
}
