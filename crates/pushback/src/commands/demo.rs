//! `pushback demo`.

use super::Failure;
use crate::cli::{DemoArgs, Exit};

pub fn run(args: &DemoArgs) -> Result<Exit, Failure> {
    let _ = args;
    Ok(Exit::Clean)
}
