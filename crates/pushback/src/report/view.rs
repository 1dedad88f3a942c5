//! What a report is made from: plain data, filled in by the commands that print reports.

use std::collections::BTreeMap;

use pushback_model::{ConfigurationFinding, EventKind, Factor, Incident, Source, Stage, Timestamp};

/// Everything that one report shows. All formats are written from this.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What the report is about, for the head of the page: a folder, an organisation.
    pub title: &'a str,
    /// All incidents, in any order; every format sorts them itself.
    pub incidents: &'a [Incident],
    /// The weakest stage that is listed. Weaker incidents are judged and counted all the same.
    pub least: Stage,
    /// What is set up badly, in any order.
    pub findings: &'a [ConfigurationFinding],
    /// For each incident, by its id, the records that tell its story, in any order. An incident
    /// without an entry is shown without a time line.
    pub timelines: &'a BTreeMap<String, Vec<TimelineItem>>,
    /// What was read.
    pub read: &'a ReadSummary,
    /// The sum of evidence, in bits, from which the policy in force reports an incident; the page
    /// draws it beside each sum. `None` leaves it out.
    pub threshold_bits: Option<f64>,
}

/// One record in the story of an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineItem {
    /// When it happened (event time).
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The authenticator it is about.
    pub factor: Factor,
    /// Who logged it.
    pub source: Source,
    /// In a few words, for people: what was changed, the application, the vendor's reason. May be
    /// empty.
    pub label: String,
    /// Where it was asked for; empty if not logged.
    pub ip: String,
    /// Whether it is attributed to a stranger rather than to the subscriber.
    pub foreign: bool,
    /// The vendor's id of the record, as in `Incident::evidence[].events`.
    pub event: String,
    /// The bits of the evidence terms that name this record, shared evenly among the records that
    /// each term names. 0 if none does.
    pub bits: f64,
    /// Where to find the record: `okta.jsonl:1204`.
    pub position: String,
}

/// What was read on the way to the report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadSummary {
    /// The inputs as named by the caller; standard input is `-`.
    pub inputs: Vec<String>,
    /// Bytes of all inputs, decompressed.
    pub bytes: u64,
    /// Records seen, whatever became of them.
    pub records: u64,
    /// Identity events taken from them; one record may hold several.
    pub events: u64,
    /// Records of a known type that says nothing about signing in.
    pub ignored: u64,
    /// Record types that are not known, with how often each was seen.
    pub unknown: Vec<(Source, String, u64)>,
    /// Records that could not be read, by reason.
    pub rejects: Vec<Rejects>,
    /// Files in folders that were not read, by reason.
    pub passed_over: Vec<PassedOver>,
    /// The earliest event.
    pub first_at: Option<Timestamp>,
    /// The latest event.
    pub last_at: Option<Timestamp>,
    /// People seen.
    pub subscribers: u64,
    /// Prompts from networks that the policy calls quiet: no incident is made of them.
    pub quiet_prompts: u64,
    /// The people that they were for.
    pub quiet_people: u64,
    /// Wall-clock seconds that reading and detecting took.
    pub elapsed_seconds: f64,
    /// Threads that read.
    pub threads: usize,
    /// How often records were moved from memory to a temporary file.
    pub spilled: u64,
    /// Ordinary sign-ins left out because one person had too many.
    pub left_out: u64,
    /// Doubts about people at a source that did not fit; then nobody vouches for a source.
    pub doubts_dropped: u64,
    /// Sightings of strange sources for which there was no room.
    pub sources_dropped: u64,
}

/// Records that could not be read, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejects {
    /// The reason, in words.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// Where the first few are: `okta.jsonl:17`.
    pub examples: Vec<String>,
}

/// Files in folders that were not read, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// The reason, as what follows a file's name: `is a zip archive; unpack it first`.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
    /// The first few.
    pub examples: Vec<String>,
}

/// Incidents that share a campaign.
#[derive(Clone, Debug)]
pub struct Campaign<'a> {
    /// The shared id.
    pub id: &'a str,
    /// Its incidents, worst first.
    pub incidents: Vec<&'a Incident>,
}

impl<'a> Report<'a> {
    /// The incidents to be listed, worst first: by stage, then by evidence, then by time, then by id.
    #[must_use]
    pub fn worst_first(&self) -> Vec<&'a Incident> {
        let mut sorted = self.all_worst_first();
        sorted.retain(|incident| incident.stage >= self.least);
        sorted
    }

    /// How many incidents are counted but not listed, being weaker than what was asked for.
    #[must_use]
    pub fn unlisted(&self) -> usize {
        self.incidents.iter().filter(|incident| incident.stage < self.least).count()
    }

    fn all_worst_first(&self) -> Vec<&'a Incident> {
        let mut sorted: Vec<&Incident> = self.incidents.iter().collect();
        sorted.sort_by(|a, b| {
            b.stage
                .cmp(&a.stage)
                .then(b.evidence_bits.total_cmp(&a.evidence_bits))
                .then(a.started_at.cmp(&b.started_at))
                .then_with(|| a.id.cmp(&b.id))
        });
        sorted
    }

    /// The configuration findings, the most prompts first.
    #[must_use]
    pub fn findings_by_prompts(&self) -> Vec<&'a ConfigurationFinding> {
        let mut sorted: Vec<&ConfigurationFinding> = self.findings.iter().collect();
        sorted.sort_by(|a, b| b.prompts.cmp(&a.prompts).then_with(|| a.id.cmp(&b.id)));
        sorted
    }

    /// The campaigns of two or more incidents, by id.
    #[must_use]
    pub fn campaigns(&self) -> BTreeMap<&'a str, Campaign<'a>> {
        let mut campaigns = BTreeMap::new();
        for incident in self.all_worst_first() {
            let Some(id) = incident.campaign.as_deref() else { continue };
            campaigns
                .entry(id)
                .or_insert_with(|| Campaign { id, incidents: Vec::new() })
                .incidents
                .push(incident);
        }
        campaigns.retain(|_, campaign| campaign.incidents.len() > 1);
        campaigns
    }

    /// The story of an incident in the order of time; empty if there is none.
    #[must_use]
    pub fn timeline(&self, incident: &Incident) -> Vec<&'a TimelineItem> {
        let mut items: Vec<&TimelineItem> =
            self.timelines.get(&incident.id).into_iter().flatten().collect();
        items.sort_by(|a, b| (a.at, a.source, &a.event).cmp(&(b.at, b.source, &b.event)));
        items
    }

    /// How many incidents reached a stage, how many people that is, and their prompts.
    #[must_use]
    pub fn tally(&self, stage: Stage) -> Tally {
        tally(self.incidents.iter().filter(|incident| incident.stage == stage))
    }

    /// The same over all stages; a person with two incidents counts once.
    #[must_use]
    pub fn total(&self) -> Tally {
        tally(self.incidents.iter())
    }
}

/// A count of incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Incidents.
    pub incidents: usize,
    /// Different people in them.
    pub people: usize,
    /// Prompts in them.
    pub prompts: u64,
}

fn tally<'a>(incidents: impl Iterator<Item = &'a Incident>) -> Tally {
    let mut people = std::collections::BTreeSet::new();
    let mut tally = Tally::default();
    for incident in incidents {
        people.insert(incident.subject.name.as_str());
        tally.incidents += 1;
        tally.prompts += u64::from(incident.prompts.sent);
    }
    tally.people = people.len();
    tally
}

/// The stages, worst first.
pub const STAGES: [Stage; 4] = [Stage::Foothold, Stage::Approved, Stage::Bombing, Stage::Exposed];
