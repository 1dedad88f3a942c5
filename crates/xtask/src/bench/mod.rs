//! Measurements, each one command that anybody can repeat.

mod bombing;
mod calibrate;
mod efficacy;
mod laws;
mod page;
mod prompts;
mod scan;

use clap::Subcommand;

/// What to measure.
#[derive(Subcommand)]
pub enum Bench {
    /// CPU time and memory of a scan beside other tools
    Scan(scan::Args),
    /// What is found, and what published rules find on the same worlds
    Efficacy(efficacy::Args),
    /// Prompt bombing played against four second factors
    Bombing(bombing::Args),
    /// Whether the prompt service keeps its laws, whatever fails
    Laws(laws::Args),
    /// Prompt cycles a second beside the database, the disk and another service
    Prompts(prompts::Args),
    /// Which values of the policy matter, and whether others would do better
    Calibrate(calibrate::Args),
}

/// Runs one measurement and prints its table.
///
/// # Errors
/// Whatever kept the measurement from finishing.
pub fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Scan(args) => scan::run(args),
        Bench::Efficacy(args) => efficacy::run(args),
        Bench::Bombing(args) => bombing::run(args),
        Bench::Laws(args) => laws::run(args),
        Bench::Prompts(args) => prompts::run(args),
        Bench::Calibrate(args) => calibrate::run(args),
    }
}
