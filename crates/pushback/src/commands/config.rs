//! `pushback config`.

use super::Failure;
use crate::cli::{ConfigArgs, ConfigCommand, Exit};
use crate::config::{Config, EXAMPLE};

pub fn run(args: &ConfigArgs) -> Result<Exit, Failure> {
    match &args.command {
        ConfigCommand::Check { file } => {
            let config = Config::load(Some(file))?;
            println!("{}: fine, {} aliases", file.display(), config.aliases.len());
        }
        ConfigCommand::Example => print!("{EXAMPLE}"),
    }
    Ok(Exit::Clean)
}
