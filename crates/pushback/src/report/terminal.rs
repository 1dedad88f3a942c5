//! The report for a terminal: worst first, one block an incident, then the rest in brief.

mod block;
mod closing;
pub mod ink;
pub mod strip;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use pushback_model::{Incident, Stage};

use super::marks::{self, Mark};
use super::text;
use super::view::{Campaign, Report};
use super::words;
use ink::{Ink, Line};

/// The narrowest terminal that is laid out for; a narrower one wraps by itself.
pub const WIDTH_MIN: usize = 40;
/// Below this width what stands at the right of a line goes to a line of its own.
const NARROW: usize = 60;
/// The widest layout: longer lines are hard to read.
pub const WIDTH_MAX: usize = 120;

/// How the terminal wants it. The caller knows; nothing is asked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Columns; kept between [`WIDTH_MIN`] and [`WIDTH_MAX`].
    pub width: usize,
    /// Whether to colour.
    pub colour: bool,
    /// Draw with ASCII only. Texts from records keep their letters.
    pub ascii: bool,
    /// Incidents shown as blocks; `None` shows all.
    pub limit: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { width: 80, colour: false, ascii: false, limit: None }
    }
}

/// Where the lines go, and how.
pub(crate) struct Page<'w> {
    out: &'w mut dyn Write,
    pub(crate) width: usize,
    pub(crate) ascii: bool,
    colour: bool,
}

impl<'w> Page<'w> {
    pub(crate) fn new(out: &'w mut dyn Write, options: Options) -> Self {
        Self {
            out,
            width: options.width.clamp(WIDTH_MIN, WIDTH_MAX),
            ascii: options.ascii,
            colour: options.colour,
        }
    }

    pub(crate) fn line(&mut self, line: Line) -> io::Result<()> {
        line.write(self.out, self.colour)
    }

    pub(crate) fn blank(&mut self) -> io::Result<()> {
        self.line(Line::default())
    }

    pub(crate) fn heading(&mut self, text: &str) -> io::Result<()> {
        // What stands after a colon explains, and is left out where there is no room.
        let text = match text.split_once(':') {
            Some((name, _)) if text::width(text) >= self.width => name,
            _ => text,
        };
        let rule = self.dash().repeat(self.width.saturating_sub(text::width(text) + 1));
        self.line(Line::default().put(Ink::Strong, text).put(Ink::Plain, " ").put(Ink::Dim, rule))
    }

    /// A paragraph after what `first` already holds; its further lines start at the same column.
    pub(crate) fn hang(&mut self, first: Line, ink: Ink, words: &str) -> io::Result<()> {
        let indent = first.columns();
        let clean = text::sanitise(words);
        let mut lead = Some(first);
        for words in text::wrap(&clean, self.width.saturating_sub(indent)) {
            let line = lead.take().unwrap_or_else(|| Line::indented(indent)).put(ink, words);
            self.line(line)?;
        }
        Ok(())
    }

    pub(crate) fn paragraph(&mut self, indent: usize, ink: Ink, words: &str) -> io::Result<()> {
        self.hang(Line::indented(indent), ink, words)
    }

    pub(crate) const fn dash(&self) -> &'static str {
        if self.ascii { "-" } else { "─" }
    }

    pub(crate) const fn dot(&self) -> &'static str {
        if self.ascii { " | " } else { " · " }
    }
}

/// Writes the whole report.
///
/// # Errors
/// If the writer fails.
pub fn write(report: &Report<'_>, options: Options, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(out, options);
    opening(page, report)?;
    let campaigns = report.campaigns();
    let (blocks, folded) = fold(report, &campaigns);
    let shown = options.limit.unwrap_or(usize::MAX);
    for (number, incident) in blocks.iter().take(shown).enumerate() {
        block::write(page, report, &campaigns, &folded, incident, number + 1)?;
    }
    // What stands in one line under a block that is not shown is not shown either.
    let hidden = report.worst_first().len() - listed(&blocks, &folded, shown);
    if hidden > 0 {
        let words = format!(
            "{} not shown (see --limit); every other format lists them all.",
            words::several_of(hidden as u64, "further incident")
        );
        page.paragraph(0, Ink::Plain, &words)?;
        page.blank()?;
    }
    closing::findings(page, report, options.limit)?;
    closing::summary(page, report, options.limit)?;
    closing::read(page, report)
}

fn opening(page: &mut Page<'_>, report: &Report<'_>) -> io::Result<()> {
    let period = match (report.read.first_at, report.read.last_at) {
        (Some(first), Some(last)) => format!("{} UTC", words::days(first, last)),
        _ => String::new(),
    };
    let head = Line::default().put(Ink::Strong, "PUSHBACK");
    let is_narrow = page.width < NARROW;
    let (period, below) = if is_narrow { (String::new(), period) } else { (period, String::new()) };
    let room = page.width.saturating_sub(head.columns() + 2 + text::width(&period) + 2);
    let title = text::sanitise(report.title);
    let head = head
        .put(Ink::Plain, "  ")
        .put(Ink::Plain, text::shorten(&title, room, page.ascii))
        .pad_to(page.width.saturating_sub(text::width(&period)))
        .put(Ink::Dim, period);
    page.line(head)?;
    if !below.is_empty() {
        page.line(Line::default().put(Ink::Dim, below))?;
    }
    page.paragraph(0, Ink::Strong, &words::verdict(report))?;
    if report.incidents.is_empty() {
        page.paragraph(0, Ink::Plain, &words::looked_at(report.read))?;
    }
    if let Some(quiet) = words::quiet(report.read) {
        page.paragraph(0, Ink::Plain, &format!("{quiet}."))?;
    }
    if let Some(unlisted) = words::unlisted(report) {
        page.paragraph(0, Ink::Plain, &format!("{unlisted}."))?;
    }
    legend(page, report)?;
    page.blank()
}

/// Explains the marks, but only those that this report uses.
fn legend(page: &mut Page<'_>, report: &Report<'_>) -> io::Result<()> {
    let mut used = BTreeSet::new();
    for incident in report.worst_first() {
        used.extend(marks::place(&report.timeline(incident)).iter().map(|placed| placed.mark));
    }
    if used.is_empty() {
        return Ok(());
    }
    let mut line = Line::default();
    for mark in Mark::ALL.into_iter().filter(|mark| used.contains(mark)) {
        let columns = 2 + text::width(mark.word());
        if line.columns() > 0 && line.columns() + 2 + columns > page.width {
            page.line(std::mem::take(&mut line))?;
        }
        let gap = if line.columns() > 0 { "  " } else { "" };
        line = line
            .put(Ink::Plain, gap)
            .put(Ink::Mark(mark), mark.glyph(page.ascii))
            .put(Ink::Dim, format!(" {}", mark.word()));
    }
    page.line(line)
}

type Folded<'a> = BTreeMap<&'a str, Vec<&'a Incident>>;

/// Splits the incidents into those that get a block, and those that are one line under the worst
/// incident of their campaign: a spray over hundreds of people is one thing to read, not hundreds.
/// Whoever let a stranger in always gets a block.
fn fold<'a>(
    report: &Report<'a>,
    campaigns: &BTreeMap<&'a str, Campaign<'a>>,
) -> (Vec<&'a Incident>, Folded<'a>) {
    let mut blocks = Vec::new();
    let mut folded = Folded::new();
    let mut opened = BTreeSet::new();
    for incident in report.worst_first() {
        let campaign = incident.campaign.as_deref().filter(|id| campaigns.contains_key(id));
        match campaign {
            Some(id) if !opened.insert(id) && incident.stage < Stage::Approved => {
                folded.entry(id).or_default().push(incident);
            }
            _ => blocks.push(incident),
        }
    }
    (blocks, folded)
}

/// How many incidents the first blocks tell of, with those that are folded under them.
fn listed(blocks: &[&Incident], folded: &Folded<'_>, shown: usize) -> usize {
    let mut told = BTreeSet::new();
    blocks
        .iter()
        .take(shown)
        .map(|incident| {
            let campaign = incident.campaign.as_deref().filter(|id| told.insert(*id));
            1 + campaign.and_then(|id| folded.get(id)).map_or(0, Vec::len)
        })
        .sum()
}

/// Writes who, when and what of one incident, for a page about it alone.
pub(crate) fn head(page: &mut Page<'_>, incident: &Incident) -> io::Result<()> {
    block::head(page, incident, None)
}
