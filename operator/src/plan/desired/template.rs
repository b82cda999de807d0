//! What pods are made of, and why that stays as it is. A template changes when somebody changes what it
//! is made of in the spec; what only another operator would make otherwise, its default image and its
//! own ways, waits until the ensemble follows (`spec.rollout.follow`), and then for its turn among all
//! ensembles (`plan/convoy.rs`).

use quorate_crds::EnsembleStatus;
use quorate_crds::ensemble::Follow;
use serde_json::json;
use sha1::{Digest, Sha1};

use super::{config, pod};
use crate::mutants::planted;
use crate::plan::image::Image;
use crate::plan::names::Names;
use crate::plan::observed::Observed;
use crate::plan::pin::Pin;

/// The templates of a reconcile, made once.
pub struct Templates {
    /// What the pods are to be made of.
    pub wanted: Pin,
    /// What this operator would make of the spec alone.
    pub newest: Pin,
}

impl Templates {
    /// Of this ensemble.
    pub fn of(observed: &Observed, names: &Names) -> Templates {
        let newest = render(observed, names, &observed.default_image);
        Templates { wanted: wanted(observed, names, &newest), newest }
    }

    /// Whether this operator would make pods otherwise than those that are there are made.
    pub fn behind(&self, observed: &Observed) -> bool {
        let pin = observed.stateful_set.as_ref().and_then(|set| set.pin.as_ref());
        pin.is_some_and(|pin| pin.template != self.newest.template)
    }
}

fn wanted(observed: &Observed, names: &Names, newest: &Pin) -> Pin {
    let follows = observed.ensemble.spec.rollout.follow == Follow::Operator;
    let Some(before) = observed.stateful_set.as_ref().and_then(|set| set.pin.as_ref()) else {
        return match follows {
            true => newest.clone(),
            false => render(observed, names, &reported(observed)),
        };
    };
    let takes = follows && (observed.may_follow || before.template == newest.template);
    if takes || planted("an operator's upgrade restarts members") {
        return newest.clone();
    }
    kept(observed, names, before)
}

/// As it was, but for what somebody has changed in the spec since.
fn kept(observed: &Observed, names: &Names, before: &Pin) -> Pin {
    let inputs = inputs(observed);
    let same = match &before.inputs {
        Some(of) => *of == inputs,
        None => observed.applied(),
    };
    let pinned = before.image.clone().or_else(|| {
        // Who did not remember it made the image of the spec, or its own default.
        let own = observed.ensemble.spec.image.is_none() && before.inputs.is_none();
        own.then(|| before.reference().to_owned())
    });
    if same && startable(observed, names, before) {
        return Pin { inputs: Some(inputs), image: pinned, template: before.template.clone() };
    }
    let default = observed.default_image.clone();
    let reference = pinned.unwrap_or_else(|| default.reference.clone());
    render(observed, names, &Image { reference, ..default })
}

/// Whether pods of this template can start: their configuration is there, or is made.
fn startable(observed: &Observed, names: &Names, pin: &Pin) -> bool {
    let there = |name: &str| observed.config_maps.iter().any(|map| map.name == name);
    let made = config::name(&observed.ensemble.spec.config, names);
    pin.config().is_some_and(|name| name == made || there(name))
}

fn render(observed: &Observed, names: &Names, default: &Image) -> Pin {
    let own = observed.ensemble.spec.image.as_ref();
    let image = Image::wanted(own, default);
    // An image that the spec names wholly is the same whatever the default is.
    let other = Image { reference: format!("{}-", default.reference), ..default.clone() };
    let depends = Image::wanted(own, &other).reference != image.reference;
    Pin {
        inputs: Some(inputs(observed)),
        image: depends.then(|| default.reference.clone()),
        template: pod::template(observed, names, &image),
    }
}

/// The default image of an ensemble whose StatefulSet is gone: what was reported of this very spec.
fn reported(observed: &Observed) -> Image {
    let default = observed.default_image.clone();
    let status = observed.ensemble.status.as_ref();
    let same = |status: &&EnsembleStatus| {
        let generation = observed.ensemble.metadata.generation;
        status.ensemble_id.is_some() && status.observed_generation == generation
    };
    let image = status.filter(same).filter(|_| observed.ensemble.spec.image.is_none());
    match image.and_then(|status| status.image.clone()) {
        Some(reference) => Image { reference, ..default },
        None => default,
    }
}

/// Of what of the spec a template is made.
fn inputs(observed: &Observed) -> String {
    let spec = &observed.ensemble.spec;
    let all = json!([spec.pod, spec.image, spec.config, spec.rollout.restart_at]);
    let digest = Sha1::digest(all.to_string().as_bytes());
    digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}
