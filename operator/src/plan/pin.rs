//! What a template was made of, as the StatefulSet itself remembers it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a template was made of. As an annotation: JSON.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Pin {
    /// A digest of what of the spec is in it. Without one it is not known: it was made by an operator
    /// that did not remember it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// The operator's default image, as far as the spec leaves the image to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The template, as it is applied.
    pub template: Value,
}

impl Pin {
    /// As the annotation says it; of one that makes no sense nothing is known.
    pub fn parse(text: &str) -> Option<Pin> {
        serde_json::from_str(text).ok()
    }

    /// The configuration map that its pods mount.
    pub fn config(&self) -> Option<&str> {
        let volumes = self.template["spec"]["volumes"].as_array()?;
        volumes.iter().find_map(|it| it["configMap"]["name"].as_str())
    }

    /// The image that its members run.
    pub fn reference(&self) -> &str {
        self.template["spec"]["containers"][0]["image"].as_str().unwrap_or_default()
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", json!(self))
    }
}
