//! `pushback normalize`.

use std::io::{self, BufWriter, Write};

use pushback_normalize::{Reader, ocsf};

use super::{Failure, Notes, account};
use crate::cli::{Exit, NormalizeArgs};
use crate::config::Config;
use crate::input;
use crate::progress::Bar;
use crate::report::json;

pub fn run(args: &NormalizeArgs) -> Result<Exit, Failure> {
    let config = Config::load(args.policy.file().as_deref())?;
    let reader = Reader::new(config.mapping.clone());
    let mut bar = Bar::new(args.input.quiet);
    let mut out = BufWriter::new(io::stdout());
    let mut failed = None;
    let report =
        input::for_each(&args.input.paths, &reader, args.input.strict, &mut bar, &mut |event| {
            if failed.is_none()
                && let Err(error) = json::line(&ocsf::to_ocsf(event), &mut out)
            {
                failed = Some(error);
            }
            failed.is_none()
        });
    bar.finish();
    if let Some(error) = failed {
        return Err(Failure::io("standard output")(error));
    }
    let report = report?;
    out.flush().map_err(Failure::io("standard output"))?;
    account(&report, args.input.strict, Notes::new(args.input.quiet))?;
    Ok(Exit::Clean)
}
