//! Lines of the words that list connections, watches, sessions and ephemerals.

use std::fmt::Write;

/// One connection.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Client {
    pub address: String,
    /// 0 before the handshake is done.
    pub session: i64,
    pub timeout_ms: i32,
    pub outstanding: usize,
    pub received: u64,
    pub sent: u64,
    /// In milliseconds since 1970.
    pub established: u64,
    pub last_operation: &'static str,
    /// -1: none yet.
    pub last_cxid: i64,
    pub last_zxid: i64,
    /// On the clock of `uptime`, in milliseconds.
    pub last_response: u64,
    pub last_latency: u64,
    pub min_latency: u64,
    pub avg_latency: u64,
    pub max_latency: u64,
    /// Milliseconds since it was heard.
    pub silent_ms: u64,
}

/// A line of `stat` (`brief`) or `cons`.
pub fn client(client: &Client, brief: bool) -> String {
    let mut line = format!(
        " /{}[1](queued={},recved={},sent={}",
        client.address, client.outstanding, client.received, client.sent
    );
    if !brief && client.session != 0 {
        let _ = write!(
            line,
            ",sid={:#x},lop={},est={},to={}",
            client.session, client.last_operation, client.established, client.timeout_ms
        );
        if client.last_cxid >= 0 {
            let _ = write!(line, ",lcxid={:#x}", client.last_cxid);
        }
        let _ = write!(
            line,
            ",lzxid={:#x},lresp={},llat={},minlat={},avglat={},maxlat={}",
            client.last_zxid,
            client.last_response,
            client.last_latency,
            client.min_latency,
            client.avg_latency,
            client.max_latency
        );
    }
    line + ")\n"
}

/// Writes groups: a heading, then its members, each behind a tab. Members of a group come one
/// after the other, and the same one twice in a row is written once.
#[derive(Debug, Default)]
pub struct Groups {
    last: Option<(String, String)>,
}

impl Groups {
    /// The next member and its group's heading.
    pub fn add(&mut self, heading: &str, member: &str, text: &mut String) {
        let same = self.last.as_ref().is_some_and(|(last, _)| last.as_str() == heading);
        let again = same && self.last.as_ref().is_some_and(|(_, last)| last == member);
        if again {
            return;
        }
        if !same {
            let _ = writeln!(text, "{heading}");
        }
        let _ = writeln!(text, "\t{member}");
        self.last = Some((heading.to_owned(), member.to_owned()));
    }
}

/// Buckets of an expiry queue, as `dump` shows those of sessions and connections: how many end in
/// the same tick, when, and which.
#[derive(Debug, Default)]
pub struct Buckets {
    all: Vec<(u64, String)>,
}

impl Buckets {
    /// One that ends after so many milliseconds, rounded up to a tick.
    pub fn add(&mut self, ends_in_ms: u64, tick_ms: u64, line: String) {
        let tick = tick_ms.max(1);
        let end = ends_in_ms.div_ceil(tick).saturating_mul(tick);
        self.all.push((end, line));
    }

    /// The text; `date` tells when something ends that ends in so many milliseconds.
    pub fn text(mut self, date: impl Fn(u64) -> String) -> String {
        self.all.sort_by_key(|(end, _)| *end);
        let buckets = || self.all.chunk_by(|(one, _), (other, _)| one == other);
        let mut text = format!("Sets ({})/({}):\n", buckets().count(), self.all.len());
        for bucket in buckets() {
            let end = bucket.first().map_or(0, |(end, _)| *end);
            let _ = writeln!(text, "{} expire at {}:", bucket.len(), date(end));
            for (_, line) in bucket {
                let _ = writeln!(text, "\t{line}");
            }
        }
        text
    }
}

/// A moment, in milliseconds since 1970, as Java prints a date in UTC.
pub fn java_date(millis: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = millis / 1_000;
    let days = seconds / 86_400;
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    // Days since 1 March of the year 0: there the leap day is the last of its year.
    let since = days + 719_468;
    let era = since / 146_097;
    let of_era = since % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let year = year_of_era + era * 400 + u64::from(month < 2);
    let name = |names: &[&'static str], at: u64| {
        let at = usize::try_from(at).unwrap_or(0);
        names.get(at).copied().unwrap_or_default()
    };
    let (weekday, month) = (name(&DAYS, days % 7), name(&MONTHS, month));
    format!("{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} UTC {year}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_before_its_handshake_has_no_details() {
        let mut it = Client {
            address: "10.0.0.1:5".to_owned(),
            received: 1,
            last_operation: "NA",
            last_cxid: -1,
            last_zxid: -1,
            ..Client::default()
        };
        let short = " /10.0.0.1:5[1](queued=0,recved=1,sent=0)\n";
        assert_eq!(client(&it, false), short);
        it.session = 0x1_0000;
        assert_eq!(client(&it, true), short);
        assert_eq!(
            client(&it, false),
            " /10.0.0.1:5[1](queued=0,recved=1,sent=0,sid=0x10000,lop=NA,est=0,to=0,\
             lzxid=0xffffffffffffffff,lresp=0,llat=0,minlat=0,avglat=0,maxlat=0)\n"
        );
    }

    #[test]
    fn groups_have_one_heading_and_no_member_twice() {
        let (mut groups, mut text) = (Groups::default(), String::new());
        for (heading, member) in [("/a", "1"), ("/a", "1"), ("/a", "2"), ("/b", "2")] {
            groups.add(heading, member, &mut text);
        }
        assert_eq!(text, "/a\n\t1\n\t2\n/b\n\t2\n");
    }

    #[test]
    fn what_ends_in_the_same_tick_is_one_bucket() {
        let mut buckets = Buckets::default();
        for (ends, line) in [(1, "a"), (2_000, "b"), (2_001, "c")] {
            buckets.add(ends, 2_000, line.to_owned());
        }
        let text = buckets.text(|ends| format!("T+{ends}"));
        assert_eq!(
            text,
            "Sets (2)/(3):\n2 expire at T+2000:\n\ta\n\tb\n1 expire at T+4000:\n\tc\n"
        );
    }

    #[test]
    fn dates_are_as_java_prints_them() {
        for (millis, date) in [
            (0, "Thu Jan 01 00:00:00 UTC 1970"),
            (951_782_400_000, "Tue Feb 29 00:00:00 UTC 2000"),
            (1_795_654_953_000, "Thu Nov 26 01:02:33 UTC 2026"),
            (4_107_542_399_999, "Sun Feb 28 23:59:59 UTC 2100"),
        ] {
            assert_eq!(java_date(millis), date);
        }
    }
}
