//! What goes wrong: operators that stop anywhere, replies that are lost, requests that come late,
//! views that are torn or old, users who change their minds, members that crash.

use std::collections::VecDeque;
use std::rc::Rc;

use quorate_crds::EnsembleStatus;
use quorate_crds::ensemble::{ImageSpec, ReclaimPolicy};
use quorate_operator::plan::object::{Kind, ObjectKey};
use quorate_operator::plan::observed::Observed;
use quorate_operator::plan::plan;

use crate::server::{Request, requests};
use crate::world::{NO_IMAGE, World};

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What tells the chance of faults that came later from that of the others of a seed.
const RARE: u64 = 0x5eed;

/// A Service of that name.
pub(crate) fn service(name: &str) -> ObjectKey {
    ObjectKey { kind: Kind::Service, name: name.to_owned() }
}

/// An image that does not exist.
pub(crate) fn missing() -> Option<ImageSpec> {
    Some(ImageSpec { repository: Some("missing".to_owned()), ..ImageSpec::default() })
}

/// A whole pass of a sound operator; whether any request was made but status.
pub(crate) fn pass(world: &mut World) -> bool {
    let observed = world.observe();
    let plan = plan(&observed);
    world.judge(&observed, &plan);
    let acts = !plan.actions.is_empty();
    for request in requests(&observed, plan, observed.now) {
        if world.accept(&request).is_err() {
            return true;
        }
    }
    acts
}

/// Passes and seconds until all is as it should be.
pub(crate) fn settle(world: &mut World, limit: u32) -> Result<u32, String> {
    let mut last = String::new();
    for second in 0..limit {
        pass(world);
        match world.converged() {
            Ok(()) => return Ok(second),
            Err(why) => last = why,
        }
        world.tick();
    }
    Err(format!("L1: not converged ({last}); {world}"))
}

/// A run of one seed: trouble for a while, then peace.
pub(crate) struct Chaos {
    pub(crate) world: World,
    random: Random,
    /// Of faults that came later: the others of a seed stay what they were.
    rare: Random,
    /// When the user corrects the size, soon after the beginning.
    corrected: Option<i64>,
    /// What was seen before.
    history: VecDeque<Rc<Observed>>,
    /// Requests on their way.
    late: Vec<Request>,
    /// Passes of operators that were paused between two requests.
    paused: Vec<Vec<Request>>,
}

impl Chaos {
    pub(crate) fn new(seed: u64) -> Chaos {
        let mut random = Random(seed);
        let replicas = [1, 3, 3, 5][random.below(4) as usize];
        let mut world = World::new(replicas);
        world.foreign = random.chance(5).then(|| service("zk-peer"));
        let mut rare = Random(seed ^ RARE);
        // Five do not fit, and the user may see it before anything is formed.
        if rare.chance(20) {
            world.nodes = 3;
        }
        let corrected = rare.chance(30).then(|| 2 + rare.below(8) as i64);
        let corrected = corrected.map(|after| world.now + after);
        Chaos {
            world,
            random,
            rare,
            corrected,
            history: VecDeque::new(),
            late: Vec::new(),
            paused: Vec::new(),
        }
    }

    pub(crate) fn run(mut self) -> Result<(), String> {
        for _ in 0..300 {
            self.user();
            self.nature();
            self.operator();
            self.stragglers();
            if self.rare.chance(10) {
                self.world.forget_change();
            }
            self.world.tick();
        }
        // Peace: whatever is on its way arrives, the spec can be met, and nothing else goes wrong.
        for request in std::mem::take(&mut self.late) {
            // Refused or harmless.
            let _ = self.world.accept(&request);
        }
        self.world.foreign = None;
        self.world.nodes = 7;
        if self.random.chance(30) {
            self.stuck()?;
        }
        self.world.edit(|spec| {
            spec.image = None;
            spec.paused = false;
        });
        settle(&mut self.world, 400).map(drop)?;
        self.world.tick();
        pass(&mut self.world);
        self.quiet()
    }

    /// Where the spec cannot be met, it is told why, and nothing more is disrupted.
    fn stuck(&mut self) -> Result<(), String> {
        self.world.edit(|spec| {
            spec.image = missing();
            spec.paused = false;
        });
        let mut before = self.world.counts.clone();
        for second in 0..250 {
            if second == 200 {
                before = self.world.counts.clone();
            }
            self.world.tick();
            pass(&mut self.world);
        }
        let world = &self.world;
        if world.counts != before {
            return Err(format!("L4: it goes on disrupting; {world}"));
        }
        let status = world.ensemble.status.as_ref();
        let why = |status: &EnsembleStatus| {
            let mut conditions = status.conditions.iter();
            conditions.any(|it| it.type_ == "Ready" && it.message.contains(NO_IMAGE))
        };
        if status.is_some_and(why) {
            Ok(())
        } else {
            Err(format!("L4: nobody is told what is wrong; {world}"))
        }
    }

    /// Where the world is as wanted, nothing is written any more.
    fn quiet(&mut self) -> Result<(), String> {
        for _ in 0..10 {
            self.world.tick();
            pass(&mut self.world);
        }
        let before = self.world.writes;
        for _ in 0..50 {
            self.world.tick();
            pass(&mut self.world);
        }
        let writes = self.world.writes - before;
        if writes == 0 { Ok(()) } else { Err(format!("E2: {writes} writes at rest")) }
    }

    fn user(&mut self) {
        if self.corrected == Some(self.world.now) {
            let other = if self.world.ensemble.spec.replicas == 3 { 1 } else { 3 };
            self.world.edit(|spec| spec.replicas = other);
        }
        if !self.random.chance(4) {
            return;
        }
        if self.world.foreign.is_some() && self.random.chance(50) {
            self.world.foreign = None;
        }
        let what = self.random.below(13);
        let number = self.random.below(1_000);
        self.world.edit(|spec| match what {
            0..=4 => spec.replicas = [1, 3, 5, 5, 7][number as usize % 5],
            5..=7 => spec.rollout.restart_at = Some(number.to_string()),
            8 => spec.config.tick_time_ms = 1_000 + number as i32,
            9 => spec.image = missing(),
            10 => spec.image = None,
            11 => {
                spec.storage.reclaim_policy = match spec.storage.reclaim_policy {
                    ReclaimPolicy::Retain => ReclaimPolicy::Delete,
                    ReclaimPolicy::Delete => ReclaimPolicy::Retain,
                }
            }
            _ => spec.paused = !spec.paused,
        });
    }

    fn nature(&mut self) {
        let world = &mut self.world;
        if self.random.chance(3) && !world.pods.is_empty() {
            let at = self.random.below(world.pods.len() as u64) as usize;
            let pause = 1 + self.random.below(6) as i64;
            if let Some(pod) = world.pods.values_mut().nth(at) {
                pod.down_until = world.now + pause;
            }
        }
        // A disk is lost only while the others are a quorum; more is beyond repair. So it is where a
        // change is forgotten whose new voters were counted.
        let settled = world.group.as_ref().is_some_and(|group| group.pending_until <= world.now);
        if self.random.chance(1) && settled {
            let ordinal = self.random.below(7) as i32;
            let voters = world.voters();
            let whole = voters.iter().all(|id| world.member_up(id));
            let votes = world.disks.get(&ordinal).is_some_and(|it| voters.contains(&it.member_id));
            if whole && votes && voters.len() > 1 && world.away.is_empty() {
                world.lose_disk(ordinal);
            }
        }
    }

    /// A view whose parts come from different instants, and when its members were asked.
    fn look(&mut self) -> (Rc<Observed>, i64) {
        let now = Rc::new(self.world.observe());
        self.history.push_back(Rc::clone(&now));
        if self.history.len() > 40 {
            self.history.pop_front();
        }
        if !self.random.chance(25) {
            let seen = now.now;
            return (now, seen);
        }
        let mut seen = now.now;
        let mut view = Observed::clone(&now);
        let mut old = || {
            let at = self.random.below(self.history.len() as u64) as usize;
            Rc::clone(&self.history[at])
        };
        let parts: Vec<Rc<Observed>> = (0..5).map(|_| old()).collect();
        let choice = self.random.below(32);
        let take = |bit: u64| choice & (1 << bit) != 0;
        if take(0) {
            view.ensemble = parts[0].ensemble.clone();
        }
        if take(1) {
            view.stateful_set = parts[1].stateful_set.clone();
            view.existing = parts[1].existing.clone();
        }
        if take(2) {
            view.pods = parts[2].pods.clone();
        }
        if take(3) {
            view.formation = parts[3].formation.clone();
        }
        if take(4) {
            view.members = parts[4].members.clone();
            seen = parts[4].now;
        }
        // What is not seen is no reason for anything.
        if self.random.chance(30) {
            view.members.retain(|_| self.random.chance(60));
        }
        (Rc::new(view), seen)
    }

    /// A pass, during which anything may happen.
    fn operator(&mut self) {
        let (view, seen) = self.look();
        let plan = plan(&view);
        if self.history.back().is_some_and(|now| Rc::ptr_eq(now, &view)) {
            self.world.judge(&view, &plan);
        }
        if self.random.chance(2) {
            let text = serde_json::to_string(&*view).expect("it can be written");
            let again: Observed = serde_json::from_str(&text).expect("it can be read");
            assert_eq!(plan, quorate_operator::plan::plan(&again), "E1");
        }
        let mut rest = requests(&view, plan, seen).into_iter();
        while let Some(request) = rest.next() {
            match self.random.below(40) {
                // It crashes before, while or after asking.
                0 => return,
                1 => return self.late.push(request),
                2 => {
                    // Applied, and the reply is lost.
                    let _ = self.world.accept(&request);
                    return;
                }
                // It is paused, and another goes on.
                3 => {
                    return self.paused.push(std::iter::once(request).chain(rest).collect());
                }
                _ => {
                    if self.world.accept(&request).is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Late requests arrive, and paused operators go on.
    fn stragglers(&mut self) {
        if !self.late.is_empty() && self.random.chance(10) {
            let at = self.random.below(self.late.len() as u64) as usize;
            let request = self.late.swap_remove(at);
            // Refused or harmless.
            let _ = self.world.accept(&request);
        }
        if !self.paused.is_empty() && self.random.chance(10) {
            let at = self.random.below(self.paused.len() as u64) as usize;
            for request in self.paused.swap_remove(at) {
                if self.world.accept(&request).is_err() {
                    break;
                }
            }
        }
    }
}
