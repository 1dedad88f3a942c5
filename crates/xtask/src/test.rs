//! Everything that must hold before a change is merged.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::{browser, postgres, run, setup, tidy};

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Args {}

/// Options of `cargo xtask browser`.
#[derive(clap::Args)]
pub struct BrowserArgs {
    /// Files of journeys, without their ending [default: all]
    files: Vec<String>,
}

/// What a step found: how many tests passed, failed, and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Tally {
    const fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Which cases the property tests draw.
const PROPERTY_SEED: &str = "PROPTEST_RNG_SEED";

/// Logs of others that do not belong into the repository; tests read them where they stand beside it.
const SAMPLES: &str = "../shared/samples";

type Step = (&'static str, fn() -> anyhow::Result<Tally>);

const STEPS: [Step; 7] = [
    ("house rules", || tidy::run(&tidy::Args {}).map(|()| Tally::default())),
    ("format", || quiet(run::cargo().args(["fmt", "--all", "--check"]))),
    ("lints", || {
        let mut clippy = run::cargo();
        clippy.args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]);
        quiet(&mut clippy)
    }),
    ("tests", tests),
    ("OCSF", ocsf),
    ("browser", || journeys(&[])),
    ("documentation", || {
        let mut doc = run::cargo();
        doc.args(["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"]);
        quiet(doc.env("RUSTDOCFLAGS", "-D warnings"))
    }),
];

/// Installs what the tests need and runs them all; a step that fails does not hide the others.
///
/// # Errors
/// If something cannot be installed or does not pass.
pub fn run(_args: &Args) -> anyhow::Result<()> {
    setup::rust_components()?;
    let mut total = Tally::default();
    let mut summary = String::new();
    for (name, step) in STEPS {
        println!("\n== {name}");
        #[expect(clippy::disallowed_methods, reason = "a chore may say how long it took")]
        let started = Instant::now();
        let (tally, word) = match step() {
            // A check without tests of its own counts as one.
            Ok(tally) if tally == Tally::default() => (Tally { passed: 1, ..tally }, "passed"),
            Ok(tally) if tally.failed == 0 => (tally, "passed"),
            Ok(tally) => (tally, "FAILED"),
            Err(error) => {
                println!("error: {error:#}");
                (Tally { failed: 1, ..Tally::default() }, "FAILED")
            }
        };
        total.add(tally);
        let seconds = started.elapsed().as_secs();
        summary.push_str(&format!("{name:<14} {word}  {seconds:>5} s\n"));
    }
    if !run::root().join(SAMPLES).is_dir() {
        summary
            .push_str(&format!("{SAMPLES} is not here: the tests that read it judged nothing\n"));
    }
    println!("\n{summary}\n{}", closing(total));
    if total.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

/// Plays the journeys alone.
///
/// # Errors
/// If something cannot be installed or does not pass.
pub fn browser(args: &BrowserArgs) -> anyhow::Result<()> {
    match journeys(&args.files)? {
        Tally { failed: 0, .. } => Ok(()),
        Tally { failed, .. } => bail!("{failed} journeys failed"),
    }
}

fn closing(Tally { passed, failed, skipped }: Tally) -> String {
    match skipped {
        0 => format!("{passed} passed, {failed} failed"),
        skipped => format!("{passed} passed, {failed} failed, {skipped} skipped"),
    }
}

fn quiet(command: &mut Command) -> anyhow::Result<Tally> {
    run::check(command).map(|()| Tally::default())
}

/// The workspace's tests, their output passed on while it is counted; with a PostgreSQL beside them.
fn tests() -> anyhow::Result<Tally> {
    let server = postgres::Server::start()?;
    let mut command = run::cargo();
    command.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
    command.env(postgres::VARIABLE, server.url());
    // The same cases for everybody: what fails here fails again. Other seeds are for exploring.
    if std::env::var_os(PROPERTY_SEED).is_none() {
        command.env(PROPERTY_SEED, "1");
    }
    let (tally, status) = counted(&mut command, closing_line)?;
    if tally.passed + tally.failed == 0 {
        bail!("cargo test ran no test: {status}");
    }
    if !status.success() && tally.failed == 0 {
        bail!("cargo test did not build everything or was stopped: {status}");
    }
    Ok(tally)
}

/// Runs a command, its output passed on while its closing lines are counted.
fn counted(
    command: &mut Command,
    closing: impl Fn(&str) -> Option<Tally>,
) -> anyhow::Result<(Tally, ExitStatus)> {
    let shown = run::shown(command);
    println!("$ {shown}");
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("`{shown}` did not start"))?;
    let output = child.stdout.take().with_context(|| format!("`{shown}` has no output"))?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let mut out = std::io::stdout().lock();
        out.write_all(&line)?;
        out.write_all(b"\n")?;
        tally.add(closing(&String::from_utf8_lossy(&line)).unwrap_or_default());
    }
    Ok((tally, child.wait()?))
}

/// What people do with the pages of the built service, in a real browser.
fn journeys(files: &[String]) -> anyhow::Result<Tally> {
    run::check(run::cargo().args(["build", "--locked", "--package", "pushback"]))?;
    let (tally, status) = counted(browser::journeys()?.args(files), |line| {
        let (passed, failed) = browser::closing_line(line)?;
        Some(Tally { passed, failed, skipped: 0 })
    })?;
    if tally.passed == 0 || (!status.success() && tally.failed == 0) {
        bail!("the journeys did not come to their end: {status}");
    }
    Ok(tally)
}

/// What the closing line of one test program says, if this is one.
fn closing_line(line: &str) -> Option<Tally> {
    let rest = line.strip_prefix("test result: ")?;
    let (_, counts) = rest.split_once(". ")?;
    let mut tally = Tally::default();
    for part in counts.split("; ") {
        let Some((number, word)) = part.split_once(' ') else { continue };
        let Ok(number) = number.parse() else { continue };
        match word {
            "passed" => tally.passed = number,
            "failed" => tally.failed = number,
            "ignored" => tally.skipped = number,
            _ => {}
        }
    }
    Some(tally)
}

/// Our OCSF output of simulated logs, judged by somebody else's models of the standard.
fn ocsf() -> anyhow::Result<Tally> {
    let python = setup::ocsf_python()?;
    run::check(run::cargo().args(["build", "--locked", "--package", "pushback"]))?;
    let pushback = run::target_dir().join("debug/pushback");
    let mut tally = Tally::default();
    for vendor in SIMULATED {
        let logs = run::target_dir().join("ocsf-logs").join(vendor);
        run::check(
            Command::new(&pushback)
                .args(["simulate", "--people", "40", "--days", "7", "--seed", "3"])
                .args(["--vendor", vendor, "--force", "--out"])
                .arg(&logs),
        )?;
        for view in [["normalize", "--quiet"].as_slice(), &["scan", "--quiet", "--format", "ocsf"]]
        {
            let mut command = Command::new(&pushback);
            command.args(view).arg(logs.join("logs"));
            println!("$ {} | python tests/ocsf/validate.py", run::shown(&command));
            let mut writer = command.stdout(Stdio::piped()).spawn()?;
            let output = writer.stdout.take().context("pushback has no output")?;
            let judged = Command::new(&python)
                .current_dir(run::root())
                .arg("tests/ocsf/validate.py")
                .stdin(output)
                .status()?;
            if !writer.wait()?.success() || !judged.success() {
                tally.failed += 1;
            } else {
                tally.passed += 1;
            }
        }
    }
    Ok(tally)
}

/// Simulated worlds whose logs are shown as OCSF.
const SIMULATED: [&str; 4] = ["okta_oie", "entra_m365", "duo", "pingid"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_of_a_test_program_is_counted() {
        let line =
            "test result: FAILED. 16 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(closing_line(line), Some(Tally { passed: 16, failed: 2, skipped: 1 }));
        assert_eq!(closing_line("test a_test ... ok"), None);
    }

    #[test]
    fn the_last_line_is_plain() {
        assert_eq!(closing(Tally { passed: 3, failed: 0, skipped: 0 }), "3 passed, 0 failed");
        assert_eq!(
            closing(Tally { passed: 3, failed: 1, skipped: 2 }),
            "3 passed, 1 failed, 2 skipped"
        );
    }
}
