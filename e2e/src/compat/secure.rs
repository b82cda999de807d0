//! Clients with TLS and with SASL DIGEST-MD5, against members with a secure port each.

use std::fs;
use std::path::Path;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
};
use tokio::process::Command;

use super::dialog;
use super::java::Program;
use super::stand::{MORE, Stand};
use crate::clients;
use crate::common::progress::say;
use crate::local::{Folder, LocalEnsemble, SECURE_PORT};

/// What ZooKeeper calls the holder of the clients' certificate.
const NAME: &str = "CN=bob,O=Acme\\, Inc.";

/// Users of the members, and those that clients say they are.
const JAAS: &str = "
Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_bob=\"bobsecret\"; };
Client { org.apache.zookeeper.server.auth.DigestLoginModule required
    username=\"bob\" password=\"bobsecret\"; };
Wrong { org.apache.zookeeper.server.auth.DigestLoginModule required
    username=\"bob\" password=\"wrong\"; };
";

fn params(subject: &[(DnType, &str)]) -> Result<CertificateParams> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in subject {
        params.distinguished_name.push(kind.clone(), *value);
    }
    Ok(params)
}

/// Writes what members and clients read: certificates in the forms that each wants, and users.
fn write_files(folder: &Path) -> Result<()> {
    let mut authority = params(&[(DnType::CommonName, "authority")])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    fs::write(folder.join("ca.pem"), authority.pem())?;
    let bob = [(DnType::OrganizationName, "Acme, Inc."), (DnType::CommonName, "bob")];
    let server = [(DnType::CommonName, "localhost")];
    for (name, subject) in [("server", &server[..]), ("client", &bob[..])] {
        let key = KeyPair::generate()?;
        let certificate = params(subject)?.signed_by(&key, &authority)?.pem();
        let key = key.serialize_pem();
        fs::write(folder.join(format!("{name}.crt")), &certificate)?;
        fs::write(folder.join(format!("{name}.key")), &key)?;
        fs::write(folder.join(format!("{name}.pem")), certificate + &key)?;
    }
    fs::write(folder.join("jaas.conf"), JAAS)?;
    Ok(())
}

/// The members' settings. The last is of a real ZooKeeper, where only Netty has TLS.
fn settings(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "{MORE}secureClientPort={SECURE_PORT}\n\
         secureClientPortAddress=127.0.0.1\nssl.keyStore.location={folder}/server.pem\n\
         ssl.trustStore.location={folder}/ca.pem\nssl.clientAuth=need\n\
         java.security.auth.login.config={folder}/jaas.conf\n\
         authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n\
         serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n"
    )
}

/// Runs the program at each of three members that have all that.
async fn at_each(stand: &mut Stand, name: &str, program: impl Fn(&Path) -> Command) -> Result<()> {
    let folder = Folder::new()?;
    write_files(folder.path())?;
    let server = stand.server.clone();
    let mut ensemble = LocalEnsemble::start(&server, 3, &settings(folder.path())).await?;
    for at in 0..ensemble.len() {
        let (secure, plain) = (ensemble.secure_address(at)?, ensemble.address(at)?);
        let mut command = program(folder.path());
        command.args([&secure, &plain, &format!("/{name}-{at}")]);
        command.arg(folder.path()).arg(NAME);
        if let Err(error) = dialog::hold(command, &mut ensemble).await {
            ensemble.print_logs(40);
            return Err(error);
        }
        say(format!("{name}: content with {secure}"));
    }
    Ok(())
}

/// ZooKeeper's own client 3.9.
pub(super) async fn java(stand: &mut Stand) -> Result<()> {
    let folders = ["common", "secure"];
    let program = Program::compile(&stand.settings, "client-3.9.xml", &folders, "Secure").await?;
    at_each(stand, "java", |folder| {
        let jaas = folder.join("jaas.conf");
        program.with_property("java.security.auth.login.config", &jaas)
    })
    .await
}

/// kazoo, with the library that it leaves DIGEST-MD5 to.
pub(super) async fn kazoo(stand: &mut Stand) -> Result<()> {
    let package = "kazoo[sasl]==2.11.0";
    let python = clients::venv(&stand.settings, package, "kazoo, puresasl").await?;
    let script = stand.settings.root.join("e2e/compat/python/secure.py");
    at_each(stand, "kazoo", |_| {
        let mut command = Command::new(&python);
        // Nothing is to be written into the checkout.
        command.arg("-B").arg(&script);
        command
    })
    .await
}
