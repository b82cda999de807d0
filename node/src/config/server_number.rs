//! Which N of `server.N` this server is (ZooKeeper's myid).

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, bail};

use super::args::RunArgs;
use super::settings::NewFile;
use super::sources::Sources;
use super::zoo_cfg::ZooCfg;
use crate::core::types::ServerId;

/// Where the kernel tells the host's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// By flag, by the host's name, or by `myid` in the data folder, which may be about to be made.
pub(super) fn find(
    args: &RunArgs,
    file: &ZooCfg,
    dir: &Path,
    new_myid: Option<&NewFile>,
    sources: &impl Sources,
) -> anyhow::Result<ServerId> {
    if let Some(id) = args.server_id {
        return Ok(ServerId(id));
    }
    if args.server_id_from_hostname {
        return by_host_name(&sources.text(Path::new(HOST_NAME)).context("read host name")?);
    }
    let path = dir.join("myid");
    let text = match sources.text(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            new_myid.filter(|new| new.path == path).map(|new| new.text.clone())
        }
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    match text {
        Some(text) => {
            let id = text.trim().parse().ok().filter(|id| (1..=254).contains(id));
            let id = id.with_context(|| format!("{} must hold 1 to 254", path.display()))?;
            Ok(ServerId(id))
        }
        None if file.servers.is_empty() => Ok(ServerId(1)),
        None => {
            bail!("which server.N is this? Write N into {}, or give --server-id N", path.display())
        }
    }
}

/// The pods of a StatefulSet are `NAME-0`, `NAME-1` and so on; servers count from 1.
fn by_host_name(name: &str) -> anyhow::Result<ServerId> {
    let ordinal = name.trim().rsplit('-').next().and_then(|it| it.parse::<u8>().ok());
    let id = ordinal.and_then(|it| it.checked_add(1)).filter(|id| *id <= 254);
    let id = id.with_context(|| {
        format!("host name {} does not end in an ordinal, as in name-0", name.trim())
    })?;
    Ok(ServerId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_ordinal_makes_its_number() {
        assert_eq!(by_host_name("zk-0\n").unwrap(), ServerId(1));
        assert_eq!(by_host_name("my-zk-253").unwrap(), ServerId(254));
        for wrong in ["zk", "zk-", "zk-254", "zk-255", "zk-x"] {
            let error = by_host_name(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
