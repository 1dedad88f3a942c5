//! Inputs that have to be read from their start: cut into blocks of whole records.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};
use pushback_normalize::RECORD_BYTES_MAX;
use pushback_normalize::frame::{Shape, Splitter, shape};

use super::not_read::by_head;
use super::open::LONG_HEAD_BYTES;
use super::worker::BLOCK_BYTES;

/// Whole records of one input.
#[derive(Debug)]
pub(super) struct Block {
    pub input: u32,
    pub shape: Shape,
    /// Offset of its first byte in the (decompressed) input; of use for lines only.
    pub offset: u64,
    /// Number of its first line or record, from 1.
    pub first: u64,
    /// The first `length` of these count.
    pub bytes: Vec<u8>,
    pub length: usize,
    /// The records, if they are not simply all lines.
    pub pieces: Vec<Piece>,
    /// The offset and the line at which the input ended inside of an array, if it did.
    pub cut_off: Option<(u64, u64)>,
}

/// Where a record is.
#[derive(Debug)]
pub(super) struct Piece {
    /// In the input.
    pub offset: u64,
    /// In the block.
    pub start: usize,
    pub length: usize,
    /// The record is longer than any may be; its bytes are not in the block.
    pub is_too_long: bool,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            input: 0,
            shape: Shape::Lines,
            offset: 0,
            first: 1,
            bytes: Vec::new(),
            length: 0,
            pieces: Vec::new(),
            cut_off: None,
        }
    }
}

/// Who works on blocks.
pub(super) trait Take {
    /// Takes a block; gives one back that may be used again, whatever is in it.
    fn take(&mut self, block: Block) -> Block;
    /// Whether blocks are of no use any more.
    fn is_done(&self) -> bool;
}

/// Cuts an input into blocks.
///
/// # Errors
/// What reading says. All records before the failure were taken; one that it cut off was not.
pub(super) fn cut(input: u32, reader: &mut dyn Read, take: &mut dyn Take) -> io::Result<()> {
    let mut block = Block::default();
    block.bytes.resize(BLOCK_BYTES, 0);
    let mut end = fill(reader, &mut block);
    let head = |block: &Block| shape(block.bytes.get(..block.length).unwrap_or_default());
    block.shape = head(&block);
    if block.shape == Shape::Document && end.is_none() && !has_line_end(&block) {
        block.bytes.resize(LONG_HEAD_BYTES, 0);
        end = fill(reader, &mut block);
        block.shape = head(&block);
    }
    if let Some(why) = by_head(block.bytes.get(..block.length).unwrap_or_default()) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, why.what));
    }
    block.input = input;
    match block.shape {
        Shape::Lines => cut_lines(reader, block, end, take),
        Shape::Document => cut_document(reader, block, end, take),
    }
}

fn has_line_end(block: &Block) -> bool {
    memchr(b'\n', block.bytes.get(..block.length).unwrap_or_default()).is_some()
}

/// Reads until the block is full. At the end of the input, says how it ended.
fn fill(reader: &mut dyn Read, block: &mut Block) -> Option<io::Result<()>> {
    while let Some(room) = block.bytes.get_mut(block.length..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => return Some(Ok(())),
            Ok(n) => block.length += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Some(Err(error)),
        }
    }
    None
}

fn cut_lines(
    reader: &mut dyn Read,
    mut block: Block,
    mut end: Option<io::Result<()>>,
    take: &mut dyn Take,
) -> io::Result<()> {
    let mut spare = Block::default();
    let mut is_passing_over = false;
    while !take.is_done() {
        let bytes = block.bytes.get(..block.length).unwrap_or_default();
        if is_passing_over {
            // The end of a line that is too long.
            let passed = memchr(b'\n', bytes).map(|newline| newline + 1);
            let n = passed.unwrap_or(block.length);
            block.bytes.copy_within(n..block.length, 0);
            block.length -= n;
            block.offset += n as u64;
            if passed.is_some() {
                is_passing_over = false;
                block.first += 1;
            }
        }
        if is_passing_over || (block.length < block.bytes.len() && end.is_none()) {
            match end {
                Some(result) => return result,
                None => end = fill(reader, &mut block),
            }
            continue;
        }
        let bytes = block.bytes.get(..block.length).unwrap_or_default();
        let cut = match (&end, memrchr(b'\n', bytes)) {
            (Some(Ok(())), _) => block.length,
            (_, Some(newline)) => newline + 1,
            (Some(Err(_)), None) => 0,
            (None, None) if block.length > RECORD_BYTES_MAX => {
                let piece = Piece { offset: block.offset, start: 0, length: 0, is_too_long: true };
                let giant = Block {
                    input: block.input,
                    first: block.first,
                    pieces: vec![piece],
                    ..Block::default()
                };
                take.take(giant);
                block.offset += block.length as u64;
                block.length = 0;
                is_passing_over = true;
                continue;
            }
            (None, None) => {
                let longer = (block.bytes.len() * 2).min(RECORD_BYTES_MAX + BLOCK_BYTES);
                block.bytes.resize(longer, 0);
                end = fill(reader, &mut block);
                continue;
            }
        };
        let (whole, rest) = bytes.split_at_checked(cut).unwrap_or((bytes, &[]));
        let mut next = spare;
        if next.bytes.len() > 4 * BLOCK_BYTES {
            // A giant line grew it; do not keep that.
            next.bytes = Vec::new();
        }
        next.bytes.resize(BLOCK_BYTES.max(rest.len()), 0);
        if let Some(start) = next.bytes.get_mut(..rest.len()) {
            start.copy_from_slice(rest);
        }
        next.length = rest.len();
        next.input = block.input;
        next.shape = Shape::Lines;
        next.pieces.clear();
        next.cut_off = None;
        next.offset = block.offset + cut as u64;
        next.first = block.first + memchr_iter(b'\n', whole).count() as u64;
        block.length = cut;
        spare = take.take(block);
        block = next;
        match end {
            Some(result) => return result,
            None => end = fill(reader, &mut block),
        }
    }
    Ok(())
}

fn cut_document(
    reader: &mut dyn Read,
    mut portion: Block,
    mut end: Option<io::Result<()>>,
    take: &mut dyn Take,
) -> io::Result<()> {
    let mut splitter = Splitter::default();
    let mut block = document_block(Block::default(), portion.input, 1);
    let (mut offset, mut line) = (0, 1);
    while !take.is_done() {
        let bytes = portion.bytes.get(..portion.length).unwrap_or_default();
        // In small steps, so that a block does not grow much past its size.
        for step in bytes.chunks(BLOCK_BYTES / 4) {
            splitter.feed(step, &mut |piece| add(&mut block, &piece));
            if block.length >= BLOCK_BYTES {
                let first = block.first + block.pieces.len() as u64;
                let spare = take.take(block);
                block = document_block(spare, portion.input, first);
            }
        }
        offset += bytes.len() as u64;
        line += memchr_iter(b'\n', bytes).count() as u64;
        let is_line_end = bytes.ends_with(b"\n");
        portion.length = 0;
        match end {
            None => {
                portion.bytes.truncate(BLOCK_BYTES);
                end = fill(reader, &mut portion);
            }
            Some(result) => {
                if result.is_ok() {
                    block.cut_off =
                        splitter.is_in_array().then_some((offset, line - u64::from(is_line_end)));
                    splitter.finish(&mut |piece| add(&mut block, &piece));
                }
                take.take(block);
                return result;
            }
        }
    }
    Ok(())
}

fn document_block(mut block: Block, input: u32, first: u64) -> Block {
    block.input = input;
    block.shape = Shape::Document;
    block.first = first;
    block.bytes.clear();
    block.length = 0;
    block.pieces.clear();
    block.cut_off = None;
    block
}

fn add(block: &mut Block, piece: &pushback_normalize::frame::Piece<'_>) {
    let bytes = piece.bytes.unwrap_or_default();
    block.pieces.push(Piece {
        offset: piece.offset,
        start: block.length,
        length: bytes.len(),
        is_too_long: piece.bytes.is_none(),
    });
    block.bytes.extend_from_slice(bytes);
    block.length = block.bytes.len();
}
