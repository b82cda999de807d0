//! The operator's own metrics, and the port that serves them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use quorate_crds::EnsembleStatus;
use quorate_crds::conditions::ConditionType;
use quorate_crds::status::Operation;

use crate::health::Health;
use crate::labels::{Acted, Ended};

const ENSEMBLE: [&str; 2] = ["namespace", "ensemble"];
const STEP: [&str; 3] = ["namespace", "ensemble", "step"];
const OPERATION: [&str; 3] = ["namespace", "ensemble", "type"];

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    reconciles: IntCounterVec,
    seconds: HistogramVec,
    errors: IntCounterVec,
    /// The steps that errors were counted of, by ensemble.
    failed: Arc<Mutex<BTreeMap<[String; 2], BTreeSet<&'static str>>>>,
    actions: IntCounterVec,
    /// Whether this operator holds the lease.
    pub(crate) is_leader: IntGauge,
    success: IntGaugeVec,
    unreadable: IntGaugeVec,
    behind: IntGaugeVec,
    desired: IntGaugeVec,
    voters: IntGaugeVec,
    healthy: IntGaugeVec,
    quorum: IntGaugeVec,
    unreachable: IntGaugeVec,
    converged: IntGaugeVec,
    paused: IntGaugeVec,
    operation: IntGaugeVec,
    blocked: IntGaugeVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When two have the same name.
    pub(crate) fn new() -> Result<Metrics> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str, labels: &[&str]| -> Result<IntGaugeVec> {
            let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let seconds =
            HistogramOpts::new("quorate_operator_reconcile_seconds", "Time of a reconcile.")
                .buckets(vec![0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);
        let seconds = HistogramVec::new(seconds, &[])?;
        registry.register(Box::new(seconds.clone()))?;
        let is_leader = IntGauge::new("quorate_operator_is_leader", "1 while it has the lease.")?;
        registry.register(Box::new(is_leader.clone()))?;
        Ok(Metrics {
            reconciles: counter(
                "quorate_operator_reconcile_total",
                "Reconciles, by how they ended.",
                &["outcome"],
            )?,
            errors: counter(
                "quorate_operator_reconcile_errors_total",
                "Reconciles that failed, by the ensemble and by the step that did.",
                &STEP,
            )?,
            actions: counter(
                "quorate_operator_actions_total",
                "Actions, by what came of them.",
                &["action", "outcome"],
            )?,
            success: gauge(
                "quorate_operator_last_success_timestamp_seconds",
                "When an ensemble was last looked at with success.",
                &ENSEMBLE,
            )?,
            unreadable: gauge("quorate_operator_unreadable", "1: it cannot be read.", &ENSEMBLE)?,
            behind: gauge("quorate_ensemble_behind_operator", "1: it is to follow.", &ENSEMBLE)?,
            desired: gauge("quorate_ensemble_desired_members", "Wanted voters.", &ENSEMBLE)?,
            voters: gauge("quorate_ensemble_voters", "Committed voters.", &ENSEMBLE)?,
            healthy: gauge("quorate_ensemble_healthy_voters", "Voters that serve.", &ENSEMBLE)?,
            quorum: gauge("quorate_ensemble_quorum", "1 while a quorum has a leader.", &ENSEMBLE)?,
            unreachable: gauge("quorate_ensemble_unreachable", "1: ready, but silent.", &ENSEMBLE)?,
            converged: gauge(
                "quorate_ensemble_membership_converged",
                "1 while the committed voters are the wanted ones.",
                &ENSEMBLE,
            )?,
            paused: gauge("quorate_ensemble_paused", "1 while the spec says paused.", &ENSEMBLE)?,
            operation: gauge(
                "quorate_ensemble_operation",
                "1 while an operation of that type is under way.",
                &OPERATION,
            )?,
            blocked: gauge(
                "quorate_ensemble_blocked",
                "1 while an operation of that type cannot go on.",
                &OPERATION,
            )?,
            failed: Arc::default(),
            seconds,
            is_leader,
            registry,
        })
    }

    /// A step of a reconcile of this ensemble failed.
    pub(crate) fn failed(&self, key: [&str; 2], step: &'static str) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.entry(key.map(str::to_owned)).or_default().insert(step);
        self.errors.with_label_values(&[key[0], key[1], step]).inc();
    }

    /// This ensemble was looked at, and all that was to be done and told was.
    pub(crate) fn succeeded(&self, key: [&str; 2]) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.success.with_label_values(&key).set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    }

    /// Whether this ensemble would follow the operator, and has not begun.
    pub(crate) fn behind(&self, key: [&str; 2], so: bool) {
        self.behind.with_label_values(&key).set(i64::from(so));
    }

    /// Whether this resource cannot be read.
    pub(crate) fn unreadable(&self, key: [&str; 2], so: bool) {
        if so {
            self.unreadable.with_label_values(&key).set(1);
        } else {
            // It need not be there.
            let _ = self.unreadable.remove_label_values(&key);
        }
    }

    /// A reconcile is over.
    pub(crate) fn reconciled(&self, outcome: Ended, seconds: f64) {
        self.reconciles.with_label_values(&[outcome.as_str()]).inc();
        self.seconds.with_label_values::<&str>(&[]).observe(seconds);
    }

    /// An action was tried.
    pub(crate) fn acted(&self, action: &str, outcome: Acted) {
        self.actions.with_label_values(&[action, outcome.as_str()]).inc();
    }

    /// What is reported of an ensemble now.
    pub(crate) fn report(
        &self,
        key: [&str; 2],
        wanted: i32,
        paused: bool,
        status: &EnsembleStatus,
    ) {
        let is = |kind: ConditionType| i64::from(status.holds(&kind));
        let quorum = status.quorum.clone().unwrap_or_default();
        self.desired.with_label_values(&key).set(i64::from(wanted));
        self.voters.with_label_values(&key).set(i64::from(quorum.voters));
        self.healthy.with_label_values(&key).set(i64::from(quorum.healthy));
        self.unreachable.with_label_values(&key).set(i64::from(status.cut_off()));
        if status.unseen() {
            // What cannot be seen is neither there nor lost.
            let _ = self.quorum.remove_label_values(&key);
        } else {
            self.quorum.with_label_values(&key).set(is(ConditionType::QuorumAvailable));
        }
        self.converged.with_label_values(&key).set(is(ConditionType::MembershipConverged));
        self.paused.with_label_values(&key).set(i64::from(paused));
        self.forget_operations(key);
        if let Some(operation) = &status.operation {
            let labels = [key[0], key[1], operation.kind.as_str()];
            self.operation.with_label_values(&labels).set(1);
            if operation.blocked_by.is_some() {
                self.blocked.with_label_values(&labels).set(1);
            }
        }
    }

    fn forget_operations(&self, key: [&str; 2]) {
        for kind in Operation::KNOWN {
            let labels = [key[0], key[1], kind.as_str()];
            // It need not be there.
            let _ = self.operation.remove_label_values(&labels);
            let _ = self.blocked.remove_label_values(&labels);
        }
    }

    /// An ensemble is gone.
    pub(crate) fn forget(&self, key: [&str; 2]) {
        let all = [
            &self.success,
            &self.behind,
            &self.desired,
            &self.voters,
            &self.healthy,
            &self.quorum,
            &self.unreachable,
            &self.converged,
            &self.paused,
        ];
        for gauge in all {
            // It need not be there.
            let _ = gauge.remove_label_values(&key);
        }
        self.forget_operations(key);
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        for step in failed.remove(&key.map(str::to_owned)).unwrap_or_default() {
            // It is there, as it was counted.
            let _ = self.errors.remove_label_values(&[key[0], key[1], step]);
        }
    }

    /// In Prometheus' text format.
    ///
    /// # Errors
    /// When a metric has no name; none has.
    pub(crate) fn render(&self) -> Result<String> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}

/// Serves probes and metrics until the process ends.
///
/// # Errors
/// When the address cannot be had.
pub(crate) async fn serve(address: SocketAddr, metrics: Metrics, health: Health) -> Result<()> {
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready).with_state(health))
        .route("/metrics", get(scrape).with_state(metrics));
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
    axum::serve(listener, router).await.context("the HTTP server ended")
}

async fn ready(State(health): State<Health>) -> impl IntoResponse {
    match health.troubles() {
        none if none.is_empty() => (StatusCode::OK, "ok\n".to_owned()),
        troubles => (StatusCode::SERVICE_UNAVAILABLE, troubles),
    }
}

async fn scrape(State(metrics): State<Metrics>) -> impl IntoResponse {
    match metrics.render() {
        Ok(text) => ([("content-type", "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
