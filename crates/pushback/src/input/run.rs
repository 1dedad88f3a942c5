//! Dividing the work among threads.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use pushback_detect::{Claims, Intake, Record};
use pushback_normalize::Reader;

use super::records::{Records, Spill};
use super::report::{Problem, ReadReport};
use super::source::{Input, Kind};
use super::stream::{Block, Take, cut};
use super::worker::Worker;
use super::{InputError, Options, Progress, THREADS_MAX, Tap};

/// Bytes of a file that a thread claims at a time. The lines that start in a chunk are its own.
const CHUNK_BYTES: u64 = 4 << 20;

/// Records that a thread holds at least.
const RECORDS_MIN: usize = 256;

/// What threads share.
struct Shared<'a> {
    inputs: &'a [Input],
    /// The files of lines: number of the input, and number of its first chunk.
    files: Vec<(usize, usize)>,
    /// How many chunks there are.
    chunks: usize,
    /// Inputs that a thread reads alone, from their start.
    streams: Vec<usize>,
    next: AtomicUsize,
    done: AtomicU64,
    has_failed: AtomicBool,
    spare: Mutex<Vec<Block>>,
}

/// What a thread is to do next.
enum Claim {
    Chunk { input: usize, start: u64, end: u64 },
    Stream(usize),
}

impl Shared<'_> {
    fn claim(&self) -> Option<Claim> {
        if self.has_failed.load(Ordering::Relaxed) {
            return None;
        }
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        if n >= self.chunks {
            return self.streams.get(n - self.chunks).copied().map(Claim::Stream);
        }
        let after = self.files.partition_point(|(_, first)| *first <= n);
        let (input, first) = *self.files.get(after.checked_sub(1)?)?;
        let start = (n - first) as u64 * CHUNK_BYTES;
        let end = self.inputs.get(input)?.length.min(start + CHUNK_BYTES);
        Some(Claim::Chunk { input, start, end })
    }
}

/// Reads all inputs.
pub(super) fn run(
    inputs: &[Input],
    reader: &Reader,
    options: &Options,
    progress: &mut dyn Progress,
    tap: Option<&Tap<'_>>,
) -> Result<(Records, Claims, ReadReport), InputError> {
    let threads = options.threads.clamp(1, THREADS_MAX);
    let (mut files, mut chunks, mut streams) = (Vec::new(), 0, Vec::new());
    for (number, input) in inputs.iter().enumerate() {
        if matches!(input.kind, Kind::Lines) {
            files.push((number, chunks));
            chunks += usize::try_from(input.length.div_ceil(CHUNK_BYTES)).unwrap_or(usize::MAX);
        } else {
            streams.push(number);
        }
    }
    // With a stream for every thread, each reads its own and nothing is handed over.
    let is_piped = threads > 1 && streams.len() < threads;
    let piped = if is_piped { std::mem::take(&mut streams) } else { Vec::new() };
    let shared = Shared {
        inputs,
        files,
        chunks,
        streams,
        next: AtomicUsize::new(0),
        done: AtomicU64::new(0),
        has_failed: AtomicBool::new(false),
        spare: Mutex::new(Vec::new()),
    };
    let spill = Spill::default();
    let claims = shared.chunks + shared.streams.len();
    // A thread that decompresses leaves one less to read, but at least this one.
    let workers = if piped.is_empty() {
        threads.min(claims).max(1)
    } else {
        threads.saturating_sub(piped.len()).max(1)
    };
    let records_max = (options.records_bytes_max / size_of::<Record>() / workers).max(RECORDS_MIN);
    let worker = || Worker::new(reader, options, records_max, &spill, tap);
    let total = inputs
        .iter()
        .all(|input| !matches!(input.kind, Kind::Once { .. }))
        .then(|| inputs.iter().map(|input| input.length).sum());
    let mut tick = || progress.advance(shared.done.load(Ordering::Relaxed), total);

    let (send, receive) = sync_channel::<Block>(2 * workers);
    let receive = Arc::new(Mutex::new(receive));
    let shared = &shared;
    let (finished, problems) = std::thread::scope(|scope| {
        let producers: Vec<_> = piped
            .iter()
            .map(|number| {
                let send = send.clone();
                scope.spawn(move || produce(shared, *number, send))
            })
            .collect();
        drop(send);
        let others: Vec<_> = (1..workers)
            .map(|_| {
                let (worker, receive) = (worker(), Arc::clone(&receive));
                scope.spawn(move || work(worker, shared, &receive, &mut || {}))
            })
            .collect();
        let mut finished = vec![Ok(work(worker(), shared, &receive, &mut tick))];
        drop(receive);
        finished.extend(others.into_iter().map(|thread| thread.join()));
        let problems: Vec<_> = producers.into_iter().map(|thread| thread.join()).collect();
        (finished, problems)
    });

    let mut report = ReadReport {
        inputs: inputs.len(),
        bytes: shared.done.load(Ordering::Relaxed),
        ..ReadReport::default()
    };
    let mut intake = Intake::default();
    let mut memory = Vec::new();
    for worker in finished {
        let worker = worker.map_err(|_| InputError::Thread)?;
        if let Some(error) = worker.failure {
            return Err(InputError::Temporary(error));
        }
        intake.merge(worker.intake);
        worker.tally.add_to(&mut report);
        memory.push(worker.records);
    }
    for problem in problems {
        report.problems.extend(problem.map_err(|_| InputError::Thread)?);
    }
    report.spills = spill.count();
    let records = spill.into_records(memory).map_err(InputError::Temporary)?;
    Ok((records, intake.into_claims(), report))
}

/// The life of a reading thread.
fn work<'a>(
    mut worker: Worker<'a>,
    shared: &Shared<'_>,
    receive: &Mutex<Receiver<Block>>,
    tick: &mut dyn FnMut(),
) -> Worker<'a> {
    let mut open: Option<(usize, File)> = None;
    while let Some(claim) = shared.claim() {
        match claim {
            Claim::Chunk { input: number, start, end } => {
                let Some(input) = shared.inputs.get(number) else { continue };
                let file = match open.take() {
                    Some((same, file)) if same == number => Ok(file),
                    _ => input.open(),
                };
                match file {
                    Ok(file) => {
                        worker.chunk(number as u32, input, &file, (start, end), &shared.done);
                        open = Some((number, file));
                    }
                    Err(error) => worker
                        .tally
                        .problems
                        .push(Problem::new(&input.path, Problem::words(&error))),
                }
            }
            Claim::Stream(number) => {
                let problem =
                    stream(shared, number, &mut Alone { worker: &mut worker, shared, tick });
                worker.tally.problems.extend(problem);
            }
        }
        if worker.failure.is_some() {
            shared.has_failed.store(true, Ordering::Relaxed);
        }
        tick();
    }
    loop {
        // The lock is held while waiting: whoever waits for it would only wait for a block.
        let block = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(block) = block else { return worker };
        // After a failure blocks are still taken, so that no producer waits for ever.
        if !shared.has_failed.load(Ordering::Relaxed) {
            let kept = shared.inputs.get(block.input as usize).and_then(Input::kept);
            worker.block(&block, kept);
            if worker.failure.is_some() {
                shared.has_failed.store(true, Ordering::Relaxed);
            }
        }
        shared.spare.lock().unwrap_or_else(PoisonError::into_inner).push(block);
        tick();
    }
}

/// Reads a stream from start to end and says what went wrong.
fn stream(shared: &Shared<'_>, number: usize, take: &mut dyn Take) -> Option<Problem> {
    let input = shared.inputs.get(number)?;
    let result: io::Result<()> =
        input.stream(&shared.done).and_then(|mut reader| cut(number as u32, reader.as_mut(), take));
    result.err().map(|error| Problem::new(&input.path, Problem::words(&error)))
}

/// The life of a decompressing thread.
fn produce(shared: &Shared<'_>, number: usize, send: SyncSender<Block>) -> Option<Problem> {
    stream(shared, number, &mut Sending { shared, send, is_done: false })
}

/// One thread does it all.
struct Alone<'w, 'a, 's> {
    worker: &'w mut Worker<'a>,
    shared: &'s Shared<'s>,
    tick: &'w mut dyn FnMut(),
}

impl Take for Alone<'_, '_, '_> {
    fn take(&mut self, block: Block) -> Block {
        let kept = self.shared.inputs.get(block.input as usize).and_then(Input::kept);
        self.worker.block(&block, kept);
        (self.tick)();
        block
    }

    fn is_done(&self) -> bool {
        self.worker.failure.is_some()
    }
}

/// Blocks go to other threads.
struct Sending<'s> {
    shared: &'s Shared<'s>,
    send: SyncSender<Block>,
    is_done: bool,
}

impl Take for Sending<'_> {
    fn take(&mut self, block: Block) -> Block {
        self.is_done |= self.send.send(block).is_err();
        let spare = self.shared.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_default()
    }

    fn is_done(&self) -> bool {
        self.is_done || self.shared.has_failed.load(Ordering::Relaxed)
    }
}
