//! `pushback demo`.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use pushback_model::{Incident, Source, Stage};
use pushback_sim::{Figures, Score, Settings, Share, Vendor, score};

use super::scan::Page as ScanPage;
use super::simulate::{LOGS, Written, domain, holds_simulation, is_empty, write_all};
use super::{
    Failure, Notes, account, called, demo_service, print, quoted, stdout_is_terminal,
    terminal_options,
};
use crate::cli::{DemoArgs, Exit, Format, InputArgs};
use crate::config::Config;
use crate::progress::Bar;
use crate::report::terminal::ink::{Ink, Line};
use crate::report::terminal::{Options, Page};
use crate::report::{text, words};
use crate::scan::load;

/// One company of the demo: whose logs, how many people, how many attacks. The first fifteen
/// attacks of a world are one of each pattern, so the first company meets every pattern.
const COMPANIES: [(Vendor, u32, u32); 4] = [
    (Vendor::OktaOie, 400, 15),
    (Vendor::EntraM365, 250, 8),
    (Vendor::Duo, 200, 7),
    (Vendor::PingId, 150, 6),
];

const DAYS: u32 = 14;

/// Misses and false alarms that are told one by one.
const TOLD_MAX: usize = 3;

pub fn run(args: &DemoArgs) -> Result<Exit, Failure> {
    if args.only_serve {
        demo_service::run(args.listen, args.lan.lan)?;
        return Ok(Exit::Clean);
    }
    let out = args.out.clone().unwrap_or_else(default_folder);
    if !is_empty(&out)? && !holds_simulation(&out) {
        return Err(Failure::Usage(format!(
            "{} holds something else already; name a new folder with --out",
            out.display()
        )));
    }
    let options = terminal_options(&args.output, Some(args.limit), stdout_is_terminal());
    let stdout = Failure::io("standard output");
    let mut text = BufWriter::new(io::stdout().lock());
    opening(&mut text, options).and_then(|()| text.flush()).map_err(stdout)?;

    let bar = Bar::writing(false);
    let written = write_all(&companies(args.seed), &out, &bar);
    bar.finish();
    let written = written?;
    let stdout = Failure::io("standard output");
    logs(&written, &mut text, options).and_then(|()| text.flush()).map_err(stdout)?;

    let config = Config::default();
    let logs = out.join(LOGS);
    let input = InputArgs { paths: vec![logs.clone()], threads: None, strict: false, quiet: false };
    let loaded = load(&input, &config)?;
    let scan = loaded.judge(&config).map_err(Failure::io("reading records again"))?;
    let incidents = scan.incidents();
    let timelines = scan.timelines(&loaded);
    let report = ScanPage {
        title: "an invented organisation",
        incidents: &incidents,
        least: Stage::Exposed,
        findings: &scan.findings,
        timelines: &timelines,
        read: &scan.read,
        threshold: config.detection.thresholds.exposed,
    };
    let page = out.join("report.html");
    report.save(&page, Format::Html, &args.output, None)?;
    account(&loaded.report, false, Notes::Off)?;

    let limit = Some(args.limit);
    report
        .write(Format::Text, &args.output, limit, stdout_is_terminal(), &mut text)
        .and_then(|()| against_the_truth(&written, &incidents, &mut text, options))
        .and_then(|()| next(report.worst(), &logs, &page, &mut text, options))
        .and_then(|()| text.flush())
        .map_err(Failure::io("standard output"))?;
    drop(text);
    if args.serve || (stdout_is_terminal() && !args.no_serve) {
        demo_service::run(args.listen, args.lan.lan)?;
    } else {
        print("    pushback demo --serve  attack a phone at the press of a button\n")?;
    }
    Ok(Exit::Clean)
}

/// In a Rust workspace everything that can be made again lies below `target`.
fn default_folder() -> PathBuf {
    if Path::new("target").is_dir() { "target/demo".into() } else { "pushback-demo".into() }
}

fn companies(seed: u64) -> Vec<Settings> {
    COMPANIES
        .into_iter()
        .map(|(vendor, people, campaigns)| Settings {
            people,
            days: DAYS,
            seed,
            vendor,
            campaigns: Some(campaigns),
            lookalikes: Some(people / 10),
            domain: domain(vendor, COMPANIES.len()),
            ..Settings::default()
        })
        .collect()
}

/// What is going to happen, before anything takes time.
fn opening(out: &mut dyn Write, options: Options) -> io::Result<()> {
    let page = &mut Page::new(out, options);
    page.heading("PUSHBACK DEMO")?;
    let people: u32 = COMPANIES.iter().map(|(_, people, _)| people).sum();
    page.paragraph(
        0,
        Ink::Plain,
        &format!(
            "Two weeks of an invented organisation: {} people in four companies that sign in \
             through four vendors. Attackers hold some of their passwords and ask for the second \
             factor until somebody says yes. Others only look like it: travellers, new phones, \
             outages, forgotten passwords.",
            words::number(u64::from(people)),
        ),
    )?;
    page.blank()
}

/// Where the logs are.
fn logs(written: &[Written], out: &mut dyn Write, options: Options) -> io::Result<()> {
    let page = &mut Page::new(out, options);
    for one in written {
        let bytes: u64 = one.files.values().map(|(_, bytes)| bytes).sum();
        let folder = one.files.keys().next().and_then(|file| file.parent());
        let line = Line::default()
            .put(Ink::Strong, text::pad(company(one.settings.vendor), 28))
            .put(Ink::Plain, text::pad_left(&words::number(one.records()), 7))
            .put(Ink::Dim, " records ")
            .put(Ink::Plain, text::pad_left(&words::size(bytes), 9))
            .put(Ink::Dim, format!("  {}", folder.unwrap_or(Path::new("")).display()));
        page.line(line)?;
    }
    page.blank()
}

const fn company(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::OktaOie => "Okta Identity Engine",
        Vendor::OktaClassic => "Okta Classic",
        Vendor::EntraM365 => "Entra ID and Microsoft 365",
        Vendor::Duo => "Duo",
        Vendor::PingId => "PingID",
    }
}

/// Whether a vendor's records are those of a company.
const fn is_of(source: Source, vendor: Vendor) -> bool {
    match vendor {
        Vendor::OktaOie | Vendor::OktaClassic => matches!(source, Source::Okta),
        Vendor::EntraM365 => matches!(source, Source::Entra | Source::M365),
        Vendor::Duo => matches!(source, Source::Duo),
        Vendor::PingId => matches!(source, Source::PingId),
    }
}

/// How the scan did. The truth was beside the logs, where the scan could not see it.
fn against_the_truth(
    written: &[Written],
    incidents: &[Incident],
    out: &mut dyn Write,
    options: Options,
) -> io::Result<()> {
    let page = &mut Page::new(out, options);
    page.blank()?;
    page.heading("HOW IT DID, by the truth that only the simulator knows")?;
    let alarms = if page.width < WIDE { "false" } else { "false alarms" };
    let head = ["attacks", "approvals", "takeovers", "changes", alarms];
    page.line(row("found", head.map(str::to_owned), Ink::Dim, page.width))?;
    let mut all = Score::default();
    for one in written {
        let theirs: Vec<Incident> = incidents
            .iter()
            .filter(|i| i.subject.ids.iter().any(|id| is_of(id.source, one.settings.vendor)))
            .cloned()
            .collect();
        let score = score(&one.truth, &theirs);
        page.line(row(company(one.settings.vendor), cells(&score), Ink::Plain, page.width))?;
        all.merge(&score);
    }
    page.line(row("all", cells(&all), Ink::Strong, page.width))?;
    page.blank()?;
    page.paragraph(
        0,
        Ink::Dim,
        "attacks: somebody they met has an incident. approvals: called approved or foothold. \
         takeovers: without an approval, called foothold. changes: what the attacker did then, \
         listed. false alarms: bombing or worse, and nobody attacked.",
    )?;
    told(page, "missed", &all.misses)?;
    // An alarm begins with the id of its incident.
    let is_loud = |alarm: &&String| {
        let id = alarm.split(' ').next().unwrap_or_default();
        incidents.iter().any(|incident| incident.id == id && incident.stage >= Stage::Bombing)
    };
    let alarms: Vec<String> = all.alarms.iter().filter(is_loud).cloned().collect();
    told(page, "false alarm", &alarms)
}

fn told(page: &mut Page<'_>, what: &str, list: &[String]) -> io::Result<()> {
    for one in list.iter().take(TOLD_MAX) {
        page.hang(Line::default().put(Ink::Dim, format!("{what}  ")), Ink::Plain, one)?;
    }
    match list.len().saturating_sub(TOLD_MAX) {
        0 => Ok(()),
        more => page.paragraph(0, Ink::Dim, &format!("and {more} more like it")),
    }
}

fn cells(score: &Score) -> [String; 5] {
    let Figures { campaigns, approvals, footholds, after, .. } = score.total();
    let of = |share: Share| match share.of {
        0 => "-".to_owned(),
        of => format!("{} of {of}", share.found),
    };
    [of(campaigns), of(approvals), of(footholds), of(after), score.false_alarms.to_string()]
}

fn row(name: &str, cells: [String; 5], ink: Ink, width: usize) -> Line {
    let columns = if width < WIDE { [14, 9, 10, 10, 10, 7] } else { [27, 10, 11, 11, 11, 14] };
    let [first, rest @ ..] = columns;
    let name = text::shorten(name, first, true);
    let mut line = Line::default().put(ink, text::pad(&name, first));
    for (cell, columns) in cells.into_iter().zip(rest) {
        line = line.put(ink, text::pad_left(&cell, columns));
    }
    line
}

/// From this width on, the table has room for whole names.
const WIDE: usize = 84;

/// What to type next.
fn next(
    worst: Option<&Incident>,
    logs: &Path,
    html: &Path,
    out: &mut dyn Write,
    options: Options,
) -> io::Result<()> {
    let page = &mut Page::new(out, options);
    page.blank()?;
    page.heading("NEXT")?;
    let program = called();
    let mut steps = vec![("the same as a page, every incident".to_owned(), shown(html))];
    if let Some(worst) = worst {
        let command = format!("{program} explain {} {}", worst.id, quoted(logs));
        steps.push(("every record behind the worst incident".into(), command));
    }
    steps.push(("your own export".into(), format!("{program} scan EXPORT")));
    let documents = Path::new("docs/operate");
    if documents.is_dir() {
        steps.push(("how to export, vendor by vendor".into(), documents.display().to_string()));
    }
    for (what, command) in steps {
        page.line(Line::default().put(Ink::Dim, what))?;
        // One line whatever the width, so that it can be copied.
        page.line(Line::indented(4).put(Ink::Strong, command))?;
    }
    Ok(())
}

/// A path that opens with a click in most terminals.
fn shown(path: &Path) -> String {
    path.canonicalize()
        .map_or_else(|_| path.display().to_string(), |path| format!("file://{}", path.display()))
}
