//! An operation under load: clients write without pause and the quorum is watched while it runs,
//! and the numbers of both are held to the promise.

use anyhow::{Result, ensure};

use crate::common::progress::say;
use crate::stage::ensemble::Ensemble;
use crate::watch::accounting::Ledger;
use crate::watch::quorum::History;
use crate::watch::watcher::Watcher;
use crate::watch::writer::Writer;

/// How many clients write.
pub(crate) const CLIENTS: usize = 3;

/// Writers and a watcher at work.
pub(crate) struct Load {
    pub(crate) writer: Writer,
    watcher: Watcher,
}

/// What they found.
pub(crate) struct Numbers {
    pub(crate) ledger: Ledger,
    pub(crate) history: History,
}

impl Load {
    pub(crate) async fn start(ensemble: &Ensemble) -> Result<Self> {
        let ctx = &ensemble.ctx;
        let writer = write(ensemble, CLIENTS).await?;
        let watcher = Watcher::start(ctx.client(), &ctx.namespace, &ensemble.name);
        Ok(Load { writer, watcher })
    }

    /// Ends both and prints their numbers.
    pub(crate) async fn finish(self) -> Result<Numbers> {
        let history = self.watcher.finish().await?;
        let ledger = self.writer.finish().await?;
        say(format!("{ledger}"));
        say(format!("{history}"));
        for lost in ledger.lost.iter().take(5) {
            say(format!("LOST {lost}"));
        }
        Ok(Numbers { ledger, history })
    }
}

/// Begins to write without pause, below a znode of its own.
pub(crate) async fn write(ensemble: &Ensemble, clients: usize) -> Result<Writer> {
    let root = format!("writer-{}", ensemble.ctx.serial());
    Writer::start(&ensemble.address().await?, &root, clients).await
}

impl Numbers {
    /// What holds whatever is planned: no acknowledged write lost, no session lost, the quorum
    /// kept, never an even number of voters.
    pub(crate) fn hold(&self) -> Result<()> {
        ensure!(
            self.ledger.lost.is_empty(),
            "acknowledged writes were lost: {:?}",
            self.ledger.lost
        );
        let sessions = self.ledger.sessions_lost;
        ensure!(sessions == 0, "{sessions} sessions were lost");
        let lost = &self.history.lost;
        ensure!(lost.is_empty(), "the quorum was lost (from, for): {lost:?}");
        ensure!(!self.history.sizes.is_empty(), "nobody ever saw a settled set of voters");
        let odd = self.history.sizes.iter().all(|it| it % 2 == 1);
        ensure!(odd, "settled sets of {:?} voters", self.history.sizes);
        Ok(())
    }

    /// So many times another member took the lead.
    pub(crate) fn leader_changes(&self, wanted: usize) -> Result<()> {
        let (found, leaders) = (self.history.leader_changes(), &self.history.leaders);
        ensure!(found == wanted, "{found} leader changes instead of {wanted}: {leaders:?}");
        Ok(())
    }
}
