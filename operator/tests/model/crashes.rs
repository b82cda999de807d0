//! An operator that dies at any request, and another that takes over: the end is the same, and it
//! costs no more deletions, changes of the membership or of the leader than one that lives (E3).

use quorate_operator::plan::plan;

use crate::chaos::{Random, settle};
use crate::server::{Request, requests};
use crate::up;
use crate::world::{Counts, World};

/// A world in which something is to be done, by name.
type Operation = (&'static str, fn() -> World);

const OPERATIONS: [Operation; 5] = [
    ("create", || World::new(3)),
    ("grow", || edited(|world| world.edit(|spec| spec.replicas = 5))),
    ("shrink", || edited(|world| world.edit(|spec| spec.replicas = 1))),
    ("roll", || {
        edited(|world| world.edit(|spec| spec.rollout.restart_at = Some("now".to_owned())))
    }),
    ("replace", || edited(|world| world.lose_disk(1))),
];

fn edited(change: impl FnOnce(&mut World)) -> World {
    let mut world = up(3);
    change(&mut world);
    world.tick();
    world
}

/// The operator dies at the request of this number: it is lost on its way, or applied and the
/// reply is lost.
#[derive(Clone, Copy, Debug)]
struct Cut {
    at: usize,
    applied: bool,
}

/// How an operation went.
#[derive(Debug, PartialEq)]
struct End {
    counts: Counts,
    version: i64,
}

impl End {
    fn since(before: &Counts, world: &World) -> End {
        let counts = Counts {
            deletions: world.counts.deletions - before.deletions,
            configurations: world.counts.configurations - before.configurations,
            leaders: world.counts.leaders - before.leaders,
            formations: world.counts.formations - before.formations,
        };
        let version = world.group.as_ref().map_or(0, |group| group.version);
        End { counts, version }
    }
}

/// Runs an operation with these cuts; the number of requests, and the end.
fn run(name: &str, mut world: World, cuts: &[Cut]) -> (usize, End) {
    let before = world.counts.clone();
    let mut number = 0;
    for _ in 0..300 {
        let observed = world.observe();
        for request in requests(&observed, plan(&observed), observed.now) {
            let cut = cuts.iter().find(|cut| cut.at == number);
            number += 1;
            let accepted = cut.is_none_or(|cut| cut.applied) && world.accept(&request).is_ok();
            if cut.is_some() || !accepted {
                break;
            }
        }
        if world.converged().is_ok() && cuts.iter().all(|cut| number > cut.at) {
            break;
        }
        world.tick();
    }
    world.converged().unwrap_or_else(|why| panic!("E3: {name} cut at {cuts:?}: {why}; {world}"));
    (number, End::since(&before, &world))
}

#[test]
fn an_operator_that_dies_at_any_request_costs_nothing_more_than_time() {
    for (name, begin) in OPERATIONS {
        let world = begin();
        let (requests, whole) = run(name, world.clone(), &[]);
        for at in 0..requests {
            for applied in [false, true] {
                let cut = Cut { at, applied };
                let (_, end) = run(name, world.clone(), &[cut]);
                assert_eq!(end, whole, "E3, E4: {name} {cut:?}");
            }
        }
    }
}

#[test]
fn two_operators_that_die_one_after_the_other_cost_nothing_more_either() {
    let mut random = Random(1);
    for (name, begin) in OPERATIONS {
        let world = begin();
        let (requests, whole) = run(name, world.clone(), &[]);
        for _ in 0..20 {
            let cuts = [(); 2].map(|()| Cut {
                at: random.below(requests as u64) as usize,
                applied: random.chance(50),
            });
            let (_, end) = run(name, world.clone(), &cuts);
            assert_eq!(end, whole, "E3: {name} {cuts:?}");
        }
    }
}

#[test]
fn an_operator_that_was_paused_harms_nothing_when_it_goes_on_after_its_successor() {
    for (name, begin) in OPERATIONS {
        let world = begin();
        let (requests, whole) = run(name, world.clone(), &[]);
        for at in 0..requests {
            let mut world = world.clone();
            let before = world.counts.clone();
            let held = hold(&mut world, at);
            settle(&mut world, 300).expect("L1: its successor ends it");
            for request in held {
                // Refused or harmless.
                let _ = world.accept(&request);
            }
            settle(&mut world, 300).expect("L1: it stays so");
            let end = End::since(&before, &world);
            assert_eq!(end, whole, "C1, C2: {name} held before {at}");
        }
    }
}

/// Runs an operator up to the request of this number: that one and the rest of its pass are held.
fn hold(world: &mut World, at: usize) -> Vec<Request> {
    let mut number = 0;
    for _ in 0..300 {
        let observed = world.observe();
        let mut pass = requests(&observed, plan(&observed), observed.now).into_iter();
        while number < at
            && let Some(request) = pass.next()
        {
            number += 1;
            if world.accept(&request).is_err() {
                break;
            }
        }
        let rest: Vec<Request> = pass.collect();
        if number >= at && !rest.is_empty() {
            return rest;
        }
        world.tick();
    }
    Vec::new()
}
