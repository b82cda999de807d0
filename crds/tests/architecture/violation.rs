//! What a rule finds.

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Violation {
    /// Name of the rule, as in the list of debts.
    pub(crate) rule: &'static str,
    pub(crate) file: String,
    /// What in the file breaks it; with rule and file, the name of a debt.
    pub(crate) item: String,
    pub(crate) line: usize,
    /// What is wrong, and what to do.
    pub(crate) says: String,
}

/// Fails with what is wrong, unless it is owed; and with what is owed but no longer wrong.
pub(crate) fn judge(rule: &str, mut found: Vec<Violation>, debts: &[(&str, &str, &str)]) {
    let report = report(rule, &mut found, debts);
    assert!(report.is_empty(), "\n{}\n", report.join("\n"));
}

fn report(rule: &str, found: &mut Vec<Violation>, debts: &[(&str, &str, &str)]) -> Vec<String> {
    assert!(found.iter().all(|it| it.rule == rule), "{found:?}");
    found.sort_by(|a, b| (&a.file, &a.item, a.line).cmp(&(&b.file, &b.item, b.line)));
    found.dedup_by(|a, b| (&a.file, &a.item) == (&b.file, &b.item));
    let owed = |it: &Violation| debts.contains(&(rule, it.file.as_str(), it.item.as_str()));
    let mut report: Vec<String> = (found.iter().filter(|it| !owed(it)))
        .map(|it| format!("{}:{}: {} [{rule}: {}]", it.file, it.line, it.says, it.item))
        .collect();
    for (of, file, item) in debts.iter().filter(|(of, ..)| *of == rule) {
        if !found.iter().any(|it| it.file == *file && it.item == *item) {
            report.push(format!(
                "settled: take (\"{of}\", \"{file}\", \"{item}\") off crds/tests/architecture/debts.rs"
            ));
        }
    }
    report
}

#[test]
fn a_debt_is_let_pass_once_and_must_go_when_it_is_settled() {
    let wrong = |item: &str| Violation {
        rule: "r",
        file: "a.rs".to_owned(),
        item: item.to_owned(),
        line: 1,
        says: "wrong".to_owned(),
    };
    let debts = [("r", "a.rs", "old"), ("other", "a.rs", "new")];
    assert_eq!(report("r", &mut vec![wrong("old"), wrong("old")], &debts), [""; 0]);
    assert_eq!(report("r", &mut vec![wrong("new"), wrong("old")], &debts).len(), 1);
    let settled = report("r", &mut Vec::new(), &debts);
    assert!(settled.len() == 1 && settled[0].contains("(\"r\", \"a.rs\", \"old\")"), "{settled:?}");
}
