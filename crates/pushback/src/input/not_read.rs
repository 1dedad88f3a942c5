//! Files that are not read, and why: told by their names or by their first bytes.

use std::path::{Path, PathBuf};

/// Why a file is not read, as what follows its name: `is a zip archive; unpack it first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotRead {
    /// In words.
    pub what: &'static str,
    /// Whether there may be a log in it all the same, so that its absence is a gap.
    pub may_hold_log: bool,
}

/// A file in a folder that was not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PassedOver {
    pub why: NotRead,
    pub path: PathBuf,
}

impl PassedOver {
    /// Files that are named of one kind.
    pub const FIRST_MAX: usize = 5;
}

impl NotRead {
    const fn log(what: &'static str) -> Self {
        Self { what, may_hold_log: true }
    }

    const fn no_log(what: &'static str) -> Self {
        Self { what, may_hold_log: false }
    }
}

/// A pipe in a folder would be waited for until somebody writes to it.
pub(super) const NO_FILE: NotRead =
    NotRead::no_log("is a pipe, a socket or a device; name it directly to read it");

/// A link in a folder whose file is gone.
pub(super) const LEADS_NOWHERE: NotRead = NotRead::log("is a link that leads nowhere");

const XZ: NotRead = NotRead::log("is compressed with xz; use gzip or zstd");
const BZIP2: NotRead = NotRead::log("is compressed with bzip2; use gzip or zstd");
const ZIP: NotRead = NotRead::log("is a zip archive; unpack it first");
const CSV: NotRead =
    NotRead::log("looks like a CSV export, which is not read; export JSON: see docs/operate");
const CSV_ENTRA: NotRead = NotRead::log(
    "looks like a CSV export, which is not read; export JSON: see docs/operate/entra.md",
);
const CSV_OKTA: NotRead = NotRead::log(
    "looks like a CSV export, which is not read; export JSON: see docs/operate/okta.md",
);
const CSV_M365: NotRead = NotRead::log(
    "looks like a CSV export, which is not read; export JSON: see docs/operate/microsoft-365.md",
);
const CSV_DUO: NotRead = NotRead::log(
    "looks like a CSV export, which is not read; export JSON: see docs/operate/duo.md",
);

/// Endings of files that are plainly no logs.
const NO_LOGS: &[&str] = &[
    "avi", "bak", "bin", "bmp", "c", "cfg", "class", "conf", "cpp", "css", "db", "dll", "doc",
    "docx", "eml", "exe", "gif", "h", "htm", "html", "ico", "ini", "jar", "jpeg", "jpg", "js",
    "lock", "md", "mov", "mp3", "mp4", "msg", "o", "odt", "pcap", "pcapng", "pdf", "png", "ppt",
    "pptx", "ps1", "py", "pyc", "rs", "sh", "so", "sqlite", "sqlite3", "sum", "svg", "swp", "tmp",
    "toml", "wav", "webp", "yaml", "yml",
];

/// Whether a file in a folder is passed over for its name.
pub(super) fn by_name(path: &Path) -> Option<NotRead> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = name.trim_end_matches(".gz").trim_end_matches(".zst");
    let ending = stem.rsplit_once('.').map_or("", |(_, ending)| ending);
    Some(match ending {
        "csv" | "tsv" => {
            NotRead::log("is named as CSV, which is not read; export JSON: see docs/operate")
        }
        "xz" => XZ,
        "bz2" => BZIP2,
        "lz4" => NotRead::log("is compressed with lz4; use gzip or zstd"),
        "zip" => ZIP,
        "7z" | "rar" | "tar" | "tgz" => NotRead::log("is an archive; unpack it first"),
        "parquet" => NotRead::log("is a Parquet file, which is not read; export JSON"),
        "evtx" => NotRead::log("is a Windows event file; export XML: see docs/operate/windows.md"),
        "xls" | "xlsx" | "ods" => NotRead::log("is a spreadsheet, which is not read; export JSON"),
        ending if NO_LOGS.contains(&ending) => NotRead::no_log("is no log by its name"),
        _ => return None,
    })
}

/// Why these first bytes are not those of a log, if they are not.
pub(super) fn by_head(head: &[u8]) -> Option<NotRead> {
    match head {
        [0xFD, b'7', b'z', b'X', b'Z', ..] => Some(XZ),
        [b'B', b'Z', b'h', ..] => Some(BZIP2),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(ZIP),
        // Alone it is decoded; inside of what is decompressed it is not.
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            Some(NotRead::log("is UTF-16 or UTF-32 text; convert it to UTF-8 first"))
        }
        _ if head.iter().take(1_024).any(|byte| *byte == 0) => Some(NotRead::log("is not text")),
        _ => by_first_line(head),
    }
}

fn by_first_line(head: &[u8]) -> Option<NotRead> {
    let head = head.get(..head.len().min(4_096)).unwrap_or_default();
    let text = String::from_utf8_lossy(head);
    let line = text.trim_start_matches('\u{feff}').trim_start().lines().next()?.to_lowercase();
    if line.starts_with("<!doctype html") || line.starts_with("<html") {
        return Some(NotRead::log(
            "is a web page and no export; was the download asked to sign in?",
        ));
    }
    if !is_csv_header(&line) {
        return None;
    }
    let has = |name: &str| line.contains(name);
    Some(match () {
        () if has("auditdata") || has("recordtype") => CSV_M365,
        () if has("conditional access") || has("user principal name") || has("date (utc)") => {
            CSV_ENTRA
        }
        () if has("event_type") || has("outcome.re") || has("actor.") => CSV_OKTA,
        () if has("integration") || has("factor") => CSV_DUO,
        () => CSV,
    })
}

/// Whether a line in lower case names columns: four or more short names and nothing else. Lines of
/// logs have numbers, times, brackets or pairs in them.
fn is_csv_header(line: &str) -> bool {
    let is_name = |cell: &str| {
        let cell = cell.trim().trim_matches('"');
        cell.len() <= 60
            && cell.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && cell.chars().all(|c| c.is_alphanumeric() || " _-./()#'".contains(c))
    };
    [',', ';', '\t'].into_iter().any(|separator| {
        let mut cells = line.trim_end().split(separator);
        cells.clone().count() >= 4 && cells.all(is_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(head: &str) -> &'static str {
        by_head(head.as_bytes()).map_or("", |why| why.what)
    }

    #[test]
    fn the_header_of_a_portals_csv_names_the_page_that_tells_how_to_export() {
        let entra = "\u{feff}Date (UTC),Request ID,User agent,Correlation ID,User ID,User\n";
        assert!(what(entra).ends_with("docs/operate/entra.md"));
        let okta = "timestamp,uuid,event_type,display_message,actor.alternate_id\n";
        assert!(what(okta).ends_with("docs/operate/okta.md"));
        let purview = "RecordId,CreationDate,RecordType,Operation,UserId,AuditData\r\n";
        assert!(what(purview).ends_with("docs/operate/microsoft-365.md"));
        assert!(what("\"a\";\"b\";\"c\";\"d\"\n").ends_with("docs/operate"));
    }

    #[test]
    fn a_line_of_a_log_is_no_header() {
        for line in [
            r#"{"a":1,"b":2,"c":3,"d":4}"#,
            "2026-03-01 09:00:00,123 WARN type=LOGIN_ERROR, realmId=a, clientId=b, userId=c",
            "WARN  [org.keycloak.events] (task) type=LOGIN_ERROR, realmId=a, clientId=b, userId=c",
            "one, two, three",
            "",
        ] {
            assert_eq!(by_head(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_sign_in_page_is_no_export() {
        assert!(what("\n<!DOCTYPE html>\n<html>").starts_with("is a web page"));
    }
}
