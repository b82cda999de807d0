//! Changed files come into force without a restart.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::shell::metrics::Metrics;
use crate::shell::metrics::labels::TlsEvent;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Has changed files put into force, for as long as the server runs. `reload` says whether there was
/// something new; what cannot be used is told once, not at each look.
pub(super) async fn watch(metrics: &Metrics, reload: impl Fn() -> anyhow::Result<bool>) {
    let mut every = interval(LOOK);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut bad: Option<String> = None;
    loop {
        every.tick().await;
        // Files of a few kilobytes, as seldom as this: not worth a thread.
        match reload() {
            Ok(false) => {}
            Ok(true) => {
                bad = None;
                tracing::info!("changed TLS files are in force for new connections");
                metrics.tls(TlsEvent::Reload);
            }
            Err(error) => {
                let error = format!("{error:#}");
                if bad.as_ref() != Some(&error) {
                    tracing::error!(
                        error,
                        "changed TLS files cannot be used: the former ones stay in force"
                    );
                    metrics.tls(TlsEvent::ReloadFailed);
                    bad = Some(error);
                }
            }
        }
    }
}
