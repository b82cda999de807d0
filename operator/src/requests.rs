//! What goes over the wire for each step of a plan, with every precondition under which it was decided;
//! and what an answer says of that decision. Nothing is sent here.

use k8s_openapi::ByteString;
use quorate_crds::{CoordinationEnsemble, EnsembleStatus};
use serde_json::{Value, json};

use crate::mutants::planted;
use crate::plan::action::{Action, Cause};
use crate::plan::names::{FATE, GENERATION, MANAGER, Names, TURN};
use crate::plan::object::{Kind, Object, ObjectKey};
use crate::plan::observed::{Formation, Observed};

/// One request: whoever sends it adds nothing to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// To the API server.
    Write(Write),
    /// To a member.
    Call(Call),
}

/// A request to the API server.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Server-side apply. The uid and the version that it must have, if any, are in the manifest;
    /// fields are taken from others by force only where the object is known to be ours.
    Apply {
        /// Of which object.
        key: ObjectKey,
        /// Who then owns the fields.
        manager: &'static str,
        /// Whether fields are taken from others.
        force: bool,
        /// All that is applied.
        manifest: Value,
    },
    /// POST: refused if there is an object of that name.
    Create {
        /// Of which object.
        key: ObjectKey,
        /// Who then owns the fields.
        manager: &'static str,
        /// The object.
        manifest: Value,
    },
    /// A merge patch. It states uid and version, so it changes that very object only.
    Merge {
        /// Of which object.
        key: ObjectKey,
        /// Who then owns the fields.
        manager: &'static str,
        /// What changes.
        patch: Value,
    },
    /// DELETE of that very object only.
    Delete(Target),
    /// Eviction of that very pod only, if its disruption budget allows it, which the API server
    /// reads at that instant: whoever else takes pods away is reckoned with.
    Evict(Target),
    /// PUT of a resource's status. It states uid and version, so it reports on that very spec only.
    ReplaceStatus {
        /// Who then owns the fields.
        manager: &'static str,
        /// The resource with its new status.
        ensemble: Box<CoordinationEnsemble>,
    },
}

/// A POST to a member's admin port.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The member's pod.
    pub pod: String,
    /// Its address.
    pub ip: String,
    /// What is asked.
    pub path: &'static str,
    /// With which preconditions.
    pub body: Value,
}

/// The pod of the member that is to be called has no address yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAddress {
    /// The pod.
    pub pod: String,
}

/// The very object that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub key: ObjectKey,
    /// It is no other of that name.
    pub uid: String,
    /// It has not changed since.
    pub resource_version: String,
}

impl Target {
    fn of(kind: Kind, name: &str, uid: &str, resource_version: &str) -> Target {
        Target {
            key: ObjectKey { kind, name: name.to_owned() },
            uid: uid.to_owned(),
            resource_version: resource_version.to_owned(),
        }
    }

    /// A change of it and of no other.
    fn merge(self, change: Value) -> Write {
        let mut patch = change;
        if planted("a merge states no uid and version") {
            return Write::Merge { key: self.key, manager: MANAGER, patch };
        }
        patch["metadata"]["uid"] = json!(self.uid);
        patch["metadata"]["resourceVersion"] = json!(self.resource_version);
        Write::Merge { key: self.key, manager: MANAGER, patch }
    }
}

/// Applies one object. What exists is changed only if it is the one that was seen; what does not is
/// made without taking fields from anybody.
pub fn of_object(object: &Object) -> Write {
    Write::Apply {
        key: object.key.clone(),
        manager: MANAGER,
        force: object.uid.is_some() || planted("an apply forces everything"),
        manifest: object.manifest(),
    }
}

/// Carries out one action; a new token is made only of what is handed in.
///
/// # Errors
/// While the pod of the member that is to be called has no address.
pub fn of_action(
    observed: &Observed,
    names: &Names,
    action: &Action,
    new_token: &str,
) -> Result<Request, NoAddress> {
    let turn = |turn: Value| json!({ "metadata": { "annotations": { TURN: turn } } });
    Ok(Request::Write(match action {
        Action::CreateToken { name } => token(names, name, new_token),
        Action::CreateFormation { name, formation } => record(names, name, formation),
        Action::DeleteConfigMap { name, uid, resource_version } => {
            Write::Delete(Target::of(Kind::ConfigMap, name, uid, resource_version))
        }
        Action::Adopt { key, uid, resource_version, owners } => {
            adoption(key, uid, resource_version, json!(owners))
        }
        Action::AdjustClaim { name, uid, resource_version, labels, owners, fate } => {
            let target = Target::of(Kind::PersistentVolumeClaim, name, uid, resource_version);
            target.merge(json!({ "metadata": {
                "labels": labels,
                "annotations": { FATE: fate.to_string() },
                "ownerReferences": owners,
            } }))
        }
        Action::DeleteClaim { name, uid, resource_version } => {
            Write::Delete(Target::of(Kind::PersistentVolumeClaim, name, uid, resource_version))
        }
        Action::DeletePod { name, uid, resource_version, cause } => {
            removal(name, uid, resource_version, *cause)
        }
        Action::LowerReplicas { name, uid, resource_version, replicas } => {
            Target::of(Kind::StatefulSet, name, uid, resource_version)
                .merge(json!({ "spec": { "replicas": replicas } }))
        }
        Action::GiveTurn { name, uid, resource_version } => {
            Target::of(Kind::Pod, name, uid, resource_version).merge(turn(json!("next")))
        }
        Action::TakeTurn { name, uid, resource_version } => {
            Target::of(Kind::Pod, name, uid, resource_version).merge(turn(Value::Null))
        }
        Action::Form { ordinal, formation } => {
            let body = json!({
                "ensembleId": formation.ensemble_id,
                "self": formation.seed,
                "members": formation.members,
            });
            return call(observed, names, *ordinal, "/admin/form", body);
        }
        Action::AddLearners { leader, ensemble_id, expected, members } => {
            let body = change(ensemble_id, *expected, "members", json!(members));
            return call(observed, names, *leader, "/admin/add-learners", body);
        }
        Action::ChangeVoters { leader, ensemble_id, expected, voters } => {
            let body = change(ensemble_id, *expected, "voters", json!(voters));
            return call(observed, names, *leader, "/admin/change-voters", body);
        }
        Action::RemoveLearners { leader, ensemble_id, expected, members } => {
            let body = change(ensemble_id, *expected, "members", json!(members));
            return call(observed, names, *leader, "/admin/remove-learners", body);
        }
        Action::TransferLeader { leader, ensemble_id, target } => {
            let body = json!({ "ensembleId": ensemble_id, "target": target });
            return call(observed, names, *leader, "/admin/transfer-leader", body);
        }
        Action::RaiseVersion { leader, ensemble_id, expected, version } => {
            let body = change(ensemble_id, *expected, "version", json!(version));
            return call(observed, names, *leader, "/admin/set-version", body);
        }
    }))
}

/// A pod that serves is evicted; one that serves nobody is no loss, and no budget may keep it broken.
fn removal(name: &str, uid: &str, resource_version: &str, cause: Cause) -> Write {
    let version = match planted("a deletion states no version") {
        true => "",
        false => resource_version,
    };
    let target = Target::of(Kind::Pod, name, uid, version);
    match cause {
        Cause::NotServing => Write::Delete(target),
        _ if planted("a serving pod is deleted") => Write::Delete(target),
        Cause::Outdated | Cause::OnlyMember => Write::Evict(target),
    }
}

/// The resource controls it from now on. Its generations begin anew: none of them was applied yet.
fn adoption(key: &ObjectKey, uid: &str, resource_version: &str, owners: Value) -> Write {
    let mut change = json!({ "metadata": { "ownerReferences": owners } });
    if matches!(key.kind, Kind::ConfigMap | Kind::StatefulSet) {
        change["metadata"]["annotations"] = json!({ GENERATION: "0" });
    }
    Target::of(key.kind, &key.name, uid, resource_version).merge(change)
}

/// A change of the ensemble: of this very one, and under the configuration that was seen.
fn change(ensemble_id: &str, expected: i64, what: &str, value: Value) -> Value {
    if planted("a call names any configuration") {
        return json!({ "ensembleId": ensemble_id, (what): value });
    }
    json!({ "ensembleId": ensemble_id, "expectedConfigVersion": expected, (what): value })
}

/// Calls the member of this ordinal, at the address that its pod had when it was seen.
fn call(
    observed: &Observed,
    names: &Names,
    ordinal: i32,
    path: &'static str,
    body: Value,
) -> Result<Request, NoAddress> {
    let pod = names.pod(ordinal);
    match observed.pod(ordinal).and_then(|pod| pod.ip.clone()) {
        Some(ip) => Ok(Request::Call(Call { pod, ip, path, body })),
        None => Err(NoAddress { pod }),
    }
}

/// Made once; never overwritten here. Somebody may put another one in its place.
fn token(names: &Names, name: &str, token: &str) -> Write {
    let data = json!({ "token": ByteString(token.as_bytes().to_vec()) });
    // Not immutable: nodes give pods another one as it comes only then.
    let fields = json!({ "type": "Opaque", "data": data });
    create(names, Kind::Secret, name, fields)
}

/// Made once; never overwritten.
fn record(names: &Names, name: &str, formation: &Formation) -> Write {
    let text = format!("{:#}", json!(formation));
    let fields = json!({ "immutable": true, "data": { "formation.json": text } });
    create(names, Kind::ConfigMap, name, fields)
}

fn create(names: &Names, kind: Kind, name: &str, fields: Value) -> Write {
    let object = Object::new(names, kind, name, fields);
    if planted("a record is overwritten") {
        return Write::Apply {
            key: object.key.clone(),
            manager: MANAGER,
            force: true,
            manifest: object.manifest(),
        };
    }
    Write::Create { key: object.key.clone(), manager: MANAGER, manifest: object.manifest() }
}

/// Writes the report on the resource as it was seen; `None` if that says the same already.
pub fn of_status(ensemble: &CoordinationEnsemble, status: &EnsembleStatus) -> Option<Write> {
    let mut ensemble = ensemble.clone();
    if ensemble.status.as_ref() == Some(status) {
        return None;
    }
    ensemble.status = Some(status.clone());
    ensemble.metadata.managed_fields = None;
    if planted("a report states no version") {
        ensemble.metadata.resource_version = None;
    }
    Some(Write::ReplaceStatus { manager: MANAGER, ensemble: Box::new(ensemble) })
}

/// What an answer says of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is carried out, now or before.
    Done,
    /// What it was decided on is not so any more: look again, then decide.
    Refused,
    /// It is not to be, whatever it was decided on.
    Denied,
    /// Nobody knows what came of it.
    Failed,
}

/// What the HTTP status of the API server's answer says: a conflict, or an object that is gone, that the
/// decision is out of date; a budget that is spent, that somebody else has taken a pod away.
pub fn api_verdict(code: u16) -> Verdict {
    match code {
        200..=299 => Verdict::Done,
        404 | 409 | 429 => Verdict::Refused,
        // A webhook that fails is told by 500.
        400..=500 => Verdict::Denied,
        _ => Verdict::Failed,
    }
}

/// What the HTTP status of a member's answer says: every refusal is one of its preconditions, but where
/// it gave up waiting, which leaves the outcome open.
pub fn call_verdict(code: u16) -> Verdict {
    match code {
        200..=299 => Verdict::Done,
        504 => Verdict::Failed,
        _ => Verdict::Refused,
    }
}

#[cfg(test)]
mod tests;
