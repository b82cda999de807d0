//! What the core noted, as lines of the log: a sentence for people, the values as fields.

use std::time::{Duration, Instant};

use super::log_limit::LogLimit;
use crate::core::effect::Note;
use crate::core::state::Overrun;
use crate::core::types::Zxid;

/// Between two lines about quotas: each write of a busy client may exceed one.
const QUOTA_PAUSE: Duration = Duration::from_secs(1);

/// Between two lines about members that say what makes no sense: they dial again.
const IMPLAUSIBLE_PAUSE: Duration = Duration::from_secs(10);

/// Writes notes into the log.
#[derive(Debug)]
pub(super) struct NoteLog {
    quota: LogLimit,
    implausible: LogLimit,
}

impl Default for NoteLog {
    fn default() -> NoteLog {
        NoteLog { quota: LogLimit::new(QUOTA_PAUSE), implausible: LogLimit::new(IMPLAUSIBLE_PAUSE) }
    }
}

fn unused_import(zxid: Zxid) {
    tracing::warn!(
        %zxid,
        "an ensemble that was formed elsewhere takes this server in: what was imported here is not used, \
         and its file is set aside at the next start"
    );
}

impl NoteLog {
    /// What happens with every request or session is for `debug`, or not told at all.
    pub(super) fn write(&mut self, note: &Note) {
        match note {
            Note::Answered(_) | Note::Applied { .. } | Note::Fired { .. } => {}
            Note::SessionCreated { session } => {
                tracing::debug!(
                    session = format_args!("{:#x}", session.0),
                    "a session was created"
                );
            }
            Note::SessionClosed { session } => {
                tracing::debug!(session = format_args!("{:#x}", session.0), "a session was closed");
            }
            Note::SessionExpired { session } => tracing::info!(
                session = format_args!("{:#x}", session.0),
                "a session expired: its client was not heard for its timeout"
            ),
            Note::BecameLeader { term } => {
                tracing::info!(term = term.0, "this member is the leader now");
            }
            Note::Following { leader, term } => {
                tracing::info!(%leader, term = term.0, "this member follows a leader");
            }
            Note::NoLeader { term } => {
                tracing::info!(term = term.0, "no leader is known: an election is awaited");
            }
            Note::Adopted { ensemble } => {
                tracing::info!(%ensemble, "this member belongs to an ensemble now");
            }
            Note::ImportUnused { zxid } => unused_import(*zxid),
            Note::Configured { version, voters, learners, joint } => {
                tracing::info!(version = version.0, voters, learners, joint, "new configuration");
            }
            Note::AuthFailed { conn, scheme, why } => {
                tracing::info!(conn = conn.0, scheme, why, "a client failed to authenticate");
            }
            Note::PeerRefused { member, why } => {
                tracing::info!(%member, why, "a connection of another member was refused");
            }
            Note::Implausible { member, what } => {
                if let Some(times) = self.implausible.allows(Instant::now()) {
                    tracing::warn!(
                        %member,
                        what = what.what(),
                        times,
                        "a member says what no sound member of this ensemble can: nothing is made of \
                         it, and its link is closed. If it runs the same version of Quorate, its disk \
                         is a copy or damaged: replace that member. If it is none of yours, let \
                         nobody but members reach the peer port"
                    );
                }
            }
            Note::Elsewhere { why } => tracing::error!("{why}"),
            Note::SnapshotInstalled { index } => {
                tracing::info!(index = index.0, "a snapshot of the leader was installed");
            }
            Note::EnsembleVersion { version } => tracing::warn!(
                version = version.0,
                "the ensemble's version is raised: older programs refuse its disks from now on"
            ),
            Note::OverQuota(overrun) => self.over_quota(overrun),
            Note::Paused { millis } => tracing::warn!(
                millis,
                "this process stood still: every session has its full timeout again"
            ),
            Note::WallJumped { millis } => {
                tracing::warn!(millis, "the wall clock was set forward, or back if negative")
            }
        }
    }

    fn over_quota(&mut self, overrun: &Overrun) {
        if let Some(times) = self.quota.allows(Instant::now()) {
            let limit = if overrun.hard { "hard" } else { "soft" };
            tracing::warn!(path = overrun.path, limit, times, "a quota is exceeded");
        }
    }
}
