//! What can be typed about the prompt service.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::serve::lan::LanAddress;

/// Where the prompt service keeps its state.
// The environment is read here and not by clap, which would print what stands there as typed, and as
// required, in the usage of every error.
#[derive(Args, Clone, Debug)]
pub struct ServiceArgs {
    /// Configuration file of the service [env: PUSHBACK_SERVE_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Folder of keys and of the embedded database [default: pushback-data] [env: PUSHBACK_DATA]
    #[arg(long, value_name = "FOLDER", global = true)]
    data: Option<PathBuf>,
    /// sqlite:FILE within the folder, or postgres://... [default: sqlite:pushback.db]
    /// [env: PUSHBACK_DATABASE]
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
    /// The address under which people reach the service [default: http://localhost and the port that
    /// it listens on] [env: PUSHBACK_ORIGIN]
    #[arg(long, value_name = "URL", global = true)]
    origin: Option<String>,
    /// JSON instead of words
    #[arg(long, global = true)]
    pub json: bool,
}

impl ServiceArgs {
    /// The configuration file.
    pub fn config(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| path_of("PUSHBACK_SERVE_CONFIG"))
    }

    /// The folder.
    pub fn data(&self) -> Option<PathBuf> {
        self.data.clone().or_else(|| path_of("PUSHBACK_DATA"))
    }

    /// The database. What is no text is none that is known.
    pub fn database(&self) -> Option<String> {
        self.database.clone().or_else(|| text_of("PUSHBACK_DATABASE"))
    }

    /// The address for people.
    pub fn origin(&self) -> Option<String> {
        self.origin.clone().or_else(|| text_of("PUSHBACK_ORIGIN"))
    }
}

/// An empty variable is none: so scripts unset one.
fn path_of(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn text_of(variable: &str) -> Option<String> {
    path_of(variable).map(|value| value.to_string_lossy().into_owned())
}

/// Phones of the local network.
#[derive(Args, Clone, Copy, Debug)]
pub struct LanArgs {
    /// For a trial: let phones of the local network in too, one port further, encrypted by a
    /// certificate that vouches for itself [default: this machine's own address]
    #[arg(
        long,
        value_name = "ADDRESS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "own"
    )]
    pub lan: Option<LanAddress>,
}

/// `pushback serve`.
#[derive(Args, Debug)]
#[command(after_help = "The first try:
  pushback serve
  pushback operator invite NAME      in another terminal: opens the administration
  pushback serve --lan               your own phone on the same network can be bound too
  pushback demo serves the same with an invented company and attacks at the press of a button.

Logs go to standard error, as JSON where that is no terminal; PUSHBACK_LOG chooses what is logged.")]
pub struct ServeArgs {
    /// Where the state is
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Address and port to listen on [default: 127.0.0.1:8420]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<std::net::SocketAddr>,
    /// Phones
    #[command(flatten)]
    pub lan: LanArgs,
    /// Only check the configuration
    #[arg(long)]
    pub check: bool,
    /// Print every setting with its default
    #[arg(long, conflicts_with = "check")]
    pub example: bool,
}

/// `pushback operator`.
#[derive(Args, Debug)]
pub struct OperatorArgs {
    /// Where the state is
    #[command(flatten)]
    pub service: ServiceArgs,
    /// What to do
    #[command(subcommand)]
    pub command: OperatorCommand,
}

/// What to do with administrators.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Print a link with which somebody binds a passkey and administers from then on
    Invite {
        /// Their name
        name: String,
    },
    /// List them
    List,
    /// Take somebody out, sessions included
    Delete {
        /// Their name
        name: String,
    },
}

/// `pushback relying-party`.
#[derive(Args, Debug)]
pub struct RelyingPartyArgs {
    /// Where the state is
    #[command(flatten)]
    pub service: ServiceArgs,
    /// What to do
    #[command(subcommand)]
    pub command: RelyingPartyCommand,
}

/// What to do with applications.
#[derive(Debug, Subcommand)]
pub enum RelyingPartyCommand {
    /// Add one; prints its id and secret
    Add {
        /// The name that people see on their phone
        name: String,
    },
    /// Give one a new secret; the old one ends at once
    Renew {
        /// Its id
        id: String,
    },
    /// List them
    List,
    /// Take one out
    Delete {
        /// Its id
        id: String,
    },
}

/// `pushback subscriber`.
#[derive(Args, Debug)]
pub struct SubscriberArgs {
    /// Where the state is
    #[command(flatten)]
    pub service: ServiceArgs,
    /// What to do
    #[command(subcommand)]
    pub command: SubscriberCommand,
}

/// What to do with people.
#[derive(Debug, Subcommand)]
pub enum SubscriberCommand {
    /// Add somebody, or set where notices about them go
    #[command(override_usage = "pushback subscriber add [OPTIONS] <NAME> --address <MAIL> <MAIL>")]
    Add {
        /// Their name, as the applications know it
        name: String,
        /// Mail addresses for notices: two or more, independent of each other
        #[arg(long, required = true, num_args = 1.., value_name = "MAIL")]
        address: Vec<String>,
    },
    /// Print a code with which they bind a phone
    Invite {
        /// Their name
        name: String,
        /// The link is for a phone of the local network, as in `serve --lan`
        #[command(flatten)]
        lan: LanArgs,
    },
    /// List everybody
    List {
        /// Only those who have no passkey: a page that passes codes on can still get in with theirs
        #[arg(long)]
        without_passkey: bool,
    },
    /// Show one
    Show {
        /// Their name
        name: String,
    },
    /// Stop prompts and open an incident: they reported an attack
    Suspend {
        /// Their name
        name: String,
    },
    /// Let prompts ring again
    Restore {
        /// Their name
        name: String,
    },
    /// Close the open incident
    Close {
        /// Their name
        name: String,
    },
    /// Untie an authenticator
    Untie {
        /// Their name
        name: String,
        /// Its number, as `show` tells it
        authenticator: u64,
    },
    /// Stop an authenticator that is in other hands, the last one too: it answers and reports nothing
    /// more, and the rest is as after a report
    Dispute {
        /// Their name
        name: String,
        /// Its number, as `show` tells it
        authenticator: u64,
    },
    /// Ask to let an authenticator answer again that somebody had disputed, or confirm it
    Settle {
        /// Their name
        name: String,
        /// Its number, as `show` tells it
        authenticator: u64,
    },
    /// Set whether they administer something: then only passkeys get in. To take that back is asked for, and
    /// confirmed with the same command
    #[command(
        override_usage = "pushback subscriber role [OPTIONS] <NAME> <--administrator|--member>"
    )]
    Role {
        /// Their name
        name: String,
        /// They do
        #[arg(long, required_unless_present = "member", conflicts_with = "member")]
        administrator: bool,
        /// They do not
        #[arg(long)]
        member: bool,
        /// Also somebody who has no passkey, and is shut out by it
        #[arg(long, requires = "administrator")]
        force: bool,
    },
    /// Say that their password was changed
    PasswordChanged {
        /// Their name
        name: String,
    },
    /// Set the clock of their document right, after a clock had run ahead: no phone is asked until then
    #[command(override_usage = "pushback subscriber clock [OPTIONS] <NAME|--all>")]
    Clock {
        /// Their name
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// Of everybody whose document is ahead
        #[arg(long)]
        all: bool,
    },
    /// Ask for a reset of everything that can answer for them, or confirm one
    Reset {
        /// Their name
        name: String,
        /// The number of the reset that waits
        #[arg(long, value_name = "NUMBER")]
        confirm: Option<u64>,
    },
}

impl SubscriberCommand {
    /// Whom it is about; nobody in particular for a list.
    pub fn name(&self) -> &str {
        match self {
            Self::Add { name, .. }
            | Self::Invite { name, .. }
            | Self::Show { name }
            | Self::Suspend { name }
            | Self::Restore { name }
            | Self::Close { name }
            | Self::Untie { name, .. }
            | Self::Dispute { name, .. }
            | Self::Settle { name, .. }
            | Self::Role { name, .. }
            | Self::PasswordChanged { name }
            | Self::Reset { name, .. } => name,
            Self::Clock { name, .. } => name.as_deref().unwrap_or_default(),
            Self::List { .. } => "",
        }
    }
}

/// `pushback audit`.
#[derive(Args, Debug)]
pub struct AuditArgs {
    /// Where the state is
    #[command(flatten)]
    pub service: ServiceArgs,
    /// What to do
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What to do with the audit trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the chain and name the first entry that does not fit
    Verify {
        /// Files with checkpoints that were kept elsewhere
        #[arg(long, value_name = "FILE")]
        checkpoints: Vec<PathBuf>,
    },
    /// Print entries as lines of JSON, which `pushback scan` reads too
    Export {
        /// Only those about somebody or something
        #[arg(long, value_name = "SUBJECT")]
        about: Option<String>,
    },
    /// Print a signed head of every chain, to be kept elsewhere
    Checkpoint,
}

/// `pushback receipt`.
#[derive(Debug, Subcommand)]
pub enum ReceiptCommand {
    /// Verify receipts without the service
    Verify(ReceiptArgs),
    /// Print the public key that verifies them
    Key(ServiceArgs),
}

/// `pushback receipt verify`.
#[derive(Args, Debug)]
pub struct ReceiptArgs {
    /// File with receipts, one a line, or - for standard input
    pub file: PathBuf,
    /// File with the public key
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// JSON instead of words
    #[arg(long)]
    pub json: bool,
}

/// `pushback keys`.
#[derive(Args, Debug)]
pub struct KeysArgs {
    /// Where the state is
    #[command(flatten)]
    pub service: ServiceArgs,
    /// What to do
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Add a new key, which seals from the next start on
    Rotate,
    /// Seal everything anew under the newest key
    Reseal,
    /// Renew the keys that sign tokens, cookies and links
    ///
    /// The new ones are published at once and sign an hour later, and what the old ones signed counts until
    /// it runs out: nobody notices. Running nodes take them up by themselves.
    Renew {
        /// Somebody may have the old ones: end them, and all that they signed, at once. Sign-ins that are
        /// under way begin anew, and browsers are strangers until their next success
        #[arg(long)]
        leaked: bool,
    },
}

/// `pushback back-up`.
#[derive(Args, Debug)]
pub struct BackUpArgs {
    /// Where the state is
    #[command(flatten)]
    pub service: ServiceArgs,
    /// The new file
    pub file: PathBuf,
}

/// `pushback restored`.
#[derive(Args, Debug)]
#[command(
    after_help = "For a service that is stopped, once after every restore and before the next start; to run it
again does no harm. What was used up or ended since the copy would count again, and nobody can say
what of it was, so it ends: open prompts, sign-ins and their pages, binding and mailed codes, saved
recovery codes, known browsers, resets that wait, sessions and invitations of administrators. What
was untied or reported since the copy is not in it; the command says what people have to look at."
)]
pub struct RestoredArgs {
    /// Where the state is
    #[command(flatten)]
    pub service: ServiceArgs,
    /// A trail that `pushback audit export` wrote after the copy: what is to be done again is listed
    #[arg(long, value_name = "FILE")]
    pub trail: Vec<PathBuf>,
}

/// `pushback authenticator`.
#[derive(Args, Debug)]
pub struct AuthenticatorArgs {
    /// File with this phone's key and name
    #[arg(long, value_name = "FILE", default_value = "pushback-authenticator.json", global = true)]
    pub key: PathBuf,
    /// JSON instead of words
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: AuthenticatorCommand,
}

/// What a phone on the command line does.
#[derive(Debug, Subcommand)]
pub enum AuthenticatorCommand {
    /// Make a key and bind it
    Bind {
        /// The link of an invitation, or the address of the service with --code
        link: String,
        /// The binding code, if the link has none
        #[arg(long, requires = "subscriber")]
        code: Option<String>,
        /// For whom that code was made
        #[arg(long, requires = "code")]
        subscriber: Option<String>,
        /// What to call it
        #[arg(long, default_value = "command line")]
        name: String,
    },
    /// Show prompts as they come, until stopped
    Watch {
        /// End after the first prompt
        #[arg(long)]
        once: bool,
    },
    /// Answer the open prompt: with the code of the sign-in page, or with no
    ///
    /// Ends with 1 if the answer did not count, as after a wrong code.
    #[command(override_usage = "pushback authenticator answer [OPTIONS] <CODE|--deny|--report>")]
    Answer {
        /// The six digits
        #[arg(required_unless_present_any = ["deny", "report"])]
        code: Option<String>,
        /// "No, this isn't me"
        #[arg(long, conflicts_with = "code")]
        deny: bool,
        /// The same, reported
        #[arg(long, conflicts_with_all = ["code", "deny"])]
        report: bool,
    },
}
