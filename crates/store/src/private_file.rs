//! Files that only their owner may read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a file with secrets is not used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// Others than the owner have rights on the file.
    #[error(
        "{} has mode {mode:04o}: others may read or change it; chmod 600 it, \
         and replace what it holds if others could have read it",
        path.display()
    )]
    Shared {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is larger than any that this program writes.
    #[error("{} is larger than {max} bytes: it is not a key file", path.display())]
    Large {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        max: u64,
    },
    /// The operating system refused.
    #[error("{} cannot be {verb}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// Why it failed.
        #[source]
        source: Arc<io::Error>,
    },
}

/// The most bytes of a key file that are read.
const BYTES_MAX: u64 = 64 * 1024;

/// Creates a file that only its owner can read, durable when this returns.
///
/// # Errors
/// If there is such a file already, or it cannot be written.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let failed = failed(path, "created");
    let mut file = options().create_new(true).write(true).open(path).map_err(&failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(&failed)?;
    sync_folder(path).map_err(&failed)
}

/// Replaces a file as a whole: whoever reads it sees the old or the new bytes, also after a crash.
///
/// # Errors
/// If the new file cannot be written or put in place.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let failed = failed(path, "replaced");
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    // Left by a crash between writing and renaming: never in use.
    if new.exists() {
        std::fs::remove_file(&new).map_err(&failed)?;
    }
    create(&new, bytes)?;
    std::fs::rename(&new, path).and_then(|()| sync_folder(path)).map_err(&failed)
}

/// Reads a file that only its owner can read.
///
/// # Errors
/// [`PrivateFileError::Shared`] if others have any right on it.
pub(crate) fn read(path: &Path) -> Result<String, PrivateFileError> {
    let failed = failed(path, "read");
    let file = File::open(path).map_err(&failed)?;
    // The open file is asked, not the path: nobody can swap it in between.
    refuse_shared(path, &file.metadata().map_err(&failed)?)?;
    let mut text = String::new();
    file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(&failed)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(PrivateFileError::Large { path: path.to_path_buf(), max: BYTES_MAX });
    }
    Ok(text)
}

fn failed(path: &Path, verb: &'static str) -> impl Fn(io::Error) -> PrivateFileError {
    move |source| PrivateFileError::Io { path: path.to_path_buf(), verb, source: Arc::new(source) }
}

/// A file's entry in its folder is durable only when the folder was synced too.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(unix)]
pub(crate) fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(not(unix))]
pub(crate) fn options() -> OpenOptions {
    OpenOptions::new()
}

// SECURITY: a key that others can read does not protect. Guarded by
// `a_key_file_that_others_can_read_is_refused`.
#[cfg(unix)]
fn refuse_shared(path: &Path, metadata: &std::fs::Metadata) -> Result<(), PrivateFileError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(PrivateFileError::Shared { path: path.to_path_buf(), mode });
    }
    Ok(())
}

/// Other systems say with access lists what cannot be seen in mode bits.
#[cfg(not(unix))]
fn refuse_shared(_: &Path, _: &std::fs::Metadata) -> Result<(), PrivateFileError> {
    Ok(())
}
