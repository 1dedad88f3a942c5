//! From what a person typed to the files meant.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::not_read::{self, NotRead, PassedOver};
use super::report::Problem;

/// A file to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// `-` stands for standard input.
    pub path: PathBuf,
    /// Whether a person named it, rather than a folder or pattern that holds it.
    pub is_named: bool,
}

/// What paths lead to.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    pub files: Vec<Found>,
    /// What lies in folders and is not read.
    pub passed_over: Vec<PassedOver>,
    pub problems: Vec<Problem>,
}

/// Folders inside folders at the most; a loop of mounts ends here.
const LEVELS_MAX: usize = 64;

/// Finds every file that `paths` lead to. The order is that of `paths`, sorted inside folders and
/// patterns; a file that several paths lead to is taken once.
pub(super) fn expand(paths: &[PathBuf]) -> Expanded {
    let mut out = Expanded::default();
    for path in paths {
        if path.as_os_str() == "-" || path.exists() {
            add(path, true, 0, &mut out);
            continue;
        }
        match path.to_str().filter(|text| text.contains(['*', '?', '['])) {
            Some(pattern) => add_pattern(pattern, &mut out),
            None => {
                let error = fs::metadata(path).err();
                let why = error.map_or_else(|| "does not exist".into(), |e| Problem::words(&e));
                out.problems.push(Problem::new(path, why));
            }
        }
    }
    out.passed_over.sort();
    out.passed_over.dedup();
    let mut seen = BTreeSet::new();
    out.files.retain(|file| {
        seen.insert(fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone()))
    });
    out
}

fn add_pattern(pattern: &str, out: &mut Expanded) {
    let path = Path::new(pattern);
    let matches = match glob::glob(pattern) {
        Ok(matches) => matches,
        Err(error) => {
            out.problems.push(Problem::new(path, format!("not a pattern: {}", error.msg)));
            return;
        }
    };
    let mut is_empty = true;
    for entry in matches {
        is_empty = false;
        match entry {
            Ok(path) => add(&path, false, 0, out),
            Err(error) => {
                out.problems.push(Problem::new(error.path(), Problem::words(error.error())));
            }
        }
    }
    if is_empty {
        out.problems.push(Problem::new(path, "no file matches this pattern".into()));
    }
}

fn add(path: &Path, is_named: bool, level: usize, out: &mut Expanded) {
    if !path.is_dir() {
        let why = if is_named { None } else { why_not(path) };
        match why {
            None => out.files.push(Found { path: path.to_owned(), is_named }),
            Some(why) => out.passed_over.push(PassedOver { why, path: path.to_owned() }),
        }
        return;
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            out.problems.push(Problem::new(path, Problem::words(&error)));
            return;
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => names.push(entry.path()),
            Err(error) => out.problems.push(Problem::new(path, Problem::words(&error))),
        }
    }
    names.sort();
    for name in names {
        if is_hidden(&name) {
            continue;
        }
        // A link to a folder may lead back up.
        let is_linked_folder = name.is_symlink() && name.is_dir();
        if !is_linked_folder && level < LEVELS_MAX {
            add(&name, false, level + 1, out);
        }
    }
}

/// Why something in a folder is not read. Only files are: to open a pipe is to wait for its writer.
fn why_not(path: &Path) -> Option<NotRead> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => not_read::by_name(path),
        Ok(_) => Some(not_read::NO_FILE),
        Err(_) if path.is_symlink() => Some(not_read::LEADS_NOWHERE),
        // Opening it will say what is wrong.
        Err(_) => None,
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// How a scan would meet a file that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meets {
    /// It is read by this scan.
    Input,
    /// The next scan of this folder or pattern would read it.
    Next(PathBuf),
}

/// Whether a scan of `paths` reads `file`, or would if it were there.
#[must_use]
pub fn meets(paths: &[PathBuf], file: &Path) -> Option<Meets> {
    if let Some(same) = identity(file) {
        let is_same = |found: &Found| {
            let standard_input = Path::new("/dev/stdin");
            let path = if found.path.as_os_str() == "-" { standard_input } else { &found.path };
            identity(path).is_some_and(|identity| identity == same)
        };
        if expand(paths).files.iter().any(is_same) {
            return Some(Meets::Input);
        }
    } else if file.exists() {
        // A terminal, a pipe or /dev/null holds nothing that could be replaced.
        return None;
    }
    if not_read::by_name(file).is_some() {
        return None;
    }
    let name = file.file_name()?;
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let whole = fs::canonicalize(parent.unwrap_or(Path::new("."))).ok()?.join(name);
    let is_met = |path: &&PathBuf| {
        if path.is_dir() {
            let folder = fs::canonicalize(path).unwrap_or_default();
            return whole
                .strip_prefix(&folder)
                .is_ok_and(|inner| !inner.iter().any(|part| is_hidden(Path::new(part))));
        }
        let pattern = path.to_str().filter(|_| !path.exists());
        pattern
            .and_then(|pattern| glob::Pattern::new(pattern).ok())
            .is_some_and(|pattern| pattern.matches_path(file))
    };
    paths.iter().find(is_met).map(|path| Meets::Next(path.clone()))
}

/// What tells a file from every other, whatever it is called; `None` if it is not there or no file.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    fs::canonicalize(path).ok()
}
