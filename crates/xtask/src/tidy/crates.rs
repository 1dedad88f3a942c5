//! Rules for the crates: what the pure ones depend on, and what nobody does.

use serde::Deserialize;

use super::{Fault, licence};
use crate::run;

/// The crates that are told and never ask: folder names under `crates/`.
pub const PURE: [&str; 5] = ["model", "normalize", "detect", "sim", "verify"];

/// What a pure crate may depend on. None of these opens a file or a socket, starts a thread or
/// asks for the time or randomness unless a method that `clippy.toml` forbids is called.
const PURE_MAY_USE: [&str; 15] = [
    "pushback-model",
    "ipnet",
    "jiff",
    "memchr",
    "rand_core",
    "rand_pcg",
    "serde",
    "serde_json",
    "simdutf8",
    "siphasher",
    "smallvec",
    "subtle",
    "thiserror",
    "toml",
    "wide",
];

/// What one pure crate may use beyond that, and no other: the rules that it puts to the test, and
/// generators that are seeded by argument.
const ONE_MAY_USE: [(&str, &str); 3] =
    [("sim", "pushback-verify"), ("sim", "rand_core"), ("sim", "rand_pcg")];

/// Crates that must not come in by any door.
const BANNED: [(&str, &str); 4] = [
    ("openssl-sys", "needs a C library of the machine it runs on"),
    ("native-tls", "leads to the machine's own TLS library"),
    ("ring", "one cryptography library is enough, and it is another one"),
    ("chrono", "time is jiff's business here"),
];

/// The part of `cargo metadata` that the rules need.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// Absent for a crate of this workspace.
    source: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for an ordinary dependency, else `dev` or `build`.
    kind: Option<String>,
}

/// Asks cargo about the workspace and judges the answer.
///
/// # Errors
/// If cargo cannot be asked, for example because `Cargo.lock` is out of date.
pub fn check() -> anyhow::Result<Vec<Fault>> {
    let json = run::output(run::cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Metadata = serde_json::from_str(&json)?;
    let mut faults = Vec::new();
    for package in &metadata.packages {
        // The lock file also names what only a feature would bring that nobody asks for.
        let is_banned = BANNED.iter().any(|(name, _)| *name == package.name);
        if !is_banned || is_built(&package.name)? {
            faults.extend(judge(package));
        }
    }
    Ok(faults)
}

/// Whether anything of ours needs this crate, on any machine.
fn is_built(name: &str) -> anyhow::Result<bool> {
    let mut tree = run::cargo();
    tree.args(["tree", "--quiet", "--locked", "--workspace", "--target", "all", "--invert", name]);
    Ok(!run::output(&mut tree)?.trim().is_empty())
}

fn judge(package: &Package) -> Vec<Fault> {
    let mut faults = Vec::new();
    let path = format!("{} {}", package.name, package.version);
    if let Some((_, why)) = BANNED.iter().find(|(name, _)| *name == package.name) {
        let message =
            format!("is banned: {why}; `cargo tree -i {}` shows who wants it", package.name);
        faults.push(Fault::new(&path, 0, message));
    }
    let licence = package.license.as_deref().unwrap_or_default();
    if package.source.is_some() && !licence::is_allowed(licence) {
        let message = format!("the licence `{licence}` is not on the list in tidy/licence.rs");
        faults.push(Fault::new(&path, 0, message));
    }
    let folder = package.name.strip_prefix("pushback-").unwrap_or_default();
    if package.source.is_none() && PURE.contains(&folder) {
        let manifest = format!("crates/{folder}/Cargo.toml");
        for dependency in &package.dependencies {
            let is_shipped = dependency.kind.as_deref() != Some("dev");
            let name = dependency.name.as_str();
            let is_allowed = PURE_MAY_USE.contains(&name) || ONE_MAY_USE.contains(&(folder, name));
            if is_shipped && !is_allowed {
                let message = format!(
                    "a pure crate may not depend on `{}`; the list is in tidy/crates.rs",
                    dependency.name
                );
                faults.push(Fault::new(&manifest, 0, message));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(
        name: &str,
        source: Option<&str>,
        licence: &str,
        uses: &[(&str, Option<&str>)],
    ) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: Some(licence.to_owned()),
            source: source.map(str::to_owned),
            dependencies: uses
                .iter()
                .map(|(name, kind)| Dependency {
                    name: (*name).to_owned(),
                    kind: kind.map(str::to_owned),
                })
                .collect(),
        }
    }

    #[test]
    fn a_pure_crate_uses_the_list_only_and_anything_in_tests() {
        let uses = [("serde", None), ("proptest", Some("dev")), ("tempfile", None)];
        let faults = judge(&package("pushback-detect", None, "Apache-2.0", &uses));
        assert_eq!(faults.len(), 1);
        assert!(faults[0].message.contains("`tempfile`"));
        assert_eq!(judge(&package("pushback", None, "Apache-2.0", &uses)), Vec::new());
    }

    #[test]
    fn a_banned_crate_and_a_foreign_licence_are_refused() {
        assert_eq!(judge(&package("ring", Some("registry"), "ISC", &[])).len(), 1);
        assert_eq!(judge(&package("x", Some("registry"), "GPL-3.0-only", &[])).len(), 1);
        assert_eq!(judge(&package("x", Some("registry"), "MIT", &[])), Vec::new());
    }
}
