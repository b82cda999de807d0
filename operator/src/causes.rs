//! Errors of libraries, in words.

use std::error::Error;
use std::fmt;

/// What the API server answered, or what happened on the way to it.
#[derive(Debug)]
pub(crate) struct ApiError(kube::Error);

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> ApiError {
        ApiError(error)
    }
}

impl ApiError {
    /// What the API server answered, if it did.
    pub(crate) fn code(&self) -> Option<u16> {
        match &self.0 {
            kube::Error::Api(status) => Some(status.code),
            _ => None,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            kube::Error::Api(status) => {
                write!(f, "{} ({} {})", status.message, status.code, status.reason)
            }
            error => f.write_str(&chain(error)),
        }
    }
}

impl Error for ApiError {}

/// An error and what it came from, each once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outside: inside")]
        struct Outer(#[source] Inner);
        #[derive(Debug, thiserror::Error)]
        #[error("inside")]
        struct Inner(#[source] std::fmt::Error);
        let told = chain(&Outer(Inner(std::fmt::Error)));
        assert_eq!(told, format!("outside: inside: {}", std::fmt::Error));
    }
}
