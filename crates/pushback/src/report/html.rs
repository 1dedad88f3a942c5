//! The report as one page: it opens offline, runs no script, and reads well on a phone, on a desk, in
//! the dark and on paper.

mod axis;
mod charts;
mod picture;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use askama::Template;
use pushback_model::{ConfigurationFinding, Incident, Origin, Stage};

use super::marks::{self, Mark};
use super::ocsf::technique_name;
use super::text::sanitise;
use super::view::{Campaign, Report, STAGES, TimelineItem};
use super::words;
use charts::Bar;
use picture::Picture;

/// Incidents that get their pictures; the rest are rows of the list. A page of this many is about
/// 3 MB, which a phone still opens.
pub const CARDS_MAX: usize = 200;
const ORIGINS_MAX: usize = 12;
const UNKNOWN_MAX: usize = 20;

/// Writes the page.
///
/// # Errors
/// If the writer fails.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    page(report).write_into(&mut *out)
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    title: String,
    period: String,
    verdict: String,
    is_calm: bool,
    unlisted: Option<String>,
    quiet: Option<String>,
    looked_at: String,
    stages: Vec<StageTile>,
    overview: Option<Picture>,
    hours: Option<Picture>,
    rows: Vec<Row>,
    cards: Vec<Card>,
    without_card: usize,
    campaigns: Vec<CampaignRow>,
    findings: Vec<Finding>,
    read: Vec<Fact>,
    unknown: Vec<Unknown>,
    unknown_more: usize,
    passed_over: Vec<Vec<String>>,
    rejects: Vec<(String, Vec<String>)>,
}

struct StageTile {
    name: &'static str,
    shape: &'static str,
    meaning: &'static str,
    incidents: String,
    people: String,
    is_empty: bool,
}

/// One line of the list of all incidents.
struct Row {
    anchor: String,
    has_card: bool,
    stage: &'static str,
    shape: &'static str,
    name: String,
    headline: String,
    date: String,
    time: String,
    bits: String,
}

/// One incident in full.
struct Card {
    row: Row,
    sources: String,
    story: Option<StoryView>,
    after: Vec<AfterRow>,
    steps: Vec<String>,
    bars: Vec<Bar>,
    sum: Picture,
    threshold: Option<String>,
    origins: Vec<OriginRow>,
    origins_more: usize,
    without_address: Option<String>,
    campaign: Option<String>,
    attack: Vec<(String, String)>,
    id: String,
    ids: Vec<(&'static str, String)>,
    detected: String,
}

struct StoryView {
    picture: Picture,
    lanes: Vec<Lane>,
}

struct Lane {
    shape: &'static str,
    word: &'static str,
    count: usize,
}

struct AfterRow {
    shape: &'static str,
    date: String,
    time: String,
    what: String,
}

struct OriginRow {
    ip: String,
    network: String,
    place: String,
    whose: &'static str,
    is_own: bool,
    bar: Picture,
    counts: String,
}

struct CampaignRow {
    id: String,
    words: String,
    people: Vec<(String, String, &'static str)>,
    more: usize,
}

struct Finding {
    title: String,
    affected: String,
    prompts: String,
    steps: Vec<String>,
}

struct Fact {
    name: &'static str,
    value: String,
}

struct Unknown {
    source: &'static str,
    name: String,
    count: String,
}

impl Bar {
    fn signed(&self) -> String {
        words::bits(self.bits)
    }
}

fn page(report: &Report<'_>) -> Page {
    let incidents = report.worst_first();
    let anchors = anchors(&incidents);
    let campaigns = report.campaigns();
    let cards = anchors
        .iter()
        .take(CARDS_MAX)
        .map(|(incident, anchor)| card(report, &campaigns, incident, anchor))
        .collect();
    let read = report.read;
    Page {
        title: clean(report.title),
        period: match (read.first_at, read.last_at) {
            (Some(first), Some(last)) => words::period(first, last),
            _ => String::new(),
        },
        verdict: words::verdict(report),
        is_calm: report.incidents.is_empty(),
        unlisted: words::unlisted(report),
        quiet: words::quiet(read),
        looked_at: words::looked_at(read),
        stages: STAGES.into_iter().map(|stage| tile(report, stage)).collect(),
        overview: if incidents.is_empty() { None } else { charts::overview(report, &anchors) },
        hours: charts::hours(report),
        rows: anchors
            .iter()
            .enumerate()
            .map(|(i, (incident, anchor))| row(incident, anchor, i < CARDS_MAX))
            .collect(),
        cards,
        without_card: incidents.len().saturating_sub(CARDS_MAX),
        campaigns: campaigns.values().map(|c| campaign(c, &anchors)).collect(),
        findings: report.findings_by_prompts().into_iter().map(finding).collect(),
        read: facts(report),
        unknown: unknown(report),
        unknown_more: read.unknown.len().saturating_sub(UNKNOWN_MAX),
        passed_over: read.passed_over.iter().map(words::passed_over).collect(),
        rejects: read.rejects.iter().map(|r| (words::rejects(r), words::examples(r))).collect(),
    }
}

fn clean(text: &str) -> String {
    sanitise(text).into_owned()
}

/// A place in the page for each incident: its id where that is a plain word, made unique otherwise.
fn anchors<'a>(incidents: &[&'a Incident]) -> Vec<(&'a Incident, String)> {
    let mut taken = BTreeSet::new();
    incidents
        .iter()
        .enumerate()
        .map(|(i, incident)| {
            let is_plain = !incident.id.is_empty()
                && incident.id.len() <= 80
                && incident.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            let id = if is_plain && taken.insert(incident.id.as_str()) {
                incident.id.clone()
            } else {
                format!("incident-{}", i + 1)
            };
            (*incident, id)
        })
        .collect()
}

fn tile(report: &Report<'_>, stage: Stage) -> StageTile {
    let tally = report.tally(stage);
    StageTile {
        name: stage.name(),
        shape: charts::stage_shape(stage),
        meaning: words::meaning(stage),
        incidents: words::number(tally.incidents as u64),
        people: words::people(tally.people as u64),
        is_empty: tally.incidents == 0,
    }
}

fn row(incident: &Incident, anchor: &str, has_card: bool) -> Row {
    Row {
        anchor: anchor.to_owned(),
        has_card,
        stage: incident.stage.name(),
        shape: charts::stage_shape(incident.stage),
        name: clean(&incident.subject.name),
        headline: words::headline(incident),
        date: words::date(incident.started_at),
        time: words::time(incident.started_at),
        bits: format!("{:.1}", incident.evidence_bits),
    }
}

fn card(
    report: &Report<'_>,
    campaigns: &BTreeMap<&str, Campaign<'_>>,
    incident: &Incident,
    anchor: &str,
) -> Card {
    let timeline = report.timeline(incident);
    let marks = marks::place(&timeline);
    let (bars, sum) = charts::waterfall(incident, report.threshold_bits);
    let sources: BTreeSet<&str> = incident.subject.ids.iter().map(|id| id.source.title()).collect();
    let mut day = Some(incident.started_at.day());
    let after = words::followed(incident)
        .into_iter()
        .map(|step| AfterRow {
            shape: charts::shape(if step.kind.is_lasting_change() {
                Mark::Change
            } else {
                Mark::Session
            }),
            date: if day.replace(step.at.day()) == Some(step.at.day()) {
                String::new()
            } else {
                words::short_date(step.at)
            },
            time: words::time(step.at),
            what: if words::is_before_approval(incident, step) {
                format!("{} (before the approval)", words::after(step))
            } else {
                words::after(step)
            },
        })
        .collect();
    let (origins, origins_more) = origins(incident, &timeline);
    Card {
        row: row(incident, anchor, true),
        sources: sources.into_iter().collect::<Vec<_>>().join(" + "),
        story: charts::story(&format!("{anchor}-story"), incident, &marks).map(|story| StoryView {
            picture: story.picture,
            lanes: story
                .lanes
                .into_iter()
                .map(|(mark, count)| Lane { shape: charts::shape(mark), word: mark.word(), count })
                .collect(),
        }),
        after,
        steps: incident.next_steps.iter().map(|step| clean(step)).collect(),
        bars,
        sum,
        threshold: report.threshold_bits.map(|bits| format!("{bits:.1}")),
        origins,
        origins_more,
        without_address: words::without_address(incident),
        campaign: incident
            .campaign
            .as_deref()
            .and_then(|id| campaigns.get(id))
            .map(words::campaign),
        attack: incident
            .attack
            .iter()
            .map(|id| (clean(id), clean(technique_name(id))))
            .map(|(id, name)| if id == name { (id, String::new()) } else { (id, name) })
            .collect(),
        id: clean(&incident.id),
        ids: incident.subject.ids.iter().map(|id| (id.source.title(), clean(&id.id))).collect(),
        detected: format!(
            "{} {} UTC",
            words::date(incident.detected_at),
            words::time_seconds(incident.detected_at)
        ),
    }
}

/// The origins, the most prompts first, then the addresses that only the owner came from.
fn origins(incident: &Incident, timeline: &[&TimelineItem]) -> (Vec<OriginRow>, usize) {
    /// Sessions seen from an address, and whether a stranger was seen there.
    #[derive(Clone, Copy, Default)]
    struct Seen {
        sessions: u32,
        foreign: bool,
    }
    let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
    for item in timeline.iter().filter(|item| !item.ip.is_empty()) {
        let entry = seen.entry(&item.ip).or_default();
        entry.foreign |= item.foreign;
        let is_session = matches!(
            item.kind,
            pushback_model::EventKind::SessionStarted | pushback_model::EventKind::SessionUsed
        );
        entry.sessions += u32::from(is_session);
    }
    let most = incident.origins.iter().map(|origin| origin.prompts).max().unwrap_or(0);
    let mut sorted: Vec<&Origin> = incident.origins.iter().collect();
    sorted.sort_by(|a, b| b.prompts.cmp(&a.prompts).then_with(|| a.ip.cmp(&b.ip)));
    let known: BTreeSet<&str> = sorted.iter().map(|origin| origin.ip.as_str()).collect();
    let elsewhere: Vec<Origin> = seen
        .keys()
        .filter(|ip| !known.contains(*ip))
        .map(|ip| Origin { ip: (*ip).to_owned(), ..Origin::default() })
        .collect();
    let rows: Vec<OriginRow> = sorted
        .into_iter()
        .chain(&elsewhere)
        .map(|origin| {
            let seen = seen.get(origin.ip.as_str()).copied();
            let is_own = seen.is_some_and(|seen| !seen.foreign);
            let sessions = seen.map_or(0, |seen| seen.sessions);
            let mut counts = vec![words::several_of(u64::from(origin.prompts), "prompt")];
            if sessions > 0 {
                counts.push(words::several_of(u64::from(sessions), "session"));
            }
            OriginRow {
                ip: if origin.ip.is_empty() { "not logged".to_owned() } else { clean(&origin.ip) },
                network: words::network(origin),
                place: words::place(origin),
                whose: if is_own { "the owner's" } else { "a stranger's" },
                is_own,
                bar: charts::share(origin.prompts, most, !is_own),
                counts: counts.join(", "),
            }
        })
        .collect();
    let more = rows.len().saturating_sub(ORIGINS_MAX);
    (rows.into_iter().take(ORIGINS_MAX).collect(), more)
}

fn campaign(campaign: &Campaign<'_>, anchors: &[(&Incident, String)]) -> CampaignRow {
    const SHOWN: usize = 12;
    let by_id: BTreeMap<*const Incident, &str> = anchors
        .iter()
        .map(|(incident, anchor)| (std::ptr::from_ref(*incident), anchor.as_str()))
        .collect();
    CampaignRow {
        id: clean(campaign.id),
        words: words::campaign(campaign),
        people: campaign
            .incidents
            .iter()
            .take(SHOWN)
            .filter_map(|incident| {
                let anchor = *by_id.get(&std::ptr::from_ref(*incident))?;
                Some((anchor.to_owned(), clean(&incident.subject.name), incident.stage.name()))
            })
            .collect(),
        more: campaign.incidents.len().saturating_sub(SHOWN),
    }
}

fn finding(finding: &ConfigurationFinding) -> Finding {
    Finding {
        title: clean(&finding.title),
        affected: words::affected(finding, " · "),
        prompts: words::number(u64::from(finding.prompts)),
        steps: finding.next_steps.iter().map(|step| clean(step)).collect(),
    }
}

fn facts(report: &Report<'_>) -> Vec<Fact> {
    const INPUTS: usize = 10;
    let read = report.read;
    let mut inputs: Vec<String> = read.inputs.iter().take(INPUTS).map(|i| clean(i)).collect();
    let more = read.inputs.len().saturating_sub(INPUTS);
    if more > 0 {
        inputs.push(words::several_of(more as u64, "more input"));
    }
    let mut facts = vec![
        Fact { name: "Inputs", value: inputs.join(", ") },
        Fact { name: "Records", value: words::records(read) },
        Fact { name: "Time taken", value: words::speed(read) },
    ];
    if let (Some(first), Some(last)) = (read.first_at, read.last_at) {
        facts.push(Fact { name: "Period", value: words::period(first, last) });
    }
    facts
}

fn unknown(report: &Report<'_>) -> Vec<Unknown> {
    let mut unknown: Vec<_> = report.read.unknown.iter().collect();
    unknown.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| (a.0, &a.1).cmp(&(b.0, &b.1))));
    unknown
        .into_iter()
        .take(UNKNOWN_MAX)
        .map(|(source, name, count)| Unknown {
            source: source.title(),
            name: clean(name),
            count: words::number(*count),
        })
        .collect()
}

#[cfg(test)]
mod tests;
