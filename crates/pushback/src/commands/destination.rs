//! Where a report goes, looked at before anything is read: a scan must not write over its evidence.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::input::{Meets, meets};

/// The file that a report goes to; `None` is standard output.
///
/// # Errors
/// [`Failure::Usage`] if the file cannot be made, is an input, or would be read by the next scan.
pub fn destination<'a>(
    out: Option<&'a Path>,
    inputs: &[PathBuf],
) -> Result<Option<&'a Path>, Failure> {
    let Some(file) = out.filter(|file| file.as_os_str() != "-") else { return Ok(None) };
    let name = file.display();
    if file.is_dir() {
        return Err(Failure::Usage(format!("--out {name} is a folder; name a file in it")));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(Failure::Usage(format!(
            "--out {name}: there is no folder {}; make it first",
            folder.display()
        )));
    }
    match meets(inputs, file) {
        None => Ok(Some(file)),
        Some(Meets::Input) => Err(Failure::Usage(format!(
            "--out {name} is one of the inputs, and the report would replace it; name another file"
        ))),
        Some(Meets::Next(path)) => Err(Failure::Usage(format!(
            "--out {name} would be read by the next scan of {}; name a file outside of it",
            path.display()
        ))),
    }
}
