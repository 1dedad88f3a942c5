//! One file a command.

mod authenticator;
mod config;
mod console;
mod demo;
mod demo_service;
mod destination;
mod explain;
mod keeping;
mod normalize;
mod replay;
mod restored;
mod scan;
mod serve;
mod service;
mod simulate;
mod subscriber;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::CommandFactory;

use crate::cli::{Cli, Colour, Command, Exit, KeysCommand, OutputArgs, ReceiptCommand};
use crate::config::{ConfigError, why};
use crate::input::{InputError, ReadReport, Unknown};
use crate::progress::is_dumb;
use crate::report::terminal;
use crate::report::text::sanitise;
use crate::report::words;

/// Why a command ended without doing its job.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The command line asks for something that does not go together.
    #[error("{0}")]
    Usage(String),
    /// An input cannot be read.
    #[error("{0}")]
    Input(#[from] InputError),
    /// `--strict`, and some records could not be read.
    #[error("{} could not be read, and --strict was given", words::several_of(*.0, "record"))]
    Strict(u64),
    /// `--strict`, and files in folders that may hold logs were not read.
    #[error("{} that may hold logs could not be read, and --strict was given", words::several_of(*.0, "file"))]
    PassedOver(u64),
    /// There was nothing to judge.
    #[error("no identity event was read: {0}")]
    NoEvents(String),
    /// Inputs that broke off; what came before was judged.
    #[error("{} could not be read to the end; what came before it was", words::several_of(*.0, "input"))]
    BrokenOff(u64),
    /// The prompt service or its state.
    #[error("{0}")]
    Service(String),
    /// Reading or writing failed.
    #[error("{what}: {}", why(.source))]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl Failure {
    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The exit code.
    #[must_use]
    pub const fn code(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Usage(_) => Exit::Usage,
            Self::Input(_)
            | Self::Strict(_)
            | Self::PassedOver(_)
            | Self::NoEvents(_)
            | Self::BrokenOff(_)
            | Self::Service(_)
            | Self::Io { .. } => Exit::Input,
        }
    }

    /// Whether whoever read our output has gone.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Runs one command.
///
/// # Errors
/// [`Failure`], to be shown to the user.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    match cli.command {
        Command::Scan(args) => scan::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Normalize(args) => normalize::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Operator(args) => service::operator(&args.service, &args.command),
        Command::RelyingParty(args) => service::relying_party(&args.service, &args.command),
        Command::Subscriber(args) => subscriber::run(&args.service, &args.command),
        Command::Incidents(args) => service::incidents(&args),
        Command::Audit(args) => service::audit(&args.service, &args.command),
        Command::Receipt { command } => match command {
            ReceiptCommand::Verify(args) => keeping::receipt(&args),
            ReceiptCommand::Key(args) => keeping::receipt_key(&args),
        },
        Command::Keys(args) => match args.command {
            KeysCommand::Rotate => keeping::rotate_keys(&args.service),
            KeysCommand::Reseal => keeping::reseal(&args.service),
            KeysCommand::Renew { leaked } => keeping::renew_keys(&args.service, leaked),
        },
        Command::BackUp(args) => keeping::back_up(&args.service, &args.file),
        Command::Restored(args) => restored::run(&args),
        Command::Authenticator(args) => authenticator::run(&args),
        Command::Completions { shell } => {
            // Into memory first: the generator panics if a reader goes away.
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "pushback", &mut text);
            print(&String::from_utf8_lossy(&text))?;
            Ok(Exit::Clean)
        }
        Command::Man => man(),
    }
}

/// One manual page for the program and all its commands.
fn man() -> Result<Exit, Failure> {
    let mut command = Cli::command();
    // Gives every command its whole name: `pushback config check`.
    command.build();
    let mut text = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(&mut text)
        .and_then(|()| man.render_name_section(&mut text))
        .and_then(|()| man.render_synopsis_section(&mut text))
        .and_then(|()| man.render_description_section(&mut text))
        .and_then(|()| man.render_options_section(&mut text))
        .and_then(|()| man.render_extra_section(&mut text))
        .and_then(|()| command.get_subcommands().try_for_each(|sub| man_of(sub, &mut text)))
        .map_err(Failure::io("the manual"))?;
    let text = String::from_utf8_lossy(&text);
    print(&text.replacen(".SH EXTRA\nEXIT CODES:", ".SH \"EXIT CODES\"", 1))?;
    Ok(Exit::Clean)
}

/// The section of one command, and those of the commands below it.
fn man_of(command: &clap::Command, out: &mut Vec<u8>) -> io::Result<()> {
    if command.get_name() == "help" || command.is_hide_set() {
        return Ok(());
    }
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_uppercase();
    writeln!(out, ".SH \"{name}\"")?;
    let man = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    man.render_description_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_options_section(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    // The command is the section here.
    for line in text.lines().filter(|line| *line != ".SH DESCRIPTION") {
        writeln!(out, "{}", line.replace(".SH ", ".SS "))?;
    }
    command.get_subcommands().try_for_each(|sub| man_of(sub, out))
}

/// Writes to standard output. `print!` would panic when a reader goes away.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Failure::io("standard output"))
}

/// How this program was called, so that a command shown to a person can be typed as it stands.
fn called() -> String {
    let name = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    if name.as_os_str().is_empty() { "pushback".into() } else { quoted(&name) }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@%:,=\\".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// How a terminal report is to look.
fn terminal_options(
    output: &OutputArgs,
    limit: Option<usize>,
    to_terminal: bool,
) -> terminal::Options {
    let colour = match output.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            to_terminal && !is_dumb() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        }
    };
    let width = output.width.map_or_else(
        || terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0)),
        usize::from,
    );
    terminal::Options {
        width: width.clamp(terminal::WIDTH_MIN, terminal::WIDTH_MAX),
        colour,
        ascii: output.ascii,
        limit,
    }
}

fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Who tells what could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notes {
    /// Nobody wants to know.
    Off,
    /// The report has the records; standard error has what concerns whole files.
    Files,
    /// Standard error has all of it.
    All,
}

impl Notes {
    const fn new(is_quiet: bool) -> Self {
        if is_quiet { Self::Off } else { Self::All }
    }
}

/// Says something on standard error, which may be closed.
fn note(words: &str) {
    let _ = writeln!(io::stderr().lock(), "pushback: {words}");
}

/// Says on standard error what could not be read, and holds to `--strict`.
fn account(report: &ReadReport, is_strict: bool, wanted: Notes) -> Result<(), Failure> {
    if wanted != Notes::Off {
        let mut err = io::stderr().lock();
        // Standard error may be closed; that must not stop the scan.
        let _ = notes(report, wanted, &mut err);
    }
    let rejected = report.rejected();
    if is_strict && rejected > 0 {
        return Err(Failure::Strict(rejected));
    }
    let unread = report.unread_logs();
    if is_strict && unread > 0 {
        return Err(Failure::PassedOver(unread));
    }
    match report.problems.len() as u64 {
        0 if report.events.is_empty() => Err(Failure::NoEvents(why_no_events(report))),
        0 => Ok(()),
        problems => Err(Failure::BrokenOff(problems)),
    }
}

/// What was there in place of events.
fn why_no_events(report: &ReadReport) -> String {
    let rejected = report.rejects.values().filter_map(|rejects| rejects.first.first()).next();
    if let Some(first) = rejected {
        let more = match report.rejected() - 1 {
            0 => String::new(),
            more => format!(", and {} cannot be read either", words::several_of(more, "record")),
        };
        return format!("{}{more}", sanitise(&first.to_string()));
    }
    if report.records == 0 {
        let inputs = words::several_of(report.inputs as u64, "input");
        return format!("{inputs} held no record");
    }
    let unknown: u64 = report.unknown.values().map(Unknown::count).sum();
    let records = words::several_of(report.records, "record");
    if unknown > 0 {
        format!("{records}, {} of types that this version does not know", words::number(unknown))
    } else {
        format!("{records}, none of a kind that shows what a person did to sign in")
    }
}

/// What was not read, in lines: the first few of each kind, and how many in all.
fn notes(report: &ReadReport, wanted: Notes, out: &mut dyn Write) -> io::Result<()> {
    for problem in &report.problems {
        writeln!(out, "pushback: {}", sanitise(&problem.to_string()))?;
    }
    if wanted == Notes::Files {
        return Ok(());
    }
    for (why, passed) in &report.passed_over {
        let Some(first) = passed.first.first() else { continue };
        let first = sanitise(&first.display().to_string()).into_owned();
        let more = match passed.count - 1 {
            0 => String::new(),
            more => format!(" (and {} more like it)", words::number(more)),
        };
        writeln!(out, "pushback: not read: {first}: {}{more}", why.what)?;
    }
    for (kind, rejects) in &report.rejects {
        for rejected in &rejects.first {
            writeln!(out, "pushback: {}", sanitise(&rejected.to_string()))?;
        }
        let more = rejects.count - rejects.first.len() as u64;
        if more > 0 {
            let more = words::several_of(more, "more record");
            writeln!(out, "pushback: and {more}: {}", kind.name())?;
        }
    }
    for (source, unknown) in &report.unknown {
        let count = words::several_of(unknown.count(), "record");
        let names: Vec<&str> = unknown.types.keys().take(3).map(String::as_str).collect();
        writeln!(
            out,
            "pushback: {}: {count} of types this version does not know ({}{})",
            source.title(),
            sanitise(&names.join(", ")),
            if unknown.types.len() > 3 { ", ..." } else { "" }
        )?;
    }
    Ok(())
}
