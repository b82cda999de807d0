//! The series that the chart's dashboards and alerts ask for. Pure, but for the files it reads.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What Prometheus has to say to a series while an ensemble is well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    /// It is there.
    Something,
    /// It is there now and then, for this reason.
    Perhaps(&'static str),
}

/// Series that an ensemble which is well need not have, and why.
const PERHAPS: &[(&str, &str)] = &[
    ("quorate_operator_unreadable", "every resource can be read"),
    ("quorate_ensemble_operation", "nothing is under way"),
    ("quorate_ensemble_blocked", "nothing is blocked"),
    ("quorate_operator_actions_total{outcome!=\"done\"}", "nothing was refused or failed"),
    ("quorate_operator_reconcile_total{outcome!=\"ok\"}", "no reconcile failed"),
    ("quorate_node_connections_closed_total", "no connection was closed by a server"),
];

/// All of them, each with what is to be found. Variables of Grafana are left in them.
///
/// # Errors
/// If a file cannot be read, or a series that may be absent is not asked for any more.
pub(crate) fn series(files: &Path) -> Result<BTreeMap<String, Answer>> {
    let mut expressions = Vec::new();
    for name in ["dashboards/ensemble.json", "dashboards/operator.json"] {
        let text = std::fs::read_to_string(files.join(name)).with_context(|| name.to_owned())?;
        gather(&serde_json::from_str(&text)?, &mut expressions);
    }
    let text = std::fs::read_to_string(files.join("alerts.yaml"))?;
    gather(&serde_yaml::from_str(&text)?, &mut expressions);
    let mut all = BTreeMap::new();
    for found in expressions.iter().flat_map(|it| selectors(it)) {
        let answer = answer(&found);
        all.insert(found, answer);
    }
    for (known, _) in PERHAPS {
        let asked = all.keys().any(|it| it.starts_with(known));
        ensure!(asked, "nobody asks for {known} any more: take it off the list");
    }
    Ok(all)
}

fn answer(series: &str) -> Answer {
    let known = PERHAPS.iter().find(|(known, _)| series.starts_with(known));
    known.map_or(Answer::Something, |(_, why)| Answer::Perhaps(why))
}

/// Every text under the key `expr`.
fn gather(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "expr" => into.push(text.clone()),
                    other => gather(other, into),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|it| gather(it, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The series that an expression asks for: names with their selectors, without ranges. A name is a
/// series if it has a selector, or begins with `quorate_`.
fn selectors(expression: &str) -> Vec<String> {
    let is_name = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(begin) = rest.find(is_name) {
        let (_, tail) = rest.split_at(begin);
        let end = tail.find(|it| !is_name(it)).unwrap_or(tail.len());
        let (name, behind) = tail.split_at(end);
        let inside = behind.strip_prefix('{').and_then(|it| it.split_once('}'));
        match inside {
            Some((inside, _)) if !name.starts_with(|it: char| it.is_ascii_digit()) => {
                found.push(format!("{name}{{{inside}}}"));
            }
            None if name.starts_with("quorate_") => found.push(name.to_owned()),
            Some(_) | None => {}
        }
        // Labels in a selector are no series.
        rest = inside.map_or(behind, |(_, behind)| behind);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_in_expressions_and_nothing_else_is() {
        let cases: [(&str, &[&str]); 4] = [
            (
                "max by (pod) (rate(quorate_node_fsync_seconds_bucket{a=\"b\", le=\"1\"}[5m])) > 0.1",
                &["quorate_node_fsync_seconds_bucket{a=\"b\", le=\"1\"}"],
            ),
            ("up{job=\"x\"} == 0", &["up{job=\"x\"}"]),
            (
                "2 * sum by (namespace) (quorate_node_serving) <= quorate_node_voters",
                &["quorate_node_serving", "quorate_node_voters"],
            ),
            ("time() - 900", &[]),
        ];
        for (expression, expected) in cases {
            assert_eq!(selectors(expression), expected, "{expression}");
        }
    }

    #[test]
    fn what_may_be_absent_is_what_the_list_says() {
        let failed = "quorate_operator_actions_total{outcome!=\"done\"}";
        assert!(matches!(answer(failed), Answer::Perhaps(_)));
        let done = "quorate_operator_actions_total{outcome=\"done\"}";
        assert_eq!(answer(done), Answer::Something);
        assert_eq!(answer("quorate_operator_actions_total{outcome!=\"ok\"}"), Answer::Something);
    }

    #[test]
    fn the_charts_files_are_read() {
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/quorate/files");
        let all = series(&files).expect("series");
        for known in ["quorate_node_ready", "up{job=\"quorate-node\"}"] {
            assert_eq!(all.get(known), Some(&Answer::Something), "{known} in {all:?}");
        }
    }
}
