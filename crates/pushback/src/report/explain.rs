//! One incident, record by record: what each says, and which terms of the evidence rest on it.

mod pretty;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use pushback_model::{Evidence, Factor, Incident};

use super::marks;
use super::terminal::ink::{Ink, Line};
use super::terminal::{self, Page};
use super::text;
use super::view::TimelineItem;
use super::words;

/// Lines of a record that are shown unless all are asked for: those that were read before others.
const LINES_MAX: usize = 16;
/// Where everything about a record starts, after its number.
const INDENT: usize = 5;

/// How to show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How the terminal wants it; `limit` means nothing here.
    pub terminal: terminal::Options,
    /// Show all of each record, wrapped, instead of its first lines, cut at the width.
    pub is_whole: bool,
}

/// One record behind an incident.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What it was read as.
    pub item: &'a TimelineItem,
    /// Its bytes as they stand in the log; empty if it cannot be read again (standard input).
    pub raw: &'a [u8],
    /// What was taken out of it, as it stands there: these members are shown before others.
    pub used: &'a [String],
}

/// Writes the incident and every record behind it, in the order given.
///
/// # Errors
/// If the writer fails.
pub fn write(
    incident: &Incident,
    records: &[Record<'_>],
    options: Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, options.terminal);
    terminal::head(page, incident)?;
    page.line(Line::indented(4).put(Ink::Dim, "id  ").put(Ink::Plain, &incident.id))?;
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
    let mut first_shown: BTreeMap<&str, usize> = BTreeMap::new();
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
        let place = record.item.position.as_str();
        match first_shown.get(place).filter(|_| !place.is_empty()) {
            Some(first) => note(page, &format!("the same record as #{first}"))?,
            None => body(page, record, options.is_whole)?,
        }
        first_shown.entry(place).or_insert(number + 1);
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
        what.push_str(&format!(": {}", words::in_words(&item.label)));
    }
    let line = Line::default()
        .put(Ink::Dim, text::pad(&format!("#{number}"), INDENT))
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
    page.paragraph(INDENT, Ink::Dim, &beside.join(page.dot()))
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

fn body(page: &mut Page<'_>, record: &Record<'_>, is_whole: bool) -> io::Result<()> {
    if record.raw.is_empty() {
        return note(page, "the record cannot be read again");
    }
    let room = page.width.saturating_sub(INDENT + 2);
    let lines = pretty::lines(&String::from_utf8_lossy(record.raw));
    let shown: Vec<&String> = if is_whole || lines.len() <= LINES_MAX {
        lines.iter().collect()
    } else {
        let telling = pretty::telling(&lines, record.used, LINES_MAX);
        telling.into_iter().filter_map(|i| lines.get(i)).collect()
    };
    for line in &shown {
        let clean = text::sanitise(line);
        if !is_whole {
            let line = text::shorten(&clean, room, page.ascii);
            page.line(bar(page).put(Ink::Plain, line))?;
            continue;
        }
        let mut rest: &str = &clean;
        loop {
            let (head, tail) = text::take_columns(rest, room);
            page.line(bar(page).put(Ink::Plain, head))?;
            if tail.is_empty() || head.is_empty() {
                break;
            }
            rest = tail;
        }
    }
    match lines.len().saturating_sub(shown.len()) {
        0 => Ok(()),
        n => note(page, &format!("{}; --raw shows all", words::several_of(n as u64, "more line"))),
    }
}

fn note(page: &mut Page<'_>, words: &str) -> io::Result<()> {
    page.hang(bar(page), Ink::Dim, &format!("({words})"))
}

fn bar(page: &Page<'_>) -> Line {
    Line::indented(INDENT).put(Ink::Dim, if page.ascii { "| " } else { "│ " })
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
