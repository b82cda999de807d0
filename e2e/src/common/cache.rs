//! What is made once and kept between runs, outside of the checkout: keyed by what it is made of.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tokio::fs;
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::common::commands::output;
use crate::common::progress::say;
use crate::common::settings::Settings;

/// The folder `<name>-<digest of inputs>` of the cache. If it is not there yet, `make` fills it: at
/// first under another name, for what is cut off must not look whole.
///
/// # Errors
/// If an input cannot be read or `make` fails.
pub(crate) async fn made<F, A>(
    settings: &Settings,
    name: &str,
    inputs: &[PathBuf],
    make: F,
) -> Result<PathBuf>
where
    F: FnOnce(PathBuf) -> A,
    A: Future<Output = Result<()>>,
{
    // One at a time: several may want the same.
    static MAKING: Mutex<()> = Mutex::const_new(());
    let key = digest(inputs).await?;
    let folder = settings.cache.join(format!("{name}-{key}"));
    let _making = MAKING.lock().await;
    if folder.exists() {
        return Ok(folder);
    }
    say(format!("making {name}"));
    let half = settings.cache.join(format!("{name}-{key}.half-{}", std::process::id()));
    // Left by one that was cut off, if it is there.
    let _ = fs::remove_dir_all(&half).await;
    fs::create_dir_all(&half).await?;
    let outcome = make(half.clone()).await;
    if outcome.is_err() {
        fs::remove_dir_all(&half).await?;
    }
    outcome?;
    if fs::rename(&half, &folder).await.is_err() {
        // Another process was first; what it made is the same.
        fs::remove_dir_all(&half).await?;
    }
    Ok(folder)
}

/// A name for the content of files, their own names aside.
async fn digest(inputs: &[PathBuf]) -> Result<String> {
    let mut sum = Command::new("sha256sum");
    sum.args(inputs);
    let sums = output(&mut sum, "").await?;
    let sums: Vec<&str> = sums.lines().filter_map(|it| it.split(' ').next()).collect();
    let mut digest = output(&mut Command::new("sha256sum"), &sums.join(" ")).await?;
    digest.truncate(12);
    Ok(digest)
}

/// The files of a folder with this extension, those of folders in it too, in order.
///
/// # Errors
/// If the folder cannot be read.
pub(crate) fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
