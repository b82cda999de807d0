//! `cargo e2e demo`.
use crate::settings::Settings;
use anyhow::Result;
pub(crate) async fn run(_settings: Settings) -> Result<()> {
    Ok(())
}
