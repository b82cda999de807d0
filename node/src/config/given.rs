//! What the user gave: the file or what stands for it, the dynamic file, system properties.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;

use super::args::RunArgs;
use super::container;
use super::notice::Notice;
use super::settings::NewFile;
use super::sources::Sources;
use super::zoo_cfg::ZooCfg;

/// All of it, read and parsed.
pub(super) struct Given {
    pub(super) file: ZooCfg,
    /// The file's text, or the text that stands for it.
    pub(super) text: Option<String>,
    /// System properties of `JVMFLAGS`.
    pub(super) properties: Vec<(String, String)>,
    /// The `myid` that the image's entry point would write.
    pub(super) new_myid: Option<NewFile>,
    pub(super) notices: Vec<Notice>,
}

/// Reads all that the command line and the environment lead to.
pub(super) fn read(args: &RunArgs, sources: &impl Sources) -> anyhow::Result<Given> {
    // Whoever says where the data lies does not mean the container image's environment.
    let of_image = args.config.is_none() && args.data_dir.is_none() && container::is_set(sources);
    let (text, name) = match &args.config {
        Some(path) => (Some(named_text(sources, path)?), path.display().to_string()),
        None if of_image => of_container(sources)?,
        None => (None, String::new()),
    };
    let new_myid = if of_image { new_myid(sources)? } else { None };
    let mut file = ZooCfg::parse(text.as_deref().unwrap_or_default()).context(name)?;
    if let Some(path) = file.dynamic.clone() {
        let text = named_text(sources, &path)?;
        file.include(&text).with_context(|| path.display().to_string())?;
    }
    let properties = container::properties(sources);
    let mut notices = container::apply(&mut file, &properties)?;
    let meaningless = file.ignored.iter().cloned();
    notices.extend(meaningless.map(|(line, key)| Notice::Meaningless { line, key }));
    let unknown = file.unknown.iter().cloned();
    notices.extend(unknown.map(|(line, key)| Notice::Unknown { line, key }));
    Ok(Given { file, text, properties, new_myid, notices })
}

fn named_text(sources: &impl Sources, path: &Path) -> anyhow::Result<String> {
    sources.text(path).with_context(|| format!("read {}", path.display()))
}

/// The mounted file and its name, or what the variables make.
fn of_container(sources: &impl Sources) -> anyhow::Result<(Option<String>, String)> {
    let path = container::mounted(sources);
    match sources.text(&path) {
        Ok(text) => Ok((Some(text), path.display().to_string())),
        Err(error) if is_absent(&error) => {
            Ok((Some(container::made(sources)), "made of ZOO_* variables".to_owned()))
        }
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// The image's entry point writes this server's number into the data folder, if there is none.
fn new_myid(sources: &impl Sources) -> anyhow::Result<Option<NewFile>> {
    let file = container::myid(sources);
    match sources.text(&file.path) {
        Ok(_) => Ok(None),
        Err(error) if is_absent(&error) => Ok(Some(file)),
        Err(error) => Err(error).with_context(|| format!("read {}", file.path.display())),
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    use ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory)
}
