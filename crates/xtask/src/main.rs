//! House checks and chores too long for a recipe: `cargo xtask --help`.
#![expect(clippy::print_stdout, reason = "a chore talks to the person who started it")]

mod bench;
mod fuzz;
mod run;
mod setup;
mod test;
mod tidy;

use clap::{Parser, Subcommand};

/// Chores of the Pushback workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", version, about)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what the tests need and pass them
    Test(test::Args),
    /// Make the house checks
    Tidy(tidy::Args),
    /// Fuzz the readers of untrusted bytes
    Fuzz(fuzz::Args),
    /// Measure speed or efficacy
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().chore {
        Chore::Test(args) => test::run(&args),
        Chore::Tidy(args) => tidy::run(&args),
        Chore::Fuzz(args) => fuzz::run(&args),
        Chore::Bench(bench) => bench::run(&bench),
    }
}
