//! Whether this operator sees what it looks after: only then it is ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A watch may fail for so long: API servers are restarted, too.
const BORNE: Duration = Duration::from_secs(30);

/// How a watch is.
#[derive(Clone, Debug)]
enum State {
    /// Nothing was read yet.
    Begins,
    /// What it says is complete.
    Works,
    /// It has not worked since, and why.
    Fails(Instant, String),
}

/// The state of all watches; none while another operator leads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    watches: Arc<Mutex<BTreeMap<String, State>>>,
}

impl Health {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A watch begins.
    pub(crate) fn begins(&self, watch: &str) {
        self.lock().insert(watch.to_owned(), State::Begins);
    }

    /// It said something.
    pub(crate) fn works(&self, watch: &str) {
        if let Some(state) = self.lock().get_mut(watch) {
            *state = State::Works;
        }
    }

    /// It broke off, or could not begin.
    pub(crate) fn fails(&self, watch: &str, why: &str) {
        if let Some(state) = self.lock().get_mut(watch) {
            let since = match state {
                State::Fails(since, _) => *since,
                State::Begins | State::Works => Instant::now(),
            };
            *state = State::Fails(since, why.to_owned());
        }
    }

    /// What is not as it should be, a line each; empty: it is ready.
    pub(crate) fn troubles(&self) -> String {
        let trouble = |(watch, state): (&String, &State)| match state {
            State::Works => None,
            State::Begins => Some(format!("{watch} has not been read yet\n")),
            State::Fails(since, _) if since.elapsed() < BORNE => None,
            State::Fails(since, why) => {
                Some(format!("{watch} fails since {} s: {why}\n", since.elapsed().as_secs()))
            }
        };
        self.lock().iter().filter_map(trouble).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_operator_is_ready_when_every_watch_was_read_and_none_fails_for_long() {
        let health = Health::default();
        assert_eq!(health.troubles(), "", "another operator leads");
        health.begins("a");
        health.begins("b");
        health.works("a");
        assert_eq!(health.troubles(), "b has not been read yet\n");
        health.works("b");
        assert_eq!(health.troubles(), "");
        health.fails("b", "forbidden");
        tokio::time::advance(BORNE / 2).await;
        health.fails("b", "forbidden");
        assert_eq!(health.troubles(), "");
        tokio::time::advance(BORNE / 2).await;
        assert_eq!(health.troubles(), "b fails since 30 s: forbidden\n");
        health.works("b");
        assert_eq!(health.troubles(), "");
    }
}
