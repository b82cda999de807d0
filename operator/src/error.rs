//! What can fail in a reconcile. Every step has one variant: its name is the label of the metric and
//! a field of the log, so both have as many values as there are steps.

use crate::causes::ApiError;
use crate::member_api::CallError;
use crate::plan::action::Action;
use crate::plan::object::ObjectKey;
use crate::refusals::{Reach, Refusal};
use crate::requests::{Verdict, api_verdict};
use crate::sight::Unreadable;

/// The result of a step.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A step that failed. The next reconcile looks again, and decides anew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The clock cannot be read.
    #[error("the clock of this machine is before 1970: set it")]
    Clock,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Randomness(getrandom::Error),
    /// The resource cannot be read.
    #[error("cannot read the CoordinationEnsemble: {0}")]
    ObserveEnsemble(ApiError),
    /// The StatefulSet cannot be read.
    #[error("cannot read the StatefulSet: {0}")]
    ObserveStatefulSet(ApiError),
    /// Pods cannot be listed.
    #[error("cannot list the pods: {0}")]
    ObservePods(ApiError),
    /// ConfigMaps cannot be listed.
    #[error("cannot list the ConfigMaps: {0}")]
    ObserveConfigMaps(ApiError),
    /// Claims cannot be listed.
    #[error("cannot list the PersistentVolumeClaims: {0}")]
    ObserveClaims(ApiError),
    /// The record of the formation makes no sense.
    #[error("the ConfigMap {config_map} is no record of a formation: {why}; restore it")]
    ObserveFormation {
        /// Its name.
        config_map: String,
        /// What is wrong with it.
        why: String,
    },
    /// The Secret with the token cannot be read.
    #[error("cannot read the Secret with the admin token: {0}")]
    ObserveToken(ApiError),
    /// The Secret holds no token.
    #[error("the Secret {secret} holds no token as text under the key token: restore it")]
    ReadToken {
        /// Its name.
        secret: String,
    },
    /// An object cannot be read.
    #[error("cannot read {key}: {source}")]
    ObserveObject {
        /// Which.
        key: ObjectKey,
        /// Why.
        source: ApiError,
    },
    /// An object cannot be applied.
    #[error("cannot apply {key}: {source}")]
    ApplyObject {
        /// Which.
        key: ObjectKey,
        /// Why.
        source: ApiError,
    },
    /// An action on an object failed.
    #[error("cannot carry out {} of {action}: {source}", action.name())]
    Write {
        /// Which.
        action: Box<Action>,
        /// Why.
        source: ApiError,
    },
    /// A call to a member failed.
    #[error("cannot call {pod} for {} of {action}: {source}", action.name())]
    Call {
        /// Which.
        action: Box<Action>,
        /// The member's pod.
        pod: String,
        /// Why.
        source: CallError,
    },
    /// The report cannot be written.
    #[error("cannot write the status: {0}")]
    WriteStatus(ApiError),
    /// A reconcile took too long.
    #[error("no end after {seconds} s: the API server or a member is slow")]
    Deadline {
        /// How long it may take.
        seconds: u64,
    },
}

impl Error {
    /// The step, as metrics and logs name it.
    pub(crate) fn step(&self) -> &'static str {
        match self {
            Error::Clock => "Clock",
            Error::Randomness(_) => "Randomness",
            Error::ObserveEnsemble(_) => "ObserveEnsemble",
            Error::ObserveStatefulSet(_) => "ObserveStatefulSet",
            Error::ObservePods(_) => "ObservePods",
            Error::ObserveConfigMaps(_) => "ObserveConfigMaps",
            Error::ObserveClaims(_) => "ObserveClaims",
            Error::ObserveFormation { .. } => "ObserveFormation",
            Error::ObserveToken(_) => "ObserveToken",
            Error::ReadToken { .. } => "ReadToken",
            Error::ObserveObject { .. } => "ObserveObject",
            Error::ApplyObject { .. } => "ApplyObject",
            Error::Write { action, .. } | Error::Call { action, .. } => action.name(),
            Error::WriteStatus(_) => "WriteStatus",
            Error::Deadline { .. } => "Deadline",
        }
    }

    /// What a request to the API server came to, if it is one that failed.
    fn api(&self) -> Option<&ApiError> {
        match self {
            Error::ApplyObject { source, .. }
            | Error::Write { source, .. }
            | Error::ObserveObject { source, .. }
            | Error::ObserveEnsemble(source)
            | Error::ObserveStatefulSet(source)
            | Error::ObservePods(source)
            | Error::ObserveConfigMaps(source)
            | Error::ObserveClaims(source)
            | Error::ObserveToken(source)
            | Error::WriteStatus(source) => Some(source),
            _ => None,
        }
    }

    /// How far it reaches among the writes of a reconcile.
    pub(crate) fn reach(&self) -> Reach {
        match self.api().and_then(ApiError::code).map(api_verdict) {
            Some(Verdict::Denied) => Reach::Dependents,
            _ => Reach::Everything,
        }
    }

    /// What people can do about it, where it does not say so itself.
    fn advice(&self) -> Option<&'static str> {
        let code = self.api()?.code();
        Some(match code {
            Some(400 | 422) => "correct what it names in the spec",
            Some(401) => "the operator's own token is not taken: restart the operator",
            Some(403) => {
                "allow it: the operator's roles, and the quotas and policies of the namespace, decide"
            }
            Some(500..) => "a webhook, or the API server itself, fails: look there",
            Some(_) => return None,
            None => "the API server did not answer: look at it, and at the network",
        })
    }

    /// As people are told of it.
    pub(crate) fn refusal(&self, about: String) -> Refusal {
        let why = match self.advice() {
            Some(advice) => format!("{self}; {advice}"),
            None => self.to_string(),
        };
        Refusal { step: self.step(), about, why }
    }
}

impl From<Unreadable> for Error {
    fn from(unreadable: Unreadable) -> Error {
        match unreadable {
            Unreadable::Formation { config_map, why } => {
                Error::ObserveFormation { config_map, why }
            }
            Unreadable::Token { secret } => Error::ReadToken { secret },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::object::Kind;

    #[test]
    fn a_refusal_of_the_api_server_is_told_in_its_own_words() {
        let status = kube::core::Status::failure("pods is forbidden", "Forbidden").with_code(403);
        let error = Error::ApplyObject {
            key: ObjectKey { kind: Kind::Service, name: "zk".to_owned() },
            source: kube::Error::Api(status.boxed()).into(),
        };
        assert_eq!(error.to_string(), "cannot apply Service/zk: pods is forbidden (403 Forbidden)");
        assert_eq!(error.step(), "ApplyObject");
    }
}
