//! What another operator, with another default image and other ways of its own, makes of ensembles
//! that it finds: nothing that nobody asked for.

use quorate_crds::ensemble::{Follow, ImageSpec};
use quorate_operator::plan::convoy::Standing;
use quorate_operator::plan::image::Image;
use quorate_operator::plan::names;
use quorate_operator::plan::object::{Kind, Object};
use quorate_operator::plan::observed::{ConfigMap, Observed};
use quorate_operator::plan::pin::Pin;
use quorate_operator::plan::plan;
use serde_json::{Value, json};

use super::{folder, read};

/// The StatefulSet that comes out.
fn set(observed: &Observed) -> Object {
    let objects = plan(observed).objects;
    let set = objects.into_iter().find(|it| it.key.kind == Kind::StatefulSet);
    set.expect("a StatefulSet")
}

fn template(observed: &Observed) -> Value {
    set(observed).body()["spec"]["template"].clone()
}

fn image(observed: &Observed) -> String {
    let template = template(observed);
    template["spec"]["containers"][0]["image"].as_str().expect("an image").to_owned()
}

fn pin(set: &Object) -> Pin {
    let text = set.body()["metadata"]["annotations"][names::TEMPLATE].as_str();
    Pin::parse(text.expect("what it was made of")).expect("it makes sense")
}

fn config(pin: &Pin) -> ConfigMap {
    ConfigMap { name: pin.config().expect("one").to_owned(), ..ConfigMap::default() }
}

/// Three members at rest, made by an operator whose default image is quorate:1 and that made
/// something of their pods otherwise; found by one whose default is quorate:2.
fn found() -> Observed {
    let mut observed = super::observed(&read(&folder().join("base/three.yaml")));
    let mut pin = pin(&set(&observed));
    pin.template["spec"]["containers"][0]["terminationMessagePolicy"] = Value::Null;
    observed.config_maps = vec![config(&pin)];
    observed.stateful_set.as_mut().expect("it is there").pin = Some(pin);
    observed.default_image = Image { reference: "quorate:2".to_owned(), ..Image::default() };
    observed
}

fn followed(observed: &mut Observed) {
    observed.ensemble.spec.rollout.follow = Follow::Operator;
}

#[test]
fn another_operator_restarts_nobody() {
    let observed = found();
    let before = observed.stateful_set.as_ref().and_then(|set| set.pin.clone());
    let after = pin(&set(&observed));
    assert_eq!(Some(after), before, "nothing changes, nor what is remembered");
    assert_eq!(template(&observed), before.expect("one").template);
    let status = plan(&observed).status.expect("a report");
    assert_eq!(status.image.as_deref(), Some("quorate:1"));
    let in_sync = status.conditions.iter().find(|it| it.type_ == "ConfigurationInSync");
    let said = &in_sync.expect("it is said").message;
    assert!(said.contains("quorate:2: if spec.rollout.follow is Operator"), "{said}");
}

#[test]
fn what_does_not_concern_pods_changes_nothing_of_them() {
    let mut observed = found();
    let before = template(&observed);
    observed.ensemble.spec.replicas = 5;
    observed.ensemble.spec.rollout.min_stable_seconds = 60;
    observed.ensemble.metadata.generation = Some(9);
    assert_eq!(template(&observed), before);
}

#[test]
fn whoever_is_restarted_anyhow_gets_the_new_ways_and_keeps_the_image() {
    let mut observed = found();
    observed.ensemble.spec.rollout.restart_at = Some("now".to_owned());
    let after = template(&observed);
    let container = &after["spec"]["containers"][0];
    assert_eq!(container["terminationMessagePolicy"], "FallbackToLogsOnError");
    assert_eq!(container["image"], "quorate:1");
    // That is remembered: the next change of the spec finds the same.
    let pin = pin(&set(&observed));
    observed.stateful_set.as_mut().expect("it is there").pin = Some(pin);
    observed.ensemble.spec.pod.termination_grace_period_seconds = 90;
    assert_eq!(image(&observed), "quorate:1");
}

#[test]
fn an_image_that_the_spec_names_is_the_one() {
    let mut observed = found();
    let tagged = ImageSpec { tag: Some("3".to_owned()), ..ImageSpec::default() };
    observed.ensemble.spec.image = Some(tagged);
    assert_eq!(image(&observed), "quorate:3");
    let own = ImageSpec { repository: Some("mine".to_owned()), ..ImageSpec::default() };
    observed.ensemble.spec.image = Some(own);
    assert_eq!(image(&observed), "mine");
    let pin = pin(&set(&observed));
    assert_eq!(pin.image, None, "nothing of it is the operator's");
    observed.stateful_set.as_mut().expect("it is there").pin = Some(pin);
    observed.ensemble.spec.image = None;
    assert_eq!(image(&observed), "quorate:2", "who names none any more gets the present one");
}

#[test]
fn who_follows_does_so_in_its_turn_and_does_not_go_back() {
    let mut observed = found();
    followed(&mut observed);
    let before = template(&found());
    assert_eq!(template(&observed), before, "it is not its turn");
    observed.may_follow = true;
    assert_eq!(image(&observed), "quorate:2");
    let pin = pin(&set(&observed));
    observed.config_maps.push(config(&pin));
    observed.stateful_set.as_mut().expect("it is there").pin = Some(pin);
    observed.may_follow = false;
    assert_eq!(image(&observed), "quorate:2");
}

#[test]
fn what_an_operator_made_that_remembered_nothing_stays_as_it_is() {
    let mut observed = found();
    let present = observed.stateful_set.as_mut().expect("it is there");
    let found = present.pin.as_mut().expect("one");
    (found.inputs, found.image) = (None, None);
    let before = found.template.clone();
    assert_eq!(template(&observed), before);
    // From here on it is remembered, its image included.
    let mut later = observed.clone();
    let remembered = Some(pin(&set(&later)));
    later.stateful_set.as_mut().expect("it is there").pin = remembered;
    later.ensemble.spec.pod.termination_grace_period_seconds = 90;
    assert_eq!(image(&later), "quorate:1");
    // It was not applied for this spec: then it is not known what has changed.
    observed.ensemble.metadata.generation = Some(9);
    assert_eq!(image(&observed), "quorate:1");
    assert_ne!(template(&observed), before);
}

#[test]
fn pods_are_never_made_of_a_configuration_that_is_gone() {
    let mut observed = found();
    let set = observed.stateful_set.as_mut().expect("it is there");
    let pin = set.pin.as_mut().expect("one");
    pin.template["spec"]["volumes"][0]["configMap"]["name"] = json!("zk-config-old");
    let mut map = config(pin);
    let name = |observed: &Observed| template(observed)["spec"]["volumes"][0].clone();
    assert_ne!(name(&observed)["configMap"]["name"], "zk-config-old");
    map.uid = "u".to_owned();
    observed.config_maps.push(map);
    assert_eq!(name(&observed)["configMap"]["name"], "zk-config-old");
    let actions = plan(&observed).actions;
    assert!(actions.is_empty(), "it is not cleared away either: {actions:?}");
}

#[test]
fn an_ensemble_whose_statefulset_was_deleted_keeps_its_image() {
    let mut observed = found();
    observed.ensemble.status = plan(&observed).status;
    observed.stateful_set = None;
    observed.pods.clear();
    assert_eq!(image(&observed), "quorate:1");
    followed(&mut observed);
    assert_eq!(image(&observed), "quorate:2");
    // What was reported of another spec may have been its image.
    observed.ensemble.spec.rollout.follow = Follow::Pinned;
    observed.ensemble.metadata.generation = Some(9);
    assert_eq!(image(&observed), "quorate:2");
}

#[test]
fn who_is_not_well_with_what_it_took_holds_up_all_others() {
    let standing = |observed: &Observed| plan(observed).standing;
    let mut observed = found();
    assert_eq!(standing(&observed), Standing::Apart, "it does not follow");
    followed(&mut observed);
    assert_eq!(standing(&observed), Standing::Behind);
    observed.ensemble.spec.paused = true;
    assert_eq!(standing(&observed), Standing::Apart, "nothing is done to it");
    observed.ensemble.spec.paused = false;
    observed.may_follow = true;
    let pin = pin(&set(&observed));
    observed.stateful_set.as_mut().expect("it is there").pin = Some(pin);
    assert!(matches!(standing(&observed), Standing::Taken(_)));
    observed.pods[2].ready = false;
    observed.members.truncate(2);
    assert_eq!(standing(&observed), Standing::Taking);
    let set = observed.stateful_set.as_mut().expect("it is there");
    set.update_revision = "rev-2".to_owned();
    observed.pods[2].revision = "rev-2".to_owned();
    observed.pods[2].trouble = Some("ImagePullBackOff".to_owned());
    assert_eq!(standing(&observed), Standing::Stuck);
}
