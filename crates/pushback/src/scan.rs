//! One scan: read, detect, tell.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use pushback_detect::{Detection, Intake, Position, Step, Texts, Told, detect_between};
use pushback_model::{ConfigurationFinding, Incident, Timestamp};
use pushback_normalize::{Hint, Reader};

use crate::cli::InputArgs;
use crate::config::Config;
use crate::input::{self, Inputs, ReadReport, Sorted};
use crate::progress::Bar;
use crate::report::{PassedOver, ReadSummary, Rejects, TimelineItem};

/// Records of all inputs, ready to be judged by any policy.
pub struct Loaded {
    records: Sorted,
    inputs: Inputs,
    reader: Reader,
    /// What was read and what was not.
    pub report: ReadReport,
    started: Instant,
    threads: usize,
    paths: Vec<PathBuf>,
}

/// The outcome of one scan.
pub struct Scan {
    /// The incidents with their stories, worst first.
    pub told: Vec<Told>,
    /// What is set up badly.
    pub findings: Vec<ConfigurationFinding>,
    /// What was read.
    pub read: ReadSummary,
}

/// Events from before 2000-01-01 are no log's own time; detection passes over them too.
const DATED_FROM: Timestamp = Timestamp::from_seconds(946_684_800);

/// Reads the inputs.
///
/// # Errors
/// [`input::InputError`] if an input is missing or cannot be read.
#[expect(clippy::disallowed_methods, reason = "the report says how long the scan took")]
pub fn load(args: &InputArgs, config: &Config) -> Result<Loaded, input::InputError> {
    let started = Instant::now();
    let reader = Reader::new(config.mapping.clone());
    let mut options = input::Options { is_strict: args.strict, ..input::Options::default() };
    if let Some(threads) = args.threads {
        options.threads = usize::from(threads);
    }
    options.intake = Intake::new(&config.detection.networks);
    let mut bar = Bar::new(args.quiet);
    let collected = input::collect(&args.paths, &reader, &options, &mut bar);
    bar.finish();
    let collected = collected?;
    let resolver = collected.claims.resolve(&config.aliases);
    let records = collected.records.sort(&resolver).map_err(input::InputError::Temporary)?;
    Ok(Loaded {
        records,
        inputs: collected.inputs,
        reader,
        report: collected.report,
        started,
        threads: options.threads,
        paths: args.paths.clone(),
    })
}

impl Loaded {
    /// Judges what was read.
    ///
    /// # Errors
    /// [`io::Error`] if spilled records or the texts of incidents cannot be read again.
    pub fn judge(&self, config: &Config) -> io::Result<Scan> {
        let records = || Ok::<_, io::Error>(self.records.iter());
        let detection = match (self.report.first_at, self.report.last_at) {
            (Some(first), Some(last)) => detect_between(records, (first, last), &config.detection)?,
            _ => Detection::default(),
        };
        let texts = self.texts(&detection.positions())?;
        let (told, findings) = detection.tell(&texts);
        Ok(Scan { told, findings, read: self.summary(&detection)? })
    }

    fn texts(&self, positions: &BTreeSet<Position>) -> io::Result<Texts> {
        let wanted: Vec<Position> = positions.iter().copied().collect();
        let mut texts = Texts::new();
        for (position, bytes) in self.inputs.fetch_all(&wanted)? {
            let mut events = Vec::new();
            // It was read once already; what it cannot say now it could not say then.
            let _ = self.reader.read(&bytes, &mut Hint::default(), &mut |event| {
                events.push(event.clone().into_owned());
            });
            texts.insert(position, events);
        }
        Ok(texts)
    }

    /// The bytes of some records.
    ///
    /// # Errors
    /// [`io::Error`] if an input cannot be read again.
    pub fn raw(&self, positions: &[Position]) -> io::Result<BTreeMap<Position, Vec<u8>>> {
        self.inputs.fetch_all(positions)
    }

    /// Where a record lies, for people: `okta.jsonl@10240`.
    #[must_use]
    pub fn locate(&self, position: Position) -> String {
        format!("{}@{}", self.inputs.path(position.input).display(), position.offset)
    }

    /// First and last event, without those that bear no real time: a record whose vendor wrote none
    /// is dated 1970 or the like, and would stretch the period over decades.
    fn period(&self) -> io::Result<(Option<Timestamp>, Option<Timestamp>)> {
        let report = &self.report;
        if report.first_at.is_none_or(|first| first >= DATED_FROM) {
            return Ok((report.first_at, report.last_at));
        }
        let last = report.last_at.filter(|last| *last >= DATED_FROM);
        for record in &self.records {
            let at = record?.at;
            if at >= DATED_FROM {
                return Ok((Some(at), last));
            }
        }
        Ok((None, last))
    }

    fn summary(&self, detection: &Detection) -> io::Result<ReadSummary> {
        let (first_at, last_at) = self.period()?;
        let report = &self.report;
        let unknown = report
            .unknown
            .iter()
            .flat_map(|(source, unknown)| {
                unknown.types.iter().map(|(name, count)| (*source, name.clone(), *count))
            })
            .collect();
        let rejects = report
            .rejects
            .iter()
            .map(|(kind, rejects)| Rejects {
                reason: kind.name().to_owned(),
                count: rejects.count,
                examples: rejects.first.iter().map(ToString::to_string).collect(),
            })
            .collect();
        Ok(ReadSummary {
            inputs: self.paths.iter().map(|p| p.display().to_string()).collect(),
            bytes: report.bytes,
            records: report.records,
            events: report.events.values().sum(),
            ignored: report.ignored.values().sum(),
            unknown,
            rejects,
            passed_over: report
                .passed_over
                .iter()
                .map(|(why, passed)| PassedOver {
                    reason: why.what,
                    count: passed.count,
                    examples: passed.first.iter().map(|path| path.display().to_string()).collect(),
                })
                .collect(),
            first_at,
            last_at,
            subscribers: detection.people,
            quiet_prompts: detection.quiet_prompts,
            quiet_people: detection.quiet_people,
            elapsed_seconds: self.started.elapsed().as_secs_f64(),
            threads: self.threads,
            spilled: report.spills,
            left_out: detection.dropped,
            doubts_dropped: detection.doubts_dropped,
            sources_dropped: detection.sources_dropped,
        })
    }
}

impl Scan {
    /// The incidents alone.
    #[must_use]
    pub fn incidents(&self) -> Vec<Incident> {
        self.told.iter().map(|t| t.incident.clone()).collect()
    }

    /// The stories, by incident.
    #[must_use]
    pub fn timelines(&self, loaded: &Loaded) -> BTreeMap<String, Vec<TimelineItem>> {
        self.told
            .iter()
            .map(|told| {
                let items =
                    told.steps.iter().map(|step| item(&told.incident, step, loaded)).collect();
                (told.incident.id.clone(), items)
            })
            .collect()
    }
}

/// One line of a story; a term's bits are shared among the records it names.
pub fn item(incident: &Incident, step: &Step, loaded: &Loaded) -> TimelineItem {
    let event = &step.event;
    let bits = incident
        .evidence
        .iter()
        .filter(|term| term.events.iter().any(|id| *id == event.id))
        .map(|term| term.bits / term.events.len() as f64)
        .sum();
    let label = [&event.what, &event.app, &event.native]
        .into_iter()
        .find(|text| !text.is_empty())
        .map(|text| text.clone().into_owned())
        .unwrap_or_default();
    TimelineItem {
        at: event.occurred_at,
        kind: event.kind,
        factor: event.factor,
        source: event.source,
        label,
        ip: event.requester.ip.clone().into_owned(),
        foreign: step.is_foreign,
        event: event.id.clone().into_owned(),
        bits,
        position: loaded.locate(step.position),
    }
}
