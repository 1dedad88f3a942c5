//! `pushback explain`.

use std::io::{self, BufWriter, Write};

use super::{Failure, account, stdout_is_terminal, terminal_options};
use crate::cli::{Exit, ExplainArgs};
use crate::config::Config;
use crate::report::explain;
use crate::scan::{item, load};

pub fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let config = Config::load(args.policy.policy.as_deref())?;
    let loaded = load(&args.input, &config)?;
    let scan = loaded.judge(&config).map_err(Failure::io("reading records again"))?;
    account(&loaded.report, args.input.strict, args.input.quiet)?;
    let wanted = args.incident.to_lowercase();
    let matching: Vec<_> = scan
        .told
        .iter()
        .filter(|t| {
            t.incident.id.starts_with(&wanted)
                || t.incident.subject.name == wanted
                || t.incident.subject.ids.iter().any(|i| i.id == wanted)
        })
        .collect();
    if matching.is_empty() {
        let known: Vec<&str> = scan.told.iter().take(5).map(|t| t.incident.id.as_str()).collect();
        let hint = if known.is_empty() {
            "these logs hold no incident".to_owned()
        } else {
            format!("the worst here are {}", known.join(", "))
        };
        return Err(Failure::Usage(format!("no incident `{}`: {hint}", args.incident)));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    for told in matching {
        let positions: Vec<_> = told.steps.iter().map(|s| s.position).collect();
        let raw = loaded.raw(&positions).map_err(Failure::io("reading records again"))?;
        let items: Vec<_> =
            told.steps.iter().map(|step| item(&told.incident, step, &loaded)).collect();
        let records: Vec<explain::Record<'_>> = items
            .iter()
            .zip(&told.steps)
            .map(|(item, step)| explain::Record {
                item,
                raw: raw.get(&step.position).map_or(&[][..], Vec::as_slice),
            })
            .collect();
        let terminal = terminal_options(&args.output, None, stdout_is_terminal());
        explain::write(
            &told.incident,
            &records,
            explain::Options { terminal, is_whole: args.raw },
            &mut out,
        )
        .map_err(Failure::io("standard output"))?;
    }
    out.flush().map_err(Failure::io("standard output"))?;
    Ok(Exit::Clean)
}
