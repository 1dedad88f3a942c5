//! The configuration file: TOML to checked values, with positions in every complaint.

mod complaints;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use pushback_detect::{Alias, Policy};
use pushback_model::Source;
use pushback_normalize::Mapping;
use serde::Deserialize;

pub use self::complaints::Complaint;

/// Everything that can be configured.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// How to judge.
    pub detection: Policy,
    /// What vendor types mean beyond the built-in table.
    pub mapping: Mapping,
    /// Who goes by which names.
    pub aliases: Vec<Alias>,
    /// What is allowed and probably not meant, each with file and line.
    pub warnings: Vec<String>,
}

/// The file as written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    aliases: Option<PathBuf>,
    detection: Policy,
    mapping: Mapping,
}

/// What is wrong with a configuration: every complaint, each with file and line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    pub const fn new(complaints: String) -> Self {
        Self(complaints)
    }
}

/// The shipped example; a test keeps it equal to the defaults.
pub const EXAMPLE: &str = include_str!("../../../pushback.example.toml");

impl Config {
    /// Reads a configuration; the built-in defaults if no file is named.
    ///
    /// # Errors
    /// [`ConfigError`] listing everything that is wrong.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(file) = file else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError(format!("{}: {}", file.display(), why(&error))))?;
        Self::parse(&text, file)
    }

    fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let (raw, mut found) = complaints::read::<Raw>(text);
        let raw = raw.unwrap_or_default();
        found.extend(raw.detection.problems().into_iter().map(|problem| {
            (position(text, &format!("detection.{}", problem.path)), problem.message)
        }));
        found.extend(
            unusable(&raw.mapping).into_iter().map(|(path, what)| (position(text, path), what)),
        );
        let mut complaints = located(file, text, found);
        let mut aliases = Vec::new();
        if let Some(listed) = &raw.aliases {
            // A relative path is meant from the file that names it.
            let path = file.parent().unwrap_or(Path::new("")).join(listed);
            match read_aliases(&path) {
                Ok(read) => aliases = read,
                Err(problems) => complaints.extend(problems),
            }
        }
        if complaints.is_empty() {
            let warnings = wide(&raw.detection)
                .into_iter()
                .map(|(path, what)| (position(text, path), what))
                .collect();
            let warnings = located(file, text, warnings);
            Ok(Self { detection: raw.detection, mapping: raw.mapping, aliases, warnings })
        } else {
            Err(ConfigError(complaints.join("\n")))
        }
    }
}

/// Reads a text of settings as far as it can be read, with every complaint about its shape.
pub fn read<T: for<'de> Deserialize<'de> + Default>(text: &str) -> (T, Vec<Complaint>) {
    let (value, found) = complaints::read::<T>(text);
    (value.unwrap_or_default(), found)
}

/// Complaints in the order of the file.
pub fn located(file: &Path, text: &str, mut found: Vec<Complaint>) -> Vec<String> {
    found.sort();
    found.dedup();
    found.iter().map(|(at, what)| complaint(file, text, *at, what)).collect()
}

/// What a mapping holds that no record can ever match, or that every one would.
fn unusable(mapping: &Mapping) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if mapping.keycloak.push_markers.iter().any(|marker| marker.trim().is_empty()) {
        let path = "mapping.keycloak.push_markers";
        found.push((path, format!("{path} holds an empty text; take it out")));
    }
    for name in mapping.onelogin.events.keys() {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_digit()) {
            let path = "mapping.onelogin.events";
            found.push((
                path,
                format!(
                    "{path} holds `{name}`, but OneLogin numbers its types: see /api/1/events/types"
                ),
            ));
        }
    }
    let others = mapping.events.values().flat_map(|events| events.keys());
    for (path, name) in (mapping.okta.events.keys().map(|name| ("mapping.okta.events", name)))
        .chain(others.map(|name| ("mapping.events", name)))
    {
        if name.trim().is_empty() {
            found.push((path, format!("{path} holds an empty name; take it out")));
        }
    }
    found
}

/// Networks so wide that hardly anybody means them.
fn wide(policy: &Policy) -> Vec<(&'static str, String)> {
    // The largest blocks that are given to anybody: /8 of IPv4, /19 of IPv6.
    let is_wide = |text: &&String| match text.parse::<IpNet>() {
        Ok(IpNet::V4(block)) => block.prefix_len() < 8,
        Ok(IpNet::V6(block)) => block.prefix_len() < 19,
        Err(_) => false,
    };
    let lists = [
        ("detection.networks.quiet", &policy.networks.quiet, "prompts from it are left out"),
        ("detection.networks.egress", &policy.networks.egress, "it counts as your own"),
    ];
    let mut found = Vec::new();
    for (path, list, so) in lists {
        for text in list.iter().filter(is_wide) {
            found.push((
                path,
                format!(
                    "{path} holds `{text}`, which is wider than any network of one owner; {so}"
                ),
            ));
        }
    }
    found
}

/// Why a file cannot be used, without the number of the operating system.
pub fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "is a folder".into(),
        io::ErrorKind::InvalidData => "is not UTF-8 text".into(),
        io::ErrorKind::StorageFull => "no space left".into(),
        _ => error.to_string(),
    }
}

/// `file:line:column: message`, the line itself, and a mark under the place.
pub fn complaint(file: &Path, text: &str, at: usize, message: &str) -> String {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    let whole = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let mut out = format!("{}:{line}:{column}: {}", file.display(), message.trim_end());
    if !whole.trim().is_empty() {
        let _ = write!(
            out,
            "\n  {line} | {whole}\n  {0} | {1}^",
            " ".repeat(line.to_string().len()),
            " ".repeat(column - 1)
        );
    }
    out
}

/// Where the value of a dotted path stands in the text; 0 if it is not written there.
pub fn position(text: &str, path: &str) -> usize {
    let Ok(table) = toml::de::DeTable::parse(text) else { return 0 };
    let mut found = 0;
    let mut table = Some(table.into_inner());
    for part in path.split('.') {
        let Some((_, value)) =
            table.take().and_then(|t| t.into_iter().find(|(key, _)| key.get_ref() == part))
        else {
            return found;
        };
        found = value.span().start;
        if let toml::de::DeValue::Table(inner) = value.into_inner() {
            table = Some(inner);
        }
    }
    found
}

/// Reads `canonical,vendor,id` lines; a first line of those very words is a head.
fn read_aliases(path: &Path) -> Result<Vec<Alias>, Vec<String>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| vec![format!("{}: {}", path.display(), why(&error))])?;
    let mut aliases = Vec::new();
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty()
            || line.starts_with('#')
            || (number == 1 && line == "canonical,vendor,id")
        {
            continue;
        }
        let mut fields = line.splitn(3, ',').map(str::trim);
        match (fields.next(), fields.next(), fields.next()) {
            (Some(canonical), Some(vendor), Some(id)) if !canonical.is_empty() && !id.is_empty() => {
                let vendor = vendor.to_lowercase();
                let source = Source::ALL.into_iter().find(|source| source.name() == vendor);
                if source.is_none() && !vendor.is_empty() {
                    let known: Vec<&str> = Source::ALL.iter().map(|source| source.name()).collect();
                    problems.push(format!(
                        "{}:{number}: `{vendor}` is no vendor; nothing between the commas for any, or one of {}",
                        path.display(),
                        known.join(", ")
                    ));
                }
                aliases.push(Alias {
                    canonical: canonical.to_lowercase(),
                    source,
                    id: id.to_owned(),
                });
            }
            _ => problems.push(format!(
                "{}:{number}: expected `canonical,vendor,id`, for example `alice@example.org,duo,asmith`",
                path.display()
            )),
        }
    }
    if problems.is_empty() { Ok(aliases) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Config::parse(text, Path::new("pushback.toml")).unwrap_err().to_string()
    }

    #[test]
    fn the_example_holds_the_defaults() {
        let example: Raw = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(example.detection, Policy::default());
        assert_eq!(example.mapping, Mapping::default());
        let weights = toml::from_str::<toml::Table>(EXAMPLE).unwrap();
        let written = weights["detection"]["weights"].as_table().unwrap().len();
        assert_eq!(written, Policy::default().weights.table().len(), "every weight is shown");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place() {
        let message = refused("[detection.windows]\nwatch_hour = 3\n");
        assert!(message.starts_with("pushback.toml:2:1: unknown field `watch_hour`"), "{message}");
    }

    #[test]
    fn every_bad_value_is_reported_at_once_with_its_place() {
        let message = refused(
            "[detection.windows]\nwatch_hours = 0\n[detection.networks]\nquiet = [\"office\"]\n",
        );
        assert!(message.contains("pushback.toml:2:15: windows.watch_hours is 0"), "{message}");
        assert!(message.contains("pushback.toml:4:9: networks.quiet holds `office`"), "{message}");
    }

    #[test]
    fn an_alias_names_a_vendor_that_there_is_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alias.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_aliases(&path)
        };
        let aliases =
            read("canonical,vendor,id\nA@x.org,Duo,asmith\n# x\na@x.org,,4711\n").unwrap();
        let sources: Vec<_> = aliases.iter().map(|alias| alias.source).collect();
        assert_eq!(sources, [Some(Source::Duo), None]);
        let problems = read("a@x.org,otka,asmith\na@x.org\n").unwrap_err();
        assert!(problems[0].contains(":1: `otka` is no vendor") && problems[0].contains("okta"));
        assert!(problems[1].contains(":2: expected `canonical,vendor,id`"), "{problems:?}");
    }
}
