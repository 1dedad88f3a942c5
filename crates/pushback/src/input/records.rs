//! Compact records in memory and, beyond a budget, in a temporary file; sorted by merging runs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
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
    // `order` says for each place which record belongs there: follow its cycles, each with one
    // record held aside.
    for start in 0..order.len() {
        let Some(aside) = records.get(start).copied() else { break };
        let mut place = start;
        while let Some(entry) = order.get_mut(place) {
            let from = entry.2 as usize;
            entry.2 = place as u32;
            if from == place {
                break;
            }
            let record = match records.get(from) {
                Some(record) if from != start => *record,
                _ => aside,
            };
            if let Some(slot) = records.get_mut(place) {
                *slot = record;
            }
            if from == start {
                break;
            }
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
        let size = (MERGE_BYTES_MAX / files / Record::BYTES).clamp(16, 1_024);
        let runs = self.0.runs.iter().filter_map(|run| {
            let file = self.0.file.as_ref()?;
            Some(Cursor::File { file, rest: *run, size, block: Vec::new(), at: 0 })
        });
        let mut merged = Merged { sources: Vec::new(), heads: BinaryHeap::new(), error: None };
        for mut cursor in memory.chain(runs) {
            match cursor.next() {
                Ok(Some(head)) => {
                    merged.heads.push(Reverse((head.order(), merged.sources.len())));
                    merged.sources.push(Open { cursor, head });
                }
                Ok(None) => {}
                Err(error) => merged.error = Some(error),
            }
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
    File {
        file: &'a File,
        /// What was not read yet.
        rest: Run,
        /// Records read at a time.
        size: usize,
        block: Vec<u8>,
        /// Where the next record starts in `block`.
        at: usize,
    },
}

impl Cursor<'_> {
    fn next(&mut self) -> io::Result<Option<Record>> {
        match self {
            Self::Memory(records) => Ok(records.next().copied()),
            Self::File { file, rest, size, block, at } => {
                if *at == block.len() {
                    let count = rest.count.min(*size);
                    if count == 0 {
                        return Ok(None);
                    }
                    block.resize(count * Record::BYTES, 0);
                    read_exact_at(file, block, rest.start * Record::BYTES as u64)?;
                    *rest = Run { start: rest.start + count as u64, count: rest.count - count };
                    *at = 0;
                }
                let bytes = block.get(*at..*at + Record::BYTES).unwrap_or_default();
                *at += Record::BYTES;
                Ok(Some(Record::from_bytes(bytes).ok_or(io::ErrorKind::InvalidData)?))
            }
        }
    }
}

type Order = (Key, Timestamp, Key, u32, EventKind, Position);

/// A run that has records left, and the first of them.
#[derive(Debug)]
struct Open<'a> {
    head: Record,
    cursor: Cursor<'a>,
}

/// The records of [`Sorted`], one after another.
#[derive(Debug)]
pub struct Merged<'a> {
    sources: Vec<Open<'a>>,
    /// The order of each source's head, and the source's number.
    heads: BinaryHeap<Reverse<(Order, usize)>>,
    error: Option<io::Error>,
}

impl Iterator for Merged<'_> {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.error.take() {
            self.heads.clear();
            return Some(Err(error));
        }
        // A single source needs no choosing.
        if let ([source], false) = (self.sources.as_mut_slice(), self.heads.is_empty()) {
            let record = source.head;
            match source.cursor.next() {
                Ok(Some(head)) => source.head = head,
                Ok(None) => self.heads.clear(),
                Err(error) => {
                    self.heads.clear();
                    self.error = Some(error);
                }
            }
            return Some(Ok(record));
        }
        // One person's records often follow each other in a run: its place at the top is kept until
        // the next head is known.
        let mut top = self.heads.peek_mut()?;
        let source = self.sources.get_mut(top.0.1)?;
        let record = source.head;
        match source.cursor.next() {
            Ok(Some(head)) => {
                top.0.0 = head.order();
                source.head = head;
            }
            Ok(None) => {
                PeekMut::pop(top);
            }
            Err(error) => {
                PeekMut::pop(top);
                self.error = Some(error);
            }
        }
        Some(Ok(record))
    }
}
