//! Rules for the documentation: links lead somewhere, a decision has one number.

use std::collections::{BTreeMap, BTreeSet};

use super::Fault;

const DECISIONS: &str = "docs/design/decisions/";

/// The workspace's Markdown files and what they may link to.
pub struct Documents<'p> {
    paths: &'p BTreeSet<String>,
    headings: BTreeMap<String, BTreeSet<String>>,
    links: Vec<Link>,
}

struct Link {
    from: String,
    line: usize,
    target: String,
}

impl<'p> Documents<'p> {
    /// No documents yet, in a workspace of these files.
    pub const fn new(paths: &'p BTreeSet<String>) -> Self {
        Self { paths, headings: BTreeMap::new(), links: Vec::new() }
    }

    /// Notes the headings and links of one document.
    pub fn add(&mut self, path: &str, text: &str) {
        let headings = self.headings.entry(path.to_owned()).or_default();
        let mut is_code = false;
        for (line, content) in (1..).zip(text.lines()) {
            if content.trim_start().starts_with("```") {
                is_code = !is_code;
            }
            if is_code {
                continue;
            }
            if content.starts_with('#') {
                headings.insert(anchor(content.trim_start_matches('#')));
            }
            for target in targets(content) {
                self.links.push(Link { from: path.to_owned(), line, target });
            }
        }
    }

    /// Links that lead nowhere and decision numbers used twice.
    pub fn check(&self) -> Vec<Fault> {
        let mut faults = decision_numbers(self.paths);
        for link in &self.links {
            if let Some(message) = self.broken(link) {
                faults.push(Fault::new(&link.from, link.line, message));
            }
        }
        faults
    }

    fn broken(&self, Link { from, target, .. }: &Link) -> Option<String> {
        let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
        if is_elsewhere {
            return None;
        }
        let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
        let file = if path.is_empty() { from.clone() } else { resolve(from, path) };
        if !self.exists(&file) {
            return Some(format!("the link to `{target}` leads to no file of this workspace"));
        }
        let headings = self.headings.get(&file)?;
        if fragment.is_empty() || headings.contains(fragment) {
            return None;
        }
        Some(format!("`{file}` has no heading `#{fragment}`"))
    }

    fn exists(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.paths.contains(path) || self.paths.iter().any(|known| known.starts_with(&folder))
    }
}

/// The targets of the inline links and images in a line of Markdown.
fn targets(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    // Code spans show Markdown, they do not link.
    let text: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("](") {
        let Some((target, tail)) = after.split_once(')') else { break };
        let target = target.split_whitespace().next().unwrap_or_default();
        found.push(target.trim_matches(['<', '>']).to_owned());
        rest = tail;
    }
    found
}

/// A relative link, from the top of the workspace.
fn resolve(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchor that code hosts give a heading.
fn anchor(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

fn decision_numbers(paths: &BTreeSet<String>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for path in paths {
        let Some(name) = path.strip_prefix(DECISIONS) else { continue };
        if name == "README.md" {
            continue;
        }
        let number = name.split('-').next().unwrap_or_default();
        let is_number = number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit());
        if !is_number || !name.ends_with(".md") {
            faults.push(Fault::new(path, 0, "a decision is named like `0007-short-title.md`"));
            continue;
        }
        if let Some(first) = taken.insert(number, path) {
            faults.push(Fault::new(path, 0, format!("number {number} is taken by {first}")));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|&path| path.to_owned()).collect()
    }

    fn faults(paths: &BTreeSet<String>, path: &str, text: &str) -> Vec<String> {
        let mut documents = Documents::new(paths);
        documents.add(path, text);
        documents.check().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_link_to_a_missing_file_is_refused_with_its_line() {
        let paths = paths(&["docs/a.md"]);
        let found = faults(&paths, "docs/a.md", "# A\n\nsee [b](b.md)\n");
        assert_eq!(found, ["docs/a.md:3: the link to `b.md` leads to no file of this workspace"]);
    }

    #[test]
    fn links_to_files_folders_headings_and_other_sites_are_fine() {
        let paths = paths(&["README.md", "docs/a.md", "docs/design/x.md"]);
        let text = "# Two words, really\n[up](../README.md) [dir](design/) [self](#two-words-really) \
                    [web](https://example.org/x) ![img](design/x.md \"title\") `[no](gone.md)`\n\
                    ```\n[shown](gone.md)\n```\n";
        assert_eq!(faults(&paths, "docs/a.md", text), [""; 0]);
    }

    #[test]
    fn a_link_to_a_missing_heading_is_refused() {
        let paths = paths(&["a.md"]);
        assert_eq!(
            faults(&paths, "a.md", "# One\n[x](#two)\n"),
            ["a.md:2: `a.md` has no heading `#two`"]
        );
    }

    #[test]
    fn a_decision_has_a_number_of_its_own() {
        let paths = paths(&[
            "docs/design/decisions/0001-a.md",
            "docs/design/decisions/0001-b.md",
            "docs/design/decisions/2-c.md",
        ]);
        let found: Vec<_> = decision_numbers(&paths).into_iter().map(|fault| fault.path).collect();
        assert_eq!(found, ["docs/design/decisions/0001-b.md", "docs/design/decisions/2-c.md"]);
    }
}
