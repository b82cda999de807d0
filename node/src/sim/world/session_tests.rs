//! When sessions end, to the millisecond, and how they move, in worlds without other faults.

use super::{Ev, World};
use crate::core::options::Options;
use crate::core::raft::ServerState;
use crate::core::types::{ServerId, SessionId};
use crate::sim::options::SimOptions;

const TIMEOUT_MS: u64 = 2_000;

/// Three members, and nothing breaks.
fn faultless(seed: u64) -> SimOptions {
    SimOptions {
        members: 3,
        crash: 0,
        partition: 0,
        link_break: 0,
        pause: 0,
        slow_disk: 0,
        disk_loss: 0,
        disk_damage: 0,
        membership: 0,
        transfer: 0,
        narrow: false,
        moves: 0,
        by_clients: false,
        ..SimOptions::from_seed(seed)
    }
}

/// Clients on all of them that only ping, as late as they may.
fn quiet(seed: u64) -> World {
    let options = SimOptions {
        clients: 12,
        net_delay_ms: (1, 20),
        fsync_ms: (1, 5),
        session_timeout_ms: TIMEOUT_MS as i32,
        quiet: true,
        epoch_roll_at: 0xF000_0000,
        ..faultless(seed)
    };
    let mut world = World::new(options, false);
    for client in 0..world.clients.len() {
        // Spread over the time between what followers pass on.
        world.at(500 + 37 * client as u64, Ev::Client(client));
    }
    world.at(50, Ev::Operator);
    world
}

fn pass(world: &mut World, millis: u64) {
    let end = world.now + millis;
    world.run_until(end, |_| false).unwrap();
}

fn sessions(world: &World) -> Vec<SessionId> {
    let nodes = world.servers.iter().filter_map(|it| it.node.as_ref());
    let newest = nodes.max_by_key(|node| node.state().applied());
    let all = newest.into_iter().flat_map(|node| node.state().sessions());
    all.map(|(id, _)| id).collect()
}

fn leader(world: &World) -> usize {
    let leads = |slot: &usize| {
        let node = world.servers[*slot].node.as_ref();
        let raft = node.and_then(|node| node.raft());
        raft.is_some_and(|raft| raft.server_state() == ServerState::Leader)
    };
    (0..world.servers.len()).find(leads).expect("a leader")
}

#[test]
fn a_session_that_speaks_in_time_lives_and_one_that_falls_silent_ends_within_a_tick() {
    let tick_ms = Options::new(ServerId(1)).tick_ms;
    for seed in 0..4 {
        let mut world = quiet(seed);
        pass(&mut world, 60_000);
        let all = sessions(&world);
        assert_eq!(all.len(), 12);
        assert!(world.expired.is_empty(), "seed {seed}: {:?}", world.expired);
        world.mute = true;
        pass(&mut world, 2 * TIMEOUT_MS);
        assert!(sessions(&world).is_empty(), "seed {seed}");
        let mut ended: Vec<SessionId> = world.expired.iter().map(|(id, _)| *id).collect();
        ended.sort();
        assert_eq!(ended, all, "seed {seed}: each once");
        for (session, at) in &world.expired {
            let silent = at - world.spoke[session];
            let allowed = TIMEOUT_MS..=TIMEOUT_MS + tick_ms;
            assert!(allowed.contains(&silent), "seed {seed}: after {silent} ms");
        }
    }
}

#[test]
fn a_new_leader_ends_no_session_that_speaks_in_time_and_silent_ones_after_a_full_timeout() {
    let tick_ms = Options::new(ServerId(1)).tick_ms;
    for seed in 0..4 {
        let mut world = quiet(seed);
        pass(&mut world, 20_000);
        let all = sessions(&world);
        let first = leader(&world);
        world.crash(first, 22_000);
        pass(&mut world, 20_000);
        assert!(world.expired.is_empty(), "seed {seed}: {:?}", world.expired);
        assert_eq!(sessions(&world), all);
        let second = leader(&world);
        assert_ne!(first, second);
        pass(&mut world, 5_000);
        world.mute = true;
        world.crash(second, 60_000);
        let stopped = world.now;
        pass(&mut world, 3 * TIMEOUT_MS);
        assert!(sessions(&world).is_empty(), "seed {seed}");
        let elected = world.invariants.listens_since(leader(&world)).unwrap();
        assert!(elected > stopped);
        for (_, at) in &world.expired {
            let listened = at - elected;
            let allowed = TIMEOUT_MS..=TIMEOUT_MS + tick_ms;
            assert!(allowed.contains(&listened), "seed {seed}: {listened} ms");
        }
    }
}

#[test]
fn a_session_moves_with_all_it_has_and_leaves_no_write_behind_that_comes_later() {
    for seed in 0..6 {
        let options = SimOptions { clients: 4, moves: 150, ..faultless(seed) };
        let report = World::new(options, false).run().unwrap();
        assert_eq!(report.sessions_lost, 0, "seed {seed}");
        assert!(report.unknown > 0, "seed {seed}: some left with a write under way");
        assert!(report.acknowledged > 100, "seed {seed}");
    }
}
