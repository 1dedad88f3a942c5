//! What comes after the incidents: configuration findings, the summary, what was read.

use std::io;

use pushback_model::{ConfigurationFinding, Stage};

use super::ink::{Ink, Line};
use super::{NARROW, Page};
use crate::report::text;
use crate::report::view::{Campaign, Report, STAGES};
use crate::report::words;

const FINDINGS_MAX: usize = 20;
const UNKNOWN_MAX: usize = 8;
const INPUTS_MAX: usize = 3;
/// From this width on, the meaning of each stage fits beside its counts.
const WIDE: usize = 96;

/// The configuration findings, the most prompts first; what is to be done stands once a kind.
pub(super) fn findings(
    page: &mut Page<'_>,
    report: &Report<'_>,
    limit: Option<usize>,
) -> io::Result<()> {
    let findings = report.findings_by_prompts();
    if findings.is_empty() {
        return Ok(());
    }
    page.heading("CONFIGURATION: not an attack, but it prompts people")?;
    let most = limit.unwrap_or(FINDINGS_MAX).clamp(1, FINDINGS_MAX);
    let columns = findings
        .iter()
        .map(|finding| words::number(u64::from(finding.prompts)).len())
        .max()
        .unwrap_or(0);
    let mut kinds: Vec<Vec<&ConfigurationFinding>> = Vec::new();
    for finding in findings {
        let same = |kind: &&mut Vec<&ConfigurationFinding>| {
            kind.first()
                .is_some_and(|one| one.kind == finding.kind && one.next_steps == finding.next_steps)
        };
        match kinds.iter_mut().find(same) {
            Some(kind) => kind.push(finding),
            None => kinds.push(vec![finding]),
        }
    }
    for kind in &kinds {
        let mut title = "";
        let mut indent = 0;
        for finding in kind.iter().take(most) {
            let prompts = words::number(u64::from(finding.prompts));
            let lead = Line::default()
                .put(Ink::Strong, text::pad_left(&prompts, columns))
                .put(Ink::Dim, if finding.prompts == 1 { " prompt   " } else { " prompts  " });
            indent = lead.columns();
            let who = words::affected(finding, page.dot());
            // Several of one title differ only in who and when.
            if finding.title == title {
                page.hang(lead, Ink::Dim, &who)?;
            } else {
                page.hang(lead, Ink::Plain, &finding.title)?;
                page.paragraph(indent, Ink::Dim, &who)?;
            }
            title = &finding.title;
        }
        let rest = kind.len().saturating_sub(most);
        if rest > 0 {
            let more =
                format!("and {} of this kind", words::several_of(rest as u64, "more finding"));
            page.paragraph(indent, Ink::Dim, &more)?;
        }
        for (i, step) in kind.first().iter().flat_map(|one| &one.next_steps).enumerate() {
            let line = Line::indented(indent).put(Ink::Strong, format!("{}. ", i + 1));
            page.hang(line, Ink::Plain, step)?;
        }
    }
    page.blank()
}

/// Incidents, people and prompts by stage.
pub(super) fn summary(
    page: &mut Page<'_>,
    report: &Report<'_>,
    limit: Option<usize>,
) -> io::Result<()> {
    if report.incidents.is_empty() {
        return Ok(());
    }
    page.heading("SUMMARY")?;
    page.line(row("stage", ["incidents", "people", "prompts"], Ink::Dim, "what it means", page))?;
    for stage in STAGES {
        let tally = report.tally(stage);
        if tally.incidents == 0 {
            continue;
        }
        let counts =
            [tally.incidents as u64, tally.people as u64, tally.prompts].map(words::number);
        let [a, b, c] = &counts;
        page.line(row(stage.name(), [a, b, c], Ink::Stage(stage), words::meaning(stage), page))?;
    }
    let total = report.total();
    let counts = [total.incidents as u64, total.people as u64, total.prompts].map(words::number);
    let [a, b, c] = &counts;
    page.line(row("all", [a, b, c], Ink::Strong, "", page))?;
    let campaigns = report.campaigns();
    let mut campaigns: Vec<&Campaign<'_>> = campaigns.values().collect();
    // Those that got furthest first, the widest of them before the others.
    campaigns.sort_by_key(|campaign| {
        let inside = campaign.incidents.iter().filter(|i| i.stage >= Stage::Approved).count();
        std::cmp::Reverse((inside, campaign.incidents.len()))
    });
    let most = limit.unwrap_or(FINDINGS_MAX).clamp(1, FINDINGS_MAX);
    for campaign in campaigns.iter().take(most) {
        let id = text::sanitise(campaign.id);
        let id = text::shorten(&id, page.width.saturating_sub(28).min(24), page.ascii);
        let line = Line::default().put(Ink::Dim, format!("campaign {id}: "));
        page.hang(line, Ink::Plain, &words::campaign(campaign))?;
    }
    let rest = campaigns.len().saturating_sub(most);
    if rest > 0 {
        let more = format!("and {}", words::several_of(rest as u64, "more campaign"));
        page.paragraph(0, Ink::Dim, &more)?;
    }
    page.blank()
}

fn row(name: &str, counts: [&str; 3], ink: Ink, meaning: &str, page: &Page<'_>) -> Line {
    let mut line = Line::default().put(ink, text::pad(name, 9));
    let columns = if page.width < NARROW { 10 } else { 11 };
    for count in counts {
        line = line.put(Ink::Plain, text::pad_left(count, columns));
    }
    let room = page.width.saturating_sub(line.columns() + 2);
    if page.width >= WIDE && text::width(meaning) <= room {
        line = line.put(Ink::Dim, format!("  {meaning}"));
    }
    line
}

/// What was read, and what was left out.
pub(super) fn read(page: &mut Page<'_>, report: &Report<'_>) -> io::Result<()> {
    let read = report.read;
    page.heading("WHAT WAS READ")?;
    let mut inputs: Vec<String> = read
        .inputs
        .iter()
        .take(INPUTS_MAX)
        .map(|input| text::sanitise(input).into_owned())
        .collect();
    let rest = read.inputs.len().saturating_sub(INPUTS_MAX);
    if rest > 0 {
        inputs.push(words::several_of(rest as u64, "more input"));
    }
    if !inputs.is_empty() {
        page.hang(label("inputs"), Ink::Plain, &inputs.join(", "))?;
    }
    if let (Some(first), Some(last)) = (read.first_at, read.last_at) {
        page.hang(label("period"), Ink::Plain, &words::period(first, last))?;
    }
    page.hang(label("records"), Ink::Plain, &words::records(read))?;
    page.hang(label("speed"), Ink::Plain, &words::speed(read))?;
    if !read.unknown.is_empty() {
        let mut unknown = read.unknown.clone();
        unknown.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| (a.0, &a.1).cmp(&(b.0, &b.1))));
        let mut words: Vec<String> = unknown
            .iter()
            .take(UNKNOWN_MAX)
            .map(|(source, name, n)| {
                format!("{} {} ({})", source.title(), text::sanitise(name), words::number(*n))
            })
            .collect();
        let rest = unknown.len().saturating_sub(UNKNOWN_MAX);
        if rest > 0 {
            words.push(words::several_of(rest as u64, "more type"));
        }
        page.hang(label("unknown"), Ink::Plain, &words.join(", "))?;
    }
    for passed in &read.passed_over {
        let mut lead = label("not read");
        for line in words::passed_over(passed) {
            page.hang(lead, Ink::Plain, &line)?;
            lead = label("").put(Ink::Plain, "  ");
        }
    }
    for rejects in &read.rejects {
        page.hang(label("rejected"), Ink::Plain, &words::rejects(rejects))?;
        for example in words::examples(rejects) {
            page.hang(label("").put(Ink::Plain, "  "), Ink::Dim, &example)?;
        }
    }
    Ok(())
}

fn label(name: &str) -> Line {
    Line::default().put(Ink::Dim, text::pad(name, 10))
}
