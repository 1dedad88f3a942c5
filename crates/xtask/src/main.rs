//! House checks and chores too long for a recipe: `cargo xtask --help`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore talks to the person who started it"
)]

mod bench;
mod browser;
mod fuzz;
mod pictures;
mod postgres;
mod run;
mod setup;
mod test;
mod tidy;

use std::process::ExitCode;

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
    /// Run a command with a private PostgreSQL beside it
    Postgres(postgres::Args),
    /// Play the journeys through the pages in a real browser
    Browser(test::BrowserArgs),
    /// Make the house checks
    Tidy(tidy::Args),
    /// Fuzz the readers of untrusted bytes
    Fuzz(fuzz::Args),
    /// Make the pictures of the README anew from the demo
    Pictures(pictures::Args),
    /// Measure speed or efficacy
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Test(args) => test::run(&args),
        Chore::Postgres(args) => postgres::run(&args),
        Chore::Browser(args) => test::browser(&args),
        Chore::Tidy(args) => tidy::run(&args),
        Chore::Fuzz(args) => fuzz::run(&args),
        Chore::Pictures(args) => pictures::run(&args),
        Chore::Bench(bench) => bench::run(&bench),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // No backtrace: what failed was mostly another program, and it has had its say.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
