//! Work that the core asks for and that is neither a client's, a member's nor the log's.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::UnboundedReceiver;

use super::disk::{DiskConfig, folder, snapshots};
use super::driver::{Chore, Driver};
use super::peers::snapshot_stream;
use super::tls::members::Security;
use crate::core::input::{Input, Snapshot};

/// Does them as they come, until this is dropped.
pub(super) async fn do_chores(
    driver: Arc<Driver>,
    disk: DiskConfig,
    security: Security,
    mut chores: UnboundedReceiver<Chore>,
) {
    while let Some(chore) = chores.recv().await {
        let (driver, disk) = (Arc::clone(&driver), disk.clone());
        match chore {
            Chore::SaveSnapshot(snapshot) => {
                tokio::task::spawn_blocking(move || save_snapshot(&driver, &disk, &snapshot));
            }
            Chore::SendSnapshot { to, term, index } => {
                tokio::spawn(snapshot_stream::send(
                    driver,
                    disk,
                    security.clone(),
                    to,
                    term,
                    index,
                ));
            }
            Chore::Wipe => {
                match folder::ask_wipe(&disk) {
                    Ok(()) => tracing::warn!(
                        "this member was removed from its ensemble: the process ends, and the \
                         next start archives the data and is blank"
                    ),
                    Err(error) => tracing::error!(
                        %error,
                        "this member was removed from its ensemble, but its data folder cannot be \
                         marked for that: the next start is as this one was"
                    ),
                }
                // The next start archives the data; whoever runs this process starts it again.
                tokio::time::sleep(Duration::from_millis(200)).await;
                std::process::exit(0);
            }
            Chore::Fatal(why) => {
                tracing::error!(why, "this member must not go on: the process ends");
                std::process::abort();
            }
        }
    }
}

fn save_snapshot(driver: &Driver, disk: &DiskConfig, snapshot: &Arc<Snapshot>) {
    let began = Instant::now();
    let saved = snapshots::save(disk, snapshot);
    driver.metrics.zookeeper().saved_snapshot(began.elapsed(), saved.is_ok());
    match &saved {
        Ok(_) => driver.metrics.snapshot_stored(snapshot.image.zxid, SystemTime::now()),
        Err(error) => tracing::error!(
            %error,
            index = snapshot.meta.index.0,
            "a snapshot cannot be saved: the log grows until one can"
        ),
    }
    driver.step(Input::SnapshotSaved { meta: snapshot.meta.clone(), bytes: saved.ok() });
}
