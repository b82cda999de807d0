//! Which image members run, and how it is pulled: what the resource says, and the operator's default
//! for what it leaves out.

use k8s_openapi::api::core::v1::LocalObjectReference;
use quorate_crds::ensemble::{ImageSpec, PullPolicy};
use serde::{Deserialize, Serialize};

/// An image, and how it is pulled.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Image {
    /// As a pod names it.
    pub reference: String,
    /// When it is pulled.
    pub pull_policy: PullPolicy,
    /// Secrets of the ensemble's namespace.
    pub pull_secrets: Vec<LocalObjectReference>,
}

impl Image {
    /// What members are to run: each part as the resource says it, or as the operator's default.
    pub fn wanted(own: Option<&ImageSpec>, default: &Image) -> Image {
        let Some(own) = own else { return default.clone() };
        Image {
            reference: reference(own, &default.reference),
            pull_policy: own.pull_policy.unwrap_or(default.pull_policy),
            pull_secrets: own.pull_secrets.as_ref().unwrap_or(&default.pull_secrets).clone(),
        }
    }
}

/// A tag or a digest is of the default's repository where the resource names none; neither means the
/// default itself.
fn reference(own: &ImageSpec, default: &str) -> String {
    let repository = own.repository.as_deref();
    match (repository, &own.digest, &own.tag) {
        (None, None, None) => default.to_owned(),
        (Some(repository), None, None) => repository.to_owned(),
        (_, Some(digest), _) => format!("{}@{digest}", repository.unwrap_or(name(default))),
        (_, None, Some(tag)) => format!("{}:{tag}", repository.unwrap_or(name(default))),
    }
}

/// Registry and name in a reference, without tag and digest. A registry's port is no tag.
fn name(reference: &str) -> &str {
    let tagged = reference.split_once('@').map_or(reference, |(tagged, _)| tagged);
    match tagged.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        Some(_) | None => tagged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(repository: &str, tag: &str, digest: &str) -> ImageSpec {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ImageSpec {
            repository: some(repository),
            tag: some(tag),
            digest: some(digest),
            ..ImageSpec::default()
        }
    }

    #[test]
    fn what_the_resource_leaves_out_is_the_default() {
        for (default, own, expected) in [
            ("quorate:1", spec("", "", ""), "quorate:1"),
            ("quorate:1", spec("", "2", ""), "quorate:2"),
            ("quorate:1", spec("", "2", "sha256:a"), "quorate@sha256:a"),
            ("quorate", spec("", "2", ""), "quorate:2"),
            ("quorate@sha256:b", spec("", "2", ""), "quorate:2"),
            ("r:5000/quorate:1@sha256:b", spec("", "2", ""), "r:5000/quorate:2"),
            ("r:5000/quorate", spec("", "2", ""), "r:5000/quorate:2"),
            ("r:5000/quorate:1", spec("", "", "sha256:a"), "r:5000/quorate@sha256:a"),
            ("quorate:1", spec("mine", "", ""), "mine"),
            ("quorate:1", spec("mine", "2", ""), "mine:2"),
            ("quorate:1", spec("mine", "2", "sha256:a"), "mine@sha256:a"),
        ] {
            let default = Image { reference: default.to_owned(), ..Image::default() };
            assert_eq!(Image::wanted(Some(&own), &default).reference, expected, "{own:?}");
            assert_eq!(Image::wanted(None, &default), default);
        }
    }

    #[test]
    fn how_it_is_pulled_does_not_depend_on_who_names_it() {
        let secrets = |name: &str| vec![LocalObjectReference { name: name.to_owned() }];
        let default = Image {
            reference: "quorate:1".to_owned(),
            pull_policy: PullPolicy::Never,
            pull_secrets: secrets("default"),
        };
        let mut own = spec("mine", "", "");
        let pulled = Image::wanted(Some(&own), &default);
        assert_eq!(pulled.pull_policy, PullPolicy::Never);
        assert_eq!(pulled.pull_secrets, secrets("default"));
        own.repository = None;
        own.pull_policy = Some(PullPolicy::Always);
        own.pull_secrets = Some(secrets("own"));
        let pulled = Image::wanted(Some(&own), &default);
        assert_eq!(pulled.reference, "quorate:1");
        assert_eq!(pulled.pull_policy, PullPolicy::Always);
        assert_eq!(pulled.pull_secrets, secrets("own"));
        own.pull_secrets = Some(Vec::new());
        assert!(Image::wanted(Some(&own), &default).pull_secrets.is_empty(), "it wants none");
    }
}
