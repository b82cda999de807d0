//! Who is connected, and what each did.

use std::sync::atomic::Ordering;

use crate::codec::four_letter::lists::Client;
use crate::core::status::Connection;
use crate::shell::clients::stats::ClientStats;
use crate::shell::driver::Driver;

/// Looks at every connection, a page at a time.
pub(crate) fn for_each(driver: &Driver, mut look: impl FnMut(&Connection, &ClientStats)) {
    let mut after = None;
    loop {
        let (page, last) = driver.connections_page(after);
        page.iter().for_each(|(it, stats)| look(it, stats));
        if last.is_none() {
            break;
        }
        after = last;
    }
}

/// As if every connection were new.
pub(crate) fn reset_counters(driver: &Driver) {
    for_each(driver, |_, stats| stats.reset());
}

/// A connection as words and commands show it.
pub(crate) fn described(connection: &Connection, stats: &ClientStats) -> Client {
    let answers = stats.answers();
    Client {
        address: stats.address.to_string(),
        session: connection.session.0,
        timeout_ms: connection.timeout_ms,
        outstanding: connection.outstanding,
        received: stats.received.load(Ordering::Relaxed),
        sent: stats.sent.load(Ordering::Relaxed),
        established: stats.since_wall,
        last_operation: answers.name,
        last_cxid: answers.cxid,
        last_zxid: answers.zxid,
        last_response: answers.at,
        last_latency: answers.last,
        min_latency: answers.min,
        avg_latency: answers.mean(),
        max_latency: answers.max,
        silent_ms: stats.silent_ms(),
    }
}
