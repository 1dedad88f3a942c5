//! The command line: what can be typed and what it means.

mod service;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use pushback_model::Stage;
use pushback_sim::Vendor;

pub use service::{
    AuditArgs, AuditCommand, AuthenticatorArgs, AuthenticatorCommand, BackUpArgs, KeysArgs,
    KeysCommand, LanArgs, OperatorArgs, OperatorCommand, ReceiptArgs, ReceiptCommand,
    RelyingPartyArgs, RelyingPartyCommand, RestoredArgs, ServeArgs, ServiceArgs, SubscriberArgs,
    SubscriberCommand,
};

/// Every exit code, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; nothing at or above `--fail-on`.
    Clean = 0,
    /// Done; incidents at or above `--fail-on`, or an answer of `authenticator` that did not count.
    Found = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Something could not be read or written, nothing held an identity event, or `--strict` met a
    /// record or a file that could not be read; the prompt service failed, refused, or knows no such name.
    Input = 3,
}

/// Turns every sign-in prompt back into a security event.
#[derive(Debug, Parser)]
#[command(name = "pushback", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "EXIT CODES:
  0  done, nothing at or above --fail-on
  1  done, incidents at or above --fail-on; an answer of `authenticator` that did not count
  2  the command line or the configuration is wrong
  3  something could not be read or written, no input held an identity event,
     or --strict met what cannot be read; what the prompt service refused or does not know")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One verb, one job.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read identity logs and report who was push-bombed, who approved, and what followed
    Scan(ScanArgs),
    /// Show every record behind one incident, with the evidence beside it
    Explain(ExplainArgs),
    /// Compare what two policies would have reported
    Replay(ReplayArgs),
    /// Print the identity events in logs as OCSF 1.8 JSON, one a line
    Normalize(NormalizeArgs),
    /// Write the logs of an invented organisation, attacks and truth included
    Simulate(SimulateArgs),
    /// Simulate two weeks of an organisation under attack, scan them, and show how it went
    Demo(DemoArgs),
    /// Check the configuration or print the defaults
    Config(ConfigArgs),
    /// Serve prompts: the second factor that cannot be used as a weapon
    Serve(ServeArgs),
    /// Who administers the prompt service
    Operator(OperatorArgs),
    /// The applications that ask the prompt service
    RelyingParty(RelyingPartyArgs),
    /// The people that the prompt service asks
    Subscriber(SubscriberArgs),
    /// Open incidents of the prompt service
    Incidents(ServiceArgs),
    /// The audit trail of the prompt service
    Audit(AuditArgs),
    /// Receipts: what happened, signed, to be verified without the service
    Receipt {
        /// What to do
        #[command(subcommand)]
        command: ReceiptCommand,
    },
    /// The keys that seal the prompt service's state
    Keys(KeysArgs),
    /// Write a copy of the embedded database, beside the running service
    BackUp(BackUpArgs),
    /// After the state was put back from a copy: end what may have been used since
    Restored(RestoredArgs),
    /// A phone on the command line, for automation and tests
    Authenticator(AuthenticatorArgs),
    /// Print shell completions
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
}

/// Where to read from, and how.
#[derive(Args, Clone, Debug)]
pub struct InputArgs {
    /// Files, folders, patterns, or - for standard input; .gz and .zst are unpacked
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Threads that read [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: Option<u16>,
    /// Check every record in full; end with code 3 if one, or a file that may hold a log, cannot be read
    #[arg(long)]
    pub strict: bool,
    /// No progress and no notes on standard error
    #[arg(long, short)]
    pub quiet: bool,
}

/// The policy to judge by.
#[derive(Args, Clone, Debug)]
pub struct PolicyArgs {
    /// Configuration file with weights, windows, networks and aliases
    /// [env: PUSHBACK_CONFIG]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl PolicyArgs {
    /// The file that was named, on the command line or else in the environment.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        or_environment(self.policy.as_deref())
    }
}

/// What stands in `PUSHBACK_CONFIG` unless something was typed. An empty variable is none: so
/// scripts unset one.
fn or_environment(typed: Option<&Path>) -> Option<PathBuf> {
    typed.map(Path::to_owned).or_else(|| {
        let named = std::env::var_os("PUSHBACK_CONFIG").filter(|name| !name.is_empty());
        named.map(PathBuf::from)
    })
}

/// How to print.
#[derive(Args, Clone, Debug)]
pub struct OutputArgs {
    /// Colours: when
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub color: Colour,
    /// Columns of the terminal report [default: the terminal's]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..=400))]
    pub width: Option<u16>,
    /// Plain ASCII instead of drawn characters
    #[arg(long)]
    pub ascii: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, on a terminal
    Text,
    /// One incident a line (stable contract)
    Json,
    /// OCSF 1.8 Detection and Incident Findings, one a line
    Ocsf,
    /// One incident a row
    Csv,
    /// One self-contained page with pictures; needs --out
    Html,
}

/// A stage, on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StageArg {
    /// An unexpected prompt: somebody else holds the password
    Exposed,
    /// Repeated or concerted unexpected prompts
    Bombing,
    /// One of them was approved
    Approved,
    /// Something was changed that outlives the session
    Foothold,
}

impl From<StageArg> for Stage {
    fn from(stage: StageArg) -> Self {
        match stage {
            StageArg::Exposed => Self::Exposed,
            StageArg::Bombing => Self::Bombing,
            StageArg::Approved => Self::Approved,
            StageArg::Foothold => Self::Foothold,
        }
    }
}

/// Arguments of `scan`.
#[derive(Args, Debug)]
pub struct ScanArgs {
    /// Input.
    #[command(flatten)]
    pub input: InputArgs,
    /// Policy.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Form of the report on standard output (or in --out)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write the report to a file, or - for standard output; with --format html this is the page
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// End with code 1 if an incident is at this stage or above
    #[arg(long, value_enum, value_name = "STAGE")]
    pub fail_on: Option<StageArg>,
    /// List only incidents at this stage or above; all are judged and counted
    #[arg(long, value_enum, value_name = "STAGE")]
    pub min_stage: Option<StageArg>,
    /// Show at most so many incidents in the terminal report
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The incident's id (inc_...), or its beginning, or the person's name
    #[arg(value_name = "INCIDENT")]
    pub incident: String,
    /// Input.
    #[command(flatten)]
    pub input: InputArgs,
    /// Policy.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Show the records whole
    #[arg(long)]
    pub raw: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// Input.
    #[command(flatten)]
    pub input: InputArgs,
    /// The policy to try
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// The policy of today [default: the built-in one] [env: PUSHBACK_CONFIG]
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    pub json: bool,
}

impl ReplayArgs {
    /// The policy of today.
    #[must_use]
    pub fn today(&self) -> Option<PathBuf> {
        or_environment(self.against.as_deref())
    }
}

/// Arguments of `normalize`.
#[derive(Args, Debug)]
pub struct NormalizeArgs {
    /// Input.
    #[command(flatten)]
    pub input: InputArgs,
    /// Policy, for its mapping of vendor types.
    #[command(flatten)]
    pub policy: PolicyArgs,
}

/// Whose logs to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum VendorArg {
    /// Okta System Log, Identity Engine
    #[value(name = "okta_oie")]
    OktaOie,
    /// Okta System Log, Classic Engine
    #[value(name = "okta_classic")]
    OktaClassic,
    /// Entra ID sign-in and audit logs, with the Microsoft 365 audit log
    #[value(name = "entra_m365")]
    EntraM365,
    /// Duo authentication, administrator, activity and telephony logs
    #[value(name = "duo")]
    Duo,
    /// PingID
    #[value(name = "pingid")]
    PingId,
}

impl From<VendorArg> for Vendor {
    fn from(vendor: VendorArg) -> Self {
        match vendor {
            VendorArg::OktaOie => Self::OktaOie,
            VendorArg::OktaClassic => Self::OktaClassic,
            VendorArg::EntraM365 => Self::EntraM365,
            VendorArg::Duo => Self::Duo,
            VendorArg::PingId => Self::PingId,
        }
    }
}

/// Arguments of `simulate`.
#[derive(Args, Debug)]
pub struct SimulateArgs {
    /// Whose format; give it again for another organisation beside the first
    #[arg(long, value_enum, default_value = "okta_oie", value_name = "VENDOR")]
    pub vendor: Vec<VendorArg>,
    /// People in each organisation
    #[arg(long, default_value_t = 400, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=500_000))]
    pub people: u32,
    /// Days
    #[arg(long, default_value_t = 14, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=180))]
    pub days: u32,
    /// Attacks in each organisation [default: one for five people]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub campaigns: Option<u32>,
    /// What looks like an attack and is none [default: 27.5 for a hundred people]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub lookalikes: Option<u32>,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Folder to write to: logs/ and truth.json
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Write also if the folder holds something; earlier logs of a simulation there are replaced
    #[arg(long)]
    pub force: bool,
    /// No progress and no notes on standard error
    #[arg(long, short)]
    pub quiet: bool,
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Folder for the logs and the page [default: target/demo if there is a target folder here,
    /// else pushback-demo]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Another seed is another world
    #[arg(long, default_value_t = 2026, value_name = "N")]
    pub seed: u64,
    /// Incidents shown in the terminal; the page has all
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub limit: usize,
    /// Then serve the prompt service with a panel of attacks, until stopped [default: on a terminal]
    #[arg(long, conflicts_with = "no_serve")]
    pub serve: bool,
    /// End after the report
    #[arg(long)]
    pub no_serve: bool,
    /// Serve at once, without the scan: for the tests of the panel
    #[arg(long, hide = true, conflicts_with_all = ["serve", "no_serve"])]
    pub only_serve: bool,
    /// Where the panel is
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8420")]
    pub listen: std::net::SocketAddr,
    /// Phones
    #[command(flatten)]
    pub lan: LanArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with a configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Report everything that is wrong with a policy, or with settings of `pushback serve`
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the defaults as a commented file
    Example,
}
