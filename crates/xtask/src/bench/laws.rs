//! Whether the prompt service keeps its laws, over as many simulated days of people as wanted.
//!
//! Worlds are independent, so two threads live twice as many. The seed of a world is the base seed
//! plus its number: whatever breaks can be lived again alone.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use pushback_sim::prompts::{
    Broken, BudgetRule, LawSettings, Tally, check_every_fault, check_world, shrink,
};

use crate::run as programs;

/// Options of the check.
#[derive(clap::Args)]
pub struct Args {
    /// How many days of people to live, at least
    #[arg(long, default_value_t = 20_000)]
    person_days: u64,
    /// The seed of the first world; the next ones count up from it
    #[arg(long, default_value_t = 1_000)]
    seed: u64,
    /// Live the world of this seed only
    #[arg(long, value_name = "SEED")]
    replay: Option<u64>,
    /// People in each world
    #[arg(long, default_value_t = 5)]
    people: u32,
    /// Days in each world
    #[arg(long, default_value_t = 20)]
    days: u32,
    /// Nodes of the service in each world
    #[arg(long, default_value_t = 3)]
    nodes: u32,
    /// Worlds lived at the same time
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Let a success forgive every ring before it, not only the one that it answered
    #[arg(long)]
    since_last_success: bool,
    /// Tell the short stories with every so many-th pair of faults; 0 for single faults only
    #[arg(long, default_value_t = 5)]
    pairs_every: usize,
}

/// Lives the worlds and prints what happened in them.
///
/// # Errors
/// If a law breaks, with its seed and the smallest replay printed before.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        // A million days take hours without optimisation and minutes with it.
        return in_release(args);
    }
    let rule = if args.since_last_success {
        BudgetRule::SinceLastSuccess
    } else {
        BudgetRule::UntilAnswered
    };
    let settings = LawSettings { people: args.people, days: args.days, nodes: args.nodes, rule };
    let per_world = u64::from(args.people) * u64::from(args.days);
    ensure!(per_world > 0 && args.threads > 0, "no people, no days or no threads");
    if let Some(seed) = args.replay {
        return match check_world(seed, &settings) {
            Ok(tally) => {
                table(&tally);
                Ok(())
            }
            Err(broken) => fail(&broken),
        };
    }
    let started = now();
    let stories = match check_every_fault(args.pairs_every, rule) {
        Ok(stories) => stories,
        Err(broken) => return fail(&broken),
    };
    eprintln!(
        "short stories told {} times, each with other faults: {:.0} s",
        stories.worlds,
        started.elapsed().as_secs_f64()
    );
    let worlds = args.person_days.div_ceil(per_world);
    let total = match live(args, &settings, worlds)? {
        Ok(total) => total,
        Err(broken) => return fail(&broken),
    };
    println!("\n{} person-days in {:.0} s\n", total.person_days, started.elapsed().as_secs_f64());
    table(&total);
    println!("\nviolations: 0 (also none in {} short stories)", stories.worlds);
    Ok(())
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a bench says how long it took")]
    Instant::now()
}

/// Starts the same chore again, optimised.
fn in_release(args: &Args) -> anyhow::Result<()> {
    let mut cargo: Command = programs::cargo();
    cargo.args(["run", "--release", "--quiet", "-p", "pushback-xtask", "--", "bench", "laws"]);
    let numbers = [
        ("--person-days", args.person_days),
        ("--seed", args.seed),
        ("--people", args.people.into()),
        ("--days", args.days.into()),
        ("--nodes", args.nodes.into()),
        ("--threads", args.threads as u64),
        ("--pairs-every", args.pairs_every as u64),
    ];
    for (name, number) in numbers.into_iter().chain(args.replay.map(|seed| ("--replay", seed))) {
        cargo.arg(name).arg(number.to_string());
    }
    if args.since_last_success {
        cargo.arg("--since-last-success");
    }
    programs::check(&mut cargo)
}

/// Lives all worlds on several threads; stops at the first broken law.
fn live(
    args: &Args,
    settings: &LawSettings,
    worlds: u64,
) -> anyhow::Result<Result<Tally, Box<Broken>>> {
    let (next, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    let started = now();
    std::thread::scope(|scope| {
        for _ in 0..args.threads {
            let (sender, next, is_over) = (sender.clone(), &next, &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= worlds {
                        break;
                    }
                    let lived = check_world(args.seed.wrapping_add(number), settings);
                    // Nobody listens any more once a law is broken.
                    let _ = sender.send(lived);
                }
            });
        }
        drop(sender);
        let mut total = Tally::default();
        let mut told = 0;
        for lived in &receiver {
            match lived {
                Ok(tally) => total.merge(&tally),
                Err(broken) => {
                    is_over.store(true, Ordering::Relaxed);
                    return Ok(Err(broken));
                }
            }
            let percent = total.worlds * 100 / worlds.max(1);
            if percent >= told + 5 {
                told = percent;
                let seconds = started.elapsed().as_secs_f64();
                let rate = total.person_days as f64 / seconds.max(0.001);
                eprintln!("{percent:3} %  {} person-days, {rate:.0} a second", total.person_days);
            }
        }
        (total.worlds >= worlds).then_some(Ok(total)).context("a thread did not finish its worlds")
    })
}

/// Prints the shortest way to the break and fails.
fn fail(broken: &Broken) -> anyhow::Result<()> {
    let small = shrink(broken);
    println!("broken: {}\n  {}", small.law.name(), small.what);
    println!("  seed {}, at {}; the shortest way there:", small.seed, small.at);
    for line in &small.replay {
        println!("    {line}");
    }
    bail!(
        "a law is broken; live it again with `cargo xtask bench laws --replay {} --people {} --days {} --nodes {}`",
        small.seed,
        small.settings().people,
        small.settings().days,
        small.settings().nodes
    )
}

fn table(tally: &Tally) {
    let [own, strangers] = tally.attempts;
    let rows: [(&str, u64); 18] = [
        ("worlds", tally.worlds),
        ("person-days", tally.person_days),
        ("decisions committed", tally.decisions),
        ("races lost and decided again", tally.conflicts),
        ("attempts of owners", own),
        ("attempts of strangers", strangers),
        ("prompts", tally.prompts),
        ("rings asked for", tally.rings),
        ("rings heard", tally.rings_heard),
        ("repeated wake-ups ignored", tally.repeats_ignored),
        ("rings withheld, being over", tally.rings_withheld),
        ("effects carried out", tally.effects),
        ("successes of owners", tally.own_successes),
        ("successes of strangers, by a code that the owner gave", tally.foreign_successes),
        ("known-device sign-ins judged", tally.known_device_starts),
        ("reports", tally.reports),
        ("resets", tally.resets),
        ("people mended at the end", tally.mended),
    ];
    for (what, count) in rows {
        println!("{what:<56}{count:>14}");
    }
    for (fault, count) in &tally.faults {
        println!("fault: {:<49}{count:>14}", fault.name());
    }
    println!("fault: {:<49}{:>14}", "a node's clock jumps", tally.clock_jumps);
}
