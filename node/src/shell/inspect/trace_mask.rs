//! ZooKeeper's trace mask: kept and shown as there, but nothing is traced by it.

use std::sync::atomic::{AtomicI64, Ordering};

/// 306 is ZooKeeper's default.
static TRACE_MASK: AtomicI64 = AtomicI64::new(306);

pub(crate) fn get() -> i64 {
    TRACE_MASK.load(Ordering::Relaxed)
}

pub(crate) fn set(mask: i64) {
    TRACE_MASK.store(mask, Ordering::Relaxed);
}
