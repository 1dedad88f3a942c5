//! CPU time and memory of a scan beside other tools, in one interleaved run.

mod logs;
mod measure;
mod peers;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::page;
use crate::run as start;
use measure::{Contestant, Measured};

/// Options of the measurement.
#[derive(clap::Args)]
pub struct Args {
    /// Size of the Okta log in megabytes; Duo's is a quarter of it
    #[arg(long, default_value_t = 1_000)]
    mb: u64,
    /// How often everything runs, one after another each time
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the table goes
    #[arg(long, default_value = "docs/reference/performance.md")]
    out: PathBuf,
    /// Print the table only
    #[arg(long)]
    no_write: bool,
    /// Measure this program instead of building one
    #[arg(long)]
    pushback: Option<PathBuf>,
}

/// The logs to be read.
struct Logs {
    okta: PathBuf,
    okta_gz: PathBuf,
    duo: PathBuf,
}

/// Measures and prints the table, and puts it into its page.
///
/// # Errors
/// If the program cannot be built, the logs cannot be written or a run fails. A peer that cannot be
/// installed is no error: its rows say so.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let folder = start::target_dir().join("bench-scan");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let pushback = match &args.pushback {
        Some(path) => path.clone(),
        None => build()?,
    };
    let logs = write_logs(&folder, args.mb.max(1) * 1_000_000)?;
    let peers = peers::install(&folder);
    let contestants = contestants(&pushback, &peers, &logs);
    let measured = measure::rounds(&contestants, args.rounds.max(1))?;
    let table = table::table(&measured, &peers, &logs_about(&logs)?, args);
    println!("{table}");
    if !args.no_write {
        page::put(&start::root().join(&args.out), &table)?;
    }
    Ok(())
}

fn build() -> anyhow::Result<PathBuf> {
    let mut build = start::cargo();
    build.args(["build", "--release", "--package", "pushback", "--bin", "pushback"]);
    start::check(build.args(["--example", "decompress"]))?;
    Ok(start::target_dir().join("release/pushback"))
}

fn write_logs(folder: &Path, bytes: u64) -> anyhow::Result<Logs> {
    let mb = bytes / 1_000_000;
    let logs = Logs {
        okta: folder.join(format!("okta-{mb}.jsonl")),
        okta_gz: folder.join(format!("okta-{mb}.jsonl.gz")),
        duo: folder.join(format!("duo-{mb}.jsonl")),
    };
    if !logs.okta.exists() {
        println!("writing {}", logs.okta.display());
        logs::write_okta(&logs.okta, bytes)?;
    }
    if !logs.duo.exists() {
        println!("writing {}", logs.duo.display());
        logs::write_duo(&logs.duo, bytes / 4)?;
    }
    if !logs.okta_gz.exists() {
        start::check(Command::new("gzip").args(["-k", "-6"]).arg(&logs.okta))?;
    }
    Ok(logs)
}

fn logs_about(logs: &Logs) -> anyhow::Result<String> {
    let mut about = Vec::new();
    for (name, path) in [("Okta", &logs.okta), ("Okta, gzip -6", &logs.okta_gz), ("Duo", &logs.duo)]
    {
        let bytes = std::fs::metadata(path)?.len();
        about.push(format!("{name} {:.0} MB", bytes as f64 / 1e6));
    }
    Ok(about.join(", "))
}

fn contestants(pushback: &Path, peers: &peers::Peers, logs: &Logs) -> Vec<Contestant> {
    let scan = |threads: &str, log: &Path| {
        let mut command = Command::new(pushback);
        command.args(["scan", "--format", "json", "--threads", threads]).arg(log);
        command
    };
    let mut all = Vec::new();
    let mut add = |id: &'static str, what: &'static str, command: Command| {
        all.push(Contestant { id, what, command });
    };
    let mut wc = Command::new("wc");
    wc.arg("-l").arg(&logs.okta);
    add("wc", "`wc -l`, Okta", wc);
    add("okta-1", "`pushback scan`, Okta, 1 thread", scan("1", &logs.okta));
    add("okta-2", "`pushback scan`, Okta, 2 threads", scan("2", &logs.okta));
    if let Ok(python) = &peers.duckdb {
        let mut duckdb = Command::new(python);
        duckdb.arg("-c").arg(peers::DUCKDB_RULE).arg(&logs.okta);
        add("duckdb", "DuckDB, one rule, Okta, 1 thread", duckdb);
    }
    let decompress = pushback.with_file_name("examples").join("decompress");
    if decompress.exists() {
        let mut alone = Command::new(decompress);
        alone.arg(&logs.okta_gz);
        add("gunzip", "decompression alone (zlib-rs), Okta", alone);
    }
    add("gz-1", "`pushback scan`, Okta `.gz`, 1 thread", scan("1", &logs.okta_gz));
    add("gz-2", "`pushback scan`, Okta `.gz`, 2 threads", scan("2", &logs.okta_gz));
    if let Ok(program) = &peers.simdjson {
        let members = |vendor: &str, log: &Path| {
            let mut simdjson = Command::new(program);
            simdjson.arg(vendor).arg(log);
            simdjson
        };
        let okta = "simdjson On-Demand, members of what matters only, Okta";
        add("simdjson-okta", okta, members("okta", &logs.okta));
        let duo = "simdjson On-Demand, members only, Duo";
        add("simdjson", duo, members("duo", &logs.duo));
    }
    add("duo-1", "`pushback scan`, Duo, 1 thread", scan("1", &logs.duo));
    all
}

/// The median CPU seconds of a contestant, if it ran.
fn cpu_of(measured: &[Measured], id: &str) -> Option<f64> {
    measured.iter().find(|m| m.id == id).map(Measured::cpu_median)
}
