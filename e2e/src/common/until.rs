//! Waiting on conditions, with deadlines.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const PERIOD: Duration = Duration::from_millis(200);

/// Tries until it succeeds; the last error says what was missing.
pub(crate) async fn until<T, F, A>(what: &str, seconds: u64, mut attempt: F) -> Result<T>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let mut period = tokio::time::interval(PERIOD);
    loop {
        period.tick().await;
        // An attempt that hangs must not outlive the deadline by much.
        let left = deadline.saturating_duration_since(Instant::now()) + PERIOD;
        let missing = match tokio::time::timeout(left, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "no answer".to_owned(),
        };
        if Instant::now() >= deadline {
            bail!("after {seconds} s still not: {what}: {missing}");
        }
    }
}

/// Checks that something stays as it is for so long.
pub(crate) async fn throughout<F, A>(what: &str, seconds: u64, mut check: F) -> Result<()>
where
    F: FnMut() -> A,
    A: Future<Output = Result<()>>,
{
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut period = tokio::time::interval(PERIOD);
    while Instant::now() < end {
        period.tick().await;
        if let Err(error) = check().await {
            bail!("did not stay so: {what}: {error:#}");
        }
    }
    Ok(())
}
