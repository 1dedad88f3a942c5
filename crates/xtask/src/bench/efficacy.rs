//! How much of the simulated attacks is found, and what published rules find on the same worlds.
//!
//! Worlds are built on evaluation seeds (100 and up), which calibration (1 to 50) never sees. The
//! built program scans them as a user would; the log is cut just before each approval to learn what
//! was seen in time.

mod page;
mod record;
mod rules;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use pushback_model::{Incident, Timestamp};
use pushback_sim::{Assumptions, Cut, Score, Settings, Vendor, World, score};

use self::record::Flat;
use crate::run as programs;

/// The lowest seed that may be evaluated; calibration uses 1 to 50.
const FIRST_EVALUATION_SEED: u64 = 100;

/// Options of the measurement.
#[derive(clap::Args)]
pub struct Args {
    /// Seeds of the worlds, 100 and up
    #[arg(long, value_delimiter = ',', default_values_t = [101, 102])]
    seeds: Vec<u64>,
    /// Whose logs: okta_oie, okta_classic, entra_m365, duo, pingid
    #[arg(long, value_delimiter = ',', default_values_t = Vendor::ALL)]
    vendors: Vec<Vendor>,
    /// People in each world
    #[arg(long, default_value_t = 400)]
    people: u32,
    /// Days in each world
    #[arg(long, default_value_t = 14)]
    days: u32,
    /// A built `pushback`; without it one is built
    #[arg(long, value_name = "FILE")]
    pushback: Option<PathBuf>,
    /// Measure the published rules only
    #[arg(long)]
    rules_only: bool,
    /// Leave out the logs cut before each approval
    #[arg(long)]
    no_cuts: bool,
    /// Vary the assumed distributions, one at a time, on the first seed
    #[arg(long)]
    sensitivity: bool,
    /// List every miss and every false alarm
    #[arg(long)]
    details: bool,
    /// Print the tables but leave docs/reference/efficacy.md alone
    #[arg(long)]
    no_page: bool,
}

/// The figures of everybody on the worlds of one vendor.
#[derive(Default)]
struct Figures {
    pushback: Score,
    rules: BTreeMap<&'static str, Score>,
    /// All rules of the vendor together.
    union: Score,
}

/// Measures, prints the tables and writes the page.
///
/// # Errors
/// If a seed belongs to calibration, the program cannot be built or started, it prints something
/// that is no incident, or a file cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(seed) = args.seeds.iter().find(|seed| **seed < FIRST_EVALUATION_SEED) {
        bail!("seed {seed} belongs to calibration: evaluate on {FIRST_EVALUATION_SEED} and up");
    }
    ensure!(
        !args.seeds.is_empty() && !args.vendors.is_empty(),
        "no seeds or no vendors to measure"
    );
    let program = if args.rules_only { None } else { Some(program(args)?) };
    let mut results: BTreeMap<Vendor, Figures> = BTreeMap::new();
    for vendor in &args.vendors {
        for seed in &args.seeds {
            eprintln!("{vendor}, seed {seed}");
            let settings = settings(args, *vendor, *seed, Assumptions::default());
            let figures = results.entry(*vendor).or_default();
            measure(&settings, program.as_deref(), !args.no_cuts, true, figures)?;
        }
    }
    let mut variants = Vec::new();
    if args.sensitivity
        && let Some(seed) = args.seeds.first()
    {
        for (name, assumptions) in variations() {
            let mut all = Figures::default();
            for vendor in &args.vendors {
                eprintln!("{vendor}, seed {seed}, {name}");
                let settings = settings(args, *vendor, *seed, assumptions.clone());
                // Without the cut logs: they cost a scan each, and the whole table is about shifts.
                measure(&settings, program.as_deref(), false, false, &mut all)?;
            }
            variants.push((name, all.pushback));
        }
    }
    let text = page::render(args, &results, &variants);
    println!("{text}");
    if args.details {
        for (vendor, figures) in &results {
            for line in figures.pushback.misses.iter().chain(&figures.pushback.alarms) {
                println!("{vendor}: {line}");
            }
        }
    }
    if !args.no_page && !args.rules_only {
        let path = programs::root().join("docs/reference/efficacy.md");
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn settings(args: &Args, vendor: Vendor, seed: u64, assumptions: Assumptions) -> Settings {
    let (people, days) = (args.people, args.days);
    Settings { people, days, seed, vendor, assumptions, ..Settings::default() }
}

fn program(args: &Args) -> anyhow::Result<PathBuf> {
    if let Some(path) = &args.pushback {
        return path.canonicalize().with_context(|| format!("no program at {}", path.display()));
    }
    programs::check(programs::cargo().args(["build", "--release", "--quiet", "-p", "pushback"]))?;
    Ok(programs::target_dir().join("release").join("pushback"))
}

/// Each assumption cut or multiplied, one at a time.
fn variations() -> Vec<(&'static str, Assumptions)> {
    let base = Assumptions::default;
    vec![
        ("owners deny half as often", Assumptions { deny: 0.5, ..base() }),
        ("owners deny three times as often", Assumptions { deny: 3.0, ..base() }),
        ("nobody reports", Assumptions { report: 0.0, ..base() }),
        ("owners report three times as often", Assumptions { report: 3.0, ..base() }),
        ("owners approve twice as often", Assumptions { approve: 2.0, ..base() }),
        ("every attacker sits in the victim's country", Assumptions { residential: 3.1, ..base() }),
        ("no attacker sits in the victim's country", Assumptions { residential: 0.0, ..base() }),
        ("owners miss twice as many own prompts", Assumptions { miss: 2.0, ..base() }),
        ("three times as many new addresses", Assumptions { new_address: 3.0, ..base() }),
        ("three times as many new browsers", Assumptions { new_browser: 3.0, ..base() }),
        ("attackers four times slower", Assumptions { pace: 0.25, ..base() }),
    ]
}

fn measure(
    settings: &Settings,
    program: Option<&Path>,
    with_cuts: bool,
    with_rules: bool,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let world = World::new(settings);
    let cuts = if with_cuts { world.cuts() } else { Vec::new() };
    if with_rules {
        let records = flat(&world);
        let mut together: Vec<Incident> = Vec::new();
        for rule in rules::RULES.iter().filter(|rule| (rule.reads)(settings.vendor)) {
            let incidents = rules::incidents(rule, &records);
            judge(&world, &cuts, &incidents, figures.rules.entry(rule.title).or_default());
            together.extend(incidents);
        }
        judge(&world, &cuts, &together, &mut figures.union);
    }
    let Some(program) = program else { return Ok(()) };
    let mut result = score(&world.truth, &scan(program, &world, Timestamp::MAX)?);
    for cut in &cuts {
        result.count_in_time(&world.truth, cut, &scan(program, &world, cut.at)?);
    }
    figures.pushback.merge(&result);
    Ok(())
}

/// Scores alerts of streaming rules: what they said before a cut is what was known then.
fn judge(world: &World, cuts: &[Cut], incidents: &[Incident], into: &mut Score) {
    let mut result = score(&world.truth, incidents);
    for cut in cuts {
        let known: Vec<Incident> =
            incidents.iter().filter(|i| i.detected_at <= cut.at).cloned().collect();
        result.count_in_time(&world.truth, cut, &known);
    }
    into.merge(&result);
}

/// The records in order of time, each once, in their last form.
fn flat(world: &World) -> Vec<Flat> {
    let mut latest: BTreeMap<(String, String), Flat> = BTreeMap::new();
    world.write(&mut |file, line| {
        if let Some((id, flat)) = record::flatten(file, line) {
            latest.insert((file.to_owned(), id), flat);
        }
    });
    let mut records: Vec<Flat> = latest.into_values().collect();
    records.sort_by_key(|record| record.at);
    records
}

/// Writes the world up to an instant and scans it.
fn scan(program: &Path, world: &World, until: Timestamp) -> anyhow::Result<Vec<Incident>> {
    let dir = tempfile::tempdir().context("no temporary folder")?;
    let mut files: BTreeMap<String, BufWriter<File>> = BTreeMap::new();
    let mut failure = None;
    world.write_until(until, &mut |file, line| {
        if failure.is_none() {
            failure = append(dir.path(), &mut files, file, line).err();
        }
    });
    if let Some(error) = failure {
        return Err(error).context("cannot write the world");
    }
    for mut file in files.into_values() {
        file.flush().context("cannot write the world")?;
    }
    let mut command = Command::new(program);
    let output = programs::output(command.args(["scan", "--format", "json"]).arg(dir.path()))?;
    output
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).with_context(|| format!("not an incident: {line}")))
        .collect()
}

fn append(
    dir: &Path,
    files: &mut BTreeMap<String, BufWriter<File>>,
    name: &str,
    line: &[u8],
) -> std::io::Result<()> {
    let file = match files.entry(name.to_owned()) {
        Entry::Occupied(file) => file.into_mut(),
        Entry::Vacant(slot) => {
            slot.insert(BufWriter::with_capacity(1 << 20, File::create(dir.join(name))?))
        }
    };
    file.write_all(line)?;
    file.write_all(b"\n")
}
