//! From a broken law to the shortest way there.

use pushback_model::Span;

use super::fault::{Fault, FaultPlan, Passed, StepId};
use super::people::START;
use super::plan::Planned;
use super::world::{Run, World};
use super::{Broken, LawSettings, live};

/// Worlds that are lived at most to make one replay smaller.
const LIVES_MAX: usize = 2_000;

/// Leaves out acts and faults for as long as the same law still breaks.
///
/// The result breaks the same law with, as a rule, a handful of acts. It lives up to a few thousand
/// small worlds; that takes seconds.
#[must_use]
pub fn shrink(broken: &Broken) -> Broken {
    let mut best = broken.clone();
    let mut lives = 0;
    // What happens after the break does not matter.
    let (at, settings) = (best.at, best.settings);
    try_without(&mut best, &mut lives, |b| b.acts.retain(|act| act.at <= at));
    loop {
        let before = (best.acts.len(), best.faults.len());
        drop_parts(
            &mut best,
            &mut lives,
            |b| b.acts.len(),
            |b, from, to| {
                b.acts.drain(from..to);
            },
        );
        drop_parts(
            &mut best,
            &mut lives,
            |b| b.faults.len(),
            |b, from, to| {
                b.faults.drain(from..to);
            },
        );
        if (best.acts.len(), best.faults.len()) == before || lives >= LIVES_MAX {
            break;
        }
    }
    best.settings = settings;
    best
}

/// Leaves out halves, quarters and so on down to single ones.
fn drop_parts(
    best: &mut Broken,
    lives: &mut usize,
    len: impl Fn(&Broken) -> usize,
    drop: impl Fn(&mut Broken, usize, usize),
) {
    let mut size = len(best).div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < len(best) && *lives < LIVES_MAX {
            let to = (from + size).min(len(best));
            if !try_without(best, lives, |b| drop(b, from, to)) {
                from = to;
            }
        }
        size /= 2;
    }
}

/// Whether the law still breaks after a change; keeps the change if so.
fn try_without(best: &mut Broken, lives: &mut usize, change: impl Fn(&mut Broken)) -> bool {
    let mut less = best.clone();
    change(&mut less);
    *lives += 1;
    let faults = FaultPlan::Only(less.faults.clone());
    match live(less.seed, &less.settings, less.acts, faults, less.sabotage) {
        Err(again) if again.law == best.law => {
            *best = *again;
            true
        }
        _ => false,
    }
}

/// The acts and the faults, one a line.
pub(super) fn lines(acts: &[Planned], passed: &[Passed]) -> Vec<String> {
    let act = |act: &Planned| format!("{} act {}: {:?}", act.at, act.no, act.deed);
    let fault = |passed: &Passed| {
        let fault = passed.fault?;
        let (id, step) = (passed.id, passed.step.name());
        Some(format!("act {}, step {} ({step}): {}", id.act, id.nth, fault.name()))
    };
    acts.iter().map(act).chain(passed.iter().filter_map(fault)).collect()
}

/// Every fault that can happen at every step of a world in which nothing goes wrong.
pub(super) fn every_fault(
    seed: u64,
    settings: &LawSettings,
    acts: &[Planned],
) -> Vec<(StepId, Fault)> {
    let run = Run {
        seed,
        people: settings.people as usize,
        nodes: settings.nodes as usize,
        acts: acts.to_vec(),
        faults: FaultPlan::Only(Vec::new()),
        keeps_steps: true,
        is_steady: true,
        rule: settings.rule,
        sabotage: None,
    };
    let mut world = World::new(&run);
    world.run(START + Span::days(i64::from(settings.days)));
    let mut all: Vec<(StepId, Fault)> = world
        .faults
        .passed
        .iter()
        .flat_map(|passed| passed.step.faults().iter().map(|fault| (passed.id, *fault)))
        .collect();
    all.dedup();
    all
}
