//! Everything that must hold before a change is merged.

use crate::{run, setup};

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Args {}

/// Installs what the tests need and runs them all.
///
/// # Errors
/// If something cannot be installed or does not pass.
pub fn run(_args: &Args) -> anyhow::Result<()> {
    setup::rust_components()?;
    run::check(run::cargo().args(["fmt", "--all", "--check"]))?;
    let mut clippy = run::cargo();
    clippy.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    run::check(&mut clippy)?;
    run::check(run::cargo().args(["test", "--workspace"]))
}
