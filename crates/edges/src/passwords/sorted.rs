//! Finding a range in one big file by halving it.
//!
//! ```text
//! 000000005AD76BD555C1D6D771DE417A4B87E4B4:10
//! 00000000A8DAE4228F821FB418F59826079BF368:4
//! ```

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use pushback_verify::RANGE_BYTES_MAX;

use super::{PREFIX_DIGITS, Prefix, RangeSourceError};

const HASH_DIGITS: usize = 40;
/// The longest line with its end: a hash, a colon, 20 digits (64 bits), CR, LF.
const LINE_BYTES_MAX: usize = HASH_DIGITS + 1 + 20 + 2;

pub(super) fn in_file(path: &Path, prefix: Prefix) -> Result<Vec<u8>, RangeSourceError> {
    let io = |source| RangeSourceError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    if bytes == 0 {
        return Err(RangeSourceError::Incomplete { path: path.to_owned() });
    }
    let range = find(file, bytes, prefix).map_err(|fault| match fault {
        Fault::Io(source) => io(source),
        Fault::Malformed(offset) => RangeSourceError::Malformed { path: path.to_owned(), offset },
        Fault::Unsorted(offset) => RangeSourceError::Unsorted { path: path.to_owned(), offset },
        Fault::TooLong => RangeSourceError::TooLong { source_name: path.display().to_string() },
    })?;
    if is_gap(&range, bytes) {
        return Err(RangeSourceError::Incomplete { path: path.to_owned() });
    }
    Ok(range)
}

/// Lines that a list has for each range on average if it is a whole one. By chance alone, a range of
/// such a list is empty once in e^32 (Poisson); the published ones have hundreds of lines a range.
const WHOLE_LINES_A_RANGE: u64 = 32;

/// Whether an empty range shows that the download of a whole list broke off. A small list of one's own
/// has empty ranges.
// SECURITY: what was not downloaded would pass for good passwords. Guarded by
// `a_range_missing_from_a_whole_list_is_no_good_password`.
pub(super) fn is_gap(range: &[u8], bytes: u64) -> bool {
    let ranges = 16_u64.pow(PREFIX_DIGITS as u32);
    range.is_empty() && bytes / LINE_BYTES_MAX as u64 >= WHOLE_LINES_A_RANGE * ranges
}

#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    Malformed(u64),
    Unsorted(u64),
    TooLong,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One line and where it lies.
struct Line {
    start: u64,
    /// Of the next line.
    next: u64,
    hash: [u8; HASH_DIGITS],
    /// From the sixth digit to the end of the count.
    rest: Vec<u8>,
}

/// The lines of the range, each as `SUFFIX:COUNT` with LF. Reads some thirty lines of any file, and the
/// range.
pub(super) fn find<F: Read + Seek>(
    mut file: F,
    bytes: u64,
    prefix: Prefix,
) -> Result<Vec<u8>, Fault> {
    // Every line that starts before `low` is before the range; none that starts at `high` or after is.
    let (mut low, mut high) = (0, bytes);
    let (mut before, mut after): (Option<[u8; HASH_DIGITS]>, Option<[u8; HASH_DIGITS]>) =
        (None, None);
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(line) = first_line_from(&mut file, middle)? else {
            high = middle;
            continue;
        };
        // SECURITY: in a file that is not sorted a leaked password would not be found and pass for
        // a good one. Guarded by `a_file_out_of_order_is_an_error_where_it_is_noticed`.
        let is_ordered = before.is_none_or(|before| before <= line.hash)
            && after.is_none_or(|after| line.hash <= after);
        if !is_ordered {
            return Err(Fault::Unsorted(line.start));
        }
        if line.hash.as_slice() >= prefix.0.as_slice() {
            after = Some(line.hash);
            high = middle;
        } else {
            before = Some(line.hash);
            low = line.next;
        }
    }
    copy(file, low, before, prefix)
}

/// Copies lines from the first of the range on, until one is past it.
fn copy<F: Read + Seek>(
    mut file: F,
    start: u64,
    mut before: Option<[u8; HASH_DIGITS]>,
    prefix: Prefix,
) -> Result<Vec<u8>, Fault> {
    file.seek(SeekFrom::Start(start))?;
    let mut reader = BufReader::new(file);
    let mut range = Vec::new();
    let mut at = start;
    while let Some(line) = next_line(&mut reader, at)? {
        if before.is_some_and(|before| before > line.hash) {
            return Err(Fault::Unsorted(line.start));
        }
        if !line.hash.starts_with(&prefix.0) {
            break;
        }
        range.extend_from_slice(&line.rest);
        range.push(b'\n');
        if range.len() > RANGE_BYTES_MAX {
            return Err(Fault::TooLong);
        }
        before = Some(line.hash);
        at = line.next;
    }
    Ok(range)
}

/// The first line that starts at `offset` or after it.
fn first_line_from<F: Read + Seek>(file: &mut F, offset: u64) -> Result<Option<Line>, Fault> {
    // From one byte before, to see whether a line starts right at the offset.
    let from = offset.saturating_sub(1);
    file.seek(SeekFrom::Start(from))?;
    let mut window = Vec::with_capacity(2 * LINE_BYTES_MAX);
    file.take(2 * LINE_BYTES_MAX as u64).read_to_end(&mut window)?;
    let skipped = match (offset, window.iter().position(|byte| *byte == b'\n')) {
        (0, _) => 0,
        (_, Some(at)) => at + 1,
        // No line is as long as the window: without an end in it, the file ends in it.
        (_, None) if window.len() < LINE_BYTES_MAX => return Ok(None),
        (_, None) => return Err(Fault::Malformed(from)),
    };
    let mut rest = window.get(skipped..).unwrap_or_default();
    // A position in a window of 126 bytes fits.
    next_line(&mut rest, from + skipped as u64)
}

fn next_line<R: io::BufRead>(reader: &mut R, start: u64) -> Result<Option<Line>, Fault> {
    let mut text = Vec::with_capacity(LINE_BYTES_MAX);
    let read = reader.take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut text)?;
    if read == 0 {
        return Ok(None);
    }
    let line = text.strip_suffix(b"\n").unwrap_or(&text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    parse(line)
        .map(|(hash, rest)| Some(Line { start, next: start + read as u64, hash, rest }))
        .ok_or(Fault::Malformed(start))
}

fn parse(line: &[u8]) -> Option<([u8; HASH_DIGITS], Vec<u8>)> {
    let hash = line.first_chunk::<HASH_DIGITS>()?.map(|digit| digit.to_ascii_uppercase());
    let count = line.get(HASH_DIGITS..)?.strip_prefix(b":")?;
    let is_count = !count.is_empty() && count.iter().all(u8::is_ascii_digit);
    let is_hash = hash.iter().all(u8::is_ascii_hexdigit);
    let mut rest = hash.get(PREFIX_DIGITS..)?.to_vec();
    rest.push(b':');
    rest.extend_from_slice(count);
    (is_hash && is_count).then_some((hash, rest))
}
