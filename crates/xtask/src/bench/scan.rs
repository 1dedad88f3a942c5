//! Placeholder until the speed measurement arrives; replace this whole file, keep `Args` and `run`.

/// Options of the measurement.
#[derive(clap::Args)]
pub struct Args {}

/// Measures and prints the table.
///
/// # Errors
/// Always: there is nothing to measure here.
pub fn run(_args: &Args) -> anyhow::Result<()> {
    anyhow::bail!("this measurement has not arrived")
}
