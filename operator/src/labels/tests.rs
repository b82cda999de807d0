//! What the chart's panels and alerts ask of the labels of `quorate_` metrics.

use quorate_crds::status::Operation;

use super::*;

const ASKED: [&str; 3] = [
    include_str!("../../../charts/quorate/files/alerts.yaml"),
    include_str!("../../../charts/quorate/files/dashboards/ensemble.json"),
    include_str!("../../../charts/quorate/files/dashboards/operator.json"),
];

/// Labels that Kubernetes gives, or users.
const GIVEN: [&str; 5] = ["ensemble", "job", "member", "namespace", "pod"];

/// A comparison of a label of a `quorate_` metric with one value.
struct Selection {
    metric: String,
    label: String,
    value: String,
}

fn selections(text: &str) -> Vec<Selection> {
    let text = text.replace("\\\"", "\"");
    let is_name = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let mut found = Vec::new();
    for (at, _) in text.match_indices('{') {
        let (before, behind) = text.split_at(at);
        let metric = before.rsplit(|it| !is_name(it)).next().unwrap_or_default();
        let inside = behind[1..].split('}').next().unwrap_or_default();
        if !metric.starts_with("quorate_") {
            continue;
        }
        for selector in inside.split(',').filter(|it| it.contains('=')) {
            let (label, value) = selector.split_once('=').unwrap_or_default();
            let label = label.trim().trim_end_matches('!').to_owned();
            let values = value.trim_start_matches('~').trim_matches('"').split('|');
            let selection = |value: &str| Selection {
                metric: metric.to_owned(),
                label: label.clone(),
                value: value.to_owned(),
            };
            found.extend(values.map(selection));
        }
    }
    found
}

/// The values that a label of a metric may have.
fn values(metric: &str, label: &str) -> Option<Vec<&'static str>> {
    match (metric, label) {
        ("quorate_operator_reconcile_total", "outcome") => Some(Ended::ALL.to_vec()),
        ("quorate_operator_actions_total", "outcome") => Some(Acted::ALL.to_vec()),
        ("quorate_ensemble_operation" | "quorate_ensemble_blocked", "type") => {
            Some(Operation::KNOWN.iter().map(|it| it.as_str()).collect())
        }
        _ => None,
    }
}

/// What is asked for and never there.
fn vain(text: &str) -> Vec<String> {
    let asked = selections(text).into_iter();
    asked
        .filter(|it| !GIVEN.contains(&it.label.as_str()))
        .filter(|it| !values(&it.metric, &it.label).is_some_and(|all| all.contains(&&*it.value)))
        .map(|it| format!("{}: {} is never {:?}", it.metric, it.label, it.value))
        .collect()
}

#[test]
fn panels_and_alerts_ask_for_no_value_that_a_label_never_has() {
    for text in ASKED {
        assert_eq!(vain(text), [""; 0]);
    }
    let asked: usize = ASKED.iter().map(|text| selections(text).len()).sum();
    assert!(asked > 10, "only {asked} selections were found");
}

#[test]
fn a_value_that_a_label_never_has_is_found() {
    let bad = [
        r#"sum(quorate_operator_actions_total{outcome="ok"})"#,
        r#"{"expr": "quorate_operator_actions_total{outcome!=\"ok\"}"}"#,
        r#"quorate_operator_reconcile_total{namespace="x", outcome=~"ok|done"}"#,
        r#"quorate_ensemble_operation{type="Creation"}"#,
        r#"quorate_operator_actions_total{result="done"}"#,
    ];
    for text in bad {
        assert_eq!(vain(text).len(), 1, "{text}");
    }
    let good = r#"quorate_operator_actions_total{namespace=~"$namespace", outcome!="done"}"#;
    assert_eq!(vain(good), [""; 0]);
}
