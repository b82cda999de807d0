//! How much space the data folder has left.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::interval;

use super::disk::{self, DiskConfig};
use super::driver::Driver;
use crate::core::input::Input;

/// Tells the core when space runs low, and when there is enough again (with some distance, so
/// that it does not flap). Often enough that nobody writes all of the reserve in between.
pub(super) async fn watch(driver: Arc<Driver>, disk: DiskConfig) {
    let (mut every, reserve) = (interval(Duration::from_millis(100)), disk.reserve);
    let mut low = false;
    loop {
        every.tick().await;
        let free = disk::sizes(&disk).free_bytes;
        let now_low = if low { free < reserve + reserve / 2 } else { free < reserve };
        if now_low != low {
            low = now_low;
            if low {
                tracing::warn!(
                    free,
                    reserve,
                    "the volume of the data folder is nearly full: writes that need space are \
                     refused; make space, or give the volume more"
                );
            } else {
                tracing::info!(free, reserve, "the volume of the data folder has space again");
            }
            driver.step(Input::DiskLow(low));
        }
    }
}
