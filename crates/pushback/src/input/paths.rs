//! From what a person typed to the files meant.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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
    /// Files in folders that are plainly no logs.
    pub passed_over: Vec<PathBuf>,
    pub problems: Vec<Problem>,
}

/// Endings of files that are no logs, or that no reader takes.
const NOT_LOGS: &[&str] = &[
    "7z", "avi", "bak", "bin", "bmp", "bz2", "c", "cfg", "class", "conf", "cpp", "css", "csv",
    "db", "dll", "doc", "docx", "eml", "evtx", "exe", "gif", "h", "htm", "html", "ico", "ini",
    "jar", "jpeg", "jpg", "js", "lock", "lz4", "md", "mov", "mp3", "mp4", "msg", "o", "ods", "odt",
    "parquet", "pcap", "pcapng", "pdf", "png", "ppt", "pptx", "ps1", "py", "pyc", "rar", "rs",
    "sh", "so", "sqlite", "sqlite3", "sum", "svg", "swp", "tar", "tgz", "tmp", "toml", "tsv",
    "wav", "webp", "xls", "xlsx", "xz", "yaml", "yml", "zip",
];

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
        if is_named || !is_plainly_no_log(path) {
            out.files.push(Found { path: path.to_owned(), is_named });
        } else {
            out.passed_over.push(path.to_owned());
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

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn is_plainly_no_log(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = name.trim_end_matches(".gz").trim_end_matches(".zst");
    let ending = stem.rsplit_once('.').map_or("", |(_, ending)| ending);
    NOT_LOGS.contains(&ending)
}
