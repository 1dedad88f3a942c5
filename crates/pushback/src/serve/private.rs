//! Folders and files for their owner alone, whatever the system's habit (umask) is.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Makes a folder with those above it; one that is there stays as it is.
///
/// # Errors
/// What the file system says.
// SECURITY: what lies there is about people, and some of it opens something. Guarded by
// `what_the_service_keeps_is_for_its_owner_alone`.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path)
}

/// Writes a file, over one that is there.
///
/// # Errors
/// What the file system says.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new();
    file.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file.open(path)?.write_all(bytes)
}

/// Takes the rights of others away from a file or a folder of ours, as earlier versions left some. What
/// belongs to somebody else stays, and so does what a link leads to. Where rights cannot be changed the
/// log says so: the service worked there before.
pub fn tighten(path: &Path) {
    if let Err(error) = take_from_others(path) {
        tracing::warn!(path = %path.display(), %error, "others keep their rights on this");
    }
}

#[cfg(unix)]
fn take_from_others(path: &Path) -> io::Result<()> {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let found = std::fs::symlink_metadata(path)?;
    let is_ours = found.uid() == rustix::process::geteuid().as_raw();
    let mode = found.mode() & 0o7777;
    if found.is_symlink() || !is_ours || mode & 0o077 == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, Permissions::from_mode(mode & 0o700))
}

/// Other systems say with access lists what cannot be seen in mode bits.
#[cfg(not(unix))]
fn take_from_others(_: &Path) -> io::Result<()> {
    Ok(())
}
