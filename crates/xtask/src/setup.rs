//! What the chores need on a bare machine: installed if that is possible, named if not.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::run;

/// What the validation of OCSF output needs of Python, pinned.
const OCSF_REQUIREMENTS: &str = "tests/ocsf/requirements.txt";

/// Makes sure that `cargo fmt` and `cargo clippy` work.
///
/// # Errors
/// If one is missing and rustup cannot install it.
pub fn rust_components() -> anyhow::Result<()> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if run::works(run::cargo().args([subcommand, "--version"])) {
            continue;
        }
        run::check(Command::new("rustup").args(["component", "add", component])).with_context(
            || format!("`cargo {subcommand}` is missing; install {component} for this toolchain"),
        )?;
    }
    Ok(())
}

/// A Python with the OCSF models, in a virtual environment under the target folder.
///
/// # Errors
/// If Python or its `venv` module is missing and cannot be installed, or the package cannot.
pub fn ocsf_python() -> anyhow::Result<PathBuf> {
    let venv = run::target_dir().join("ocsf-venv");
    let python = venv.join("bin/python3");
    let stamp = venv.join("installed");
    let wanted = run::root().join(OCSF_REQUIREMENTS);
    let wanted = std::fs::read_to_string(&wanted)
        .with_context(|| format!("{OCSF_REQUIREMENTS} cannot be read"))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|is| is == wanted)
        && run::works(Command::new(&python).args(["-c", "import py_ocsf_models"]))
    {
        return Ok(python);
    }
    self::venv(&venv)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    run::check(install.args(["--requirement", OCSF_REQUIREMENTS]).current_dir(run::root()))
        .context("the OCSF models cannot be installed; is the Python package index reachable?")?;
    std::fs::write(&stamp, wanted)?;
    Ok(python)
}

/// A new, empty virtual environment of Python.
///
/// # Errors
/// If Python or its `venv` module is missing and cannot be installed.
pub fn venv(venv: &Path) -> anyhow::Result<()> {
    let can_make = || run::works(Command::new("python3").args(["-c", "import venv, ensurepip"]));
    if !can_make() {
        apt("python3-venv").context("python3 with its venv module is needed")?;
        if !can_make() {
            bail!("python3-venv is installed but `python3 -m venv` does not work");
        }
    }
    // A half-made environment (an interrupted run) is made anew rather than repaired.
    if venv.exists() {
        std::fs::remove_dir_all(venv)
            .with_context(|| format!("{} cannot be removed", venv.display()))?;
    }
    run::check(Command::new("python3").args(["-m", "venv"]).arg(venv))
}

/// Installs a package of the system, where that is possible.
///
/// # Errors
/// If this is no Debian, or not root's session, or the package cannot be installed.
pub fn apt(package: &str) -> anyhow::Result<()> {
    let is_root = run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || !run::works(Command::new("apt-get").arg("--version")) {
        bail!("{package} is missing; on Debian: apt-get install {package}");
    }
    run::check(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends", package]);
    run::check(install.env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Makes sure that `cargo fuzz` works.
///
/// # Errors
/// If it is missing and cannot be installed, or there is no C++ compiler for libFuzzer.
pub fn cargo_fuzz() -> anyhow::Result<()> {
    let compilers = [std::env::var("CXX").unwrap_or_default(), "c++".to_owned()];
    if !compilers.iter().any(|name| run::works(Command::new(name).arg("--version"))) {
        bail!("a C++ compiler is needed to build libFuzzer; on Debian: apt-get install g++");
    }
    if run::works(run::cargo().args(["fuzz", "--version"])) {
        return Ok(());
    }
    run::check(run::cargo().args(["install", "--locked", "cargo-fuzz"]))
        .context("cargo-fuzz is missing and cannot be installed")
}
