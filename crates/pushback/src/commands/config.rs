//! `pushback config`.

use std::path::Path;

use super::{Failure, note, print};
use crate::cli::{ConfigArgs, ConfigCommand, Exit};
use crate::config::{Config, EXAMPLE};
use crate::serve::settings::Settings;

pub fn run(args: &ConfigArgs) -> Result<Exit, Failure> {
    match &args.command {
        ConfigCommand::Check { file } => {
            let (what, warnings) = if is_of_service(file) {
                Settings::check(Some(file), |_| Vec::new())?;
                ("settings of `pushback serve`", Vec::new())
            } else {
                ("a policy of `pushback scan`", Config::load(Some(file))?.warnings)
            };
            for warning in &warnings {
                note(&format!("warning: {warning}"));
            }
            print(&format!("{}: fine, as {what}\n", file.display()))?;
        }
        ConfigCommand::Example => print(EXAMPLE)?,
    }
    Ok(Exit::Clean)
}

/// Whether a file is written for `pushback serve`: by its first table that only the service has. What
/// cannot be read at all is left to the complaint of the scan's reader.
fn is_of_service(file: &Path) -> bool {
    const TABLES: [&str; 7] =
        ["service", "tls", "tables", "passwords", "push", "notices", "policy"];
    std::fs::read_to_string(file).is_ok_and(|text| {
        text.lines().any(|line| {
            let name = line.trim_start().strip_prefix('[').unwrap_or_default();
            let name = name.split([']', '.']).next().unwrap_or_default().trim();
            TABLES.contains(&name)
        })
    })
}
