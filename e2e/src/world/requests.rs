//! What each step of a plan says over the wire, with the preconditions that `apply` states: the calls to
//! members are the operator's own.

use quorate_operator::plan::action::Action;
use quorate_operator::plan::names::{Names, TURN};
use quorate_operator::plan::observed::Observed;
use quorate_operator::request_of;
use serde_json::{Value, json};

/// One request.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// Server-side apply; by force only of what is known to be ours.
    Apply { object: Value, force: bool },
    /// Makes an object, unless one of its name is there.
    Create { object: Value },
    /// Merges into an object; uid and version are in the patch.
    Merge { kind: &'static str, name: String, patch: Value },
    /// Deletes this very object as it was seen.
    Delete { kind: &'static str, name: String, uid: String, version: String },
    /// Calls a member's admin port.
    Call { ip: String, path: &'static str, body: Value },
    /// Puts the report.
    Status { object: Value },
}

/// The request of one action.
pub(crate) fn of_action(observed: &Observed, action: &Action) -> Result<Request, String> {
    let names = Names::of(&observed.ensemble, &observed.cluster_domain);
    let patch = |uid: &str, version: &str, mut change: Value| {
        change["metadata"]["uid"] = json!(uid);
        change["metadata"]["resourceVersion"] = json!(version);
        change
    };
    let turn = |turn: Value| json!({ "metadata": { "annotations": { TURN: turn } } });
    Ok(match action {
        Action::CreateToken { name } => {
            let data = json!({ "token": "dG9rZW4=" });
            Request::Create { object: made(&names, "Secret", name, &data) }
        }
        Action::CreateFormation { name, formation } => {
            let text = serde_json::to_string(formation).map_err(|error| error.to_string())?;
            let data = json!({ "formation.json": text });
            Request::Create { object: made(&names, "ConfigMap", name, &data) }
        }
        Action::DeleteConfigMap { name, uid, resource_version } => {
            delete("ConfigMap", name, uid, resource_version)
        }
        Action::DeletePod { name, uid, resource_version, .. } => {
            delete("Pod", name, uid, resource_version)
        }
        Action::LowerReplicas { name, uid, resource_version, replicas } => Request::Merge {
            kind: "StatefulSet",
            name: name.clone(),
            patch: patch(uid, resource_version, json!({ "spec": { "replicas": replicas } })),
        },
        Action::GiveTurn { name, uid, resource_version } => Request::Merge {
            kind: "Pod",
            name: name.clone(),
            patch: patch(uid, resource_version, turn(json!("next"))),
        },
        Action::TakeTurn { name, uid, resource_version } => Request::Merge {
            kind: "Pod",
            name: name.clone(),
            patch: patch(uid, resource_version, turn(Value::Null)),
        },
        Action::Form { ordinal: at, .. }
        | Action::AddLearners { leader: at, .. }
        | Action::ChangeVoters { leader: at, .. }
        | Action::RemoveLearners { leader: at, .. }
        | Action::TransferLeader { leader: at, .. }
        | Action::RaiseVersion { leader: at, .. } => {
            let ip = observed.pod(*at).and_then(|pod| pod.ip.clone());
            let ip = ip.ok_or_else(|| format!("{} has no address", names.pod(*at)))?;
            let (path, body) = request_of(action).ok_or("no call to a member")?;
            Request::Call { ip, path, body }
        }
    })
}

fn delete(kind: &'static str, name: &str, uid: &str, version: &str) -> Request {
    let (uid, version) = (uid.to_owned(), version.to_owned());
    Request::Delete { kind, name: name.to_owned(), uid, version }
}

fn made(names: &Names, kind: &str, name: &str, data: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": kind, "metadata": names.metadata(name),
        "immutable": true, "data": data,
    })
}
