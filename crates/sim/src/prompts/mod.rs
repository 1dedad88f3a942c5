//! The prompt service under simulation: people who sign in, strangers who have their passwords,
//! nodes that stop at any step, a database that is not sure, a push service that loses and repeats,
//! clocks that jump; and the laws that none of it may break.
//!
//! [`check_world`] lives one seeded world and says what happened or which law broke; [`shrink()`]
//! leaves out acts and faults until nothing more can be left out; [`check_every_fault`] goes through
//! a short script once for every fault at every step. One seed gives the same world on every run.
//!
//! The rules are the real ones (`pushback-verify`). What surrounds them is a model: the database by
//! the contract of `pushback-store`, the worker that looks at the document before it rings, the
//! phone that sounds once for each effect key. Rates of what people do are harsher than life.

mod acts;
mod ask;
pub mod bombing;
mod database;
mod desk;
mod fault;
mod laws;
mod people;
mod plan;
mod reactions;
mod script;
mod service;
mod shrink;
mod tally;
#[cfg(test)]
mod tests;
mod world;

use pushback_model::{Span, Timestamp};

pub use self::fault::Fault;
pub use self::laws::{BudgetRule, Law};
pub use self::script::check_every_fault;
pub use self::shrink::shrink;
pub use self::tally::Tally;

use self::fault::{FaultPlan, StepId};
use self::people::START;
use self::plan::Planned;
use self::world::{Run, Sabotage, World};

/// What one world is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LawSettings {
    /// Subscribers, at least 1.
    pub people: u32,
    /// Days that they live, at least 1.
    pub days: u32,
    /// Nodes of the service on one database, at least 1.
    pub nodes: u32,
    /// How the second law reads.
    pub rule: BudgetRule,
}

impl Default for LawSettings {
    fn default() -> Self {
        Self { people: 5, days: 20, nodes: 3, rule: BudgetRule::default() }
    }
}

/// A law broke in a world.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The seed of the world.
    pub seed: u64,
    /// Which law.
    pub law: Law,
    /// What was seen.
    pub what: String,
    /// When, by the true time.
    pub at: Timestamp,
    /// What leads there: one line an act and one a fault, in order.
    pub replay: Vec<String>,
    settings: LawSettings,
    sabotage: Option<Sabotage>,
    acts: Vec<Planned>,
    faults: Vec<(StepId, Fault)>,
}

impl Broken {
    /// What the world was made of.
    #[must_use]
    pub const fn settings(&self) -> &LawSettings {
        &self.settings
    }
}

/// Lives one world. The seed also chooses its weather: one world in four is calm, and in a third
/// of them clocks jump.
///
/// # Errors
/// The law that broke first. The box is large because it holds everything that leads there.
pub fn check_world(seed: u64, settings: &LawSettings) -> Result<Tally, Box<Broken>> {
    let acts = plan::plan(seed, settings);
    let of_ten_thousand = plan::weather(seed);
    let faults = FaultPlan::Weather { seed, of_ten_thousand };
    live(seed, settings, acts, faults, None)
}

fn live(
    seed: u64,
    settings: &LawSettings,
    acts: Vec<Planned>,
    faults: FaultPlan,
    sabotage: Option<Sabotage>,
) -> Result<Tally, Box<Broken>> {
    let until = START + Span::days(i64::from(settings.days));
    let run = Run {
        seed,
        people: settings.people.max(1) as usize,
        nodes: settings.nodes as usize,
        acts,
        faults,
        keeps_steps: false,
        is_steady: plan::is_steady(seed),
        rule: settings.rule,
        sabotage,
    };
    let mut world = World::new(&run);
    world.run(until);
    if world.watch.broken.is_none() {
        world.everybody_gets_in();
    }
    let fired: Vec<(StepId, Fault)> =
        world.faults.passed.iter().filter_map(|passed| Some((passed.id, passed.fault?))).collect();
    if let Some((law, what)) = world.watch.broken.take() {
        let replay = shrink::lines(&run.acts, &world.faults.passed);
        let (at, acts) = (world.now, run.acts);
        let settings = *settings;
        let faults = fired;
        let broken = Broken { seed, law, what, at, replay, settings, sabotage, acts, faults };
        return Err(Box::new(broken));
    }
    let mut tally = std::mem::take(&mut world.watch.tally);
    tally.worlds = 1;
    tally.person_days = u64::from(settings.people.max(1)) * u64::from(settings.days);
    for (_, fault) in fired {
        *tally.faults.entry(fault).or_default() += 1;
    }
    Ok(tally)
}
