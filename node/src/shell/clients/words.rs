//! Four-letter words on the client port. Long lists are read and written page by page, so that
//! the server is held up for no longer than a page, and a slow reader costs a page of memory.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Buf, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::codec::four_letter::lists::{self, Buckets, Groups};
use crate::codec::four_letter::{self, Facts};
use crate::core::node::Node;
use crate::core::types::ConnId;
use crate::shell::clock;
use crate::shell::driver::Driver;
use crate::shell::inspect::inspector::Inspector;
use crate::shell::inspect::{connections, environment, trace_mask};
use crate::shell::metrics::sample::real;

/// Time for a tool to take a page, or to send the rest of a word.
const PATIENCE: Duration = Duration::from_secs(10);

/// The eight bytes that follow `stmk`; `None` for other words, or when they do not come.
pub(super) async fn argument(
    word: &str,
    read: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> Option<i64> {
    const WORD: usize = 4;
    if word != "stmk" {
        return None;
    }
    let complete = async {
        while buffer.len() < WORD + 8 {
            if read.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        }
        Some(())
    };
    timeout(PATIENCE, complete).await.ok()??;
    buffer.advance(WORD);
    Some(buffer.get_i64())
}

async fn put(out: &mut (impl AsyncWrite + Unpin), text: &str) -> std::io::Result<()> {
    let written = async {
        out.write_all(text.as_bytes()).await?;
        // TLS keeps what the socket did not take until it is flushed.
        out.flush().await
    };
    match timeout(PATIENCE, written).await {
        Ok(written) => written,
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

/// Answers a word that is allowed.
pub(super) async fn write_answer(
    word: &str,
    argument: Option<i64>,
    inspector: &Inspector,
    out: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let driver = &inspector.driver;
    let facts = inspector.facts();
    if facts.mode.is_none() && !four_letter::answers_when_not_serving(word) {
        return put(out, four_letter::NOT_SERVING).await;
    }
    match word {
        "stat" => {
            put(out, &(four_letter::version(&facts) + "Clients:\n")).await?;
            write_connections(driver, true, out).await?;
            put(out, &format!("\n{}", statistics(&facts))).await
        }
        "cons" => {
            write_connections(driver, false, out).await?;
            put(out, "\n").await
        }
        "wchc" | "wchp" => {
            write_watches(driver, word == "wchp", out).await?;
            put(out, "\n").await
        }
        "dump" => write_dump(inspector, &facts, out).await,
        _ => put(out, &short_answer(word, argument, inspector, &facts)).await,
    }
}

fn statistics(facts: &Facts) -> String {
    four_letter::statistics(facts, &real(facts.latency_avg))
}

/// Answers of a length that does not depend on how many clients there are.
fn short_answer(word: &str, argument: Option<i64>, inspector: &Inspector, facts: &Facts) -> String {
    let driver = &inspector.driver;
    match word {
        "ruok" => "imok".to_owned(),
        "isro" => four_letter::is_read_only(facts).to_owned(),
        "envi" => four_letter::environment(&environment::pairs(&facts.version)),
        "conf" => four_letter::conf(facts),
        "srvr" => four_letter::version(facts) + &statistics(facts),
        "mntr" => {
            let pairs = inspector.monitor().into_iter();
            let text = |value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            let pairs: Vec<_> = pairs.map(|(key, value)| (key, text(value))).collect();
            four_letter::monitor(&pairs)
        }
        "dirs" => four_letter::dirs(facts),
        "wchs" => four_letter::watch_summary(facts),
        "hash" => {
            let history = driver.look(Node::digest_history);
            let history: Vec<_> = history.iter().map(|(zxid, it)| (zxid.0, *it)).collect();
            four_letter::digests(&history)
        }
        "gtmk" => trace_mask::get().to_string(),
        "stmk" => argument.map_or_else(String::new, |mask| {
            trace_mask::set(mask);
            mask.to_string()
        }),
        "srst" => {
            inspector.metrics.zookeeper().reset();
            "Server stats reset.\n".to_owned()
        }
        "crst" => {
            connections::reset_counters(driver);
            "Connection stats reset.\n".to_owned()
        }
        _ => String::new(),
    }
}

async fn write_connections(
    driver: &Driver,
    brief: bool,
    out: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let mut after: Option<ConnId> = None;
    loop {
        let (page, last) = driver.connections_page(after);
        let lines = page.iter().map(|(it, stats)| connections::described(it, stats));
        let text: String = lines.map(|it| lists::client(&it, brief)).collect();
        put(out, &text).await?;
        if last.is_none() {
            return Ok(());
        }
        after = last;
    }
}

async fn write_watches(
    driver: &Driver,
    by_path: bool,
    out: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let (mut groups, mut after) = (Groups::default(), None);
    loop {
        let page = driver.look(|node| node.watches_page(by_path, after.as_ref()));
        let mut text = String::new();
        for (armed, session) in &page {
            let session = format!("{:#x}", session.0);
            if by_path {
                groups.add(&armed.path, &session, &mut text);
            } else {
                groups.add(&session, &armed.path, &mut text);
            }
        }
        put(out, &text).await?;
        match page.into_iter().next_back() {
            Some((last, _)) => after = Some(last),
            None => return Ok(()),
        }
    }
}

/// When something ends that ends in so many milliseconds.
fn date(ends_in_ms: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_millis() as u64);
    lists::java_date(now.saturating_add(ends_in_ms))
}

async fn write_dump(
    inspector: &Inspector,
    facts: &Facts,
    out: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let (driver, tick) = (&inspector.driver, inspector.shown.tick_ms);
    put(out, "SessionTracker dump:\n").await?;
    write_sessions(driver, facts, tick, out).await?;
    put(out, "ephemeral nodes dump:\n").await?;
    write_ephemerals(driver, out).await?;
    put(out, "Connections dump:\nConnections ").await?;
    let mut buckets = Buckets::default();
    connections::for_each(driver, |it, stats| {
        let timeout = u64::try_from(it.timeout_ms).unwrap_or(0);
        let line = format!("ip: /{} sessionId: {:#x}", stats.address, it.session.0);
        buckets.add(timeout.saturating_sub(stats.silent_ms()), tick, line);
    });
    put(out, &buckets.text(date)).await
}

/// Whoever decides when sessions end shows when that is; the others show how long they last.
async fn write_sessions(
    driver: &Driver,
    facts: &Facts,
    tick: u64,
    out: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let decides = matches!(facts.mode, Some("leader" | "standalone"));
    let (mut buckets, mut after) = (Buckets::default(), None);
    if !decides {
        put(out, &format!("Global Sessions({}):\n", facts.sessions)).await?;
    }
    loop {
        let page = driver.look(|node| node.sessions_page(clock::now().mono, after));
        let mut text = String::new();
        for line in &page {
            let id = format!("{:#x}", line.session.0);
            if decides {
                let timeout = u64::try_from(line.timeout_ms).unwrap_or(0);
                buckets.add(line.ends_in_ms.unwrap_or(timeout), tick, id);
            } else {
                text += &format!("{id}\t{}ms\n", line.timeout_ms);
            }
        }
        put(out, &text).await?;
        match page.last() {
            Some(last) => after = Some(last.session),
            None if decides => return put(out, &format!("Session {}", buckets.text(date))).await,
            None => return Ok(()),
        }
    }
}

async fn write_ephemerals(
    driver: &Driver,
    out: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let owners = driver.look(|node| node.state().ephemeral_owners());
    put(out, &format!("Sessions with Ephemerals ({owners}):\n")).await?;
    let (mut groups, mut after) = (Groups::default(), None);
    loop {
        let page = driver.look(|node| node.ephemerals_page(after));
        let mut text = String::new();
        for line in &page {
            groups.add(&format!("{:#x}:", line.session.0), &line.path, &mut text);
        }
        put(out, &text).await?;
        match page.last() {
            Some(last) => after = Some((last.session, last.place)),
            None => return Ok(()),
        }
    }
}
