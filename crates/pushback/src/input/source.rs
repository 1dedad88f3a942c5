//! An opened input, and how to get at its bytes again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pushback_detect::Position;

use super::open::{Compression, decompress};

/// How an input is read.
pub(super) enum Kind {
    /// A file of lines: any part can be read at any time.
    Lines,
    /// A file that has to be read from its start: compressed, or a JSON document.
    Stream(Compression),
    /// A pipe, which can be read once only. The records that gave events are kept at their offsets
    /// in a temporary file, which has holes between them.
    Once { reader: Mutex<Option<Box<dyn Read + Send>>>, kept: File },
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lines => f.write_str("Lines"),
            Self::Stream(compression) => write!(f, "Stream({compression:?})"),
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
            Kind::Lines => Ok(Box::new(Counting { inner: self.open()?, done })),
            Kind::Stream(compression) => {
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

    /// Where records of a pipe are kept.
    pub fn kept(&self) -> Option<&File> {
        match &self.kind {
            Kind::Once { kept, .. } => Some(kept),
            Kind::Lines | Kind::Stream(_) => None,
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

    /// The bytes of records, in any order and number. An input that has to be read from its start
    /// is read once for all of them, so ask for many at a time.
    ///
    /// # Errors
    /// If an input cannot be read any more, or is shorter than it was; the error names it.
    pub fn fetch_all(&self, positions: &[Position]) -> io::Result<BTreeMap<Position, Vec<u8>>> {
        let mut found: BTreeMap<Position, Vec<u8>> =
            positions.iter().map(|position| (*position, Vec::new())).collect();
        for (number, input) in (0u32..).zip(&self.0) {
            let from = Position { input: number, length: 0, offset: 0 };
            let to = Position { input: number, length: u32::MAX, offset: u64::MAX };
            let mut wanted: Vec<(&Position, &mut Vec<u8>)> = found.range_mut(from..=to).collect();
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
fn read_wanted(input: &Input, wanted: Vec<(&Position, &mut Vec<u8>)>) -> io::Result<()> {
    let file = match &input.kind {
        Kind::Once { kept, .. } => Some(kept.try_clone()?),
        Kind::Lines | Kind::Stream(Compression::None) => Some(input.open()?),
        Kind::Stream(_) => None,
    };
    if let Some(file) = file {
        for (position, bytes) in wanted {
            bytes.resize(position.length as usize, 0);
            read_exact_at(&file, bytes, position.offset)?;
        }
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
