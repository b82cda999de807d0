//! One metric of ZooKeeper's names at one instant, and the ways in which it is shown: as `mntr`
//! prints it under either of ZooKeeper's metrics providers, as JSON, and as Prometheus' text.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::summary::View;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Not a number; Prometheus does not show it.
    Text(String),
    /// A whole number that goes up and down.
    Whole(i64),
    /// Another one.
    Real(f64),
    /// A number that only grows, but for a reset.
    Counter(u64),
    /// Many observations; with more percentiles if `.1`.
    Summary(View, bool),
}

/// A named value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// ZooKeeper's name.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) help: &'static str,
    /// How much.
    pub(crate) value: Value,
}

/// A number as Java prints a double, with at most four decimals.
pub(crate) fn real(number: f64) -> String {
    let rounded = (number * 10_000.0).round() / 10_000.0;
    if rounded.fract() == 0.0 { format!("{rounded:.1}") } else { rounded.to_string() }
}

/// Percentiles as `mntr` names them.
const NAMED: [(&str, f64); 4] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)];

impl Sample {
    /// Keys and values as ZooKeeper's default provider dumps them.
    pub(crate) fn plain(&self) -> Vec<(String, Json)> {
        let name = self.name;
        match &self.value {
            Value::Text(text) => vec![(name.to_owned(), json!(text))],
            Value::Whole(number) => vec![(name.to_owned(), json!(number))],
            Value::Counter(number) => vec![(name.to_owned(), json!(number))],
            Value::Real(number) => {
                let rounded = real(*number).parse::<f64>().unwrap_or(*number);
                vec![(name.to_owned(), json!(rounded))]
            }
            Value::Summary(view, advanced) => {
                let mean = real(view.mean()).parse::<f64>().unwrap_or_default();
                let mut lines = vec![
                    (format!("avg_{name}"), json!(mean)),
                    (format!("min_{name}"), json!(view.min)),
                    (format!("max_{name}"), json!(view.max)),
                    (format!("cnt_{name}"), json!(view.count)),
                    (format!("sum_{name}"), json!(view.sum)),
                ];
                if *advanced {
                    let percentile = |(key, part)| {
                        let value = view.quantile(part).unwrap_or(0);
                        (format!("{key}_{name}"), json!(value))
                    };
                    lines.extend(NAMED.map(percentile));
                }
                lines
            }
        }
    }

    fn quantiles(view: &View, advanced: bool) -> impl Iterator<Item = (&'static str, f64)> {
        let all = [("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99)];
        let shown = if advanced { 3 } else { 1 };
        all.into_iter().take(shown).map(|(label, part)| {
            let value = view.quantile(part);
            (label, value.map_or(f64::NAN, |value| value as f64))
        })
    }

    /// The same as ZooKeeper's Prometheus provider dumps them.
    pub(crate) fn as_prometheus_provider(&self) -> Vec<(String, Json)> {
        let name = self.name;
        match &self.value {
            Value::Text(text) => vec![(name.to_owned(), json!(text))],
            Value::Whole(number) => vec![(name.to_owned(), json!(*number as f64))],
            Value::Counter(number) => vec![(name.to_owned(), json!(*number as f64))],
            Value::Real(number) => vec![(name.to_owned(), json!(number))],
            Value::Summary(view, advanced) => {
                let mut lines: Vec<_> = Sample::quantiles(view, *advanced)
                    .map(|(label, value)| {
                        let key = format!("{name}{{quantile=\"{label}\"}}");
                        // JSON has no NaN.
                        let shown = if value.is_nan() { json!("NaN") } else { json!(value) };
                        (key, shown)
                    })
                    .collect();
                lines.push((format!("{name}_count"), json!(view.count as f64)));
                lines.push((format!("{name}_sum"), json!(view.sum as f64)));
                lines
            }
        }
    }

    /// Prometheus' text format.
    pub(crate) fn write_prometheus(&self, out: &mut String) {
        let (name, help) = (self.name, self.help);
        let kind = match &self.value {
            Value::Text(_) => return,
            Value::Whole(_) | Value::Real(_) => "gauge",
            Value::Counter(_) => "counter",
            Value::Summary(..) => "summary",
        };
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        let _ = match &self.value {
            Value::Text(_) => Ok(()),
            Value::Whole(number) => writeln!(out, "{name} {number}"),
            Value::Counter(number) => writeln!(out, "{name} {number}"),
            Value::Real(number) => writeln!(out, "{name} {number}"),
            Value::Summary(view, advanced) => {
                for (label, value) in Sample::quantiles(view, *advanced) {
                    let _ = writeln!(out, "{name}{{quantile=\"{label}\"}} {value}");
                }
                let (count, sum) = (view.count, view.sum);
                writeln!(out, "{name}_count {count}\n{name}_sum {sum}")
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary::Summary;
    use super::*;

    #[test]
    fn numbers_are_written_as_java_writes_them() {
        for (number, text) in [(0.0, "0.0"), (1.214_28, "1.2143"), (2.8, "2.8"), (300.0, "300.0")] {
            assert_eq!(real(number), text);
        }
    }

    #[test]
    fn a_summary_is_shown_in_each_providers_form() {
        let summary = Summary::default();
        [1, 2, 6].into_iter().for_each(|value| summary.observe(value));
        let mut sample =
            Sample { name: "readlatency", help: "h", value: Value::Summary(summary.view(), true) };
        let shown = |lines: Vec<(String, Json)>| {
            let lines = lines.iter().map(|(key, value)| format!("{key} {value}"));
            lines.collect::<Vec<_>>().join("\n")
        };
        assert_eq!(
            shown(sample.plain()),
            "avg_readlatency 3.0\nmin_readlatency 1\nmax_readlatency 6\ncnt_readlatency 3\n\
             sum_readlatency 9\np50_readlatency 2\np95_readlatency 6\np99_readlatency 6\n\
             p999_readlatency 6"
        );
        sample.value = Value::Summary(Summary::default().view(), false);
        assert_eq!(
            shown(sample.as_prometheus_provider()),
            "readlatency{quantile=\"0.5\"} \"NaN\"\nreadlatency_count 0.0\nreadlatency_sum 0.0"
        );
        let mut text = String::new();
        sample.write_prometheus(&mut text);
        assert_eq!(
            text,
            "# HELP readlatency h\n# TYPE readlatency summary\nreadlatency{quantile=\"0.5\"} NaN\n\
             readlatency_count 0\nreadlatency_sum 0\n"
        );
    }
}
