//! The programs that go into the image, compiled here.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tokio::fs;
use tokio::process::Command;

use crate::common::commands::{aloud, output};
use crate::common::progress::say;
use crate::common::settings::Settings;

/// What they are called.
pub(crate) const PROGRAMS: [&str; 2] = ["quorate-node", "quorate-operator"];

/// Compiles the programs; gives the folder that holds them.
pub(crate) async fn compile(settings: &Settings) -> Result<PathBuf> {
    say("compiling the programs (some minutes when nothing is cached)");
    let version = output(Command::new("rustc").arg("-vV"), "").await?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say what it compiles for")?;
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(&settings.root)
        .args(["build", "--release", "--locked", "--target", host])
        .args(PROGRAMS.iter().flat_map(|it| ["-p", it]))
        // The target is named, so this does not reach build scripts, which cannot be static.
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_TARGET_DIR", &settings.target);
    aloud(&mut cargo).await?;
    let folder = settings.target.join(host).join("release");
    // Nothing else may get into the image.
    let clean = settings.target.join("e2e-image");
    fs::create_dir_all(&clean).await?;
    for program in PROGRAMS {
        fs::copy(folder.join(program), clean.join(program)).await?;
    }
    Ok(clean)
}
