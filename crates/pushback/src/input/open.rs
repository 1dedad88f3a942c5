//! Opening inputs: what each one is, told by its first bytes.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use flate2::read::MultiGzDecoder;
use pushback_normalize::frame::{Shape, shape};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::InputError;
use super::not_read::{NotRead, PassedOver, by_head};
use super::paths::Found;
use super::report::Problem;
use super::source::{Input, Kept, Kind, read_at};
use super::utf16::Utf16;

/// What an input has to be taken out of before it is UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstandard,
    Utf16 { is_big_endian: bool },
}

/// First look at an input; enough for nearly every first line.
const HEAD_BYTES: usize = 16 << 10;

/// Second look, where the first did not hold a whole line.
pub(super) const LONG_HEAD_BYTES: usize = 1 << 20;

type Opened = (Vec<Input>, Vec<Problem>, Vec<PassedOver>);

/// Opens everything; also returns what cannot be read and what in folders is no log after all.
pub(super) fn open_all(
    files: Vec<Found>,
    standard_input: Box<dyn Read + Send>,
) -> Result<Opened, InputError> {
    let mut standard_input = Some(standard_input);
    let (mut inputs, mut problems, mut passed_over) = (Vec::new(), Vec::new(), Vec::new());
    for Found { path, is_named } in files {
        if path.as_os_str() == "-" {
            let reader = standard_input.take().unwrap_or_else(|| Box::new(io::empty()));
            inputs.push(once(path, reader)?);
            continue;
        }
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) => {
                problems.push(Problem::new(&path, Problem::words(&error)));
                continue;
            }
        };
        let is_pipe = file.metadata().is_ok_and(|metadata| !metadata.is_file());
        if is_pipe {
            inputs.push(once(path, Box::new(file))?);
            continue;
        }
        match look(&file, &path) {
            Ok(Look::Log(kind, length)) => inputs.push(Input { path, kind, length }),
            Ok(Look::NoLog(why)) if is_named => {
                problems.push(Problem::new(&path, why.what.into()));
            }
            Ok(Look::NoLog(why)) => passed_over.push(PassedOver { why, path }),
            Err(error) => problems.push(Problem::new(&path, Problem::words(&error))),
        }
    }
    let kept = inputs.iter_mut().filter_map(|input| match &mut input.kind {
        Kind::Compressed { kept, .. } => Some(kept),
        Kind::Lines | Kind::Document | Kind::Once { .. } => None,
    });
    for kept in kept.take(KEPT_FILES_MAX) {
        // Without it records are decompressed again.
        *kept = Kept::new(false).ok();
    }
    Ok((inputs, problems, passed_over))
}

/// Compressed files whose records are kept; each takes an open file.
const KEPT_FILES_MAX: usize = 64;

fn once(path: PathBuf, reader: Box<dyn Read + Send>) -> Result<Input, InputError> {
    let kept = Kept::new(true).map_err(InputError::Temporary)?;
    Ok(Input { path, kind: Kind::Once { reader: Mutex::new(Some(reader)), kept }, length: 0 })
}

enum Look {
    Log(Kind, u64),
    NoLog(NotRead),
}

fn look(file: &File, path: &Path) -> io::Result<Look> {
    let length = file.metadata()?.len();
    let mut head = head(file, HEAD_BYTES)?;
    let compression = compression_of(&head);
    if compression != Compression::None {
        return Ok(Look::Log(Kind::Compressed { compression, kept: None }, length));
    }
    if let Some(why) = by_head(&head) {
        return Ok(Look::NoLog(why));
    }
    let is_misnamed = path.extension().is_some_and(|ending| ending == "gz" || ending == "zst");
    if is_misnamed && !head.is_empty() && !matches!(head.first(), Some(b'{' | b'[' | b'<')) {
        return Ok(Look::NoLog(NOT_COMPRESSED));
    }
    let mut found = shape(&head);
    if found == Shape::Document && !head.contains(&b'\n') && head.len() == HEAD_BYTES {
        head = self::head(file, LONG_HEAD_BYTES)?;
        found = shape(&head);
    }
    let kind = match found {
        Shape::Lines => Kind::Lines,
        Shape::Document => Kind::Document,
    };
    Ok(Look::Log(kind, length))
}

const NOT_COMPRESSED: NotRead =
    NotRead { what: "is named as compressed, but is not", may_hold_log: true };

fn head(file: &File, bytes: usize) -> io::Result<Vec<u8>> {
    let mut head = vec![0; bytes];
    let mut filled = 0;
    while let Some(room) = head.get_mut(filled..).filter(|room| !room.is_empty()) {
        let n = read_at(file, room, filled as u64)?;
        if n == 0 {
            break;
        }
        filled += n;
    }
    head.truncate(filled);
    Ok(head)
}

/// Told by the magic number: RFC 1952, section 2.3.1, and RFC 8878, sections 3.1.1 and 3.1.2; or by the
/// byte order mark of UTF-16, which UTF-32 begins with too.
fn compression_of(head: &[u8]) -> Compression {
    match head {
        [0x1F, 0x8B, ..] => Compression::Gzip,
        [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => {
            Compression::Zstandard
        }
        [0xFF, 0xFE, 0, 0, ..] => Compression::None,
        [0xFF, 0xFE, ..] => Compression::Utf16 { is_big_endian: false },
        [0xFE, 0xFF, ..] => Compression::Utf16 { is_big_endian: true },
        _ => Compression::None,
    }
}

/// What `inner` decompresses to.
pub(super) fn decompress<'a>(
    inner: impl Read + Send + 'a,
    compression: Compression,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    match compression {
        Compression::None => Ok(Box::new(inner)),
        Compression::Gzip => {
            let inner = BufReader::with_capacity(64 << 10, inner);
            Ok(Box::new(MultiGzDecoder::new(inner)))
        }
        Compression::Utf16 { is_big_endian } => Ok(Box::new(Utf16::new(inner, is_big_endian))),
        Compression::Zstandard => Ok(Box::new(Frames {
            inner: BufReader::with_capacity(64 << 10, inner),
            decoder: FrameDecoder::new(),
            is_open: false,
        })),
    }
}

/// As [`decompress`], by the magic number that a pipe begins with.
pub(super) fn detect_compression<'a>(
    inner: impl Read + Send + 'a,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut inner = BufReader::with_capacity(64 << 10, inner);
    let mut magic = Vec::with_capacity(4);
    while magic.len() < 4 {
        let bytes = inner.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        let n = bytes.len().min(4 - magic.len());
        magic.extend(bytes.iter().take(n));
        inner.consume(n);
    }
    let compression = compression_of(&magic);
    decompress(io::Cursor::new(magic).chain(inner), compression)
}

/// All frames of a Zstandard file, one after another; skippable ones are skipped. A frame's window
/// takes up to 128 MiB of memory if its writer chose so; by default it is at most 8 MiB.
struct Frames<R: Read> {
    inner: BufReader<R>,
    decoder: FrameDecoder,
    is_open: bool,
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.is_open {
                while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                    let some = BlockDecodingStrategy::UptoBlocks(1);
                    self.decoder.decode_blocks(&mut self.inner, some).map_err(broken)?;
                }
                let n = self.decoder.read(buffer)?;
                if n > 0 {
                    return Ok(n);
                }
                self.is_open = false;
            }
            if self.inner.fill_buf()?.is_empty() {
                return Ok(0);
            }
            match self.decoder.reset(&mut self.inner) {
                Ok(()) => self.is_open = true,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    let skipped = io::copy(&mut self.inner.by_ref().take(length), &mut io::sink())?;
                    if skipped < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(broken(error)),
            }
        }
    }
}

/// A file that is cut off is told from one that is damaged.
fn broken(error: FrameDecoderError) -> io::Error {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if inner
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof)
        {
            return io::ErrorKind::UnexpectedEof.into();
        }
        cause = inner.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, format!("damaged Zstandard data: {error}"))
}
