//! How clients and members reach each other.

use serde_json::json;

use crate::plan::names::{ADMIN_PORT, CLIENT_PORT, Names, PEER_PORT};
use crate::plan::object::{Kind, Object};

/// Gives every pod a name, ready or not: members must find each other to become ready.
pub(super) fn peer_service(names: &Names) -> Object {
    let fields = json!({
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": names.selector(),
            "ports": [
                { "name": "client", "port": CLIENT_PORT, "targetPort": "client", "protocol": "TCP" },
                { "name": "peer", "port": PEER_PORT, "targetPort": "peer", "protocol": "TCP" },
                { "name": "admin", "port": ADMIN_PORT, "targetPort": "admin", "protocol": "TCP" },
            ],
        },
    });
    Object::new(names, Kind::Service, names.peer(), fields)
}

/// Where clients connect: to members that serve.
pub(super) fn client_service(names: &Names) -> Object {
    let fields = json!({
        "spec": {
            "type": "ClusterIP",
            "selector": names.selector(),
            "ports": [
                { "name": "client", "port": CLIENT_PORT, "targetPort": "client", "protocol": "TCP" },
            ],
        },
    });
    Object::new(names, Kind::Service, names.ensemble(), fields)
}

/// Only members reach the peer port. Clients, scrapers and probes come from anywhere; the calls
/// that change anything need the token.
pub(super) fn policy(names: &Names) -> Object {
    let fields = json!({
        "spec": {
            "podSelector": { "matchLabels": names.selector() },
            "policyTypes": ["Ingress"],
            "ingress": [
                { "ports": [
                    { "port": CLIENT_PORT, "protocol": "TCP" },
                    { "port": ADMIN_PORT, "protocol": "TCP" },
                ] },
                {
                    "from": [{ "podSelector": { "matchLabels": names.selector() } }],
                    "ports": [{ "port": PEER_PORT, "protocol": "TCP" }],
                },
            ],
        },
    });
    Object::new(names, Kind::NetworkPolicy, names.ensemble(), fields)
}
