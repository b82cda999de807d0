//! Makes a failing history short: steps are taken out as long as it still fails.

use super::history::History;

/// How many shorter histories are tried at most.
const TRIES: usize = 200;

/// The shortest that still fails, by what `fails` says.
pub(super) async fn shrink<F>(history: &History, fails: F) -> History
where
    F: AsyncFn(&History) -> bool,
{
    let mut best = history.clone();
    let mut tries = TRIES;
    let mut chunk = best.steps.len().div_ceil(2);
    while chunk > 0 {
        let mut from = 0;
        let mut shorter = false;
        while from < best.steps.len() {
            if tries == 0 {
                return best;
            }
            tries -= 1;
            let mut candidate = best.clone();
            let to = (from + chunk).min(candidate.steps.len());
            candidate.steps.drain(from..to);
            if !candidate.steps.is_empty() && fails(&candidate).await {
                best = candidate;
                shorter = true;
            } else {
                from += chunk;
            }
        }
        if !shorter || chunk > 1 {
            chunk /= 2;
        }
    }
    best
}
