//! Prompt cycles beside the disk, PostgreSQL and another service, in one interleaved run.

mod driver;
mod peer;
mod served;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::page;
use crate::postgres;
use crate::run as start;
use driver::Driver;
use peer::Peer;
use served::Served;

/// Options of the measurement.
#[derive(clap::Args)]
pub struct Args {
    /// How often everything is measured, one after another each time
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long one thing is measured in one round
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Subscribers of the large population
    #[arg(long, default_value_t = 1_000_000)]
    most: usize,
    /// Serve with this program instead of building one
    #[arg(long)]
    pushback: Option<PathBuf>,
    /// Leave privacyIDEA out
    #[arg(long)]
    no_peer: bool,
    /// Print the table but leave docs/reference/prompt-speed.md alone
    #[arg(long)]
    no_page: bool,
}

/// Subscribers of the small and of the usual population.
const FEW: usize = 1_000;
const MANY: usize = 100_000;
/// Clients of privacyIDEA: twice as many as it has workers.
const PEER_CLIENTS: usize = 4;
/// How long a thing is tried before the first round, so that caches are as they stay.
const WARM_S: f64 = 0.5;

/// One thing that is measured again and again.
struct Row {
    /// Its name for ratios.
    id: &'static str,
    what: String,
    how: How,
    rounds: Vec<Value>,
}

/// How it is measured.
enum How {
    /// By this command of the driver, with the seconds at its end.
    Driver(String),
    Peer,
}

/// What was measured.
struct Measured {
    rows: Vec<Row>,
    machine: Machine,
    peer: Result<String, String>,
    /// Memory of `pushback serve` after the last round, in bytes.
    serve_memory: Option<u64>,
    /// Populations: their name, and the seconds that filling took.
    filled: Vec<(String, f64)>,
}

/// What it was measured on.
struct Machine {
    processors: String,
    load: [String; 2],
    postgres: String,
}

/// Measures and prints the table, and puts it into its page.
///
/// # Errors
/// If something cannot be built or started, or a cycle fails. A peer that cannot be installed is no
/// error: its row says so.
pub fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.rounds > 0 && args.seconds > 0.0, "nothing to measure");
    let folder = start::target_dir().join("bench-prompts");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let programs = build(args.pushback.as_deref())?;
    let peer = if args.no_peer { Err("left out".into()) } else { Peer::start(&folder) };
    let measured = measure(args, &folder, &programs, peer)?;
    let table = table::table(&measured, args);
    println!("{table}");
    if !args.no_page {
        page::put(&start::root().join("docs/reference/prompt-speed.md"), &table)?;
    }
    Ok(())
}

/// What is measured with, and what serves.
struct Programs {
    driver: PathBuf,
    pushback: PathBuf,
}

fn build(pushback: Option<&Path>) -> anyhow::Result<Programs> {
    let release = start::target_dir().join("release");
    let mut driver = start::cargo();
    driver.args(["build", "--release", "--package", "pushback-app", "--example", "prompts"]);
    start::check(&mut driver)?;
    if pushback.is_none() {
        let mut program = start::cargo();
        program.args(["build", "--release", "--package", "pushback", "--bin", "pushback"]);
        start::check(&mut program)?;
    }
    let pushback = pushback.map_or_else(|| release.join("pushback"), Path::to_path_buf);
    Ok(Programs { driver: release.join("examples/prompts"), pushback })
}

fn measure(
    args: &Args,
    folder: &Path,
    programs: &Programs,
    peer: Result<Peer, String>,
) -> anyhow::Result<Measured> {
    let server = postgres::Server::start()?;
    let work = tempfile::tempdir_in(folder)?;
    let mut driver = Driver::start(&programs.driver, work.path())?;
    let url = server.url();
    driver.ask(&format!("rows {url}"))?;
    let mut filled = Vec::new();
    let mut open = |driver: &mut Driver, name: &str, database: &str, count: usize| {
        eprintln!("{count} subscribers for {name}");
        let opened = driver.ask(&format!("open {name} {database} {count}"))?;
        filled
            .push((name.to_owned(), opened.get("seconds").and_then(Value::as_f64).unwrap_or(0.0)));
        anyhow::Ok(())
    };
    open(&mut driver, "sqlite-few", "sqlite", FEW)?;
    open(&mut driver, "sqlite-many", "sqlite", MANY)?;
    if args.most > MANY {
        open(&mut driver, "sqlite-most", "sqlite", args.most)?;
    }
    for (name, count) in [("postgres_few", FEW), ("postgres_many", MANY)] {
        driver.ask(&format!("database {url} {name}"))?;
        let database = url.strip_suffix("postgres").context("the server's address is strange")?;
        open(&mut driver, name, &format!("{database}{name}"), count)?;
    }
    open(&mut driver, "served", "sqlite", MANY)?;
    driver.ask("close served")?;
    let served = Served::start(&programs.pushback, &work.path().join("served"))?;

    let mut rows = rows(args, &url, served.address(), peer.is_ok());
    let before = load();
    for round in 0..=args.rounds {
        eprintln!(
            "round {round} of {}{}",
            args.rounds,
            if round == 0 { " (warming up)" } else { "" }
        );
        let seconds = if round == 0 { WARM_S } else { args.seconds };
        for row in &mut rows {
            let seen = match (&row.how, &peer) {
                (How::Driver(command), _) => driver.ask(&format!("{command} {seconds}"))?,
                (How::Peer, Ok(peer)) => peer.run(PEER_CLIENTS, seconds.max(args.seconds))?,
                (How::Peer, Err(_)) => continue,
            };
            eprintln!("  {:<52} {}", row.what, table::short(&seen));
            if round > 0 {
                row.rounds.push(seen);
            }
        }
    }
    let version = driver.ask(&format!("version {url}"))?;
    let machine = Machine {
        processors: processors(),
        load: [before, load()],
        postgres: version.as_str().unwrap_or("unknown").to_owned(),
    };
    let serve_memory = served.memory();
    let peer = peer.map(|peer| peer.version().to_owned());
    Ok(Measured { rows, machine, peer, serve_memory, filled })
}

fn rows(args: &Args, url: &str, address: &str, has_peer: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |id: &'static str, what: String, how: How| {
        rows.push(Row { id, what, how, rounds: Vec::new() });
    };
    let driver = |command: String| How::Driver(command);
    add("sync", "bare fdatasync of 4 KiB, in place".into(), driver("sync".into()));
    let what = "PostgreSQL's own update of one row, 64 clients";
    add("updates", what.into(), driver(format!("updates {url}")));
    let what = "the seven signatures of a cycle, alone on every processor";
    add("signatures", what.into(), driver("signatures".into()));
    for (name, database, ids) in [
        ("SQLite", "sqlite-many", ["sqlite-1", "sqlite-64", "sqlite-cancel"]),
        ("PostgreSQL", "postgres_many", ["postgres-1", "postgres-64", "postgres-cancel"]),
    ] {
        let [one, many, cancel] = ids;
        add(one, format!("cycles, {name}, 1 at a time"), driver(format!("cycles {database} 1")));
        add(many, format!("cycles, {name}, 64 at once"), driver(format!("cycles {database} 64")));
        let what = format!("start and cancel, {name}, 64 at once");
        add(cancel, what, driver(format!("cancels {database} 64")));
    }
    for (id, clients) in [("http-1", 1), ("http-64", 64)] {
        let what = format!("cycles over HTTP, SQLite, {clients} at once");
        add(id, what, driver(format!("http served {address} {clients}")));
    }
    let few =
        [("sqlite-few", "SQLite", "sqlite-few"), ("postgres-few", "PostgreSQL", "postgres_few")];
    for (id, name, database) in few {
        let what = format!("cycles, {name}, 64 at once, of {FEW} subscribers");
        add(id, what, driver(format!("cycles {database} 64")));
    }
    if args.most > MANY {
        let what = format!("cycles, SQLite, 64 at once, of {} subscribers", args.most);
        add("sqlite-most", what, driver("cycles sqlite-most 64".into()));
    }
    if has_peer {
        let what = format!("cycles, privacyIDEA, SQLite, {PEER_CLIENTS} at once");
        add("peer", what, How::Peer);
    }
    rows
}

/// The load averages of the last 1, 5 and 15 minutes.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn processors() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names = text.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let names: Vec<&str> = names.map(|(_, name)| name).collect();
    format!("{} x {}", names.len(), names.first().unwrap_or(&"unknown processor"))
}
