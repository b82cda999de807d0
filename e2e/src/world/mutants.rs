//! Faults that are planted in the operator one at a time, and who finds them: without a finder for each,
//! nobody knows that the worlds can fail.

use quorate_operator::mutants;

use super::scenarios::SCENARIOS;

/// All faults.
pub(crate) const ALL: &[&str] = mutants::ALL;

/// Who found a fault.
#[derive(Clone, Debug)]
pub(crate) struct Find {
    /// The property that broke.
    pub(crate) property: String,
    /// The seed or the scenario.
    pub(crate) by: String,
}

/// Plants a fault and looks for it in scenarios and in so many seeds; nobody may have found it.
///
/// # Errors
/// When this program cannot plant any.
pub(crate) fn hunt(
    name: &'static str,
    seeds: u64,
    run: impl Fn(u64) -> Result<(), String>,
    act: impl Fn(fn() -> Result<(), String>) -> Result<(), String>,
) -> Result<Option<Find>, String> {
    if !mutants::plant(Some(name)) {
        return Err("this program is built without the feature `mutants`".to_owned());
    }
    let find = search(seeds, run, act);
    mutants::plant(None);
    Ok(find)
}

fn search(
    seeds: u64,
    run: impl Fn(u64) -> Result<(), String>,
    act: impl Fn(fn() -> Result<(), String>) -> Result<(), String>,
) -> Option<Find> {
    let found = |by: String, why: &str| {
        let property = why.split([':', ',', '\n']).next().unwrap_or_default().trim();
        Find { property: property.to_owned(), by }
    };
    for (scenario, play) in SCENARIOS {
        if let Err(why) = act(*play) {
            return Some(found((*scenario).to_owned(), &why));
        }
    }
    for seed in 1..=seeds {
        if let Err(why) = run(seed) {
            return Some(found(format!("seed {seed}"), &why));
        }
    }
    None
}
