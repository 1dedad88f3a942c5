//! Running programs in turn and asking the system what they cost.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use wait4::Wait4 as _;

use crate::run::shown;

/// A program in the measurement.
pub struct Contestant {
    /// Short name for ratios.
    pub id: &'static str,
    /// What it does, for people.
    pub what: &'static str,
    /// How to start it.
    pub command: Command,
}

/// What all runs of a program cost.
pub struct Measured {
    /// See [`Contestant::id`].
    pub id: &'static str,
    /// See [`Contestant::what`].
    pub what: &'static str,
    /// User and system seconds of each run, sorted.
    cpu: Vec<f64>,
    /// Seconds on the clock of each run, sorted.
    wall: Vec<f64>,
    /// Most memory that any run held, in bytes.
    pub memory: u64,
}

impl Measured {
    /// The middle of all CPU seconds.
    pub fn cpu_median(&self) -> f64 {
        median(&self.cpu)
    }

    /// The middle of all seconds on the clock.
    pub fn wall_median(&self) -> f64 {
        median(&self.wall)
    }

    /// The least and the most CPU seconds.
    pub fn cpu_spread(&self) -> (f64, f64) {
        let first = self.cpu.first().copied().unwrap_or_default();
        (first, self.cpu.last().copied().unwrap_or_default())
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    let at = |i: usize| sorted.get(i).copied().unwrap_or_default();
    if sorted.len() % 2 == 1 {
        at(middle)
    } else {
        f64::midpoint(at(middle.max(1) - 1), at(middle))
    }
}

/// Runs everything once to warm the disk cache, then `rounds` times in turn.
///
/// # Errors
/// If a program cannot be started or fails.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
pub fn rounds(contestants: &[Contestant], rounds: usize) -> anyhow::Result<Vec<Measured>> {
    let mut all: Vec<Measured> = contestants
        .iter()
        .map(|c| Measured { id: c.id, what: c.what, cpu: vec![], wall: vec![], memory: 0 })
        .collect();
    for round in 0..=rounds {
        println!("round {round} of {rounds}{}", if round == 0 { " (warming up)" } else { "" });
        for (contestant, measured) in contestants.iter().zip(&mut all) {
            let mut command = Command::new(contestant.command.get_program());
            command.args(contestant.command.get_args()).stdin(Stdio::null());
            let started = Instant::now();
            let child = command
                .stdout(Stdio::null())
                .spawn()
                .with_context(|| format!("`{}` did not start", shown(&command)))?;
            let used = child.wait4().context("a child cannot be waited for")?;
            let wall = started.elapsed().as_secs_f64();
            // Incidents that were found are no failure: 1 and above are errors of the program.
            if !used.status.success() {
                bail!("`{}` failed: {}", shown(&command), used.status);
            }
            if round > 0 {
                measured.cpu.push((used.rusage.utime + used.rusage.stime).as_secs_f64());
                measured.wall.push(wall);
            }
            measured.memory = measured.memory.max(used.rusage.maxrss);
        }
    }
    for measured in &mut all {
        measured.cpu.sort_by(f64::total_cmp);
        measured.wall.sort_by(f64::total_cmp);
    }
    Ok(all)
}
