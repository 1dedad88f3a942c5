//! One incident as a block of lines.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use pushback_model::Incident;

use super::ink::{Ink, Line};
use super::{Folded, NARROW, Page, strip};
use crate::report::marks::{self, Mark};
use crate::report::text;
use crate::report::view::{Campaign, Report};
use crate::report::words::{self, Days};

/// Where the text of a block starts, after its number.
const INDENT: usize = 4;
/// Where the rows start, after their label.
const ROWS: usize = 11;
const ORIGINS_MAX: usize = 4;
const TERMS_MAX: usize = 8;
const AFTER_MAX: usize = 8;
const STEPS_MAX: usize = 8;
const FOLDED_MAX: usize = 4;
/// From this width on, rows have room for columns that only help.
const WIDE: usize = 90;

/// Writes the block of an incident.
pub(super) fn write(
    page: &mut Page<'_>,
    report: &Report<'_>,
    campaigns: &BTreeMap<&str, Campaign<'_>>,
    folded: &Folded<'_>,
    incident: &Incident,
    number: usize,
) -> io::Result<()> {
    head(page, incident, Some(number))?;
    timeline(page, report, incident)?;
    origins(page, incident)?;
    evidence(page, report, incident)?;
    followed(page, incident)?;
    steps(page, incident)?;
    campaign(page, campaigns, folded, incident)?;
    let id = text::sanitise(&incident.id);
    page.line(label("id").put(Ink::Dim, text::shorten(&id, page.width - ROWS, page.ascii)))?;
    page.blank()
}

/// The stage, the person, when, the sum; then what happened, in words.
pub(crate) fn head(
    page: &mut Page<'_>,
    incident: &Incident,
    number: Option<usize>,
) -> io::Result<()> {
    let sources: BTreeSet<&str> = incident.subject.ids.iter().map(|id| id.source.title()).collect();
    let sources = sources.into_iter().collect::<Vec<_>>().join(" + ");
    let mut right = vec![words::date(incident.started_at)];
    if page.width >= WIDE && !sources.is_empty() {
        right.push(sources);
    }
    right.push(format!("{:.1} bits", incident.evidence_bits));
    let right = right.join(page.dot());
    let stage = incident.stage.name().to_uppercase();
    let number = number.map_or_else(String::new, |n| format!("{n}. "));
    let line = Line::default()
        .put(Ink::Dim, text::pad(&number, INDENT))
        .put(Ink::Stage(incident.stage), stage)
        .put(Ink::Plain, "  ");
    let room = page.width.saturating_sub(line.columns() + text::width(&right) + 2);
    let name = text::sanitise(&incident.subject.name);
    if page.width < NARROW {
        let room = page.width.saturating_sub(line.columns());
        page.line(line.put(Ink::Strong, text::shorten(&name, room, page.ascii)))?;
        page.line(Line::indented(INDENT).put(Ink::Dim, right))?;
    } else {
        let line = line
            .put(Ink::Strong, text::shorten(&name, room, page.ascii))
            .pad_to(page.width.saturating_sub(text::width(&right)))
            .put(Ink::Dim, right);
        page.line(line)?;
    }
    page.paragraph(INDENT, Ink::Plain, &words::headline(incident))
}

fn label(name: &str) -> Line {
    Line::indented(INDENT).put(Ink::Dim, name).pad_to(ROWS)
}

/// The label for the first row of a group, blanks for the others.
struct Labels(Option<&'static str>);

impl Labels {
    fn next(&mut self) -> Line {
        self.0.take().map_or_else(|| Line::indented(ROWS), label)
    }
}

fn timeline(page: &mut Page<'_>, report: &Report<'_>, incident: &Incident) -> io::Result<()> {
    let marks = marks::place(&report.timeline(incident));
    let (Some(first), Some(last)) = (marks.first(), marks.last()) else { return Ok(()) };
    let mut days = Days::known(incident.started_at);
    let (from, to) = (days.time(first.at), days.time(last.at));
    let line = label("when").put(Ink::Dim, &from).put(Ink::Plain, " ");
    let room = page.width.saturating_sub(line.columns() + 1 + text::width(&to));
    let mut line = line.put_all(strip::strip(&marks, room, page.ascii));
    if marks.len() > 1 {
        line = line.put(Ink::Dim, format!(" {to}"));
    }
    page.line(line)
}

fn origins(page: &mut Page<'_>, incident: &Incident) -> io::Result<()> {
    let mut labels = Labels(Some("from"));
    let mut sorted: Vec<_> = incident.origins.iter().collect();
    sorted.sort_by(|a, b| b.prompts.cmp(&a.prompts).then_with(|| a.ip.cmp(&b.ip)));
    let rows: Vec<[String; 4]> = sorted
        .iter()
        .take(ORIGINS_MAX)
        .map(|origin| {
            let ip = text::sanitise(&origin.ip).into_owned();
            [
                if ip.is_empty() { "address not logged".to_owned() } else { ip },
                match origin.prompts {
                    0 => "no prompt".to_owned(),
                    n => words::several_of(u64::from(n), "prompt"),
                },
                words::network(origin),
                words::place(origin),
            ]
        })
        .collect();
    let widest = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| text::width(cell))
            .max()
            .unwrap_or(0)
    };
    let prompt_columns = widest(1);
    let room = page.width.saturating_sub(ROWS + 2 + prompt_columns);
    let ip_columns = widest(0).min(39).min(room);
    for [ip, prompts, network, place] in &rows {
        let line = labels
            .next()
            .put(Ink::Plain, text::pad(&text::shorten(ip, ip_columns, page.ascii), ip_columns))
            .put(Ink::Plain, "  ")
            .put(Ink::Plain, text::pad_left(prompts, prompt_columns));
        let beside: Vec<&str> = [place, network]
            .into_iter()
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        let beside = beside.join(page.dot());
        if line.columns() + 2 + text::width(&beside) <= page.width {
            page.line(line.put(Ink::Dim, format!("  {beside}")))?;
        } else {
            page.line(line)?;
            page.paragraph(ROWS + 2, Ink::Dim, &beside)?;
        }
    }
    more(page, incident.origins.len(), ORIGINS_MAX, "address", "addresses")?;
    match words::without_address(incident) {
        Some(rest) => page.hang(labels.next(), Ink::Dim, &rest),
        None => Ok(()),
    }
}

fn evidence(page: &mut Page<'_>, report: &Report<'_>, incident: &Incident) -> io::Result<()> {
    let mut labels = Labels(Some("why"));
    let terms = words::terms_by_size(incident);
    let kind_columns = terms
        .iter()
        .take(TERMS_MAX)
        .map(|term| text::width(&words::spaced(&term.kind)))
        .max()
        .unwrap_or(0)
        .min(24);
    for term in terms.iter().take(TERMS_MAX) {
        let mut line = labels
            .next()
            .put(Ink::Strong, text::pad_left(&words::bits(term.bits), 5))
            .put(Ink::Plain, "  ");
        if page.width >= WIDE {
            let kind = words::spaced(&term.kind);
            let kind = text::shorten(&kind, kind_columns, page.ascii);
            line = line.put(Ink::Dim, text::pad(&kind, kind_columns)).put(Ink::Plain, "  ");
        }
        page.hang(line, Ink::Plain, &term.why)?;
    }
    let rest: Vec<f64> = terms.iter().skip(TERMS_MAX).map(|term| term.bits).collect();
    if !rest.is_empty() {
        let line =
            labels.next().put(Ink::Plain, text::pad_left(&words::bits(rest.iter().sum()), 5)).put(
                Ink::Dim,
                format!("  {} of less weight", words::several_of(rest.len() as u64, "term")),
            );
        page.line(line)?;
    }
    if terms.is_empty() {
        return Ok(());
    }
    let threshold =
        report.threshold_bits.map_or_else(String::new, |bits| format!(", reported from {bits:.1}"));
    let line = labels
        .next()
        .put(Ink::Strong, text::pad_left(&format!("{:.1}", incident.evidence_bits), 5))
        .put(Ink::Plain, "  ");
    page.hang(line, Ink::Dim, &format!("bits in all{threshold}"))
}

fn followed(page: &mut Page<'_>, incident: &Incident) -> io::Result<()> {
    let after = words::followed(incident);
    let mut labels = Labels(None);
    let mut told = "";
    let mut days = Days::known(incident.started_at);
    let times: Vec<String> = after.iter().take(AFTER_MAX).map(|a| days.time(a.at)).collect();
    let time_columns = times.iter().map(|t| text::width(t)).max().unwrap_or(0);
    for (after, time) in after.iter().zip(&times) {
        let when = if words::is_before_approval(incident, after) { "before" } else { "then" };
        if when != std::mem::replace(&mut told, when) {
            labels = Labels(Some(when));
        }
        let mark = if after.kind.is_lasting_change() { Mark::Change } else { Mark::Session };
        let line = labels
            .next()
            .put(Ink::Dim, text::pad_left(time, time_columns))
            .put(Ink::Plain, " ")
            .put(Ink::Mark(mark), mark.glyph(page.ascii))
            .put(Ink::Plain, " ");
        page.hang(line, Ink::Plain, &words::after(after))?;
    }
    more(page, after.len(), AFTER_MAX, "step", "steps")
}

fn steps(page: &mut Page<'_>, incident: &Incident) -> io::Result<()> {
    let mut labels = Labels(Some("do"));
    for (i, step) in incident.next_steps.iter().take(STEPS_MAX).enumerate() {
        let line = labels.next().put(Ink::Strong, format!("{}. ", i + 1));
        page.hang(line, Ink::Plain, step)?;
    }
    more(page, incident.next_steps.len(), STEPS_MAX, "step", "steps")
}

fn campaign(
    page: &mut Page<'_>,
    campaigns: &BTreeMap<&str, Campaign<'_>>,
    folded: &Folded<'_>,
    incident: &Incident,
) -> io::Result<()> {
    let Some(campaign) = incident.campaign.as_deref().and_then(|id| campaigns.get(id)) else {
        return Ok(());
    };
    let mut labels = Labels(Some("with"));
    page.hang(labels.next(), Ink::Plain, &words::campaign(campaign))?;
    let is_head = campaign.incidents.first().is_some_and(|first| first.id == incident.id);
    let Some(others) = folded.get(campaign.id).filter(|_| is_head) else { return Ok(()) };
    let columns = others
        .iter()
        .take(FOLDED_MAX)
        .map(|other| text::width(&text::sanitise(&other.subject.name)))
        .max()
        .unwrap_or(0)
        .min(page.width.saturating_sub(ROWS + 9 + if page.width >= WIDE { 51 } else { 15 }));
    let mut days = Days::known(incident.started_at);
    for other in others.iter().take(FOLDED_MAX) {
        let name = text::sanitise(&other.subject.name);
        let name = text::shorten(&name, columns, page.ascii);
        let line = Line::indented(ROWS)
            .put(Ink::Stage(other.stage), text::pad(other.stage.name(), 9))
            .put(Ink::Plain, text::pad(&name, columns))
            .put(Ink::Dim, format!("  {}", brief(page, other, &mut days)));
        page.line(line)?;
    }
    more(page, others.len(), FOLDED_MAX, "incident", "incidents")
}

/// When, how many prompts, and the id, as far as there is room.
fn brief(page: &Page<'_>, incident: &Incident, days: &mut Days) -> String {
    const ID: usize = 20;
    let prompts = words::several_of(u64::from(incident.prompts.sent), "prompt");
    if page.width >= WIDE {
        let time = text::pad_left(&days.time(incident.started_at), 5);
        let id = text::sanitise(&incident.id);
        let id = text::shorten(&id, ID, page.ascii);
        format!("{time}  {}  {id}", text::pad(&prompts, 10))
    } else {
        prompts
    }
}

fn more(page: &mut Page<'_>, len: usize, max: usize, one: &str, many: &str) -> io::Result<()> {
    match len.saturating_sub(max) {
        0 => Ok(()),
        1 => page.line(Line::indented(ROWS).put(Ink::Dim, format!("and 1 more {one}"))),
        n => page.line(
            Line::indented(ROWS)
                .put(Ink::Dim, format!("and {} more {many}", words::number(n as u64))),
        ),
    }
}
