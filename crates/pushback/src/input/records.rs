//! Compact records in memory and, beyond a budget, in a temporary file; sorted by merging runs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};

use pushback_detect::{Position, Record, Resolver};
use pushback_model::{EventKind, Key, Timestamp};

use super::source::{read_exact_at, write_all_at};

/// Bytes that a run in the temporary file is read by while merging, all runs together.
const MERGE_BYTES_MAX: usize = 8 << 20;

/// A run in the temporary file.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Number of the first record in the file.
    start: u64,
    count: usize,
}

/// The temporary file that threads move records to.
#[derive(Debug, Default)]
pub(super) struct Spill(Mutex<Spilled>);

#[derive(Debug, Default)]
struct Spilled {
    file: Option<File>,
    runs: Vec<Run>,
    count: u64,
}

impl Spill {
    /// Moves `records` to the file and empties them.
    pub fn take(&self, records: &mut Vec<Record>) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let mut spilled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match spilled.file.take() {
            Some(file) => file,
            None => tempfile::tempfile()?,
        };
        write_run(&file, spilled.count, records)?;
        spilled.file = Some(file);
        let start = spilled.count;
        spilled.runs.push(Run { start, count: records.len() });
        spilled.count += records.len() as u64;
        records.clear();
        Ok(())
    }

    /// How often records were moved.
    pub fn count(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).runs.len() as u64
    }

    /// Everything, together with what is still in memory.
    pub fn into_records(self, mut memory: Vec<Vec<Record>>) -> io::Result<Records> {
        if self.count() > 0 {
            // Sorting a run needs the memory that these take.
            for records in &mut memory {
                self.take(records)?;
            }
            memory.clear();
        }
        memory.retain(|records| !records.is_empty());
        let spilled = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Records { memory, file: spilled.file, runs: spilled.runs })
    }
}

fn write_run(file: &File, start: u64, records: &[Record]) -> io::Result<()> {
    let mut block = Vec::with_capacity(1_024 * Record::BYTES);
    let mut offset = start * Record::BYTES as u64;
    for some in records.chunks(1_024) {
        block.clear();
        for record in some {
            block.extend_from_slice(&record.to_bytes());
        }
        write_all_at(file, &block, offset)?;
        offset += block.len() as u64;
    }
    Ok(())
}

fn read_run(file: &File, run: Run, into: &mut Vec<Record>) -> io::Result<()> {
    into.clear();
    into.reserve_exact(run.count);
    let mut block = vec![0; 1_024 * Record::BYTES];
    let mut offset = run.start * Record::BYTES as u64;
    let mut left = run.count;
    while left > 0 {
        let n = left.min(1_024);
        let bytes = block.get_mut(..n * Record::BYTES).unwrap_or_default();
        read_exact_at(file, bytes, offset)?;
        for record in bytes.chunks_exact(Record::BYTES) {
            into.push(Record::from_bytes(record).ok_or(io::ErrorKind::InvalidData)?);
        }
        offset += (n * Record::BYTES) as u64;
        left -= n;
    }
    Ok(())
}

/// The records of all events, as they were read.
#[derive(Debug)]
pub struct Records {
    memory: Vec<Vec<Record>>,
    file: Option<File>,
    runs: Vec<Run>,
}

impl Records {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let in_memory: usize = self.memory.iter().map(Vec::len).sum();
        in_memory + self.runs.iter().map(|run| run.count).sum::<usize>()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts every record under its person's name, and all of them in [`Record::order`].
    ///
    /// # Errors
    /// If the temporary file fails.
    pub fn sort(mut self, resolver: &Resolver) -> io::Result<Sorted> {
        std::thread::scope(|scope| {
            let mut rest = self.memory.iter_mut();
            let first = rest.next();
            for records in rest {
                scope.spawn(|| sort_run(records, resolver));
            }
            if let Some(records) = first {
                sort_run(records, resolver);
            }
        });
        if let Some(file) = &self.file {
            let mut records = Vec::new();
            for run in &self.runs {
                read_run(file, *run, &mut records)?;
                sort_run(&mut records, resolver);
                write_run(file, run.start, &records)?;
            }
        }
        Ok(Sorted(self))
    }
}

fn sort_run(records: &mut [Record], resolver: &Resolver) {
    for record in records.iter_mut() {
        record.resolve(resolver);
    }
    // Sorting short keys and moving every record once beats moving records at every comparison.
    let mut order: Vec<(Key, Timestamp, u32)> = (0u32..)
        .zip(records.iter())
        .map(|(index, record)| (record.who, record.at, index))
        .collect();
    order.sort_unstable_by(|a, b| {
        let whole = |index: u32| records.get(index as usize).map(Record::order);
        (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| whole(a.2).cmp(&whole(b.2)))
    });
    // `order` says for each place which record belongs there: follow its cycles.
    for start in 0..order.len() {
        let mut place = start;
        while let Some(entry) = order.get_mut(place) {
            let from = entry.2 as usize;
            entry.2 = place as u32;
            if from == start || from == place {
                break;
            }
            records.swap(place, from);
            place = from;
        }
    }
}

/// Records by person and time.
#[derive(Debug)]
pub struct Sorted(Records);

impl Sorted {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All records in [`Record::order`], as often as one likes. An item is an error if the
    /// temporary file fails; the rest is then meaningless.
    #[must_use]
    pub fn iter(&self) -> Merged<'_> {
        let memory = self.0.memory.iter().map(|records| Cursor::Memory(records.iter()));
        let files = self.0.runs.len().max(1);
        let block = (MERGE_BYTES_MAX / files / Record::BYTES).clamp(16, 1_024);
        let runs = self.0.runs.iter().filter_map(|run| {
            let file = self.0.file.as_ref()?;
            Some(Cursor::File { file, rest: *run, block, ready: Vec::new().into_iter() })
        });
        let mut merged =
            Merged { cursors: memory.chain(runs).collect(), heads: BinaryHeap::new(), error: None };
        for number in 0..merged.cursors.len() {
            merged.advance(number);
        }
        merged
    }
}

impl<'a> IntoIterator for &'a Sorted {
    type Item = io::Result<Record>;
    type IntoIter = Merged<'a>;

    fn into_iter(self) -> Merged<'a> {
        self.iter()
    }
}

#[derive(Debug)]
enum Cursor<'a> {
    Memory(std::slice::Iter<'a, Record>),
    File { file: &'a File, rest: Run, block: usize, ready: std::vec::IntoIter<Record> },
}

impl Cursor<'_> {
    fn next(&mut self) -> io::Result<Option<Record>> {
        match self {
            Self::Memory(records) => Ok(records.next().copied()),
            Self::File { file, rest, block, ready } => {
                if let Some(record) = ready.next() {
                    return Ok(Some(record));
                }
                let count = rest.count.min(*block);
                let mut records = Vec::with_capacity(count);
                read_run(file, Run { start: rest.start, count }, &mut records)?;
                *rest = Run { start: rest.start + count as u64, count: rest.count - count };
                *ready = records.into_iter();
                Ok(ready.next())
            }
        }
    }
}

type Order = (Key, Timestamp, Key, u32, EventKind, Position);

/// The records of [`Sorted`], one after another.
#[derive(Debug)]
pub struct Merged<'a> {
    cursors: Vec<Cursor<'a>>,
    heads: BinaryHeap<Reverse<Head>>,
    error: Option<io::Error>,
}

#[derive(Debug)]
struct Head {
    record: Record,
    cursor: usize,
}

impl Head {
    const fn key(&self) -> (Order, usize) {
        (self.record.order(), self.cursor)
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl Merged<'_> {
    fn advance(&mut self, cursor: usize) {
        match self.cursors.get_mut(cursor).map(Cursor::next) {
            Some(Ok(Some(record))) => self.heads.push(Reverse(Head { record, cursor })),
            Some(Ok(None)) | None => {}
            Some(Err(error)) => self.error = Some(error),
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.error.take() {
            self.heads.clear();
            self.cursors.clear();
            return Some(Err(error));
        }
        // One run needs no merging.
        if let [only] = self.cursors.as_mut_slice() {
            if let Some(Reverse(head)) = self.heads.pop() {
                return Some(Ok(head.record));
            }
            return only.next().transpose();
        }
        let Reverse(head) = self.heads.pop()?;
        self.advance(head.cursor);
        Some(Ok(head.record))
    }
}
