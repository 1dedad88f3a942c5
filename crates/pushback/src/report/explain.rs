//! One incident, record by record: what each says, and which terms of the evidence rest on it.

mod pretty;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use pushback_model::{Evidence, Factor, Incident};

use super::marks;
use super::terminal::ink::{Ink, Line};
use super::terminal::{Options, Page};
use super::text;
use super::view::TimelineItem;
use super::words;

/// Lines of a record that are shown unless all are asked for.
const LINES_MAX: usize = 16;

/// How much of each record to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raw {
    /// The first lines, each cut at the width.
    Brief,
    /// All of it, wrapped.
    Full,
}

/// One record behind an incident.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What it was read as.
    pub item: &'a TimelineItem,
    /// Its text as it stands in the log; `None` if it cannot be read again (standard input).
    pub text: Option<&'a str>,
}

/// Writes the incident and every record behind it, in the order given.
///
/// # Errors
/// If the writer fails.
pub fn write(
    incident: &Incident,
    records: &[Record<'_>],
    options: Options,
    raw: Raw,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, options);
    super::terminal::head(page, incident)?;
    page.blank()?;
    let mut terms: BTreeMap<&str, Vec<&Evidence>> = BTreeMap::new();
    for term in words::terms_by_size(incident) {
        for event in term.events.iter().collect::<BTreeSet<_>>() {
            terms.entry(event).or_default().push(term);
        }
    }
    let by_item: BTreeMap<*const TimelineItem, marks::Mark> = {
        let story: Vec<&TimelineItem> = records.iter().map(|record| record.item).collect();
        marks::place(&story).iter().map(|p| (std::ptr::from_ref(p.item), p.mark)).collect()
    };
    let mut day = None;
    for (number, record) in records.iter().enumerate() {
        let today = record.item.at.day();
        if day.replace(today) != Some(today) {
            page.heading(&format!("{} UTC", words::date(record.item.at)))?;
        }
        let mark = by_item.get(&std::ptr::from_ref(record.item)).copied();
        summary(page, number + 1, record.item, mark)?;
        for term in terms.get(record.item.event.as_str()).into_iter().flatten() {
            write_term(page, term)?;
        }
        body(page, record, raw)?;
        page.blank()?;
    }
    let shown: BTreeSet<&str> = records.iter().map(|r| r.item.event.as_str()).collect();
    rest(page, incident, &shown)?;
    let total = Line::default()
        .put(Ink::Strong, text::pad_left(&format!("{:.1}", incident.evidence_bits), 7))
        .put(Ink::Plain, " bits in all");
    page.line(total)
}

fn summary(
    page: &mut Page<'_>,
    number: usize,
    item: &TimelineItem,
    mark: Option<marks::Mark>,
) -> io::Result<()> {
    let mut what = words::what(item.kind).to_owned();
    if item.factor != Factor::Unknown {
        what.push_str(&format!(", {}", words::spaced(item.factor.name())));
    }
    if !item.label.is_empty() {
        what.push_str(&format!(": {}", text::sanitise(&item.label)));
    }
    let line = Line::default()
        .put(Ink::Dim, text::pad(&format!("#{number}"), 5))
        .put(Ink::Plain, words::time_seconds(item.at))
        .put(Ink::Plain, "  ");
    let line = match mark {
        Some(mark) => line.put(Ink::Mark(mark), mark.glyph(page.ascii)).put(Ink::Plain, " "),
        None => line.put(Ink::Plain, "  "),
    };
    page.hang(line, Ink::Strong, &what)?;
    let mut beside = vec![item.source.title().to_owned()];
    if !item.ip.is_empty() {
        let whose = if item.foreign { "a stranger's" } else { "the owner's" };
        beside.push(format!("{} ({whose})", text::sanitise(&item.ip)));
    }
    beside.push(text::sanitise(&item.event).into_owned());
    beside.push(text::sanitise(&item.position).into_owned());
    beside.retain(|part| !part.is_empty());
    page.paragraph(5, Ink::Dim, &beside.join(page.dot()))
}

fn write_term(page: &mut Page<'_>, term: &Evidence) -> io::Result<()> {
    let line = Line::default()
        .put(Ink::Strong, text::pad_left(&words::bits(term.bits), 11))
        .put(Ink::Plain, "  ");
    let shared = match term.events.iter().collect::<BTreeSet<_>>().len() {
        0 | 1 => String::new(),
        n => format!(" [{n} records together]"),
    };
    page.hang(line, Ink::Plain, &format!("{}: {}{shared}", words::spaced(&term.kind), term.why))
}

fn body(page: &mut Page<'_>, record: &Record<'_>, raw: Raw) -> io::Result<()> {
    let bar = if page.ascii { "| " } else { "│ " };
    let Some(text) = record.text else {
        return page.line(
            Line::indented(5).put(Ink::Dim, format!("{bar}(the record cannot be read again)")),
        );
    };
    let room = page.width.saturating_sub(7);
    let lines = pretty::lines(text);
    let shown = match raw {
        Raw::Brief => LINES_MAX,
        Raw::Full => usize::MAX,
    };
    for line in lines.iter().take(shown) {
        let clean = text::sanitise(line);
        let mut rest: &str = &clean;
        loop {
            let (head, tail) = match raw {
                Raw::Brief => (text::shorten(rest, room, page.ascii), ""),
                Raw::Full => {
                    let (head, tail) = text::take_columns(rest, room);
                    (head.into(), tail)
                }
            };
            page.line(Line::indented(5).put(Ink::Dim, bar).put(Ink::Plain, head))?;
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
    }
    match lines.len().saturating_sub(shown) {
        0 => Ok(()),
        n => {
            let words =
                format!("{bar}({}; --raw shows all)", words::several_of(n as u64, "more line"));
            page.line(Line::indented(5).put(Ink::Dim, words))
        }
    }
}

/// Terms that rest on no record shown above.
fn rest(page: &mut Page<'_>, incident: &Incident, shown: &BTreeSet<&str>) -> io::Result<()> {
    let rest: Vec<&Evidence> = words::terms_by_size(incident)
        .into_iter()
        .filter(|term| !term.events.iter().any(|event| shown.contains(event.as_str())))
        .collect();
    if rest.is_empty() {
        return Ok(());
    }
    page.heading("FROM THE WHOLE EPISODE")?;
    for term in rest {
        let line = Line::default()
            .put(Ink::Strong, text::pad_left(&words::bits(term.bits), 7))
            .put(Ink::Plain, "  ");
        page.hang(line, Ink::Plain, &format!("{}: {}", words::spaced(&term.kind), term.why))?;
    }
    page.blank()
}
