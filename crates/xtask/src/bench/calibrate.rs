//! Which values of the policy matter, and whether others would do better.
//!
//! Worlds are built on calibration seeds (1 to 50); the seeds of the evaluation are refused, so
//! that what is measured there was never looked at here. One value is moved at a time: first from
//! where the policy stands, which gives the table of sensitivities, then greedily, which gives a proposal.
//! Other calibration seeds, never searched on, say whether the proposal holds.

mod knobs;
mod worlds;

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use pushback_detect::Policy;
use pushback_sim::{Settings, Vendor};

use self::knobs::{Knob, Values};
use self::worlds::{Measure, Worlds};

/// The highest seed that may be calibrated on.
const LAST_CALIBRATION_SEED: u64 = 50;

/// A change is proposed from this many points on. Less is noise: one campaign of the 1,200 in 15
/// worlds is 0.02 points.
const GAIN_MIN: f64 = 0.1;

/// Options of the calibration.
#[derive(clap::Args)]
pub struct Args {
    /// Seeds of the worlds that are searched on, 1 to 50
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 3])]
    seeds: Vec<u64>,
    /// Seeds of the worlds that check the proposal, 1 to 50 and none of those searched on
    #[arg(long, value_delimiter = ',', default_values_t = [21, 22])]
    check_seeds: Vec<u64>,
    /// Whose logs: okta_oie, okta_classic, entra_m365, duo, pingid
    #[arg(long, value_delimiter = ',', default_values_t = Vendor::ALL)]
    vendors: Vec<Vendor>,
    /// People in each world
    #[arg(long, default_value_t = 400)]
    people: u32,
    /// Days in each world
    #[arg(long, default_value_t = 14)]
    days: u32,
    /// Rounds of the search, each with half the step of the one before; 0 prints sensitivities only
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Starts from this policy file instead of the defaults
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Move only values whose path contains this, for example `weights.after_`
    #[arg(long)]
    only: Option<String>,
    /// List every miss and every false alarm before anything is moved
    #[arg(long)]
    details: bool,
    /// Writes the proposal as a policy file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Measures, prints the tables and writes the proposal.
///
/// # Errors
/// If a seed belongs to the evaluation, a world cannot be read back or the file cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    for seed in args.seeds.iter().chain(&args.check_seeds) {
        ensure!(
            (1..=LAST_CALIBRATION_SEED).contains(seed),
            "seed {seed} belongs to the evaluation: calibrate on 1 to {LAST_CALIBRATION_SEED}"
        );
    }
    ensure!(
        !args.seeds.is_empty() && !args.vendors.is_empty(),
        "no seeds or no vendors to calibrate on"
    );
    if let Some(seed) = args.check_seeds.iter().find(|seed| args.seeds.contains(seed)) {
        anyhow::bail!("seed {seed} cannot check what was searched on it");
    }
    let worlds = build(args, &args.seeds)?;
    let start = match &args.policy {
        Some(path) => Values::read(path)?,
        None => Values::of(&Policy::default())?,
    };
    let base = worlds.measure(std::slice::from_ref(&start))?.remove(0);
    println!("# Sensitivity\n\nUnmoved: {base}\n");
    if args.details {
        worlds.details(&start.policy()?)?.iter().for_each(|line| println!("{line}"));
    }
    let knobs: Vec<Knob> = start
        .knobs()
        .into_iter()
        .filter(|knob| args.only.as_ref().is_none_or(|only| knob.path().contains(only.as_str())))
        .collect();
    let found = try_all(&worlds, &start, &knobs, 1.0)?;
    println!("{}", sensitivity(&base, &start, &found));
    if args.rounds == 0 {
        return Ok(());
    }
    let (best, measure) = search(args, &worlds, &start, base.clone(), found)?;
    drop(worlds);
    let fragment = best.fragment(&start);
    println!("# Proposal\n\n```toml\n{fragment}```\n\nBefore: {base}\nAfter:  {measure}");
    if !args.check_seeds.is_empty() && !fragment.is_empty() {
        let check = build(args, &args.check_seeds)?.measure(&[start, best])?;
        for (name, measure) in ["Before", "After "].iter().zip(&check) {
            println!("{name}, on seeds never searched on: {measure}");
        }
    }
    if let Some(path) = &args.out {
        std::fs::write(path, &fragment)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn build(args: &Args, seeds: &[u64]) -> anyhow::Result<Worlds> {
    let settings = seeds.iter().flat_map(|seed| {
        args.vendors.iter().map(|vendor| Settings {
            people: args.people,
            days: args.days,
            seed: *seed,
            vendor: *vendor,
            ..Settings::default()
        })
    });
    Worlds::build(&settings.collect::<Vec<_>>())
}

/// One value moved, and what came of it.
struct Trial {
    knob: Knob,
    /// What the value was moved to.
    to: f64,
    values: Values,
    measure: Measure,
}

/// Moves every value in turn, each from where `from` stands.
fn try_all(
    worlds: &Worlds,
    from: &Values,
    knobs: &[Knob],
    step: f64,
) -> anyhow::Result<Vec<Trial>> {
    let moves: Vec<(Knob, f64, Values)> = knobs
        .iter()
        .flat_map(|knob| from.moves(knob, step).into_iter().map(move |to| (knob, to)))
        .map(|(knob, to)| anyhow::Ok((knob.clone(), to, from.with(knob, to)?)))
        .collect::<anyhow::Result<Vec<_>>>()?
        .into_iter()
        // Values that a policy file could not hold are no candidates.
        .filter(|(_, _, values)| values.is_sound())
        .collect();
    let policies: Vec<Values> = moves.iter().map(|(_, _, values)| values.clone()).collect();
    let measures = worlds.measure(&policies)?;
    Ok(moves
        .into_iter()
        .zip(measures)
        .map(|((knob, to, values), measure)| Trial { knob, to, values, measure })
        .collect())
}

/// Takes the best moves one after another, each only if it still helps after those before it.
fn search(
    args: &Args,
    worlds: &Worlds,
    defaults: &Values,
    base: Measure,
    first: Vec<Trial>,
) -> anyhow::Result<(Values, Measure)> {
    let (mut best, mut measure) = (defaults.clone(), base);
    let mut trials = first;
    for round in 1..=args.rounds {
        trials.sort_by(|a, b| b.measure.points().total_cmp(&a.measure.points()));
        let before = measure.points();
        let mut moved: Vec<Knob> = Vec::new();
        for trial in &trials {
            if trial.measure.points() < before + GAIN_MIN {
                break;
            }
            if moved.contains(&trial.knob) {
                continue;
            }
            let values = best.with(&trial.knob, trial.to)?;
            if !values.is_sound() {
                continue;
            }
            let now = worlds.measure(std::slice::from_ref(&values))?.remove(0);
            if now.points() >= measure.points() + GAIN_MIN {
                eprintln!("round {round}: {} = {}: {now}", trial.knob.path(), trial.to);
                (best, measure) = (values, now);
                moved.push(trial.knob.clone());
            }
        }
        if round < args.rounds {
            let knobs: Vec<Knob> = best
                .knobs()
                .into_iter()
                .filter(|k| args.only.as_ref().is_none_or(|only| k.path().contains(only.as_str())))
                .collect();
            trials = try_all(worlds, &best, &knobs, 0.5_f64.powi(round.cast_signed()))?;
        }
    }
    Ok((best, measure))
}

/// A row for each move: what changes against the unmoved, in points of a hundred, and false ones
/// for 1,000 person-days.
fn sensitivity(base: &Measure, defaults: &Values, trials: &[Trial]) -> String {
    let mut text = String::from(
        "| value | is | moved to | campaigns | approvals | after | in time | false alarms | false exposed | points |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for Trial { knob, to, values, measure } in trials {
        debug_assert!(values.is_sound());
        let change = |now: f64, then: f64, decimals: usize| {
            let difference = now - then;
            if difference.abs() < 0.005 {
                "·".to_owned()
            } else {
                format!("{difference:+.decimals$}")
            }
        };
        let [campaigns, approvals, after, in_time] =
            [0, 1, 2, 3].map(|i| match (measure.found().get(i), base.found().get(i)) {
                (Some(now), Some(then)) => change(*now, *then, 1),
                _ => String::new(),
            });
        // Writing to a String cannot fail, so the result carries nothing.
        let _ = writeln!(
            text,
            "| {} | {} | {to:.3} | {campaigns} | {approvals} | {after} | {in_time} | {} | {} | {} |",
            knob.path(),
            defaults.get(knob).unwrap_or_default(),
            change(measure.false_alarms(), base.false_alarms(), 2),
            change(measure.false_exposed(), base.false_exposed(), 2),
            change(measure.points(), base.points(), 2),
        );
    }
    text
}
