//! The CoordinationEnsemble custom resource.
