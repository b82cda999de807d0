//! Certificates for members of an ensemble whose owners have no authority: one is made, and signs.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::config::args::CertArgs;

/// The authority's certificate.
const AUTHORITY: &str = "ca.pem";
/// Its key.
const AUTHORITY_KEY: &str = "ca-key.pem";
const DAY: Duration = Duration::from_secs(86_400);
/// An authority outlives what it signs.
const AUTHORITY_DAYS: u32 = 3_650;
/// Clocks differ.
const EARLIER: Duration = DAY;

/// Makes the files and says which.
pub(super) fn make(args: &CertArgs) -> anyhow::Result<()> {
    let dir = &args.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("make the folder {}", dir.display()))?;
    let authority = authority(dir)?;
    for host in &args.hosts {
        let mut params = CertificateParams::new(vec![host.clone()])
            .with_context(|| format!("{host} is neither a host name nor an IP address"))?;
        params.distinguished_name = name(host);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // A member dials and is dialled.
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        last(&mut params, args.days)?;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &authority)?;
        let file = dir.join(format!("{}.pem", host.replace(':', "_")));
        write_new(&file, &(certificate.pem() + &key.serialize_pem()), 0o600)?;
        println!("{}: certificate and key of {host}, for {} days", file.display(), args.days);
    }
    let trusted = dir.join(AUTHORITY);
    println!(
        "{}: what members believe; keep {AUTHORITY_KEY} beside it away from them",
        trusted.display()
    );
    Ok(())
}

/// The one whose files are in the folder, or a new one if there are none.
fn authority(dir: &Path) -> anyhow::Result<Issuer<'static, KeyPair>> {
    let (file, key_file) = (dir.join(AUTHORITY), dir.join(AUTHORITY_KEY));
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = name("Quorate members");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    match (std::fs::read_to_string(&key_file), file.exists()) {
        (Ok(key), true) => {
            let key = KeyPair::from_pem(&key);
            let key = key.with_context(|| format!("{} holds no key", key_file.display()))?;
            Ok(Issuer::new(params, key))
        }
        (Err(error), false) if error.kind() == ErrorKind::NotFound => {
            last(&mut params, AUTHORITY_DAYS)?;
            let key = KeyPair::generate()?;
            let certificate = params.self_signed(&key)?;
            write_new(&key_file, &key.serialize_pem(), 0o600)?;
            write_new(&file, &certificate.pem(), 0o644)?;
            Ok(Issuer::new(params, key))
        }
        (key, _) => {
            let why = key.err().map_or_else(String::new, |error| format!(" ({error})"));
            bail!(
                "an authority is a certificate and its key: {} and {} must both be there, or \
                 neither{why}",
                file.display(),
                key_file.display()
            )
        }
    }
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// From a little earlier than now on, for so many days.
fn last(params: &mut CertificateParams, days: u32) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    let begin = date_time_ymd(1970, 1, 1);
    params.not_before = begin + now.saturating_sub(EARLIER);
    params.not_after = begin + now + DAY * days;
    Ok(())
}

/// Nothing that is there is overwritten.
fn write_new(file: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(mode).open(file);
    let named = || format!("make {} (what is there is not overwritten)", file.display());
    let mut made = made.with_context(named)?;
    made.write_all(text.as_bytes()).with_context(named)?;
    made.sync_all().with_context(named)
}
