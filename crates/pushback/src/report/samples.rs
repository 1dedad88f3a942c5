//! Invented people and what happened to them, for the tests of every format.

mod incidents;

use std::collections::BTreeMap;

use pushback_model::{ConfigurationFinding, Incident, Source, Span, Stage};

pub(crate) use incidents::{approved, at, bombing, exposed, foothold, hostile, item, reset};
use incidents::{approved_story, bombing_story, exposed_story, foothold_story, reset_story};

use super::view::{PassedOver, ReadSummary, Rejects, Report, TimelineItem};

/// A text that tries everything at once: markup, terminal, spreadsheet, direction, hiding.
pub(crate) const HOSTILE: &str = "=cmd|'/c calc'!A1<script>alert(1)</script>\"'><img src=x onerror=y>\x1b[2J\u{202e}\u{200b}\r\n";

/// The parts of a report, owned, so that tests can borrow one from it.
#[derive(Default)]
pub(crate) struct Sample {
    pub(crate) title: String,
    pub(crate) incidents: Vec<Incident>,
    pub(crate) findings: Vec<ConfigurationFinding>,
    pub(crate) timelines: BTreeMap<String, Vec<TimelineItem>>,
    pub(crate) read: ReadSummary,
}

impl Sample {
    pub(crate) fn report(&self) -> Report<'_> {
        Report {
            title: &self.title,
            incidents: &self.incidents,
            least: Stage::Exposed,
            findings: &self.findings,
            timelines: &self.timelines,
            read: &self.read,
            threshold_bits: Some(8.0),
        }
    }
}

pub(crate) fn read() -> ReadSummary {
    ReadSummary {
        inputs: ["okta.jsonl", "m365.jsonl.gz", "duo.json"].map(str::to_owned).to_vec(),
        bytes: 1_234_567_890,
        records: 431_002,
        events: 412_345,
        ignored: 18_611,
        unknown: vec![
            (Source::Okta, "system.new.thing".to_owned(), 31),
            (Source::Entra, "90210".to_owned(), 12),
        ],
        rejects: vec![Rejects {
            reason: "not JSON: expected `,` or `}`".to_owned(),
            count: 3,
            examples: vec!["okta.jsonl:17".to_owned(), "okta.jsonl:90441".to_owned()],
        }],
        passed_over: vec![PassedOver {
            reason: "is a zip archive; unpack it first",
            count: 3,
            examples: vec!["logs/a.zip".to_owned(), "logs/b.zip".to_owned()],
        }],
        first_at: Some(at("2026-03-01T00:00:03Z")),
        last_at: Some(at("2026-03-15T06:59:58Z")),
        subscribers: 1_204,
        quiet_prompts: 0,
        quiet_people: 0,
        elapsed_seconds: 2.4,
        threads: 2,
        spilled: 0,
        left_out: 0,
        doubts_dropped: 0,
        sources_dropped: 0,
    }
}

/// An ordinary bad fortnight.
pub(crate) fn sample() -> Sample {
    let incidents = vec![exposed(), bombing(), approved(), reset(), foothold()];
    let timelines = [
        (foothold().id, foothold_story()),
        (reset().id, reset_story()),
        (approved().id, approved_story()),
        (bombing().id, bombing_story()),
        (exposed().id, exposed_story()),
    ];
    Sample {
        title: "example.org".to_owned(),
        incidents,
        timelines: timelines.into_iter().collect(),
        findings: vec![
            ConfigurationFinding {
                id: "cfg_1a2b".to_owned(),
                kind: "cached_password".to_owned(),
                title: "Outlook with an old password prompts every 15 minutes".to_owned(),
                subjects: vec!["erin@example.org".to_owned(), "frank@example.org".to_owned()],
                subjects_total: 2,
                started_at: at("2026-03-09T07:00:00Z"),
                last_at: at("2026-03-12T18:15:00Z"),
                prompts: 211,
                next_steps: vec!["Sign erin and frank out of Outlook on every device, then in again with the new password.".to_owned()],
            },
            ConfigurationFinding {
                id: "cfg_3c4d".to_owned(),
                kind: "push_outage".to_owned(),
                title: "Pushes timed out for many people at once".to_owned(),
                subjects: ["grace@example.org", "heidi@example.org", "ivan@example.org", "judy@example.org"].map(str::to_owned).to_vec(),
                subjects_total: 138,
                started_at: at("2026-03-10T10:02:00Z"),
                last_at: at("2026-03-10T10:31:00Z"),
                prompts: 402,
                next_steps: vec!["Nothing to change; keep the vendor's status page at hand.".to_owned()],
            },
        ],
        read: read(),
    }
}

/// Nothing found.
pub(crate) fn calm() -> Sample {
    Sample { title: "example.org".to_owned(), read: read(), ..Sample::default() }
}

/// One of everything, with hostile text in every field that comes from outside.
pub(crate) fn under_attack() -> Sample {
    let mut sample = sample();
    HOSTILE.clone_into(&mut sample.title);
    let mut second = hostile();
    second.id.push('2');
    second.approved_at = Some(second.last_at);
    second.stage = Stage::Foothold;
    for incident in [&hostile(), &second] {
        let mut story = foothold_story();
        for item in &mut story {
            for field in [&mut item.label, &mut item.ip, &mut item.event, &mut item.position] {
                HOSTILE.clone_into(field);
            }
        }
        sample.timelines.insert(incident.id.clone(), story);
    }
    sample.incidents.extend([hostile(), second]);
    for finding in &mut sample.findings {
        for field in [&mut finding.id, &mut finding.kind, &mut finding.title] {
            HOSTILE.clone_into(field);
        }
        finding.subjects = vec![HOSTILE.to_owned()];
        finding.next_steps = vec![HOSTILE.to_owned()];
    }
    sample.read.inputs = vec![HOSTILE.to_owned()];
    sample.read.unknown = vec![(Source::Okta, HOSTILE.to_owned(), 1)];
    sample.read.rejects =
        vec![Rejects { reason: HOSTILE.to_owned(), count: 1, examples: vec![HOSTILE.to_owned()] }];
    sample
}

/// Many people asked by one source: more than anyone reads one by one.
pub(crate) fn spray() -> Sample {
    let mut sample = sample();
    for n in 0..40_i64 {
        let mut i = exposed();
        i.id = format!("inc_spray{n:02}");
        i.subject.name = format!("person{n:02}@example.org");
        i.started_at = i.started_at + Span::seconds(37 * n);
        i.last_at = i.started_at;
        sample.timelines.insert(i.id.clone(), Vec::new());
        sample.incidents.push(i);
    }
    sample
}
