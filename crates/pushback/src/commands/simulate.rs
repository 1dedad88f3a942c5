//! `pushback simulate`.

use super::Failure;
use crate::cli::{Exit, SimulateArgs};

pub fn run(args: &SimulateArgs) -> Result<Exit, Failure> {
    let _ = args;
    Ok(Exit::Clean)
}
