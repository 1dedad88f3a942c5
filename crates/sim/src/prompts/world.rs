//! One world: a database, nodes, a push service, people and strangers, driven by a queue of events.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use pushback_model::{Span, Timestamp};
use pushback_verify::{
    AuthenticatorId, AuthenticatorKind, Command, Decision, DeviceId, Entropy, NewAuthenticator,
    PasskeySync, Policy, Role, SubscriberId, SubscriberState,
};

use super::ask::{Claim, Request, Then};
use super::database::Database;
use super::fault::{ActNo, FaultPlan, Faults};
use super::laws::{BudgetRule, Watch};
use super::people::{Person, START, digest, number_of};
use super::plan::Planned;
use crate::rng::mix;

/// One node of the service. It holds nothing but its clock.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// How far its clock is ahead.
    pub offset: Span,
    pub is_down: bool,
    /// Counts its lives: what an earlier life had in hand is lost.
    pub life: u32,
}

/// A wake-up on its way to a phone.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub who: usize,
    pub key: u64,
    /// Whether it is for a prompt; else for a call.
    pub is_prompt: bool,
    pub until: Timestamp,
}

/// What happens next.
#[derive(Debug)]
pub(crate) enum Event {
    /// An act of the plan.
    Act(Box<Planned>),
    /// A request reaches the service.
    Send(Box<Request>),
    /// A slow node goes on to commit what it had decided.
    Resume { node: usize, life: u32, version: u64, decided: Box<(Request, Decision)> },
    /// Some node works on the outbox.
    Work,
    /// A message reaches a phone.
    Arrive(Message),
    /// The owner takes the phone up because it rang.
    Look { who: usize },
    /// The owner types the code of their own sign-in.
    TypeCode { who: usize },
    /// A caller has talked the owner into typing this.
    TypeForCaller { who: usize, typed: String },
    /// A node looks whether something of this subscriber has run out.
    Tick { who: usize },
    /// A node is back.
    Up { node: usize },
}

struct Queued {
    at: Timestamp,
    seq: u64,
    act: ActNo,
    event: Event,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.seq == other.seq
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.seq).cmp(&(other.at, other.seq))
    }
}

/// What a test breaks on purpose, to see that a law notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), expect(dead_code, reason = "only tests break anything on purpose"))]
pub(crate) enum Sabotage {
    /// The rules allow more rings than the law.
    LooseBudget,
    /// The shell commits without an audit record.
    NoAudit,
    /// A node sends before it commits.
    SendsFirst,
    /// The database takes a commit on whatever version.
    NoCompare,
    /// The shell takes whatever was typed for the right code.
    BelievesAnyCode,
    /// The shell loses the device cookie.
    LosesCookie,
    /// A worker rings without looking whether the prompt is still open.
    RingsBlindly,
}

/// How a world is run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub seed: u64,
    pub people: usize,
    pub nodes: usize,
    pub acts: Vec<Planned>,
    pub faults: FaultPlan,
    pub keeps_steps: bool,
    pub is_steady: bool,
    pub rule: BudgetRule,
    pub sabotage: Option<Sabotage>,
}

pub(crate) struct World {
    pub seed: u64,
    pub policy: Policy,
    pub now: Timestamp,
    queue: BinaryHeap<Reverse<Queued>>,
    seq: u64,
    pub database: Database,
    pub nodes: Vec<Node>,
    pub people: Vec<Person>,
    pub faults: Faults,
    pub watch: Watch,
    /// Draws so far, by act: what one act draws does not depend on another.
    draws: Vec<u64>,
    pub work_at: Option<Timestamp>,
    pub sabotage: Option<Sabotage>,
}

impl World {
    /// A world in which everybody has signed up and nothing has gone wrong yet.
    pub fn new(run: &Run) -> Self {
        let acts = run.acts.iter().map(|act| act.no as usize + 1).max().unwrap_or(0) + 1;
        let policy = Policy::default();
        let mut world = Self {
            seed: run.seed,
            now: START,
            queue: BinaryHeap::new(),
            seq: 0,
            database: Database::default(),
            nodes: (0..run.nodes.max(1)).map(|_| Node::default()).collect(),
            people: Vec::new(),
            faults: Faults::new(run.faults.clone(), acts, run.keeps_steps),
            watch: Watch::new(run.people, policy.clone(), run.rule, run.is_steady),
            draws: vec![0; acts],
            work_at: None,
            sabotage: None,
            policy,
        };
        for who in 0..run.people {
            world.sign_up(who);
        }
        // What the first day sends and counts is no part of the story.
        world.database.forget_outbox();
        world.watch.tally = super::Tally::default();
        world.work_at = None;
        world.queue.clear();
        world.sabotage = run.sabotage;
        if run.sabotage == Some(Sabotage::LooseBudget) {
            let budget = &mut world.policy.budget;
            (budget.per_ten_minutes, budget.per_hour, budget.per_day) = (10, 20, 40);
        }
        for act in &run.acts {
            world.plan(act.at, act.no, Event::Act(Box::new(act.clone())));
        }
        world
    }

    /// Runs until the queue is empty, the time is up or a law is broken.
    pub fn run(&mut self, until: Timestamp) {
        while self.watch.broken.is_none() {
            let Some(Reverse(next)) = self.queue.pop() else { break };
            if next.at >= until {
                break;
            }
            self.now = next.at;
            self.happen(next.act, next.event);
        }
        if self.watch.broken.is_none() {
            self.now = until.max(self.now);
        }
    }

    pub fn plan(&mut self, at: Timestamp, act: ActNo, event: Event) {
        self.seq += 1;
        self.queue.push(Reverse(Queued { at, seq: self.seq, act, event }));
    }

    pub fn after(&mut self, span: Span, act: ActNo, event: Event) {
        self.plan(self.now + span, act, event);
    }

    fn happen(&mut self, act: ActNo, event: Event) {
        match event {
            Event::Act(planned) => self.act(*planned),
            Event::Send(request) => self.serve(*request),
            Event::Resume { node, life, version, decided } => {
                self.resume(node, life, version, *decided);
            }
            Event::Work => self.work(),
            Event::Arrive(message) => self.arrive(act, &message),
            Event::Look { who } => self.look(who, act),
            Event::TypeCode { who } => self.type_code(who, act),
            Event::TypeForCaller { who, typed } => self.type_for_caller(who, act, &typed),
            Event::Tick { who } => self.tick(who, act),
            Event::Up { node } => {
                if let Some(node) = self.nodes.get_mut(node) {
                    node.is_down = false;
                }
            }
        }
    }

    /// 64 bits that depend on the seed, the act and how much the act has drawn.
    pub fn bits(&mut self, act: ActNo) -> u64 {
        let Some(draws) = self.draws.get_mut(act as usize) else { return 0 };
        *draws += 1;
        mix(&[self.seed, 0xd7a3, u64::from(act), *draws])
    }

    /// Uniform in `0.0 <= x < 1.0`.
    pub fn unit(&mut self, act: ActNo) -> f64 {
        (self.bits(act) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn chance(&mut self, act: ActNo, p: f64) -> bool {
        self.unit(act) < p
    }

    /// A span between two numbers of milliseconds, small ones oftener.
    pub fn span_ms(&mut self, act: ActNo, low: i64, high: i64) -> Span {
        let unit = self.unit(act);
        Span::millis(low + ((high - low) as f64 * unit * unit) as i64)
    }

    pub fn entropy(&mut self, act: ActNo) -> Entropy {
        let mut bytes = [0; 32];
        for word in bytes.as_chunks_mut::<8>().0 {
            *word = self.bits(act).to_le_bytes();
        }
        Entropy::from_system_rng(bytes)
    }

    pub fn state(&self, who: usize) -> Option<Rc<SubscriberState>> {
        self.database.load(who).map(|(_, state)| state)
    }

    /// The application whose cookie names this device.
    pub fn known_at(&self, who: usize, device: DeviceId) -> Option<u8> {
        let state = self.state(who)?;
        let known = state.devices().iter().find(|known| known.id() == device)?;
        known.relying_party().and_then(number_of)
    }

    /// Day zero, without faults: two addresses, a phone, and for many a passkey or more.
    fn sign_up(&mut self, who: usize) {
        let Ok(id) = SubscriberId::parse(&format!("p{who}@example.org")) else { return };
        self.database.create(SubscriberState::new(id.clone(), Role::Member, START));
        self.people.push(Person {
            who,
            id,
            phone: AuthenticatorId(0),
            passkey: None,
            totp: None,
            certificate: None,
            recovery: None,
            saved_next: 0,
            saved_used: None,
            totp_step: 1,
            cookies: Default::default(),
            stolen_cookie: None,
            is_abroad: false,
            own: None,
            heard: std::collections::BTreeSet::new(),
            attempts: 0,
            wants_reset: false,
        });
        self.set_up(who);
        self.bind_more(who);
    }

    /// A new key of this kind, in the hands of whoever asked for it.
    pub fn new_authenticator(&mut self, who: usize, kind: AuthenticatorKind) -> NewAuthenticator {
        let fresh = self.people.get_mut(who).map_or(0, |person| {
            person.attempts += 1;
            u64::from(person.attempts)
        });
        let key = digest(who, fresh + 100_000);
        match kind {
            AuthenticatorKind::Phone => NewAuthenticator::Phone { key },
            AuthenticatorKind::Passkey => {
                NewAuthenticator::Passkey { key, sync: PasskeySync::Syncable }
            }
            AuthenticatorKind::Totp => NewAuthenticator::Totp { key, step: 0 },
            AuthenticatorKind::Certificate => NewAuthenticator::Certificate { key },
            AuthenticatorKind::RecoveryCodes => NewAuthenticator::RecoveryCodes {
                codes: (0..8).map(|n| saved_code(who, n)).collect(),
            },
        }
    }

    /// Load, decide and commit without faults, at this instant. The laws still watch.
    pub fn direct(
        &mut self,
        who: usize,
        command: Command,
        claim: Claim,
    ) -> Option<pushback_verify::Outcome> {
        let request = Request { who, act: 0, command, claim, then: Then::Nothing, repeats: 0 };
        let (version, state) = self.database.load(who)?;
        let entropy = self.entropy(0);
        let command = request.command.clone();
        let decision = pushback_verify::decide(&state, command, self.now, &entropy, &self.policy);
        let _ = self.keep(&request, &state, version, &decision);
        Some(decision.outcome)
    }
}

/// The digest of the owner's saved recovery code with this number.
pub(crate) fn saved_code(who: usize, number: u64) -> pushback_verify::CodeDigest {
    digest(who, number.wrapping_add(200_000))
}
