//! Fuzzing the readers of untrusted bytes: the targets live in `fuzz/`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{run, setup};

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub struct Args {
    /// Seconds for each target
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u32,
    /// Targets, all if none is named
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// Bytes a single input may have: room for every threshold that a reader knows, and still fast.
const INPUT_BYTES_MAX: u32 = 16 << 10;

/// Memory at which an input counts as a failure. The readers hold one record at a time.
const MEMORY_MIB_MAX: u32 = 512;

/// Seconds after which one input counts as a hang.
const HANG_SECONDS: u32 = 10;

/// Records kept because they once hurt a reader, or would hurt a careless one.
const NASTY: &str = "crates/normalize/tests/nasty";

/// A first byte below this number chooses the record that the rest is spliced into
/// (`fuzz/src/lib.rs`).
const SKELETONS: u8 = 9;

/// Runs the fuzz targets, one after the other.
///
/// # Errors
/// If a target finds something, is unknown, or cannot be built.
pub fn run(args: &Args) -> anyhow::Result<()> {
    setup::cargo_fuzz()?;
    let known = run::output(fuzz("list", &[]).current_dir(run::root()))?;
    let known: Vec<&str> = known.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(unknown) = args.targets.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no fuzz target is called `{unknown}`; there are: {}", known.join(", "));
    }
    let chosen: Vec<&str> = if args.targets.is_empty() {
        known
    } else {
        args.targets.iter().map(String::as_str).collect()
    };
    for target in &chosen {
        let corpus = format!("fuzz/corpus/{target}");
        start_corpus(&run::root().join(&corpus))?;
        let mut command = fuzz("run", &["--sanitizer", "none", target, &corpus]);
        let seeds = [format!("fuzz/seeds/{target}"), NASTY.to_owned()];
        command.args(seeds.iter().filter(|seeds| run::root().join(seeds).is_dir()));
        command.arg("--").args([
            format!("-max_total_time={}", args.seconds),
            format!("-max_len={INPUT_BYTES_MAX}"),
            format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
            format!("-timeout={HANG_SECONDS}"),
            "-dict=fuzz/json.dict".to_owned(),
            "-print_final_stats=1".to_owned(),
        ]);
        run::check(&mut command).with_context(|| {
            format!("{target} found something; the input is in fuzz/artifacts/{target}/")
        })?;
    }
    println!("fuzz: {} targets found nothing in {} s each", chosen.len(), args.seconds);
    Ok(())
}

/// Gives a corpus one input for every skeleton, so that a target does not begin with nothing.
fn start_corpus(corpus: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(corpus)
        .with_context(|| format!("{} cannot be made", corpus.display()))?;
    for choice in 0..SKELETONS {
        std::fs::write(corpus.join(format!("skeleton-{choice}")), [choice])?;
    }
    Ok(())
}

/// `cargo fuzz`, with what it needs to instrument code on a stable toolchain. The readers have no
/// unsafe code, so an address sanitizer (which stable cannot build) would have nothing to find.
fn fuzz(verb: &str, args: &[&str]) -> Command {
    let mut command = run::cargo();
    command.args(["fuzz", verb]).args(args).env("RUSTC_BOOTSTRAP", "1");
    command
}
