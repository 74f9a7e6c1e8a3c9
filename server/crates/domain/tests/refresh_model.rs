//! Every order of the steps of the refresh protocol, over the code that is in use: three nodes, one credential of a
//! provider whose refresh tokens are good for one request. Nodes die at any point, answers get lost or come late,
//! requests of the dead still arrive, sessions with the database break, its clock steps, the end user reconnects or
//! revokes.
#![cfg(test)]

use patchbay_domain::{
    connection::ReauthCause,
    refresh::{Age, Ending, Intent, Lease, Loss, NodeId, Slot, verdict},
};
use stateright::{Checker, Model, Property, Representative};

/// How often each fault may happen in one history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Budget {
    crashes: u8,
    lost_answers: u8,
    broken_sessions: u8,
    clock_steps: u8,
    outages: u8,
    /// Holders that live, but hang for as long as it takes to be stale.
    hangs: u8,
    reconnects: u8,
    revocations: u8,
    refreshes: u8,
}

struct Refresh {
    nodes: usize,
    faults: Budget,
    /// Whether showing a spent token ends the whole grant (RFC 9700 §4.14.2).
    is_strict: bool,
}

/// What the provider said to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Answer {
    Token(u8),
    No,
    Later,
}

/// How far a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Phase {
    Idle,
    /// Has the lease; the intent is committed.
    Claimed(Lease, u8),
    /// Had it for so long before it asked that it does not ask any more.
    Late(Lease),
    /// The request is on its way.
    Asking(Lease, u8),
    /// The provider has acted; the answer is on its way.
    Answering(Lease, Answer),
    /// The answer is here and waits for the database.
    Holding(Lease, Answer),
    /// No answer will come.
    Wondering(Lease),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Node {
    phase: Phase,
    /// Whether the database sees its session.
    is_seen: bool,
}

impl Node {
    fn named(self, id: NodeId) -> Self {
        Self { phase: self.phase.held_by(id), ..self }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    slot: Slot,
    age: Age,
    /// The token in the row.
    stored: u8,
    health: Result<(), ReauthCause>,
    /// The token that the provider honours.
    current: u8,
    is_revoked: bool,
    /// Requests that each token was shown in.
    shown: Vec<u8>,
    nodes: Vec<Node>,
    /// Requests of nodes that died.
    orphans: Vec<u8>,
    left: Budget,
    has_healed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Claim(usize),
    Send(usize),
    Act(usize),
    ActForTheDead,
    Fail(usize),
    Arrive(usize),
    Lose(usize),
    End(usize),
    Die(usize),
    BreakSession(usize),
    MendSession(usize),
    TimePasses,
    ClockSteps,
    Reconnect,
    Revoke,
}

impl World {
    fn take(&mut self, strict: bool, token: u8) -> Answer {
        self.shown[usize::from(token)] += 1;
        if self.is_revoked {
            return Answer::No;
        }
        if token == self.current {
            self.current += 1;
            return Answer::Token(self.current);
        }
        self.is_revoked |= strict;
        Answer::No
    }

    fn is_asking(&self) -> impl Iterator<Item = Lease> + '_ {
        self.nodes.iter().filter_map(|node| match node.phase {
            Phase::Asking(lease, _) | Phase::Answering(lease, _) => Some(lease),
            _ => None,
        })
    }

    fn is_quiet(&self) -> bool {
        self.orphans.is_empty() && self.nodes.iter().all(|node| node.phase == Phase::Idle)
    }

    /// The holder of the lease under way, unless it died: then nobody has its number any more.
    fn is_there(&self) -> bool {
        let Intent::UnderWay(NodeId(holder)) = self.slot.intent else { return false };
        let Some(node) = usize::try_from(holder).ok().and_then(|index| self.nodes.get(index)) else { return false };
        node.is_seen && node.phase != Phase::Idle
    }

    /// The end of a lease, as the database commits it.
    fn end(&mut self, index: usize) {
        let phase = std::mem::replace(&mut self.nodes[index].phase, Phase::Idle);
        match phase {
            Phase::Holding(lease, Answer::Token(token)) => {
                if let Some(slot) = self.slot.commit(lease) {
                    self.slot = slot;
                    self.stored = token;
                    if self.health == Err(ReauthCause::LostRotation) {
                        self.health = Ok(());
                        self.has_healed = true;
                    }
                }
            }
            Phase::Holding(lease, Answer::No) => {
                if let Some((slot, is_of_stored)) = self.slot.fail(lease, Ending::Known) {
                    self.slot = slot;
                    if is_of_stored {
                        self.health = Err(verdict(lease, Loss::Refused));
                    }
                }
            }
            Phase::Holding(lease, Answer::Later) | Phase::Late(lease) => self.give_back(lease, Ending::Known),
            Phase::Wondering(lease) => self.give_back(lease, Ending::Unknown),
            other => panic!("{other:?} has no end"),
        }
    }

    fn give_back(&mut self, lease: Lease, ending: Ending) {
        if let Some((slot, _)) = self.slot.fail(lease, ending) {
            self.slot = slot;
        }
    }
}

impl Phase {
    /// The same with the lease of another node.
    fn held_by(self, node: NodeId) -> Self {
        let by = |lease: Lease| Lease { holder: node, ..lease };
        match self {
            Self::Idle => Self::Idle,
            Self::Claimed(lease, token) => Self::Claimed(by(lease), token),
            Self::Late(lease) => Self::Late(by(lease)),
            Self::Asking(lease, token) => Self::Asking(by(lease), token),
            Self::Answering(lease, answer) => Self::Answering(by(lease), answer),
            Self::Holding(lease, answer) => Self::Holding(by(lease), answer),
            Self::Wondering(lease) => Self::Wondering(by(lease)),
        }
    }
}

fn node_id(index: usize) -> NodeId {
    NodeId(i64::try_from(index).unwrap())
}

/// Nodes are alike: of states that differ in their order alone, one is looked at.
impl Representative for World {
    fn representative(&self) -> Self {
        let is_holder = |index: usize| self.slot.intent == Intent::UnderWay(node_id(index));
        let mut nodes: Vec<(Node, bool)> =
            self.nodes.iter().enumerate().map(|(index, node)| (node.named(node_id(0)), is_holder(index))).collect();
        nodes.sort_unstable();
        let mut world = self.clone();
        if let Some(place) = nodes.iter().position(|(_, is_holder)| *is_holder) {
            world.slot.intent = Intent::UnderWay(node_id(place));
        }
        world.nodes = nodes.iter().enumerate().map(|(index, (node, _))| node.named(node_id(index))).collect();
        world
    }
}

impl Model for Refresh {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let node = Node { phase: Phase::Idle, is_seen: true };
        vec![World {
            slot: Slot::first(),
            age: Age::Young,
            stored: 0,
            health: Ok(()),
            current: 0,
            is_revoked: false,
            shown: vec![0; 16],
            nodes: vec![node; self.nodes],
            orphans: Vec::new(),
            left: self.faults,
            has_healed: false,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let left = world.left;
        for (index, node) in world.nodes.iter().enumerate() {
            match node.phase {
                Phase::Idle if world.health.is_ok() && node.is_seen && left.refreshes > 0 => {
                    steps.push(Step::Claim(index));
                }
                Phase::Idle => {}
                Phase::Claimed(..) => steps.push(Step::Send(index)),
                Phase::Asking(..) => {
                    steps.push(Step::Act(index));
                    if left.outages > 0 {
                        steps.push(Step::Fail(index));
                    }
                }
                Phase::Answering(..) => steps.push(Step::Arrive(index)),
                Phase::Late(..) | Phase::Holding(..) | Phase::Wondering(..) if node.is_seen => {
                    steps.push(Step::End(index));
                }
                Phase::Late(..) | Phase::Holding(..) | Phase::Wondering(..) => {}
            }
            if node.phase == Phase::Idle {
                continue;
            }
            if matches!(node.phase, Phase::Asking(..) | Phase::Answering(..)) && left.lost_answers > 0 {
                steps.push(Step::Lose(index));
            }
            if left.crashes > 0 {
                steps.push(Step::Die(index));
            }
            if node.is_seen && left.broken_sessions > 0 {
                steps.push(Step::BreakSession(index));
            }
            if !node.is_seen {
                steps.push(Step::MendSession(index));
            }
        }
        if !world.orphans.is_empty() {
            steps.push(Step::ActForTheDead);
        }
        if matches!(world.slot.intent, Intent::UnderWay(_)) {
            // A request's deadline is shorter than its lease, so time takes the lease only after it, and that of the
            // dead is with the provider by then.
            let is_out = world.is_asking().any(|lease| lease.number == world.slot.fence) || !world.orphans.is_empty();
            let hangs = world.age == Age::Over && world.is_there();
            if !is_out && world.age != Age::Stale && (!hangs || left.hangs > 0) {
                steps.push(Step::TimePasses);
            }
            if left.clock_steps > 0 && world.age == Age::Young {
                steps.push(Step::ClockSteps);
            }
        }
        if left.reconnects > 0 {
            steps.push(Step::Reconnect);
        }
        if left.revocations > 0 && !world.is_revoked {
            steps.push(Step::Revoke);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Claim(index) => {
                let claim = world.slot.claim(world.slot.generation, node_id(index), world.age, world.is_there());
                let (slot, lease) = claim.ok()?;
                world.slot = slot;
                world.age = Age::Young;
                world.left.refreshes -= 1;
                world.nodes[index].phase = Phase::Claimed(lease, world.stored);
            }
            Step::Send(index) => {
                let Phase::Claimed(lease, token) = world.nodes[index].phase else { return None };
                world.nodes[index].phase = Phase::Asking(lease, token);
            }
            Step::Act(index) => {
                let Phase::Asking(lease, token) = world.nodes[index].phase else { return None };
                let answer = world.take(self.is_strict, token);
                world.nodes[index].phase = Phase::Answering(lease, answer);
            }
            Step::Fail(index) => {
                let Phase::Asking(lease, _) = world.nodes[index].phase else { return None };
                world.left.outages -= 1;
                world.nodes[index].phase = Phase::Answering(lease, Answer::Later);
            }
            Step::ActForTheDead => {
                let token = world.orphans.pop()?;
                world.take(self.is_strict, token);
            }
            Step::Arrive(index) => {
                let Phase::Answering(lease, answer) = world.nodes[index].phase else { return None };
                world.nodes[index].phase = Phase::Holding(lease, answer);
            }
            Step::Lose(index) => {
                world.left.lost_answers -= 1;
                let (Phase::Asking(lease, _) | Phase::Answering(lease, _)) = world.nodes[index].phase else {
                    return None;
                };
                if let Phase::Asking(_, token) = world.nodes[index].phase {
                    world.orphans.push(token);
                }
                world.nodes[index].phase = Phase::Wondering(lease);
            }
            Step::End(index) => world.end(index),
            Step::Die(index) => {
                world.left.crashes -= 1;
                if let Phase::Asking(_, token) = world.nodes[index].phase {
                    world.orphans.push(token);
                }
                world.nodes[index] = Node { phase: Phase::Idle, is_seen: true };
            }
            Step::BreakSession(index) => {
                world.left.broken_sessions -= 1;
                world.nodes[index].is_seen = false;
            }
            Step::MendSession(index) => world.nodes[index].is_seen = true,
            Step::TimePasses => {
                if world.age == Age::Over && world.is_there() {
                    world.left.hangs -= 1;
                }
                world.age = if world.age == Age::Young { Age::Over } else { Age::Stale };
                for node in &mut world.nodes {
                    if let Phase::Claimed(lease, _) = node.phase {
                        node.phase = Phase::Late(lease);
                    }
                }
            }
            Step::ClockSteps => {
                world.left.clock_steps -= 1;
                world.age = Age::Over;
            }
            Step::Reconnect => {
                world.left.reconnects -= 1;
                // A new grant, of which nobody has asked anything.
                world.current += 5;
                world.is_revoked = false;
                world.stored = world.current;
                world.slot = world.slot.replace();
                world.health = Ok(());
            }
            Step::Revoke => {
                world.left.revocations -= 1;
                world.is_revoked = true;
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one request at a time", |model: &Self, world: &World| {
                // A session that breaks while the clock is set forward is what the protocol does not withstand.
                let both = world.left.clock_steps < model.faults.clock_steps
                    && world.left.broken_sessions < model.faults.broken_sessions;
                let mut asking: Vec<i64> = world.is_asking().map(|lease| lease.generation).collect();
                asking.sort_unstable();
                both || asking.windows(2).all(|pair| pair[0] != pair[1])
            }),
            Property::always("one request per generation unless something broke", |model: &Self, world: &World| {
                let faults = Budget { refreshes: 0, reconnects: 0, revocations: 0, clock_steps: 0, ..model.faults };
                let left = Budget { refreshes: 0, reconnects: 0, revocations: 0, clock_steps: 0, ..world.left };
                faults != left || world.shown.iter().all(|times| *times <= 1)
            }),
            Property::always("no rotation is lost without being called so", |_: &Self, world: &World| {
                let is_silent = world.is_quiet() && world.slot.intent == Intent::Idle && world.health.is_ok();
                !is_silent || world.stored == world.current || world.is_revoked
            }),
            Property::always("nothing is called lost that is not", |_: &Self, world: &World| {
                let is_called_lost = world.is_quiet() && world.health == Err(ReauthCause::LostRotation);
                !is_called_lost || world.stored != world.current || world.is_revoked
            }),
            Property::always("nothing is called revoked that is not", |_: &Self, world: &World| {
                world.health != Err(ReauthCause::Revoked) || world.is_revoked
            }),
            Property::always("a reconnect is never undone", |model: &Self, world: &World| {
                world.left.reconnects == model.faults.reconnects || world.stored >= 5
            }),
            Property::sometimes("a refresh works", |_: &Self, world: &World| world.stored == 1 && world.is_quiet()),
            Property::sometimes("two refreshes work", |_: &Self, world: &World| world.stored == 2 && world.is_quiet()),
            Property::sometimes("a loss is called so", |_: &Self, world: &World| {
                world.is_quiet() && world.health == Err(ReauthCause::LostRotation)
            }),
            Property::sometimes("a late answer heals", |_: &Self, world: &World| {
                world.has_healed && world.is_quiet() && world.health.is_ok()
            }),
        ]
    }
}

fn check(model: Refresh, expected: impl Fn(&'static str) -> bool) -> usize {
    let checker = model.checker().symmetry().spawn_dfs().join();
    for property in checker.model().properties() {
        match (property.expectation, checker.discovery(property.name)) {
            (stateright::Expectation::Always, Some(path)) => panic!("{}: {path}", property.name),
            (stateright::Expectation::Sometimes, found) => {
                assert_eq!(found.is_some(), expected(property.name), "{}", property.name);
            }
            _ => {}
        }
    }
    checker.unique_state_count()
}

const NONE: Budget = Budget {
    crashes: 0,
    lost_answers: 0,
    broken_sessions: 0,
    clock_steps: 0,
    outages: 0,
    hangs: 0,
    reconnects: 0,
    revocations: 0,
    refreshes: 4,
};

#[test]
fn oa_7_without_faults_each_generation_is_asked_for_once() {
    let works = |name: &str| name.contains("work");
    let states = check(Refresh { nodes: 3, faults: NONE, is_strict: true }, works);
    assert!(states > 100, "{states} states are no model");
}

#[test]
fn oa_7_with_every_fault_no_rotation_is_lost_in_silence() {
    for is_strict in [false, true] {
        let faults = Budget {
            crashes: 1,
            lost_answers: 1,
            broken_sessions: 1,
            clock_steps: 1,
            outages: 1,
            hangs: 1,
            reconnects: 1,
            revocations: 1,
            refreshes: 2,
        };
        let states = check(Refresh { nodes: 2, faults, is_strict }, |_| true);
        assert!(states > 50_000, "{states} states");
    }
}

#[test]
fn oa_7_three_nodes_that_die_hang_and_are_cut_off() {
    let faults =
        Budget { crashes: 1, lost_answers: 1, broken_sessions: 1, clock_steps: 1, hangs: 1, refreshes: 3, ..NONE };
    let states = check(Refresh { nodes: 3, faults, is_strict: true }, |_| true);
    assert!(states > 20_000, "{states} states");
}

#[test]
fn oa_7_crashes_and_clock_steps_again_and_again() {
    let faults = Budget { crashes: 2, clock_steps: 2, refreshes: 4, ..NONE };
    check(Refresh { nodes: 3, faults, is_strict: true }, |name| name != "a late answer heals");
}
