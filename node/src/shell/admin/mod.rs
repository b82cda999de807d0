//! The admin port: health for Kubernetes, metrics, `/status`, ZooKeeper's commands, and the
//! authenticated calls of operators.
//!
//! [`port`] its connections · [`http`] what is answered · [`calls`] what operators ask, as JSON, and
//! `token` who may · [`status`] the document of `/status` · `commands` ZooKeeper's commands, `views` what
//! they tell, `replies` how, in its `java_json` · `snapshot_download` one of them.

pub(crate) mod calls;
pub(crate) mod http;
pub(crate) mod port;
pub(crate) mod status;

mod commands;
mod java_json;
mod replies;
mod snapshot_download;
mod token;
mod views;

use std::path::PathBuf;
use std::sync::Arc;

use super::inspect::inspector::Inspector;

/// What the port needs.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    pub(crate) inspector: Arc<Inspector>,
    /// Read anew for each call, so that it can be rotated. `None`: calls are refused.
    pub(crate) token_file: Option<PathBuf>,
    /// Four-letter words that are answered.
    pub(crate) words: Arc<[String]>,
}
