//! This process's environment and files, as settings are resolved from them.

use std::path::Path;

use anyhow::Context;

use crate::config::settings::NewFile;
use crate::config::sources::Sources;
use crate::shell::disk::files;

/// Those of the system that runs this process.
pub(super) struct System;

impl Sources for System {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn text(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// Makes `myid` as the entry point of ZooKeeper's image does; after a power cut either all of it is
/// there or nothing.
pub(super) fn write_new(file: &NewFile) -> anyhow::Result<()> {
    let write = || {
        file.path.parent().map_or(Ok(()), files::make_dir)?;
        files::replace(&file.path, file.text.as_bytes())
    };
    let path = file.path.display();
    write().with_context(|| format!("write {path} (ZOO_DATA_DIR must be writable)"))
}
