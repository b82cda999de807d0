//! What settings are read from. Whoever resolves them hands it over, so that nothing here touches
//! the system itself.

use std::path::Path;

/// The environment and the files of one start.
pub(crate) trait Sources {
    /// A variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<String>;

    /// The whole text of a file.
    ///
    /// # Errors
    /// As the system gives them; a file that is not there is `NotFound`.
    fn text(&self, path: &Path) -> std::io::Result<String>;
}

/// Variables and files that a test gives.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) variables: Vec<(&'static str, String)>,
    pub(crate) files: Vec<(&'static str, String)>,
}

#[cfg(test)]
impl Sources for Given {
    fn variable(&self, name: &str) -> Option<String> {
        let found = self.variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    }

    fn text(&self, path: &Path) -> std::io::Result<String> {
        let found = self.files.iter().find(|(known, _)| Path::new(known) == path);
        let found = found.map(|(_, text)| text.clone());
        found.ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}
