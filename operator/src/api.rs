//! Handles on an ensemble's objects at the API server.

use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client, Resource};

use crate::plan::names::Names;
use crate::plan::object::Kind;

/// Objects of this type, in the ensemble's namespace.
pub(crate) fn typed<K>(client: &Client, names: &Names) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    Api::namespaced(client.clone(), names.namespace())
}

/// Objects of a kind that is known by name only, in the ensemble's namespace.
pub(crate) fn dynamic(client: &Client, names: &Names, kind: Kind) -> Api<DynamicObject> {
    let (group, version) = kind.group_and_version();
    let gvk = GroupVersionKind::gvk(group, version, kind.as_str());
    Api::namespaced_with(client.clone(), names.namespace(), &ApiResource::from_gvk(&gvk))
}
