//! `pushback config`.

use super::{Failure, print};
use crate::cli::{ConfigArgs, ConfigCommand, Exit};
use crate::config::{Config, EXAMPLE};

pub fn run(args: &ConfigArgs) -> Result<Exit, Failure> {
    match &args.command {
        ConfigCommand::Check { file } => {
            Config::load(Some(file))?;
            print(&format!("{}: fine\n", file.display()))?;
        }
        ConfigCommand::Example => print(EXAMPLE)?,
    }
    Ok(Exit::Clean)
}
