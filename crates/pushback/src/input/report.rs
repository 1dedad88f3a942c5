//! What was read, and what was not.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use pushback_model::{Source, Timestamp};
use pushback_normalize::Reject;

use super::not_read::{NotRead, PassedOver};
use super::source::Inputs;

/// Something about an input that a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl Problem {
    pub(super) fn new(path: &Path, what: String) -> Self {
        Self { path: path.to_owned(), what }
    }

    /// What an error means, without the number of the operating system.
    pub(super) fn words(error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::NotFound => "does not exist".into(),
            io::ErrorKind::PermissionDenied => "may not be read: permission denied".into(),
            io::ErrorKind::UnexpectedEof => "ends too early".into(),
            _ => error.to_string(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// Where in its input a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The number of the line, from 1.
    Line(u64),
    /// The number of the record in its document, from 1.
    Record(u64),
    /// Only the byte offset is known.
    Unknown,
}

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Which input, as in [`pushback_detect::Position`].
    pub input: u32,
    /// Its name.
    pub path: PathBuf,
    /// Byte offset in the (decompressed) input.
    pub offset: u64,
    /// The line or the record.
    pub place: Place,
    /// The reason, which may quote the record: print it with care.
    pub reason: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.place {
            Place::Line(line) => write!(f, "{path}, line {line}: {}", self.reason),
            Place::Record(record) => write!(f, "{path}, record {record}: {}", self.reason),
            Place::Unknown => write!(f, "{path}, byte {}: {}", self.offset, self.reason),
        }
    }
}

/// The kinds of [`Reject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RejectKind {
    /// Not JSON, nor a text that a reader knows.
    Syntax,
    /// Not UTF-8.
    Encoding,
    /// Nested too deep.
    TooDeep,
    /// Too long.
    TooLong,
    /// Of no supported vendor.
    Unrecognised,
    /// Of a vendor, but something that it must have is missing.
    Incomplete,
    /// No record, but what was to come after the last one.
    CutOff,
}

impl RejectKind {
    const fn of(reject: &Reject) -> Self {
        match reject {
            Reject::Syntax(_) => Self::Syntax,
            Reject::Encoding => Self::Encoding,
            Reject::TooDeep => Self::TooDeep,
            Reject::TooLong => Self::TooLong,
            Reject::Unrecognised => Self::Unrecognised,
            Reject::Incomplete { .. } => Self::Incomplete,
        }
    }

    /// What is wrong with such records, in a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syntax => "not JSON",
            Self::Encoding => "not UTF-8",
            Self::TooDeep => "nested too deep",
            Self::TooLong => "too long",
            Self::Unrecognised => "of no supported vendor",
            Self::Incomplete => "incomplete",
            Self::CutOff => "the last of an array that is not closed",
        }
    }
}

/// Rejected records of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejects {
    /// How many.
    pub count: u64,
    /// The first of them, by input and offset; at most [`Rejects::FIRST_MAX`].
    pub first: Vec<Rejected>,
}

impl Rejects {
    /// Records of one kind that are shown.
    pub const FIRST_MAX: usize = 5;

    fn add(&mut self, rejected: Rejected) {
        let at =
            self.first.partition_point(|r| (r.input, r.offset) < (rejected.input, rejected.offset));
        if at < Self::FIRST_MAX {
            self.first.insert(at, rejected);
            self.first.truncate(Self::FIRST_MAX);
        }
    }
}

/// Events of types that no reader knows, of one vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// The vendor's name of the type, and how many events have it. Vendor's text: print with care.
    pub types: BTreeMap<String, u64>,
    /// Events whose type is not listed, because [`Unknown::TYPES_MAX`] others came before it.
    pub others: u64,
}

impl Unknown {
    /// Types listed at the most, for one vendor.
    pub const TYPES_MAX: usize = 1_000;
    /// Bytes of a type's name that are kept.
    const NAME_BYTES_MAX: usize = 128;

    fn add(&mut self, name: &str, count: u64) {
        let name = name.get(..name.floor_char_boundary(Self::NAME_BYTES_MAX)).unwrap_or(name);
        if let Some(known) = self.types.get_mut(name) {
            *known += count;
        } else if self.types.len() < Self::TYPES_MAX {
            self.types.insert(name.to_owned(), count);
        } else {
            self.others += count;
        }
    }

    /// How many events in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.types.values().sum::<u64>() + self.others
    }
}

/// Files in folders that were not read, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// How many.
    pub count: u64,
    /// The first of them; at most [`PassedOver::FIRST_MAX`].
    pub first: Vec<PathBuf>,
}

/// What was read, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// Inputs opened.
    pub inputs: usize,
    /// Bytes read from disk or standard input (compressed ones as they are).
    pub bytes: u64,
    /// Records found: lines that are not blank, elements of arrays.
    pub records: u64,
    /// Identity events, by vendor.
    pub events: BTreeMap<Source, u64>,
    /// Records of known types that say nothing about signing in, by vendor.
    pub ignored: BTreeMap<Source, u64>,
    /// Records of unknown types, by vendor.
    pub unknown: BTreeMap<Source, Unknown>,
    /// Records that could not be read, by kind.
    pub rejects: BTreeMap<RejectKind, Rejects>,
    /// When the earliest event happened.
    pub first_at: Option<Timestamp>,
    /// When the latest event happened.
    pub last_at: Option<Timestamp>,
    /// Inputs that failed half-way; what came before the failure was read.
    pub problems: Vec<Problem>,
    /// What lies in folders and was not read, by reason.
    pub passed_over: BTreeMap<NotRead, Passed>,
    /// How often records were moved from memory to the temporary file.
    pub spills: u64,
}

impl ReadReport {
    /// Records that could not be read.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejects.values().map(|rejects| rejects.count).sum()
    }

    /// Files that were passed over and may hold logs.
    #[must_use]
    pub fn unread_logs(&self) -> u64 {
        let may_hold_log = self.passed_over.iter().filter(|(why, _)| why.may_hold_log);
        may_hold_log.map(|(_, passed)| passed.count).sum()
    }

    pub(super) fn passed_over(&mut self, files: impl Iterator<Item = PassedOver>) {
        for PassedOver { why, path } in files {
            let passed = self.passed_over.entry(why).or_default();
            passed.count += 1;
            if passed.first.len() < PassedOver::FIRST_MAX {
                passed.first.push(path);
            }
        }
    }

    /// Adds names and line numbers to the rejected records that are shown.
    pub(super) fn locate(&mut self, inputs: &Inputs) {
        for rejects in self.rejects.values_mut() {
            for rejected in &mut rejects.first {
                rejected.path = inputs.path(rejected.input).to_owned();
                if rejected.place == Place::Unknown
                    && let Some(line) = inputs.line(rejected.input, rejected.offset)
                {
                    rejected.place = Place::Line(line);
                }
            }
        }
        self.problems.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

/// A parser counts lines from the start of its record; beside the line of the file that is a second
/// number for the same thing, or a misleading one.
fn in_record(reason: &str) -> String {
    let Some((what, place)) = reason.rsplit_once(" at line ") else { return reason.to_owned() };
    match place.split_once(" column ") {
        Some(("1", column)) => format!("{what} at column {column}"),
        Some((line, column)) => format!("{what} at column {column} of the record's line {line}"),
        None => reason.to_owned(),
    }
}

const SOURCES: usize = Source::ALL.len();

/// What one thread counts.
#[derive(Debug)]
pub(super) struct Tally {
    pub records: u64,
    events: [u64; SOURCES],
    ignored: [u64; SOURCES],
    unknown: BTreeMap<Source, Unknown>,
    rejects: BTreeMap<RejectKind, Rejects>,
    first_at: Timestamp,
    last_at: Timestamp,
    pub problems: Vec<Problem>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            records: 0,
            events: [0; SOURCES],
            ignored: [0; SOURCES],
            unknown: BTreeMap::new(),
            rejects: BTreeMap::new(),
            first_at: Timestamp::MAX,
            last_at: Timestamp::MIN,
            problems: Vec::new(),
        }
    }
}

impl Tally {
    pub fn event(&mut self, source: Source, at: Timestamp) {
        if let Some(count) = self.events.get_mut(source as usize) {
            *count += 1;
        }
        self.first_at = self.first_at.min(at);
        self.last_at = self.last_at.max(at);
    }

    pub fn ignore(&mut self, source: Source) {
        if let Some(count) = self.ignored.get_mut(source as usize) {
            *count += 1;
        }
    }

    pub fn unknown(&mut self, source: Source, name: &str) {
        self.unknown.entry(source).or_default().add(name, 1);
    }

    pub fn reject(&mut self, input: u32, offset: u64, place: Place, reject: &Reject) {
        self.add(RejectKind::of(reject), input, offset, place, in_record(&reject.to_string()));
    }

    /// Notes that an array of records was still open when its input ended.
    pub fn cut_off(&mut self, input: u32, offset: u64, place: Place) {
        let reason = "array not closed: the file may be cut".to_owned();
        self.add(RejectKind::CutOff, input, offset, place, reason);
    }

    fn add(&mut self, kind: RejectKind, input: u32, offset: u64, place: Place, reason: String) {
        let rejects = self.rejects.entry(kind).or_default();
        rejects.count += 1;
        rejects.add(Rejected { input, path: PathBuf::new(), offset, place, reason });
    }

    /// Adds these counts to the report.
    pub fn add_to(self, report: &mut ReadReport) {
        report.records += self.records;
        let pairs = Source::ALL.into_iter().zip(self.events.into_iter().zip(self.ignored));
        for (source, (events, ignored)) in pairs {
            if events > 0 {
                *report.events.entry(source).or_default() += events;
            }
            if ignored > 0 {
                *report.ignored.entry(source).or_default() += ignored;
            }
        }
        for (source, unknown) in self.unknown {
            let into = report.unknown.entry(source).or_default();
            for (name, count) in &unknown.types {
                into.add(name, *count);
            }
            into.others += unknown.others;
        }
        for (kind, rejects) in self.rejects {
            let into = report.rejects.entry(kind).or_default();
            into.count += rejects.count;
            for rejected in rejects.first {
                into.add(rejected);
            }
        }
        if self.first_at <= self.last_at {
            let first = report.first_at.unwrap_or(Timestamp::MAX);
            let last = report.last_at.unwrap_or(Timestamp::MIN);
            report.first_at = Some(first.min(self.first_at));
            report.last_at = Some(last.max(self.last_at));
        }
        report.problems.extend(self.problems);
    }
}
