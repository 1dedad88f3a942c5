//! `pushback simulate`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use pushback_sim::{Settings, Truth, Vendor, World};

use super::{Failure, called, print, quoted};
use crate::cli::{Exit, SimulateArgs};
use crate::progress::Bar;
use crate::report::words;

pub fn run(args: &SimulateArgs) -> Result<Exit, Failure> {
    let mut vendors: Vec<Vendor> = args.vendor.iter().copied().map(Vendor::from).collect();
    vendors.sort();
    vendors.dedup();
    if !is_empty(&args.out)? && !args.force {
        return Err(Failure::Usage(format!(
            "{} holds something already; name a new folder, or give --force to write there anyway",
            args.out.display()
        )));
    }
    let settings: Vec<Settings> = vendors
        .iter()
        .map(|vendor| Settings {
            people: args.people,
            days: args.days,
            seed: args.seed,
            vendor: *vendor,
            campaigns: args.campaigns,
            lookalikes: args.lookalikes,
            domain: domain(*vendor, vendors.len()),
            ..Settings::default()
        })
        .collect();
    let bar = Bar::writing(args.quiet);
    let written = write_all(&settings, &args.out, &bar);
    bar.finish();
    let written = written?;
    let mut text = String::new();
    for one in &written {
        text.push_str(&one.to_string());
    }
    let logs = quoted(&args.out.join(LOGS));
    text.push_str(&format!("\nnext: {} scan {logs}\n", called()));
    print(&text)?;
    Ok(Exit::Clean)
}

/// The folder of the logs, below the folder of the simulation: what is scanned holds no truth.
pub(super) const LOGS: &str = "logs";

/// The mail domain of an organisation. Each of several has its own, or a person of one would be
/// taken for the person of the same name in another.
pub(super) fn domain(vendor: Vendor, organisations: usize) -> String {
    if organisations == 1 {
        return "example.org".into();
    }
    let name = match vendor {
        Vendor::OktaOie => "okta",
        Vendor::OktaClassic => "classic",
        Vendor::EntraM365 => "entra",
        Vendor::Duo => "duo",
        Vendor::PingId => "ping",
    };
    format!("{name}.example.org")
}

/// A world on disk.
#[derive(Debug)]
pub(super) struct Written {
    pub settings: Settings,
    pub truth: Truth,
    /// Each log with its records and bytes.
    pub files: BTreeMap<PathBuf, (u64, u64)>,
    truth_path: PathBuf,
}

impl Written {
    /// Records in all files.
    pub fn records(&self) -> u64 {
        self.files.values().map(|(records, _)| records).sum()
    }
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (path, (records, bytes)) in &self.files {
            let records = words::several_of(*records, "record");
            writeln!(f, "{}: {records}, {}", path.display(), words::size(*bytes))?;
        }
        writeln!(
            f,
            "{}: the truth about {} and {}",
            self.truth_path.display(),
            words::several_of(self.truth.campaigns.len() as u64, "attack"),
            words::several_of(self.truth.lookalikes.len() as u64, "look-alike"),
        )
    }
}

/// Writes worlds below a folder, several at once. Earlier logs of a simulation there are removed
/// first, so that a later scan does not mix them; other files are left alone.
pub(super) fn write_all(
    settings: &[Settings],
    out: &Path,
    bar: &Bar,
) -> Result<Vec<Written>, Failure> {
    clear(out)?;
    let is_alone = settings.len() == 1;
    let write = |settings: &Settings| {
        let name = settings.vendor.name();
        let (logs, truth) = if is_alone {
            (out.join(LOGS), out.join("truth.json"))
        } else {
            (out.join(LOGS).join(name), out.join(truth_name(settings.vendor)))
        };
        write_one(settings, &logs, truth, bar)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            settings.iter().map(|settings| scope.spawn(|| write(settings))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn write_one(
    settings: &Settings,
    logs: &Path,
    truth_path: PathBuf,
    bar: &Bar,
) -> Result<Written, Failure> {
    fs::create_dir_all(logs).map_err(Failure::io(logs.display().to_string()))?;
    let world = World::new(settings);
    let mut open: BTreeMap<String, Log> = BTreeMap::new();
    let mut failed = None;
    world.write(&mut |name, record| {
        if failed.is_some() {
            return;
        }
        if let Err(error) = add(&mut open, logs, name, record) {
            failed = Some(Failure::io(logs.join(name).display().to_string())(error));
        }
        bar.wrote(record.len() as u64 + 1);
    });
    if let Some(failure) = failed {
        return Err(failure);
    }
    let mut files = BTreeMap::new();
    for (name, mut log) in open {
        let path = logs.join(name);
        log.out.flush().map_err(Failure::io(path.display().to_string()))?;
        files.insert(path, (log.records, log.bytes));
    }
    let failed = || Failure::io(truth_path.display().to_string());
    let mut out = BufWriter::new(File::create(&truth_path).map_err(failed())?);
    serde_json::to_writer_pretty(&mut out, &world.truth)
        .map_err(io::Error::from)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .map_err(failed())?;
    Ok(Written { settings: settings.clone(), truth: world.truth, files, truth_path })
}

struct Log {
    out: BufWriter<File>,
    records: u64,
    bytes: u64,
}

fn add(open: &mut BTreeMap<String, Log>, logs: &Path, name: &str, record: &[u8]) -> io::Result<()> {
    if !open.contains_key(name) {
        let out = BufWriter::with_capacity(256 << 10, File::create(logs.join(name))?);
        open.insert(name.to_owned(), Log { out, records: 0, bytes: 0 });
    }
    if let Some(log) = open.get_mut(name) {
        log.out.write_all(record)?;
        log.out.write_all(b"\n")?;
        log.records += 1;
        log.bytes += record.len() as u64 + 1;
    }
    Ok(())
}

fn truth_name(vendor: Vendor) -> String {
    format!("truth-{}.json", vendor.name())
}

/// Whether there is nothing in a folder; also if there is no folder.
///
/// # Errors
/// If it cannot be looked at, or is no folder.
pub(super) fn is_empty(folder: &Path) -> Result<bool, Failure> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Failure::io(folder.display().to_string())(error)),
    }
}

/// Whether a simulation was written here earlier.
pub(super) fn holds_simulation(folder: &Path) -> bool {
    truths().any(|name| folder.join(name).is_file())
}

fn truths() -> impl Iterator<Item = String> {
    Vendor::ALL.into_iter().map(truth_name).chain(["truth.json".to_owned()])
}

/// Removes what an earlier simulation wrote, and nothing else.
fn clear(out: &Path) -> Result<(), Failure> {
    if !holds_simulation(out) {
        return Ok(());
    }
    let logs = out.join(LOGS);
    let folders =
        Vendor::ALL.into_iter().map(|vendor| logs.join(vendor.name())).chain([logs.clone()]);
    for folder in folders {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_file() && path.extension().is_some_and(|ending| ending == "jsonl") {
                fs::remove_file(&path).map_err(Failure::io(path.display().to_string()))?;
            }
        }
        // Something else in it keeps it.
        let _ = fs::remove_dir(&folder);
    }
    for path in truths().map(|name| out.join(name)).filter(|path| path.is_file()) {
        fs::remove_file(&path).map_err(Failure::io(path.display().to_string()))?;
    }
    Ok(())
}
