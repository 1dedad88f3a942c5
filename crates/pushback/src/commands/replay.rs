//! `pushback replay`: the same records under two policies.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use pushback_model::{Incident, Stage};
use serde_json::json;

use super::{Failure, Notes, account};
use crate::cli::{Exit, ReplayArgs};
use crate::config::Config;
use crate::report::text::{pad, sanitise, width};
use crate::scan::load;

pub fn run(args: &ReplayArgs) -> Result<Exit, Failure> {
    let today = Config::load(args.today().as_deref())?;
    let tried = Config::load(Some(&args.policy))?;
    // The readers' mapping and the aliases decide what is read; the tried policy's win.
    let loaded = load(&args.input, &tried)?;
    let failed = || Failure::io("reading records again");
    let before = loaded.judge(&today).map_err(failed())?.incidents();
    let after = loaded.judge(&tried).map_err(failed())?.incidents();
    account(&loaded.report, args.input.strict, Notes::new(args.input.quiet))?;
    let mut out = BufWriter::new(io::stdout().lock());
    write(&before, &after, args.json, &mut out)
        .and_then(|()| out.flush())
        .map_err(Failure::io("standard output"))?;
    Ok(Exit::Clean)
}

/// How one incident differs between two policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Appears,
    Disappears,
    Moves,
}

impl Change {
    const fn name(self) -> &'static str {
        match self {
            Self::Appears => "appears",
            Self::Disappears => "disappears",
            Self::Moves => "moves",
        }
    }
}

fn write(
    before: &[Incident],
    after: &[Incident],
    as_json: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let changes = changes(before, after);
    if as_json {
        for (change, old, new) in &changes {
            let one = new.or(*old);
            let line = json!({
                "change": change.name(),
                "id": one.map(|i| &i.id),
                "subject": one.map(|i| &i.subject.name),
                "before": old.map(|i| json!({"stage": i.stage.name(), "evidence_bits": i.evidence_bits})),
                "after": new.map(|i| json!({"stage": i.stage.name(), "evidence_bits": i.evidence_bits})),
            });
            writeln!(out, "{line}")?;
        }
        return Ok(());
    }
    writeln!(out, "stage        today   tried")?;
    for stage in [Stage::Foothold, Stage::Approved, Stage::Bombing, Stage::Exposed] {
        let count = |list: &[Incident]| list.iter().filter(|i| i.stage == stage).count();
        writeln!(out, "{:<10} {:>7} {:>7}", stage.name(), count(before), count(after))?;
    }
    if changes.is_empty() {
        return writeln!(out, "\nno incident differs");
    }
    writeln!(out)?;
    let side = |incident: &Option<&Incident>| {
        incident.map_or("-".to_owned(), |incident| {
            format!("{} ({:.1} bits)", incident.stage.name(), incident.evidence_bits)
        })
    };
    let rows: Vec<[String; 5]> = changes
        .iter()
        .filter_map(|(change, old, new)| {
            let one = new.or(*old)?;
            let name = sanitise(&one.subject.name).into_owned();
            Some([change.name().to_owned(), one.id.clone(), name, side(old), side(new)])
        })
        .collect();
    let columns = |n: usize| rows.iter().filter_map(|row| row.get(n)).map(|c| width(c)).max();
    let [names, befores] = [2, 3].map(|n| columns(n).unwrap_or(0));
    for [change, id, name, before, after] in &rows {
        let [name, before] = [pad(name, names), pad(before, befores)];
        writeln!(out, "{change:<11}  {id}  {name}  {before}  -> {after}")?;
    }
    Ok(())
}

type Row<'a> = (Change, Option<&'a Incident>, Option<&'a Incident>);

/// Incidents that differ. One person's incidents that overlap in time are the same incident, also
/// when a policy sees it begin earlier and so gives it another id.
fn changes<'a>(before: &'a [Incident], after: &'a [Incident]) -> Vec<Row<'a>> {
    let mut by_subject: BTreeMap<&str, Vec<&Incident>> = BTreeMap::new();
    for incident in before {
        by_subject.entry(&incident.subject.name).or_default().push(incident);
    }
    let mut rows = Vec::new();
    for new in after {
        let olds = by_subject.get_mut(new.subject.name.as_str());
        let old = olds.and_then(|olds| {
            let same = |old: &&Incident| {
                old.id == new.id || (old.started_at <= new.last_at && new.started_at <= old.last_at)
            };
            olds.iter().position(same).map(|i| olds.remove(i))
        });
        match old {
            Some(old) if old.stage == new.stage => {}
            Some(old) => rows.push((Change::Moves, Some(old), Some(new))),
            None => rows.push((Change::Appears, None, Some(new))),
        }
    }
    rows.extend(
        by_subject.into_values().flatten().map(|old| (Change::Disappears, Some(old), None)),
    );
    rows
}
