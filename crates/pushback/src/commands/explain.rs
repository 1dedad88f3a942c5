//! `pushback explain`.

use std::io::{self, BufWriter, Write};

use pushback_detect::Told;
use pushback_model::{IdentityEvent, Incident};

use super::{Failure, Notes, account, stdout_is_terminal, terminal_options};
use crate::cli::{Exit, ExplainArgs};
use crate::config::Config;
use crate::report::explain;
use crate::report::text::sanitise;
use crate::scan::{item, load};

pub fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let config = Config::load(args.policy.file().as_deref())?;
    let loaded = load(&args.input, &config)?;
    let scan = loaded.judge(&config).map_err(Failure::io("reading records again"))?;
    account(&loaded.report, args.input.strict, Notes::new(args.input.quiet))?;
    let wanted = args.incident.trim().to_lowercase();
    let matching: Vec<&Told> =
        scan.told.iter().filter(|t| is_meant(&t.incident, &wanted)).collect();
    if matching.is_empty() {
        let mut known: Vec<&Incident> = scan.told.iter().map(|told| &told.incident).collect();
        known.sort_by(|a, b| {
            b.stage.cmp(&a.stage).then(b.evidence_bits.total_cmp(&a.evidence_bits))
        });
        let known: Vec<String> = known
            .iter()
            .take(5)
            .map(|incident| format!("{} {}", incident.id, sanitise(&incident.subject.name)))
            .collect();
        let similar: Vec<String> = scan
            .told
            .iter()
            .map(|told| &told.incident)
            .filter(|incident| wanted.len() >= 3 && incident.subject.name.contains(&wanted))
            .take(5)
            .map(|incident| format!("{} {}", incident.id, sanitise(&incident.subject.name)))
            .collect();
        let hint = if known.is_empty() {
            "these logs hold no incident".to_owned()
        } else if !similar.is_empty() {
            format!("did you mean\n  {}", similar.join("\n  "))
        } else {
            format!("the worst here are\n  {}", known.join("\n  "))
        };
        let wanted = sanitise(&args.incident);
        return Err(Failure::Usage(format!("no incident `{wanted}`: {hint}")));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    for told in matching {
        let positions: Vec<_> = told.steps.iter().map(|s| s.position).collect();
        let raw = loaded.raw(&positions).map_err(Failure::io("reading records again"))?;
        let items: Vec<_> =
            told.steps.iter().map(|step| item(&told.incident, step, &loaded)).collect();
        let used: Vec<Vec<String>> = told.steps.iter().map(|step| used(&step.event)).collect();
        let records: Vec<explain::Record<'_>> = items
            .iter()
            .zip(&told.steps)
            .zip(&used)
            .map(|((item, step), used)| explain::Record {
                item,
                raw: raw.get(&step.position).map_or(&[][..], Vec::as_slice),
                used,
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

/// What an event holds of its record's own words.
fn used(event: &IdentityEvent<'_>) -> Vec<String> {
    let party = &event.subscriber;
    let at = event.occurred_at;
    // As written by most, and in seconds or milliseconds.
    let minute: String = at.to_string().chars().take(16).collect();
    let seconds = at.as_millis().div_euclid(1_000).to_string();
    let mut texts: Vec<&str> = vec![&event.native, &event.what, &minute, &seconds, &party.name];
    for end in std::iter::once(&event.requester).chain(&event.responder) {
        texts.extend([end.ip.as_ref(), &end.city, &end.agent.raw, &end.device]);
    }
    texts.extend([event.app.as_ref(), &party.mail, &event.session, &event.id]);
    texts.into_iter().filter(|text| text.len() > 2).map(str::to_owned).collect()
}

/// Whether an incident is the one that a person typed: its id or the beginning of it, or a name of
/// its subscriber, with or without what follows the `@`.
fn is_meant(incident: &Incident, wanted: &str) -> bool {
    if let Some(digits) = wanted.strip_prefix("inc_") {
        return !digits.is_empty() && incident.id.starts_with(wanted);
    }
    let names = incident.subject.ids.iter().map(|id| id.id.to_lowercase());
    !wanted.is_empty()
        && names.chain([incident.subject.name.clone()]).any(|name| {
            name == wanted || name.split_once('@').is_some_and(|(local, _)| local == wanted)
        })
}
