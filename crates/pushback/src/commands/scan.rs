//! `pushback scan`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use pushback_model::{ConfigurationFinding, Incident, Stage};

use super::destination::destination;
use super::{Failure, Notes, account, note, stdout_is_terminal, terminal_options};
use crate::cli::{Exit, Format, OutputArgs, ScanArgs};
use crate::config::Config;
use crate::report::{self, ReadSummary, Report, TimelineItem};
use crate::scan::load;

pub fn run(args: &ScanArgs) -> Result<Exit, Failure> {
    if args.format == Format::Html && args.out.is_none() {
        return Err(Failure::Usage("--format html needs --out FILE".into()));
    }
    let out = destination(args.out.as_deref(), &args.input.paths)?;
    let config = Config::load(args.policy.file().as_deref())?;
    let loaded = load(&args.input, &config)?;
    let scan = loaded.judge(&config).map_err(Failure::io("reading records again"))?;
    let timelines = scan.timelines(&loaded);
    let incidents = scan.incidents();
    let page = Page {
        title: &title(&args.input.paths),
        incidents: &incidents,
        least: args.min_stage.map_or(Stage::Exposed, Stage::from),
        findings: &scan.findings,
        timelines: &timelines,
        read: &scan.read,
        threshold: config.detection.thresholds.exposed,
    };
    match out {
        Some(path) => page.save(path, args.format, &args.output, args.limit)?,
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            page.write(args.format, &args.output, args.limit, stdout_is_terminal(), &mut out)
                .and_then(|()| out.flush())
                .map_err(Failure::io("standard output"))?;
        }
    }
    if args.format != Format::Text
        && !args.input.quiet
        && let Some(unlisted) = page.unlisted()
    {
        note(&unlisted);
    }
    let notes = match Notes::new(args.input.quiet) {
        Notes::All if args.format == Format::Text && out.is_none() => Notes::Files,
        notes => notes,
    };
    account(&loaded.report, args.input.strict, notes)?;
    let reached =
        args.fail_on.is_some_and(|stage| incidents.iter().any(|i| i.stage >= Stage::from(stage)));
    Ok(if reached { Exit::Found } else { Exit::Clean })
}

/// A name for the report: what was scanned.
fn title(paths: &[std::path::PathBuf]) -> String {
    match paths {
        [one] if one.as_os_str() == "-" => "standard input".into(),
        [one] => one.display().to_string(),
        [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
        [] => String::new(),
    }
}

/// Everything one report shows.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    pub title: &'a str,
    pub incidents: &'a [Incident],
    pub least: Stage,
    pub findings: &'a [ConfigurationFinding],
    pub timelines: &'a BTreeMap<String, Vec<TimelineItem>>,
    pub read: &'a ReadSummary,
    pub threshold: f64,
}

impl<'a> Page<'a> {
    const fn report(&self) -> Report<'a> {
        Report {
            title: self.title,
            incidents: self.incidents,
            least: self.least,
            findings: self.findings,
            timelines: self.timelines,
            read: self.read,
            threshold_bits: Some(self.threshold),
        }
    }

    /// The incident that every format shows first.
    pub(super) fn worst(&self) -> Option<&'a Incident> {
        self.report().worst_first().first().copied()
    }

    fn unlisted(&self) -> Option<String> {
        report::words::unlisted(&self.report())
    }

    pub(super) fn save(
        &self,
        path: &Path,
        format: Format,
        output: &OutputArgs,
        limit: Option<usize>,
    ) -> Result<(), Failure> {
        let failed = || Failure::io(path.display().to_string());
        let file = File::create(path).map_err(failed())?;
        let mut out = BufWriter::new(file);
        self.write(format, output, limit, false, &mut out)
            .and_then(|()| out.flush())
            .map_err(failed())
    }

    pub(super) fn write(
        &self,
        format: Format,
        output: &OutputArgs,
        limit: Option<usize>,
        to_terminal: bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let report = self.report();
        match format {
            Format::Text => {
                report::terminal::write(&report, terminal_options(output, limit, to_terminal), out)
            }
            Format::Json => report::json::write(&report, out),
            Format::Ocsf => report::ocsf::write(&report, env!("CARGO_PKG_VERSION"), out),
            Format::Csv => report::csv::write(&report, out),
            Format::Html => report::html::write(&report, out),
        }
    }
}
