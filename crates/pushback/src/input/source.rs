//! An opened input, and how to get at its bytes again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use pushback_detect::{Position, Record};

use super::open::{Compression, decompress};

/// How an input is read.
pub(super) enum Kind {
    /// A file of lines: any part can be read at any time.
    Lines,
    /// A JSON document, which has to be read from its start; its records can be read at any time.
    Document,
    /// A compressed file, which has to be read from its start.
    Compressed { compression: Compression, kept: Option<Kept> },
    /// A pipe, which can be read once only.
    Once { reader: Mutex<Option<Box<dyn Read + Send>>>, kept: Kept },
}

/// Bytes that are kept of a compressed file. Records after that are decompressed again when they are
/// wanted.
const KEPT_BYTES_MAX: u64 = 1 << 30;

/// Bytes that are written to the temporary file at a time.
const KEPT_BLOCK_BYTES: usize = 256 << 10;

/// Records of an input that cannot be read again at any place, in a temporary file: each with its
/// offset and length before it, in the order in which they were met.
#[derive(Debug)]
pub(super) struct Kept {
    /// Whether nothing else has them.
    is_only_copy: bool,
    log: Mutex<Log>,
}

#[derive(Debug)]
struct Log {
    file: File,
    /// Bytes in the file.
    length: u64,
    /// What follows them.
    block: Vec<u8>,
}

/// An offset and a length.
const HEADER_BYTES: usize = 12;

impl Kept {
    /// An empty one.
    pub fn new(is_only_copy: bool) -> io::Result<Self> {
        let log = Log { file: tempfile::tempfile()?, length: 0, block: Vec::new() };
        Ok(Self { is_only_copy, log: Mutex::new(log) })
    }

    /// Keeps the bytes of a record that gave events. Single sign-ons too, which are half of a log: an
    /// incident shows what a stranger used, and where the owner was at the time.
    pub fn keep(&self, events: &[Record], offset: u64, bytes: &[u8]) -> io::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_only_copy && log.length > KEPT_BYTES_MAX {
            return Ok(());
        }
        log.block.extend(offset.to_le_bytes());
        // A record is no longer than `RECORD_BYTES_MAX`, which fits.
        log.block.extend((bytes.len() as u32).to_le_bytes());
        log.block.extend(bytes);
        if log.block.len() >= KEPT_BLOCK_BYTES { log.flush() } else { Ok(()) }
    }

    /// Fills in those of the wanted records that were kept, and gives back the others.
    fn find<'w>(&self, wanted: Vec<Wanted<'w>>) -> io::Result<Vec<Wanted<'w>>> {
        let mut by_offset: BTreeMap<u64, Vec<Wanted<'w>>> = BTreeMap::new();
        for (position, bytes) in wanted {
            by_offset.entry(position.offset).or_default().push((position, bytes));
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.flush()?;
        log.file.seek(io::SeekFrom::Start(0))?;
        let mut reader = io::BufReader::with_capacity(KEPT_BLOCK_BYTES, &log.file);
        let mut left = log.length;
        let mut header = [0; HEADER_BYTES];
        let mut record = Vec::new();
        while left > 0 && !by_offset.is_empty() {
            reader.read_exact(&mut header)?;
            let [a, b, c, d, e, f, g, h, length @ ..] = header;
            let offset = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
            let length = u64::from(u32::from_le_bytes(length));
            left -= HEADER_BYTES as u64 + length;
            let Some(wanted) = by_offset.remove(&offset) else {
                reader.seek_relative(length as i64)?;
                continue;
            };
            record.clear();
            reader.by_ref().take(length).read_to_end(&mut record)?;
            for (position, bytes) in wanted {
                let found = record.get(..position.length as usize);
                *bytes = found.ok_or(io::ErrorKind::UnexpectedEof)?.to_vec();
            }
        }
        Ok(by_offset.into_values().flatten().collect())
    }
}

impl Log {
    fn flush(&mut self) -> io::Result<()> {
        write_all_at(&self.file, &self.block, self.length)?;
        self.length += self.block.len() as u64;
        self.block.clear();
        Ok(())
    }
}

/// A record that is to be read again, and where to.
type Wanted<'w> = (&'w Position, &'w mut Vec<u8>);

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lines => f.write_str("Lines"),
            Self::Document => f.write_str("Document"),
            Self::Compressed { compression, .. } => write!(f, "Compressed({compression:?})"),
            Self::Once { .. } => f.write_str("Once"),
        }
    }
}

/// One input.
#[derive(Debug)]
pub(super) struct Input {
    pub path: PathBuf,
    pub kind: Kind,
    /// Bytes on disk when it was opened; 0 for a pipe.
    pub length: u64,
}

impl Input {
    pub fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    /// The decompressed bytes from the start, counting what is read from disk. A pipe gives them
    /// once; after that it is empty.
    pub fn stream<'a>(&self, done: &'a AtomicU64) -> io::Result<Box<dyn Read + Send + 'a>> {
        match &self.kind {
            Kind::Lines | Kind::Document => Ok(Box::new(Counting { inner: self.open()?, done })),
            Kind::Compressed { compression, .. } => {
                decompress(Counting { inner: self.open()?, done }, *compression)
            }
            Kind::Once { reader, .. } => {
                let reader = match reader.lock() {
                    Ok(mut reader) => reader.take(),
                    Err(_) => None,
                };
                let inner = reader.unwrap_or_else(|| Box::new(io::empty()));
                super::open::detect_compression(Counting { inner, done })
            }
        }
    }

    /// Where records of an input are kept that cannot be read again at any place.
    pub fn kept(&self) -> Option<&Kept> {
        match &self.kind {
            Kind::Once { kept, .. } => Some(kept),
            Kind::Compressed { kept, .. } => kept.as_ref(),
            Kind::Lines | Kind::Document => None,
        }
    }
}

struct Counting<'a, R> {
    inner: R,
    done: &'a AtomicU64,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.done.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Reads at an offset without moving any cursor; 0 at the end.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        #[cfg(unix)]
        let result = std::os::unix::fs::FileExt::read_at(file, buffer, offset);
        #[cfg(windows)]
        let result = std::os::windows::fs::FileExt::seek_read(file, buffer, offset);
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Fills `buffer` from an offset.
pub(super) fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let n = read_at(file, buffer, offset)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = buffer.get_mut(n..).unwrap_or_default();
        offset += n as u64;
    }
    Ok(())
}

/// Writes all of `bytes` at an offset.
pub(super) fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        #[cfg(unix)]
        let result = std::os::unix::fs::FileExt::write_at(file, bytes, offset);
        #[cfg(windows)]
        let result = std::os::windows::fs::FileExt::seek_write(file, bytes, offset);
        match result {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                bytes = bytes.get(n..).unwrap_or_default();
                offset += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The inputs of a scan, to read records again.
#[derive(Debug)]
pub struct Inputs(Vec<Input>);

impl Inputs {
    pub(super) fn new(inputs: Vec<Input>) -> Self {
        Self(inputs)
    }

    /// The name of an input, `-` for standard input; empty if there is no such input.
    #[must_use]
    pub fn path(&self, input: u32) -> &Path {
        self.0.get(input as usize).map_or(Path::new(""), |input| &input.path)
    }

    /// The bytes of records, in any order and number. A compressed input may have to be read from its
    /// start, once for all of them, so ask for many at a time.
    ///
    /// # Errors
    /// If an input cannot be read any more, or is shorter than it was; the error names it.
    pub fn fetch_all(&self, positions: &[Position]) -> io::Result<BTreeMap<Position, Vec<u8>>> {
        let mut found: BTreeMap<Position, Vec<u8>> =
            positions.iter().map(|position| (*position, Vec::new())).collect();
        for (number, input) in (0u32..).zip(&self.0) {
            let from = Position { input: number, length: 0, offset: 0 };
            let to = Position { input: number, length: u32::MAX, offset: u64::MAX };
            let mut wanted: Vec<Wanted<'_>> = found.range_mut(from..=to).collect();
            if wanted.is_empty() {
                continue;
            }
            wanted.sort_by_key(|(position, _)| position.offset);
            read_wanted(input, wanted).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", input.path.display()))
            })?;
        }
        Ok(found)
    }

    /// The number of the line that starts at an offset, from 1; `None` if that cannot be told.
    pub(super) fn line(&self, input: u32, offset: u64) -> Option<u64> {
        let input = self.0.get(input as usize)?;
        if !matches!(input.kind, Kind::Lines) {
            return None;
        }
        let mut reader = input.open().ok()?.take(offset);
        let mut block = vec![0; 64 << 10];
        let mut line = 1;
        loop {
            let n = reader.read(&mut block).ok()?;
            if n == 0 {
                return Some(line);
            }
            let bytes = block.get(..n).unwrap_or_default();
            line += memchr::memchr_iter(b'\n', bytes).count() as u64;
        }
    }
}

/// Reads what is wanted of one input, which is sorted by offset.
fn read_wanted(input: &Input, mut wanted: Vec<Wanted<'_>>) -> io::Result<()> {
    match &input.kind {
        Kind::Lines | Kind::Document => {
            let file = input.open()?;
            for (position, bytes) in wanted {
                bytes.resize(position.length as usize, 0);
                read_exact_at(&file, bytes, position.offset)?;
            }
            return Ok(());
        }
        Kind::Once { kept, .. } => {
            let missing = kept.find(wanted)?;
            return if missing.is_empty() {
                Ok(())
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        Kind::Compressed { kept: Some(kept), .. } => wanted = kept.find(wanted)?,
        Kind::Compressed { kept: None, .. } => {}
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let ignored = AtomicU64::new(0);
    let mut reader = input.stream(&ignored)?;
    // Records of one input do not overlap, but the same one may be wanted with another length.
    let mut window: Vec<u8> = Vec::new();
    let mut window_at = 0;
    for (position, bytes) in wanted {
        let skip = usize::try_from(position.offset - window_at).unwrap_or(usize::MAX);
        if skip >= window.len() {
            let gap = (skip - window.len()) as u64;
            window.clear();
            io::copy(&mut reader.by_ref().take(gap), &mut io::sink())?;
        } else {
            window.drain(..skip);
        }
        window_at = position.offset;
        let missing = (position.length as usize).saturating_sub(window.len());
        reader.by_ref().take(missing as u64).read_to_end(&mut window)?;
        let record = window.get(..position.length as usize);
        *bytes = record.ok_or(io::ErrorKind::UnexpectedEof)?.to_vec();
    }
    Ok(())
}
