//! Other tools to measure beside, installed without a person's help where that is possible.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::run;

/// The version of DuckDB from the Python package index.
const DUCKDB: &str = "duckdb==1.4.2";

/// One simple rule, as published ones are: five or more prompts of one person within ten minutes.
/// One thread, so that CPU seconds compare; only the columns that the rule needs are read.
pub const DUCKDB_RULE: &str = r#"
import sys, duckdb
db = duckdb.connect(config={"threads": 1})
print(db.execute("""
    SELECT count(*) FROM (
        SELECT person, time_bucket(INTERVAL 10 MINUTE, seen) AS bucket, count(*) AS prompts
        FROM (
            SELECT json_extract_string(json, '$.actor.alternateId') AS person,
                   json_extract_string(json, '$.published')::TIMESTAMP AS seen
            FROM read_ndjson_objects(?, maximum_object_size = 16777216)
            WHERE json_extract_string(json, '$.eventType') = 'system.push.send_factor_verify_push'
        )
        GROUP BY ALL HAVING prompts >= 5
    )
""", [sys.argv[1]]).fetchall())
"#;

/// The peers, or why they are not here.
pub struct Peers {
    /// A Python that has DuckDB.
    pub duckdb: anyhow::Result<PathBuf>,
    /// The program in `peers/simdjson_members.cpp`.
    pub simdjson: anyhow::Result<PathBuf>,
}

/// Installs what is missing.
pub fn install(folder: &Path) -> Peers {
    Peers { duckdb: duckdb(folder), simdjson: simdjson(folder) }
}

fn duckdb(folder: &Path) -> anyhow::Result<PathBuf> {
    let venv = folder.join("venv");
    let python = venv.join("bin/python3");
    let has_it = || run::works(Command::new(&python).args(["-c", "import duckdb"]));
    if has_it() {
        return Ok(python);
    }
    if !run::works(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
        debian("python3-venv")?;
    }
    run::check(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let mut pip = Command::new(&python);
    run::check(pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        DUCKDB,
    ]))
    .context("is the Python package index reachable?")?;
    Ok(python)
}

fn simdjson(folder: &Path) -> anyhow::Result<PathBuf> {
    let program = folder.join("simdjson_members");
    let source = run::root().join("crates/xtask/peers/simdjson_members.cpp");
    let mut compile = Command::new("c++");
    compile.args(["-O3", "-march=native", "-std=c++17"]).arg(&source);
    compile.args(["-lsimdjson", "-o"]).arg(&program);
    if !run::works(Command::new("c++").arg("--version")) {
        debian("g++")?;
    }
    if !Path::new("/usr/include/simdjson.h").exists() {
        debian("libsimdjson-dev")?;
    }
    run::check(&mut compile)?;
    Ok(program)
}

fn debian(package: &str) -> anyhow::Result<()> {
    let is_root = run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || !run::works(Command::new("apt-get").arg("--version")) {
        bail!("{package} is missing; on Debian: apt-get install {package}");
    }
    run::check(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends", package]);
    run::check(install.env("DEBIAN_FRONTEND", "noninteractive"))
}
