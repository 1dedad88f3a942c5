//! Worlds read once and judged many times.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, anyhow};
use pushback_detect::{Intake, Policy, Position, Record, Texts, detect};
use pushback_model::Incident;
use pushback_normalize::{Hint, Mapping, Reader};
use pushback_sim::{Cut, Score, Settings, Truth, World, score};

use super::knobs::Values;

/// False alarms for 1,000 person-days that cost nothing.
const FALSE_ALARMS_FREE: f64 = 0.2;
/// False `exposed` for 1,000 person-days that cost nothing.
const FALSE_EXPOSED_FREE: f64 = 2.0;
/// Points that one more false alarm for 1,000 person-days costs.
const FALSE_ALARM_POINTS: f64 = 20.0;
/// Points that one more false `exposed` for 1,000 person-days costs.
const FALSE_EXPOSED_POINTS: f64 = 2.0;
/// The part of those points that is charged even for what is free, so that of two equal policies
/// the quieter one wins.
const FREE_SHARE: f64 = 0.1;

/// What a policy reaches on all worlds together.
#[derive(Clone, Debug, Default)]
pub struct Measure(Score);

impl Measure {
    /// Percentages found: campaigns, approvals with takeovers without one, later actions, in time.
    pub fn found(&self) -> [f64; 4] {
        let total = self.0.total();
        let mut approvals = total.approvals;
        approvals.add(total.footholds);
        [total.campaigns, approvals, total.after, total.in_time].map(pushback_sim::Share::percent)
    }

    /// False alarms for 1,000 person-days.
    pub fn false_alarms(&self) -> f64 {
        self.0.false_alarm_rate()
    }

    /// False `exposed` for 1,000 person-days.
    pub fn false_exposed(&self) -> f64 {
        self.0.false_exposed_rate()
    }

    /// What is maximised: the mean of what was found, less what the false ones cost.
    pub fn points(&self) -> f64 {
        let cost = |rate: f64, free: f64, points: f64| {
            points * ((rate - free).max(0.0) + FREE_SHARE * rate.min(free))
        };
        self.found().iter().sum::<f64>() / 4.0
            - cost(self.false_alarms(), FALSE_ALARMS_FREE, FALSE_ALARM_POINTS)
            - cost(self.false_exposed(), FALSE_EXPOSED_FREE, FALSE_EXPOSED_POINTS)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [campaigns, approvals, after, in_time] = self.found();
        write!(
            f,
            "campaigns {campaigns:.1} %, approvals {approvals:.1} %, after {after:.1} %, \
             in time {in_time:.1} %, false alarms {:.2}, false exposed {:.2}, points {:.2}",
            self.false_alarms(),
            self.false_exposed(),
            self.points()
        )
    }
}

/// Several worlds.
pub struct Worlds(Vec<Known>);

/// A world as detection sees it.
struct Known {
    truth: Truth,
    cuts: Vec<Cut>,
    records: Vec<Record>,
    told: Mutex<Told>,
}

/// The words of records, read again when the first policy asks for them.
struct Told {
    file: File,
    texts: Texts,
}

impl Worlds {
    /// Builds the worlds and reads their logs.
    pub fn build(settings: &[Settings]) -> anyhow::Result<Self> {
        in_parallel(settings.len(), |i| {
            let settings = settings.get(i).context("no such world")?;
            eprintln!("building {}, seed {}", settings.vendor, settings.seed);
            Known::build(settings)
        })
        .map(Self)
    }

    /// Judges every world by every policy.
    pub fn measure(&self, policies: &[Values]) -> anyhow::Result<Vec<Measure>> {
        let parsed = policies.iter().map(Values::policy).collect::<anyhow::Result<Vec<_>>>()?;
        let worlds = self.0.len().max(1);
        let scores = in_parallel(parsed.len() * worlds, |job| {
            let policy = parsed.get(job / worlds).context("no such policy")?;
            self.0.get(job % worlds).context("no such world")?.judge(policy)
        })?;
        Ok(scores
            .chunks(worlds)
            .map(|scores| {
                let mut measure = Measure::default();
                scores.iter().for_each(|score| measure.0.merge(score));
                measure
            })
            .collect())
    }

    /// What a policy misses and what it raises without cause, one sentence each.
    pub fn details(&self, policy: &Policy) -> anyhow::Result<Vec<String>> {
        let mut lines = Vec::new();
        for world in &self.0 {
            let score = world.judge(policy)?;
            let Truth { vendor, seed, .. } = world.truth;
            lines.extend(score.misses.iter().map(|miss| format!("{vendor} {seed}: miss: {miss}")));
            lines.extend(score.alarms.iter().map(|false_| format!("{vendor} {seed}: {false_}")));
        }
        Ok(lines)
    }
}

impl Known {
    fn build(settings: &Settings) -> anyhow::Result<Self> {
        let world = World::new(settings);
        let mut file = tempfile::tempfile().context("no temporary file")?;
        let mut out = BufWriter::with_capacity(1 << 20, &mut file);
        let reader = Reader::new(Mapping::default());
        let mut intake = Intake::new(&Policy::default().networks);
        let mut hints: BTreeMap<String, Hint> = BTreeMap::new();
        let mut records: Vec<Record> = Vec::new();
        let mut offset = 0;
        let mut failure = None;
        world.write(&mut |name, line| {
            let position = Position { input: 0, length: line.len() as u32, offset };
            offset += line.len() as u64;
            let hint = hints.entry(name.to_owned()).or_default();
            // What cannot be read is no record here either.
            let _ = reader.read(line, hint, &mut |event| {
                records.push(intake.take(event, position));
            });
            if let Err(error) = out.write_all(line) {
                failure = Some(error);
            }
        });
        if let Some(error) = failure {
            return Err(error).context("cannot write a world");
        }
        out.flush().context("cannot write a world")?;
        drop(out);
        let resolver = intake.into_claims().resolve(&[]);
        records.iter_mut().for_each(|record| record.resolve(&resolver));
        records.sort_by_key(Record::order);
        let cuts = world.cuts();
        let told = Mutex::new(Told { file, texts: Texts::new() });
        Ok(Self { truth: world.truth, cuts, records, told })
    }

    fn judge(&self, policy: &Policy) -> anyhow::Result<Score> {
        let records = || Ok::<_, Infallible>(self.records.iter().copied().map(Ok::<_, Infallible>));
        let detection = match detect(records, policy) {
            Ok(detection) => detection,
            Err(never) => match never {},
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for position in detection.positions() {
            told.learn(position)?;
        }
        let (stories, _) = detection.tell(&told.texts);
        drop(told);
        let incidents: Vec<Incident> = stories.into_iter().map(|story| story.incident).collect();
        let mut result = score(&self.truth, &incidents);
        for cut in &self.cuts {
            // Each incident says itself since when it was knowable. The benchmark cuts the log
            // instead, which costs a scan for each approval.
            let known: Vec<Incident> =
                incidents.iter().filter(|i| i.detected_at <= cut.at).cloned().collect();
            result.count_in_time(&self.truth, cut, &known);
        }
        Ok(result)
    }
}

impl Told {
    fn learn(&mut self, position: Position) -> anyhow::Result<()> {
        if self.texts.contains_key(&position) {
            return Ok(());
        }
        let mut line = vec![0; position.length as usize];
        self.file
            .seek(SeekFrom::Start(position.offset))
            .and_then(|_| self.file.read_exact(&mut line))
            .context("cannot read a world again")?;
        let mut events = Vec::new();
        // It was read once already; what it cannot say now it could not say then.
        let _ = Reader::new(Mapping::default()).read(&line, &mut Hint::default(), &mut |event| {
            events.push(event.clone().into_owned());
        });
        self.texts.insert(position, events);
        Ok(())
    }
}

/// Runs jobs on all processors; the results come in the order of the jobs.
fn in_parallel<T: Send>(
    jobs: usize,
    work: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let results: Mutex<BTreeMap<usize, anyhow::Result<T>>> = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= jobs {
                        break;
                    }
                    let result = work(job);
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(job, result);
                }
            });
        }
    });
    let results = results.into_inner().map_err(|_| anyhow!("a thread failed"))?;
    results.into_values().collect()
}
