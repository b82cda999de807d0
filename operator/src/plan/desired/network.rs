//! How clients and members reach each other.

use serde_json::{Value, json};

use crate::plan::names::{self, ADMIN_PORT, CLIENT_PORT, PEER_PORT};
use crate::plan::observed::Observed;

/// Gives every pod a name, ready or not: members must find each other to become ready.
pub(super) fn peer_service(observed: &Observed) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": names::metadata(observed, "Service", &names::peer(observed)),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": names::selector(observed),
            "ports": [
                { "name": "client", "port": CLIENT_PORT, "targetPort": "client", "protocol": "TCP" },
                { "name": "peer", "port": PEER_PORT, "targetPort": "peer", "protocol": "TCP" },
                { "name": "admin", "port": ADMIN_PORT, "targetPort": "admin", "protocol": "TCP" },
            ],
        },
    })
}

/// Where clients connect: to members that serve.
pub(super) fn client_service(observed: &Observed) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": names::metadata(observed, "Service", &names::ensemble(observed)),
        "spec": {
            "type": "ClusterIP",
            "selector": names::selector(observed),
            "ports": [
                { "name": "client", "port": CLIENT_PORT, "targetPort": "client", "protocol": "TCP" },
            ],
        },
    })
}

/// Only members reach the peer port. Clients, scrapers and probes come from anywhere; the calls
/// that change anything need the token.
pub(super) fn policy(observed: &Observed) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": names::metadata(observed, "NetworkPolicy", &names::ensemble(observed)),
        "spec": {
            "podSelector": { "matchLabels": names::selector(observed) },
            "policyTypes": ["Ingress"],
            "ingress": [
                { "ports": [
                    { "port": CLIENT_PORT, "protocol": "TCP" },
                    { "port": ADMIN_PORT, "protocol": "TCP" },
                ] },
                {
                    "from": [{ "podSelector": { "matchLabels": names::selector(observed) } }],
                    "ports": [{ "port": PEER_PORT, "protocol": "TCP" }],
                },
            ],
        },
    })
}
