//! Taking turns with other operators: a Lease, renewed well before it ends.
//!
//! Correctness does not depend on it (every write carries preconditions); it only keeps two
//! operators from getting into each other's way. Another's clock is never believed: a lease is free
//! when it has not changed for its duration by our own monotonic clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

use crate::causes::{ApiError, chain};

/// How long a lease holds without renewal.
const DURATION: Duration = Duration::from_secs(15);
/// How long the holder goes on without having renewed it.
const DEADLINE: Duration = Duration::from_secs(10);
/// Between attempts.
const PERIOD: Duration = Duration::from_secs(2);

/// What a lease says, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Record {
    holder: String,
    renewed: String,
    duration_secs: u64,
}

/// What to do about a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is ours: renew it.
    Renew,
    /// It is free: take it.
    Take,
    /// Another operator has it.
    Wait,
}

/// `unchanged`: how long the record has looked like this to us.
fn decide(record: &Record, me: &str, unchanged: Duration) -> Step {
    if record.holder == me {
        Step::Renew
    } else if record.holder.is_empty()
        || unchanged > Duration::from_secs(record.duration_secs.max(1))
    {
        Step::Take
    } else {
        Step::Wait
    }
}

/// Whether this operator may write now.
#[derive(Clone, Debug)]
pub(crate) struct Leadership {
    origin: Instant,
    /// Milliseconds after the origin; 0: never led.
    until: Arc<AtomicU64>,
}

impl Default for Leadership {
    fn default() -> Self {
        Leadership { origin: Instant::now(), until: Arc::default() }
    }
}

impl Leadership {
    /// Whether the lease was renewed recently enough.
    pub(crate) fn holds(&self) -> bool {
        let now = self.origin.elapsed().as_millis();
        now < u128::from(self.until.load(Ordering::Acquire))
    }

    fn extend(&self, since: Instant) {
        let until = since.duration_since(self.origin) + DEADLINE;
        let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.until.store(until, Ordering::Release);
    }

    fn end(&self) {
        self.until.store(0, Ordering::Release);
    }
}

/// The lease and our part in it.
pub(crate) struct Elector {
    api: Api<Lease>,
    name: String,
    me: String,
    /// What was seen last, and since when.
    seen: Option<(Record, Instant)>,
    /// Whether we may write.
    pub(crate) leadership: Leadership,
}

impl Elector {
    /// For this lease, under this name.
    pub(crate) fn new(client: Client, namespace: &str, name: &str, me: &str) -> Elector {
        Elector {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            me: me.to_owned(),
            seen: None,
            leadership: Leadership::default(),
        }
    }

    /// Returns once the lease is ours.
    pub(crate) async fn acquire(&mut self) {
        let mut ticks = ticks();
        loop {
            ticks.tick().await;
            match self.attempt().await {
                Ok(true) => return info!(holder = self.me, "acquired the lease"),
                Ok(false) => {}
                Err(error) => {
                    warn!(lease = self.name, error = chain(error.as_ref()), "cannot get the lease")
                }
            }
        }
    }

    /// Keeps the lease; returns only when it is lost.
    pub(crate) async fn keep(&mut self) {
        let mut ticks = ticks();
        while self.leadership.holds() {
            ticks.tick().await;
            match self.attempt().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    warn!(
                        lease = self.name,
                        error = chain(error.as_ref()),
                        "cannot renew the lease"
                    );
                }
            }
        }
        self.leadership.end();
    }

    /// Lets the next one have it at once.
    ///
    /// # Errors
    /// When the API server does not take it; the lease then ends by itself.
    pub(crate) async fn release(&mut self) -> Result<()> {
        self.leadership.end();
        let Some(mut lease) = self.api.get_opt(&self.name).await.map_err(ApiError::from)? else {
            return Ok(());
        };
        if record(&lease).holder != self.me {
            return Ok(());
        }
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
        }
        let replaced = self.api.replace(&self.name, &PostParams::default(), &lease).await;
        replaced.map_err(ApiError::from)?;
        Ok(())
    }

    /// One look and at most one write, under the version that was seen; whether it is ours.
    async fn attempt(&mut self) -> Result<bool> {
        let began = Instant::now();
        let ours = timeout(PERIOD * 2, self.look()).await.context("no answer")??;
        if ours {
            self.leadership.extend(began);
        }
        Ok(ours)
    }

    async fn look(&mut self) -> Result<bool> {
        let Some(lease) = self.api.get_opt(&self.name).await.map_err(ApiError::from)? else {
            let lease = self.claim(Lease {
                metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                spec: None,
            });
            let created = self.api.create(&PostParams::default(), &lease).await;
            created.map_err(ApiError::from)?;
            return Ok(true);
        };
        let now = record(&lease);
        let since = match &self.seen {
            Some((before, since)) if *before == now => *since,
            _ => Instant::now(),
        };
        self.seen = Some((now.clone(), since));
        match decide(&now, &self.me, since.elapsed()) {
            Step::Wait => Ok(false),
            Step::Renew | Step::Take => {
                let claimed = self.claim(lease);
                match self.api.replace(&self.name, &PostParams::default(), &claimed).await {
                    Ok(_) => Ok(true),
                    Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
                    Err(error) => bail!(ApiError::from(error)),
                }
            }
        }
    }

    fn claim(&self, mut lease: Lease) -> Lease {
        let now = Some(MicroTime(Timestamp::now()));
        let before = lease.spec.take().unwrap_or_default();
        let same = before.holder_identity.as_deref() == Some(self.me.as_str());
        let turns = before.lease_transitions.unwrap_or(0);
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: if same { before.acquire_time } else { now.clone() },
            renew_time: now,
            lease_transitions: Some(if same { turns } else { turns.saturating_add(1) }),
            ..LeaseSpec::default()
        });
        lease
    }
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn record(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    Record {
        holder: spec.holder_identity.unwrap_or_default(),
        renewed: spec.renew_time.map(|time| time.0.to_string()).unwrap_or_default(),
        duration_secs: spec.lease_duration_seconds.and_then(|it| it.try_into().ok()).unwrap_or(15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str) -> Record {
        Record { holder: holder.to_owned(), renewed: "then".to_owned(), duration_secs: 15 }
    }

    #[test]
    fn a_lease_is_taken_only_when_it_is_free_or_has_not_changed_for_its_duration() {
        let secs = Duration::from_secs;
        assert_eq!(decide(&held_by("me"), "me", secs(100)), Step::Renew);
        assert_eq!(decide(&held_by(""), "me", secs(0)), Step::Take);
        assert_eq!(decide(&held_by("other"), "me", secs(15)), Step::Wait);
        assert_eq!(decide(&held_by("other"), "me", secs(16)), Step::Take);
    }

    #[tokio::test(start_paused = true)]
    async fn leadership_ends_by_itself_before_anybody_else_may_take_it() {
        let leadership = Leadership::default();
        assert!(!leadership.holds());
        leadership.extend(Instant::now());
        assert!(leadership.holds());
        tokio::time::advance(DEADLINE + Duration::from_millis(1)).await;
        assert!(!leadership.holds());
        assert!(DEADLINE + PERIOD * 2 < DURATION);
    }
}
