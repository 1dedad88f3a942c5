//! House checks that no compiler lint can make.
//!
//! Each check is a plain function from text to [`Fault`]s; this file only feeds them.

mod crates;
mod docs;
mod guards;
mod licence;
mod rust;
mod text;

use std::collections::BTreeSet;
use std::fmt;
use std::process::Command;

use anyhow::Context as _;

use crate::run;

/// Something that a house rule forbids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, from the top of the workspace.
    pub path: String,
    /// The line, counted from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl Fault {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Options of `cargo xtask tidy`.
#[derive(clap::Args)]
pub struct Args {}

/// Makes every house check and prints what is wrong.
///
/// # Errors
/// If a rule is broken, or git or cargo cannot be asked.
pub fn run(_args: &Args) -> anyhow::Result<()> {
    let faults = faults()?;
    for fault in &faults {
        println!("{fault}");
    }
    match faults.len() {
        0 => println!("tidy: nothing to complain about"),
        1 => anyhow::bail!("tidy: 1 complaint"),
        many => anyhow::bail!("tidy: {many} complaints"),
    }
    Ok(())
}

fn faults() -> anyhow::Result<BTreeSet<Fault>> {
    let mut faults = BTreeSet::new();
    let paths = tracked()?;
    let mut documents = docs::Documents::new(&paths);
    let mut guards = guards::Guards::default();
    let mut sources = Vec::new();
    let mut test_modules = BTreeSet::new();
    for path in &paths {
        let full = run::root().join(path);
        // A link would otherwise be checked through to wherever it leads.
        if full.is_symlink() || !full.is_file() {
            continue;
        }
        let bytes = std::fs::read(&full).with_context(|| format!("{path} cannot be read"))?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        faults.extend(text::check(path, &text));
        if path.ends_with(".md") {
            documents.add(path, &text);
            guards.add_document(path, &text);
        }
        if path.ends_with(".rs") {
            guards.add_rust(path, &text);
            test_modules.extend(rust::test_modules(path, &text));
            sources.push((path, text));
        }
    }
    for (path, text) in &sources {
        faults.extend(rust::check(path, text, &test_modules));
    }
    faults.extend(documents.check());
    faults.extend(guards.check());
    faults.extend(crates::check()?);
    Ok(faults)
}

/// The files that git tracks or would track: ignored ones are nobody's business.
fn tracked() -> anyhow::Result<BTreeSet<String>> {
    let mut list = Command::new("git");
    list.current_dir(run::root());
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let list = run::output(&mut list).context("tidy asks git which files belong here")?;
    Ok(list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}
