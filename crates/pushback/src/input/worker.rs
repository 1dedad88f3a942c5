//! What one thread does with records.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memchr;
use pushback_detect::{Intake, Position, Record};
use pushback_model::IdentityEvent;
use pushback_normalize::frame::{Shape, after_mark};
use pushback_normalize::{Hint, RECORD_BYTES_MAX, Read, Reader, Reject};

use super::records::Spill;
use super::report::{Place, Tally};
use super::source::{Input, Kept, read_at};
use super::stream::Block;
use super::{Options, Tap};

/// Bytes read at a time: small enough to stay in a core's second cache, where they are looked at
/// several times.
pub(super) const BLOCK_BYTES: usize = 256 << 10;

/// Bytes read at a time to find the end of a line that runs out of its chunk.
const TAIL_BYTES: usize = 16 << 10;

/// Reads records on one thread.
pub(super) struct Worker<'a> {
    reader: &'a Reader,
    tap: Option<&'a Tap<'a>>,
    is_strict: bool,
    hint: Hint,
    pub intake: Intake,
    pub records: Vec<Record>,
    records_max: usize,
    spill: &'a Spill,
    pub tally: Tally,
    buffer: Vec<u8>,
    /// What the temporary file said; the thread is of no use after that.
    pub failure: Option<io::Error>,
}

impl<'a> Worker<'a> {
    pub fn new(
        reader: &'a Reader,
        options: &Options,
        records_max: usize,
        spill: &'a Spill,
        tap: Option<&'a Tap<'a>>,
    ) -> Self {
        Self {
            reader,
            tap,
            is_strict: options.is_strict,
            hint: Hint::default(),
            intake: options.intake.clone(),
            // Reserved but untouched memory costs nothing; growing would copy and take it twice.
            records: Vec::with_capacity(records_max),
            records_max,
            spill,
            tally: Tally::default(),
            buffer: Vec::new(),
            failure: None,
        }
    }

    /// Reads one record that starts at `offset` of `input`.
    fn record(&mut self, input: u32, kept: Option<&Kept>, offset: u64, place: Place, bytes: &[u8]) {
        self.tally.records += 1;
        if self.is_strict {
            if str::from_utf8(bytes).is_err() {
                self.tally.reject(input, offset, place, &Reject::Encoding);
                return;
            }
        } else if self.tap.is_some()
            && let Some(source) = self.reader.is_ignorable(bytes)
        {
            self.tally.ignore(source);
            return;
        }
        if bytes.len() > RECORD_BYTES_MAX {
            self.tally.reject(input, offset, place, &Reject::TooLong);
            return;
        }
        // `RECORD_BYTES_MAX` fits in 32 bits.
        let position = Position { input, length: bytes.len() as u32, offset };
        let wants_all = self.is_strict || self.tap.is_some();
        let Self { reader, tap, hint, intake, records, tally, .. } = self;
        let before = records.len();
        let mut wants_more = true;
        let mut sink = |event: &IdentityEvent<'_>| {
            tally.event(event.source, event.occurred_at);
            match tap {
                Some(tap) => wants_more = wants_more && tap(event),
                None => records.push(intake.take(event, position)),
            }
        };
        let seen = if wants_all { None } else { reader.glance(bytes, &mut sink) };
        let result = seen.map_or_else(|| reader.read(bytes, hint, &mut sink), Ok);
        if !wants_more {
            self.failure = Some(io::ErrorKind::Interrupted.into());
            return;
        }
        match result {
            Ok(Read::Events(_)) => {}
            Ok(Read::Ignored(source)) => tally.ignore(source),
            Ok(Read::Unknown(source, name)) => tally.unknown(source, &name),
            Err(reject) => tally.reject(input, offset, place, &reject),
        }
        if let Some(kept) = kept
            && let Err(error) = kept.keep(records.get(before..).unwrap_or_default(), offset, bytes)
        {
            self.failure = Some(error);
        }
        if self.records.len() >= self.records_max
            && let Err(error) = self.spill.take(&mut self.records)
        {
            self.failure = Some(error);
        }
    }

    /// Notes a record that is longer than any may be.
    fn too_long(&mut self, input: u32, offset: u64, place: Place) {
        self.tally.records += 1;
        self.tally.reject(input, offset, place, &Reject::TooLong);
    }

    /// Reads a line without its end; a blank one is no record.
    fn line(&mut self, input: u32, kept: Option<&Kept>, offset: u64, place: Place, line: &[u8]) {
        let text = if offset == 0 { after_mark(line) } else { line };
        // Nearly every line begins at once and ends at most in a carriage return.
        let text = match (text.first(), text.last()) {
            (Some(first), Some(last)) if first.is_ascii_graphic() && last.is_ascii_graphic() => {
                text
            }
            _ => text.trim_ascii_start(),
        };
        let offset = offset + (line.len() - text.len()) as u64;
        let text = text.trim_ascii_end();
        if !text.is_empty() {
            self.record(input, kept, offset, place, text);
        }
    }

    /// Reads the records of a block of a stream.
    pub fn block(&mut self, block: &Block, kept: Option<&Kept>) {
        let bytes = block.bytes.get(..block.length).unwrap_or_default();
        if block.shape == Shape::Lines {
            self.lines(block.input, kept, block.offset, block.first, bytes);
        }
        for (number, piece) in (block.first..).zip(&block.pieces) {
            let place = match block.shape {
                Shape::Lines => Place::Line(number),
                Shape::Document => Place::Record(number),
            };
            match bytes.get(piece.start..piece.start + piece.length) {
                Some(record) if !piece.is_too_long => {
                    self.record(block.input, kept, piece.offset, place, record);
                }
                _ => self.too_long(block.input, piece.offset, place),
            }
        }
        if let Some((offset, line)) = block.cut_off {
            self.tally.cut_off(block.input, offset, Place::Line(line));
        }
    }

    /// Reads all lines in `bytes`, which starts at `offset` and at line number `first` of `input`.
    fn lines(&mut self, input: u32, kept: Option<&Kept>, offset: u64, first: u64, bytes: &[u8]) {
        let mut at = 0;
        let mut number = first;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or_default();
            self.line(input, kept, offset + at as u64, Place::Line(number), line);
            number += 1;
            at += end + 1;
        }
    }

    /// Reads the lines of a file that start in `start..end`, wherever they end.
    pub fn chunk(
        &mut self,
        number: u32,
        input: &Input,
        file: &File,
        (start, end): (u64, u64),
        done: &AtomicU64,
    ) {
        let mut buffer = std::mem::take(&mut self.buffer);
        if let Err(error) = self.chunk_in(&mut buffer, number, file, (start, end), done) {
            self.tally
                .problems
                .push(super::Problem::new(&input.path, super::Problem::words(&error)));
        }
        self.buffer = buffer;
        // A giant line grew it; do not keep that.
        if self.buffer.len() > 4 * BLOCK_BYTES {
            self.buffer = Vec::new();
        }
    }

    fn chunk_in(
        &mut self,
        buffer: &mut Vec<u8>,
        number: u32,
        file: &File,
        (start, end): (u64, u64),
        done: &AtomicU64,
    ) -> io::Result<()> {
        // A line starts after a line's end: look at the byte before the chunk too.
        let mut offset = start.saturating_sub(1);
        // Looking for a line's end: before the first line of the chunk, or in a giant line.
        let mut is_seeking = start > 0;
        let mut carried = 0;
        while self.failure.is_none() {
            let wanted = match end.checked_sub(offset) {
                Some(left) if left > 0 => left.min(BLOCK_BYTES as u64) as usize,
                _ => TAIL_BYTES.max(carried / 4),
            };
            if buffer.len() < carried + wanted {
                buffer.resize(carried + wanted, 0);
            }
            let room = buffer.get_mut(carried..carried + wanted).unwrap_or_default();
            let n = read_at(file, room, offset)?;
            let base = offset - carried as u64;
            // Each byte of the file counts in the chunk that it lies in.
            let counted = end.min(offset + n as u64).saturating_sub(start.max(offset));
            done.fetch_add(counted, Ordering::Relaxed);
            offset += n as u64;
            let data = buffer.get(..carried + n).unwrap_or_default();
            let mut at = 0;
            // What was carried over holds no line's end.
            let mut searched = carried;
            if is_seeking {
                match memchr(b'\n', data) {
                    Some(newline) => {
                        at = newline + 1;
                        searched = at;
                        is_seeking = false;
                    }
                    None if n == 0 || offset >= end => return Ok(()),
                    None => {
                        carried = 0;
                        continue;
                    }
                }
            }
            while base + (at as u64) < end
                && let Some(newline) = memchr(b'\n', data.get(searched..).unwrap_or_default())
            {
                let line = data.get(at..searched + newline).unwrap_or_default();
                self.line(number, None, base + at as u64, Place::Unknown, line);
                at = searched + newline + 1;
                searched = at;
            }
            let line_at = base + at as u64;
            if line_at >= end {
                return Ok(());
            }
            let rest = data.get(at..).unwrap_or_default();
            if n == 0 {
                self.line(number, None, line_at, Place::Unknown, rest);
                return Ok(());
            }
            carried = rest.len();
            if carried > RECORD_BYTES_MAX {
                self.too_long(number, line_at, Place::Unknown);
                is_seeking = true;
                carried = 0;
            } else {
                let held = data.len();
                buffer.copy_within(at..held, 0);
            }
        }
        Ok(())
    }
}
