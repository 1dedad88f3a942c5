//! From files to detection: finds the inputs, takes them apart, reads every record once.
//!
//! What it promises: memory that does not grow with the size of the input (records beyond a budget
//! go to a temporary file, oversized ones are passed over), the same result for any number of
//! threads, and that nothing it cannot read goes unsaid.

mod not_read;
mod open;
mod paths;
mod records;
mod report;
mod run;
mod source;
mod stream;
#[cfg(test)]
mod tests;
mod utf16;
mod worker;

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pushback_detect::{Claims, Intake};
use pushback_model::IdentityEvent;
use pushback_normalize::Reader;

pub use paths::{Meets, meets};
pub use records::{Records, Sorted};
pub use report::{Problem, ReadReport, Unknown};
pub use source::Inputs;

use not_read::PassedOver;

/// How to read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that read and parse, at least 1. A compressed input adds one that decompresses.
    pub threads: usize,
    /// Look at every record in full, also at those that a glance would skip.
    pub is_strict: bool,
    /// Bytes of memory for records; what exceeds it goes to a temporary file.
    pub records_bytes_max: usize,
    /// What every thread begins with: the networks of the policy.
    pub intake: Intake,
}

/// Records kept in memory unless told otherwise: 40 of the 64 MB that a scan may take.
pub const RECORDS_BYTES_MAX: usize = 40 << 20;

/// Threads at the most. Each holds a block of 256 KiB and its share of the records; past this many
/// the disk decides.
pub const THREADS_MAX: usize = 16;

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: cores.min(THREADS_MAX),
            is_strict: false,
            records_bytes_max: RECORDS_BYTES_MAX,
            intake: Intake::default(),
        }
    }
}

/// Told now and then how far reading has come, on the thread that called [`collect`].
pub trait Progress {
    /// `done` bytes were read from disk, of `total` if that is known.
    fn advance(&mut self, done: u64, total: Option<u64>);
}

impl Progress for () {
    fn advance(&mut self, _done: u64, _total: Option<u64>) {}
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Inputs that are missing or cannot be read: every one of them.
    #[error("{}", list(.0))]
    Unreadable(Vec<Problem>),
    /// No path led to a log; what was passed over, with the reasons.
    #[error("{}no logs found; name files, folders, patterns, or - for standard input", above(.0))]
    Empty(Vec<Problem>),
    /// Records did not fit in memory and the temporary file failed.
    #[error("the temporary file for records failed (TMPDIR names the folder it goes to): {0}")]
    Temporary(#[source] io::Error),
    /// A thread stopped without an answer, which is a defect of this program.
    #[error("a reading thread stopped unexpectedly")]
    Thread,
}

fn above(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// What reading gave.
#[derive(Debug)]
pub struct Collected {
    /// The records of all identity events, unsorted.
    pub records: Records,
    /// Who is called what.
    pub claims: Claims,
    /// What was read and what was not.
    pub report: ReadReport,
    /// The inputs, to read a record again.
    pub inputs: Inputs,
}

/// Reads everything that `paths` lead to.
///
/// A path is a file, a folder (with all below it, hidden files and what is plainly no log left
/// out), a pattern (`logs/*.json`; a file of that very name wins), or `-` for standard input.
///
/// # Errors
/// [`InputError`] if an input is missing, unreadable or no text; nothing is read then. An input
/// that fails half-way is no error: it is among [`ReadReport::problems`], and what came before counts.
pub fn collect(
    paths: &[PathBuf],
    reader: &Reader,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Collected, InputError> {
    collect_from(paths, Box::new(io::stdin()), reader, options, progress, None)
}

/// Sees every event as it is read; answers whether it wants more.
pub type Tap<'a> = dyn Fn(&IdentityEvent<'_>) -> bool + Sync + 'a;

/// Shows every event to `tap`, in the order of the inputs, and keeps none.
///
/// # Errors
/// As [`collect`].
pub fn for_each(
    paths: &[PathBuf],
    reader: &Reader,
    is_strict: bool,
    progress: &mut dyn Progress,
    tap: &mut (dyn FnMut(&IdentityEvent<'_>) -> bool + Send),
) -> Result<ReadReport, InputError> {
    let options = Options { threads: 1, is_strict, ..Options::default() };
    let tap = Mutex::new(tap);
    let tap = |event: &IdentityEvent<'_>| {
        let mut tap = tap.lock().unwrap_or_else(PoisonError::into_inner);
        (*tap)(event)
    };
    let collected =
        collect_from(paths, Box::new(io::stdin()), reader, &options, progress, Some(&tap))?;
    Ok(collected.report)
}

/// As [`collect`], with something else for standard input, and maybe with a tap.
fn collect_from(
    paths: &[PathBuf],
    standard_input: Box<dyn io::Read + Send>,
    reader: &Reader,
    options: &Options,
    progress: &mut dyn Progress,
    tap: Option<&Tap<'_>>,
) -> Result<Collected, InputError> {
    let found = paths::expand(paths);
    let mut problems = found.problems;
    let (inputs, more, passed_over) = open::open_all(found.files, standard_input)?;
    problems.extend(more);
    if !problems.is_empty() {
        return Err(InputError::Unreadable(problems));
    }
    if inputs.is_empty() {
        let passed_over = found.passed_over.into_iter().chain(passed_over);
        let named = passed_over.take(PassedOver::FIRST_MAX);
        let named = named.map(|one| Problem::new(&one.path, one.why.what.into()));
        return Err(InputError::Empty(named.collect()));
    }
    let (records, claims, mut report) = run::run(&inputs, reader, options, progress, tap)?;
    report.passed_over(found.passed_over.into_iter().chain(passed_over));
    let inputs = Inputs::new(inputs);
    report.locate(&inputs);
    Ok(Collected { records, claims, report, inputs })
}
