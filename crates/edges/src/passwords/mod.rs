//! Where ranges of leaked password hashes come from: a folder, one big file, or somebody's service.
//!
//! A list is asked for five digits of a SHA-1 and answers with the rest of every hash that starts so
//! (k-anonymity): about a thousand leaked passwords share them, so nobody learns which one was meant.
//! The answer goes to [`pushback_verify::exposure`], which reads it; this module only brings it.
//!
//! A look-up that fails is an error. It never looks like an empty range, which would say "not leaked".

mod sorted;
#[cfg(test)]
mod tests;
mod upstream;

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use pushback_verify::RANGE_BYTES_MAX;

pub use upstream::{TIMEOUT, Upstream};

const PREFIX_DIGITS: usize = 5;

/// The first five digits of a SHA-1, in capitals: all that a list is told.
// SECURITY: becomes part of a path and of a URL, so it can be nothing but hexadecimal digits. Guarded
// by `a_prefix_is_five_hexadecimal_digits_and_cannot_name_another_file`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix([u8; PREFIX_DIGITS]);

impl Prefix {
    /// Reads five hexadecimal digits, large or small.
    ///
    /// # Errors
    /// [`PrefixError`] if it is anything else.
    pub fn parse(text: &str) -> Result<Self, PrefixError> {
        let digits: [u8; PREFIX_DIGITS] = text.as_bytes().try_into().map_err(|_| PrefixError)?;
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
        is_hex.then(|| Self(digits.map(|digit| digit.to_ascii_uppercase()))).ok_or(PrefixError)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Digits are ASCII; an empty text would name nothing.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Stars: with the time of the request, five digits say something about somebody's password.
impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prefix(*****)")
    }
}

/// A text is no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a prefix is exactly five hexadecimal digits")]
pub struct PrefixError;

/// Why there is no range. Nothing is known about the password then.
#[derive(Debug, thiserror::Error)]
pub enum RangeSourceError {
    /// A file or folder cannot be read.
    #[error("{}: cannot be read", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder holds no file for this prefix, or an empty one. In a whole list every prefix has
    /// hashes, so the copy was cut short.
    #[error("{}: has no range for this prefix, the copy of the list is not complete", path.display())]
    Incomplete {
        /// The folder, or the empty file.
        path: PathBuf,
    },
    /// The range is longer than [`RANGE_BYTES_MAX`].
    #[error("{source_name}: the range is longer than {RANGE_BYTES_MAX} bytes")]
    TooLong {
        /// The file or the upstream.
        source_name: String,
    },
    /// A line of the big file is not 40 digits, a colon and a number.
    #[error("{}: the line at byte {offset} is not 40 hexadecimal digits, a colon and a number", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where the line starts.
        offset: u64,
    },
    /// Lines of the big file are not in the order of their hashes, so that nothing can be found in it.
    #[error("{}: the line at byte {offset} is not in the order of the hashes", path.display())]
    Unsorted {
        /// The file.
        path: PathBuf,
        /// Where the line starts.
        offset: u64,
    },
    /// The upstream's address is not one to build on.
    #[error(
        "the upstream must be an https address without a query, such as https://list.example.org/range/"
    )]
    UpstreamAddress,
    /// The upstream did not answer in time, or not at all.
    #[error("{origin}: no answer")]
    Unreachable {
        /// The upstream, without its path.
        origin: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The upstream answered with something else than a range.
    #[error("{origin}: answered with status {status}")]
    Status {
        /// The upstream, without its path.
        origin: String,
        /// Its HTTP status. With 200, the body was empty.
        status: u16,
    },
    /// The task that reads files ended, as it does when the process stops.
    #[error("the look-up was abandoned")]
    Abandoned,
}

/// A list of leaked password hashes.
#[derive(Clone, Debug)]
pub enum RangeSource {
    /// A folder with a file for each prefix, called `ABCDE` or `ABCDE.txt`, with lines `SUFFIX:COUNT`.
    Folder(PathBuf),
    /// One file with lines `HASH:COUNT` in the order of the hashes, of any size: it is searched, not
    /// loaded. It is opened anew for each look-up, so a new list may be moved in its place.
    Sorted(PathBuf),
    /// Somebody's service.
    Upstream(Upstream),
}

impl RangeSource {
    /// A local list: a folder of ranges, or one sorted file.
    ///
    /// # Errors
    /// [`RangeSourceError::Io`] if there is neither.
    pub fn local(path: &Path) -> Result<Self, RangeSourceError> {
        let found = std::fs::metadata(path);
        let found =
            found.map_err(|source| RangeSourceError::Io { path: path.to_owned(), source })?;
        Ok(if found.is_dir() {
            Self::Folder(path.to_owned())
        } else {
            Self::Sorted(path.to_owned())
        })
    }

    /// The range of a prefix: lines `SUFFIX:COUNT`, at most [`RANGE_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`RangeSourceError`] whenever the range could not be had whole.
    pub async fn range(&self, prefix: Prefix) -> Result<Vec<u8>, RangeSourceError> {
        match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                on_a_thread(move || in_folder(&folder, prefix)).await
            }
            Self::Sorted(path) => {
                let path = path.clone();
                on_a_thread(move || sorted::in_file(&path, prefix)).await
            }
            Self::Upstream(upstream) => upstream.range(prefix).await,
        }
    }
}

/// Files block, so they are read where that harms nobody.
async fn on_a_thread<F>(read: F) -> Result<Vec<u8>, RangeSourceError>
where
    F: FnOnce() -> Result<Vec<u8>, RangeSourceError> + Send + 'static,
{
    tokio::task::spawn_blocking(read).await.map_err(|_| RangeSourceError::Abandoned)?
}

fn in_folder(folder: &Path, prefix: Prefix) -> Result<Vec<u8>, RangeSourceError> {
    for name in [prefix.to_string(), format!("{prefix}.txt")] {
        let path = folder.join(name);
        let io = |source| RangeSourceError::Io { path: path.clone(), source };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(io(error)),
        };
        let mut range = Vec::new();
        // One byte more than may be, to tell "as long as that" from "longer".
        file.take(RANGE_BYTES_MAX as u64 + 1).read_to_end(&mut range).map_err(io)?;
        return match range.len() {
            0 => Err(RangeSourceError::Incomplete { path }),
            1..=RANGE_BYTES_MAX => Ok(range),
            _ => Err(RangeSourceError::TooLong { source_name: path.display().to_string() }),
        };
    }
    Err(RangeSourceError::Incomplete { path: folder.to_owned() })
}
