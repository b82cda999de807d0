//! Faults that are planted in the operator, and who finds them: without a finder for each, nobody knows
//! that the worlds can fail. Where a second guard keeps the harm away, a fault is planted beside the
//! fault of that guard.

use std::fmt;

use quorate_operator::mutants;

use super::scenarios::{Done, SCENARIOS};

/// All faults.
pub(crate) const ALL: &[&str] = mutants::ALL;

/// The second guard behind most others: whatever is planned is asked once more what it would break.
const SECOND: &str = "invariants are not asked";

/// Who found which fault, when all were hunted last.
const KNOWN: &str = include_str!("finders.txt");

/// How a world is run, and a scenario is played.
#[derive(Clone, Copy)]
pub(crate) struct Players {
    pub(crate) run: fn(u64) -> Result<(), String>,
    pub(crate) act: fn(fn() -> Done) -> Done,
}

/// Who found a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Find {
    /// The property that broke.
    property: String,
    by: By,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum By {
    Scenario(String),
    Seed(u64),
}

/// A fault, and who finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finders {
    pub(crate) fault: String,
    /// In worlds, with nothing else wrong.
    pub(crate) alone: Option<Find>,
    /// In worlds, where the second guard is out as well.
    pub(crate) beside: Option<Find>,
    /// Of the operator's tests.
    pub(crate) test: Option<String>,
}

impl fmt::Display for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            By::Scenario(name) => write!(f, "{}, {name}", self.property),
            By::Seed(seed) => write!(f, "{}, seed {seed}", self.property),
        }
    }
}

impl fmt::Display for Finders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = |it: &Option<Find>| it.as_ref().map_or_else(|| "-".to_owned(), Find::to_string);
        let (alone, beside) = (found(&self.alone), found(&self.beside));
        write!(f, "{} | {alone} | {beside} | {}", self.fault, self.test.as_deref().unwrap_or("-"))
    }
}

impl Finders {
    /// Whether anybody finds it in worlds.
    pub(crate) fn in_worlds(&self) -> bool {
        self.alone.is_some() || self.beside.is_some()
    }
}

impl Find {
    fn parse(text: &str) -> Option<Find> {
        let (property, by) = text.rsplit_once(", ")?;
        let by = match by.strip_prefix("seed ") {
            Some(seed) => By::Seed(seed.parse().ok()?),
            None => By::Scenario(by.to_owned()),
        };
        Some(Find { property: property.to_owned(), by })
    }

    /// Whether the same one finds it again.
    fn again(&self, players: Players) -> bool {
        match &self.by {
            By::Seed(seed) => (players.run)(*seed).is_err(),
            By::Scenario(name) => SCENARIOS
                .iter()
                .find(|(scenario, _)| scenario == name)
                .is_some_and(|(_, play)| (players.act)(*play).is_err()),
        }
    }
}

/// The kept table.
///
/// # Errors
/// The line that is none, or the fault that has no line.
pub(crate) fn known() -> Result<Vec<Finders>, String> {
    let lines: Vec<Finders> = KNOWN
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| parse(line).ok_or_else(|| format!("finders.txt: {line}")))
        .collect::<Result<_, _>>()?;
    let missing = ALL.iter().find(|fault| !lines.iter().any(|line| line.fault == **fault));
    missing.map_or(Ok(lines), |fault| {
        Err(format!("finders.txt has no line for \"{fault}\": hunt it with --mutants --only"))
    })
}

fn parse(line: &str) -> Option<Finders> {
    let mut fields = line.split(" | ");
    let mut field = || fields.next().map(|it| Some(it).filter(|it| *it != "-"));
    let fault = field()??.to_owned();
    let mut find = || field()?.map_or(Some(None), |text| Find::parse(text).map(Some));
    let (alone, beside) = (find()?, find()?);
    let test = field()?.map(str::to_owned);
    Some(Finders { fault, alone, beside, test })
}

/// Plants a fault and looks for it in scenarios and in so many seeds; if nobody finds it, again beside
/// the fault of the second guard.
///
/// # Errors
/// When this program cannot plant any.
pub(crate) fn hunt(fault: &'static str, seeds: u64, players: Players) -> Result<Finders, String> {
    let alone = under(vec![fault], || search(seeds, players))?;
    let beside = match &alone {
        None if fault != SECOND => under(vec![fault, SECOND], || search(seeds, players))?,
        _ => None,
    };
    Ok(Finders { fault: fault.to_owned(), alone, beside, test: None })
}

/// Whether those of the table who are of the worlds find this fault again.
///
/// # Errors
/// Who does not any more, or that this program cannot plant any.
pub(crate) fn still_found(line: &Finders, players: Players) -> Result<(), String> {
    let fault = ALL.iter().find(|it| **it == line.fault);
    let fault = *fault.ok_or_else(|| format!("finders.txt: \"{}\" is no fault", line.fault))?;
    let check = |find: &Option<Find>, faults: Vec<&'static str>| match find {
        None => Ok(()),
        Some(find) => match under(faults, || find.again(players))? {
            true => Ok(()),
            false => Err(format!("\"{fault}\" is not found any more by {find}")),
        },
    };
    check(&line.alone, vec![fault])?;
    check(&line.beside, vec![fault, SECOND])
}

/// Does something while these faults are planted. There are few, and each lives as long as the program.
fn under<T>(faults: Vec<&'static str>, what: impl FnOnce() -> T) -> Result<T, String> {
    if !mutants::plant(faults.leak()) {
        return Err("this program is built without the feature `mutants`".to_owned());
    }
    let result = what();
    mutants::plant(&[]);
    Ok(result)
}

fn search(seeds: u64, players: Players) -> Option<Find> {
    let found = |by: By, why: &str| {
        let property = why.split([':', ',', '\n']).next().unwrap_or_default().trim();
        Find { property: property.to_owned(), by }
    };
    for (scenario, play) in SCENARIOS {
        if let Err(why) = (players.act)(*play) {
            return Some(found(By::Scenario((*scenario).to_owned()), &why));
        }
    }
    for seed in 1..=seeds {
        if let Err(why) = (players.run)(seed) {
            return Some(found(By::Seed(seed), &why));
        }
    }
    None
}
