//! The `pushback` program: command line, configuration, wiring.

#![expect(clippy::print_stderr, reason = "a command-line program complains on standard error")]

mod cli;
mod commands;
mod config;
mod input;
mod progress;
mod report;
mod scan;
mod serve;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(code) => ExitCode::from(code as u8),
        Err(failure) => {
            // A reader that went away (`| head`) wants no explanation.
            if failure.is_broken_pipe() {
                return ExitCode::SUCCESS;
            }
            let text = failure.to_string();
            match &failure {
                // Each line is about another file.
                commands::Failure::Input(_) => {
                    text.lines().for_each(|line| eprintln!("pushback: {line}"));
                }
                _ => eprintln!("pushback: {text}"),
            }
            ExitCode::from(failure.code() as u8)
        }
    }
}
