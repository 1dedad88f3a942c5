//! Decompresses a gzip file and drops what comes out: what a scan of it costs at least.
//! Used by `cargo xtask bench scan`.

use std::fs::File;
use std::io::{self, BufReader, Read as _};

fn main() -> io::Result<()> {
    let Some(path) = std::env::args_os().nth(1) else {
        return Err(io::Error::other("usage: decompress FILE.gz"));
    };
    let file = BufReader::with_capacity(64 << 10, File::open(path)?);
    let mut reader = flate2::read::MultiGzDecoder::new(file);
    let mut block = vec![0; 256 << 10];
    while reader.read(&mut block)? > 0 {}
    Ok(())
}
