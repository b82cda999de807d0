//! The image: two static programs compiled here, put together by buildah from the one Dockerfile,
//! and loaded into the nodes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::fs;
use tokio::process::Command;

use crate::common::commands::{aloud, output};
use crate::common::programs::{self, PROGRAMS};
use crate::common::progress::say;
use crate::common::scripts::script;
use crate::common::settings::Settings;
use crate::stage::cluster::Cluster;

const REPOSITORY: &str = "localhost/quorate";
/// How many images the cache keeps.
const KEPT: usize = 3;

/// An image that the cluster can run.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) repository: String,
    pub(crate) tag: String,
    /// Another tag of the same image, where there is one.
    pub(crate) second_tag: Option<String>,
}

impl Image {
    /// What a pod's spec calls it.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    /// Makes the image, unless there is one of the same content, and gives it to the nodes.
    pub(crate) async fn provide(settings: &Settings, cluster: &Cluster) -> Result<Self> {
        if let Some(foreign) = &settings.foreign {
            let (repository, tag) = foreign.image.rsplit_once(':').context("an image has a tag")?;
            let (repository, tag) = (repository.to_owned(), tag.to_owned());
            return Ok(Image { repository, tag, second_tag: None });
        }
        let programs = programs::compile(settings).await?;
        let tag = format!("e2e-{}", digest(settings, &programs).await?);
        let second = format!("{tag}-b");
        let archive = |tag: &str| settings.cache.join("images").join(format!("quorate-{tag}.tar"));
        if !archive(&second).exists() {
            say(format!("building the image {REPOSITORY}:{tag}"));
            build(settings, &programs, &[(&tag, archive(&tag)), (&second, archive(&second))])
                .await?;
            prune(&settings.cache.join("images")).await?;
        }
        load(settings, cluster, &[archive(&tag), archive(&second)]).await?;
        Ok(Image { repository: REPOSITORY.to_owned(), tag, second_tag: Some(second) })
    }

    /// The tag of an image with the server of before ensemble version 2, given to the nodes; `None`
    /// where it cannot be made: on a cluster that is somebody else's, or without the history.
    pub(crate) async fn earlier(settings: &Settings, cluster: &Cluster) -> Result<Option<String>> {
        if settings.foreign.is_some() {
            return Ok(None);
        }
        let Some(programs) = programs::compile_earlier(settings).await? else {
            return Ok(None);
        };
        let tag = format!("earlier-{}", digest(settings, &programs).await?);
        let archive = settings.cache.join("earlier").join(format!("quorate-{tag}.tar"));
        if !archive.exists() {
            say(format!("building the image {REPOSITORY}:{tag}"));
            build(settings, &programs, &[(&tag, archive.clone())]).await?;
        }
        load(settings, cluster, &[archive]).await?;
        Ok(Some(tag))
    }
}

/// Gives archives to the nodes that they do not have yet.
async fn load(settings: &Settings, cluster: &Cluster, archives: &[PathBuf]) -> Result<()> {
    let Some(state) = &cluster.own else {
        return Ok(());
    };
    let there =
        |it: &&PathBuf| state.join("images").join(it.file_name().unwrap_or_default()).exists();
    let absent: Vec<&PathBuf> = archives.iter().filter(|it| !there(it)).collect();
    if absent.is_empty() {
        return Ok(());
    }
    say("loading the image into the nodes");
    aloud(script(settings, "load").args(absent)).await
}

/// A name for the image's content.
async fn digest(settings: &Settings, programs: &Path) -> Result<String> {
    let mut sum = Command::new("sha256sum");
    sum.current_dir(programs).args(PROGRAMS).arg(settings.root.join("Dockerfile"));
    let sums = output(&mut sum, "").await?;
    // The Dockerfile's path is no content.
    let sums = sums.lines().filter_map(|it| it.split(' ').next()).collect::<Vec<_>>().join(" ");
    let mut sum = output(&mut Command::new("sha256sum"), &sums).await?;
    sum.truncate(12);
    Ok(sum)
}

async fn build(settings: &Settings, programs: &Path, tags: &[(&String, PathBuf)]) -> Result<()> {
    let work = settings.cache.join("buildah");
    let buildah = || {
        let mut command = Command::new("buildah");
        command.arg("--storage-driver=vfs").arg("--root").arg(work.join("root"));
        command.arg("--runroot").arg(work.join("run")).current_dir(&settings.root);
        command
    };
    fs::create_dir_all(settings.cache.join("images")).await?;
    let mut bud = buildah();
    bud.args(["bud", "--quiet", "--isolation=chroot"])
        .arg(format!("--build-context=binaries={}", programs.display()))
        // The programs are all that is needed; the checkout need not be looked through.
        .args(["-t", "localhost/quorate:built", "-f"])
        .arg(settings.root.join("Dockerfile"))
        .arg(programs);
    output(&mut bud, "").await?;
    for (tag, archive) in tags {
        // Cut off, it must not leave half an archive under the final name.
        let half = archive.with_extension("half");
        let _ = fs::remove_file(&half).await;
        let to = format!("docker-archive:{}:{REPOSITORY}:{tag}", half.display());
        output(buildah().args(["push", "--quiet", "localhost/quorate:built", &to]), "").await?;
        fs::rename(&half, archive).await?;
    }
    // Each build would leave a copy.
    fs::remove_dir_all(&work).await?;
    Ok(())
}

/// Removes all but the latest archives.
async fn prune(folder: &Path) -> Result<()> {
    let mut archives = Vec::new();
    let mut entries = fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        archives.push((entry.metadata().await?.modified()?, entry.path()));
    }
    archives.sort_unstable();
    archives.reverse();
    // Each image has two.
    for (_, path) in archives.into_iter().skip(2 * KEPT) {
        fs::remove_file(path).await?;
    }
    Ok(())
}
