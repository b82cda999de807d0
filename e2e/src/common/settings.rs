//! What the environment decides, read once.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

/// Where things are.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// What is kept between runs: binaries, images, clients.
    pub(crate) cache: PathBuf,
    /// What a running cluster writes.
    pub(crate) state: PathBuf,
    /// Where the programs for the image are compiled.
    pub(crate) target: PathBuf,
    /// A cluster that is somebody else's, and the image to use on it.
    pub(crate) foreign: Option<Foreign>,
}

/// A cluster that is somebody else's.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    pub(crate) kubeconfig: PathBuf,
    pub(crate) image: String,
}

impl Settings {
    pub(crate) fn from_environment() -> Result<Self> {
        let path = |name: &str| env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
        let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().context("the crate lies in the checkout")?.to_owned();
        let cache = match path("E2E_CACHE") {
            Some(cache) => cache,
            None => path("HOME")
                .context("neither E2E_CACHE nor HOME is set")?
                .join(".cache/quorate-e2e"),
        };
        let state = path("E2E_STATE").unwrap_or_else(|| "/tmp/quorate-e2e".into());
        let foreign = match path("KUBECONFIG") {
            // What `up` printed may well have been exported.
            Some(kubeconfig) if kubeconfig != state.join("kubeconfig") => {
                let image = env::var("E2E_IMAGE").unwrap_or_default();
                ensure!(
                    image.contains(':'),
                    "with KUBECONFIG set, E2E_IMAGE must be an image that the cluster can get, \
                     as REPOSITORY:TAG"
                );
                Some(Foreign { kubeconfig, image })
            }
            _ => None,
        };
        let target = path("CARGO_TARGET_DIR").unwrap_or_else(|| cache.join("target"));
        Ok(Settings { root, cache, state, target, foreign })
    }

    /// The scripts that make the cluster.
    pub(crate) fn scripts(&self) -> PathBuf {
        self.root.join("e2e/cluster")
    }
}
