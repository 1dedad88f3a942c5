//! Runs the program, and simulates one small world for all tests.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

pub const VENDORS: [&str; 5] = ["okta_oie", "okta_classic", "entra_m365", "duo", "pingid"];

/// What a run gave.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Whether the report says so, wherever its lines break: names of folders are as long as they are.
    pub fn says(&self, words: &str) -> bool {
        self.out.split_whitespace().collect::<Vec<_>>().join(" ").contains(words)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("the program was not killed"),
            out: String::from_utf8(output.stdout).expect("output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("notes are UTF-8"),
        }
    }
}

impl Ran {
    /// The lines of standard output as JSON.
    pub fn json(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}

pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pushback"));
    command.env_remove("PUSHBACK_CONFIG").env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

pub fn pushback<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Ran {
    command().args(args).output().expect("the program starts").into()
}

/// Runs a command of the prompt service on the state in a folder.
pub fn service(data: &Path, args: &[&str]) -> Ran {
    service_as(&[], data, args)
}

/// The same with this in the environment.
pub fn service_as(environment: &[(&str, &str)], data: &Path, args: &[&str]) -> Ran {
    let mut command = command();
    for variable in ["PUSHBACK_SERVE_CONFIG", "PUSHBACK_DATABASE", "PUSHBACK_ORIGIN"] {
        command.env_remove(variable);
    }
    command.envs(environment.iter().copied());
    command.env("PUSHBACK_DATA", data).args(args).output().expect("the program starts").into()
}

/// Runs with something on standard input.
pub fn pushback_fed(args: &[&str], input: &[u8]) -> Ran {
    let mut child = command()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let ran = child.wait_with_output().expect("the program ends").into();
    writer.join().expect("the writer ends").expect("all input is taken");
    ran
}

/// Scans as JSON.
pub fn scan_json(path: &Path) -> Ran {
    let ran = pushback([OsStr::new("scan"), path.as_os_str(), "--format=json".as_ref()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran
}

/// A fresh folder of this test.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// Writes a file in a fresh folder of this test.
pub fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder(name).join("log.jsonl");
    std::fs::write(&path, content).expect("a file for the test");
    path
}

/// The logs of one vendor in the world that all tests share.
pub fn logs(vendor: &str) -> PathBuf {
    world().join("logs").join(vendor)
}

/// A world of all vendors, made once.
pub fn world() -> &'static Path {
    static WORLD: OnceLock<PathBuf> = OnceLock::new();
    WORLD.get_or_init(|| {
        let out = folder("world");
        let mut args: Vec<String> = "simulate --quiet --people 40 --days 7 --campaigns 8 --seed 11"
            .split(' ')
            .map(str::to_owned)
            .collect();
        args.extend(VENDORS.iter().flat_map(|v| ["--vendor".to_owned(), (*v).to_owned()]));
        args.extend(["--lookalikes".into(), "10".into(), "--out".into()]);
        args.push(out.display().to_string());
        let ran = pushback(&args);
        assert_eq!(ran.code, 0, "{}", ran.err);
        out
    })
}

/// All lines of all logs in a folder.
pub fn lines(folder: &Path) -> Vec<String> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("logs").map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).expect("a log is text");
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}
