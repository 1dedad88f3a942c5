//! Administration of the prompt service on the command line of its machine.
//!
//! Whoever can read the service's keys can do everything with its state; these commands pretend
//! nothing else. What they do is written to the audit trail under the name of the system's user.

use pushback_app::{App, AppError, whole};
use pushback_model::Span;
use pushback_verify::{OperatorId, OperatorProof, Reason, Text};
use serde_json::{Value, json};

use super::serve::{runtime, settings};
use super::{Failure, print};
use crate::cli::{AuditCommand, Exit, OperatorCommand, RelyingPartyCommand, ServiceArgs};
use crate::report::text::sanitise;
use crate::report::words::several_of;
use crate::serve::folder::{self, By};
use crate::serve::settings::Settings;
use crate::serve::wiring;

/// Runs one command on the state that there is.
pub(super) fn with<T>(
    args: &ServiceArgs,
    act: impl AsyncFnOnce(App) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let settings = settings(args)?;
    let data = &settings.service.data;
    // A folder of another name would answer "nobody" to every question.
    if !folder::has_state(&settings)? {
        return Err(Failure::Usage(format!(
            "{} holds no state of a prompt service: name its folder with --data, or its \
             configuration with --config, or start `pushback serve` there first",
            data.display()
        )));
    }
    run(&settings, act)
}

/// The same for what makes sense before the first start: state that is missing is made.
pub(super) fn with_or_make<T>(
    args: &ServiceArgs,
    act: impl AsyncFnOnce(App) -> Result<T, Failure>,
) -> Result<T, Failure> {
    run(&settings(args)?, act)
}

fn run<T>(
    settings: &Settings,
    act: impl AsyncFnOnce(App) -> Result<T, Failure>,
) -> Result<T, Failure> {
    runtime()?.block_on(async {
        // What is acknowledged is on disk: there is nothing to close.
        act(wiring::open(settings, By::Command).await?).await
    })
}

/// Says what was not found, and what lists the ones there are.
pub(super) fn unless_unknown(name: &str, list: &str) -> impl Fn(AppError) -> Failure {
    let (name, list) = (sanitise(name).into_owned(), list.to_owned());
    move |error| match error {
        AppError::NotFound => {
            Failure::Service(format!("{name} is not known here; see `pushback {list}`"))
        }
        AppError::Refused(reason) => match for_help_desk(reason) {
            Some(what) => Failure::Service(format!("{name}: {what}")),
            None => AppError::Refused(reason).into(),
        },
        other => other.into(),
    }
}

/// What to do about a refusal, where its own sentence sends people to the help desk: this is the help desk.
const fn for_help_desk(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::ClockAhead => {
            "a clock had run ahead when something was last decided here; `pushback subscriber clock` \
             sets it right"
        }
        Reason::LastAuthenticator | Reason::OthersTooNew => {
            "nothing older would be left that signs in; `pushback subscriber reset` takes it away, by two \
             people or after the delay, and `dispute` stops it at once"
        }
        Reason::IncidentOpen => "an incident is open; `pushback subscriber close` closes it first",
        Reason::AuthenticatorDisputed => {
            "it is stopped already; `pushback subscriber settle` lets it answer again"
        }
        Reason::NotFound => {
            "there is nothing like this; `pushback subscriber show` says what there is"
        }
        Reason::AlreadyPending => {
            "one is pending already; `pushback subscriber show` says since when and its number"
        }
        _ => return None,
    })
}

/// Who does it: the system's user, said to be on the console.
pub(super) fn console() -> Result<OperatorId, Failure> {
    let plain: String = super::console::user()
        .map_err(Failure::Usage)?
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .take(40)
        .collect();
    OperatorId::parse(&format!("console:{plain}"))
        .map_err(|error| Failure::Usage(format!("the user's name: {error}")))
}

pub(super) fn proof() -> Result<OperatorProof, Failure> {
    let id = console()?;
    let name = Text::new(id.as_str());
    Ok(OperatorProof::passkey_session(id, name))
}

/// JSON for machines, words for people.
pub(super) fn tell(args: &ServiceArgs, machine: &Value, people: &str) -> Result<Exit, Failure> {
    if args.json {
        print(&format!("{machine}\n"))?
    } else {
        print(people)?
    }
    Ok(Exit::Clean)
}

pub fn operator(args: &ServiceArgs, command: &OperatorCommand) -> Result<Exit, Failure> {
    match command {
        OperatorCommand::Invite { name } => {
            let link =
                with_or_make(args, async |app| Ok(app.invite_operator(&console()?, name).await?))?;
            let people = format!(
                "Open this once, within an hour, in the browser that holds the passkey:\n\n  {link}\n"
            );
            tell(args, &json!({ "link": link }), &people)
        }
        OperatorCommand::List => {
            let all = with(args, async |app| Ok(app.operators().await?))?;
            let machine: Vec<Value> = all
                .iter()
                .map(|o| json!({ "name": o.id.as_str(), "has_passkey": o.has_passkey }))
                .collect();
            let mut people = String::new();
            for operator in &all {
                let state = if operator.has_passkey { "passkey" } else { "invited" };
                people.push_str(&format!("{:<32} {state}\n", operator.id.as_str()));
            }
            tell(args, &machine.into(), or(&people, "nobody administers yet\n"))
        }
        OperatorCommand::Delete { name } => {
            with(args, async |app| {
                let by = console()?;
                app.delete_operator(&by, name).await.map_err(unless_unknown(name, "operator list"))
            })?;
            tell(args, &json!({}), "done\n")
        }
    }
}

pub fn relying_party(args: &ServiceArgs, command: &RelyingPartyCommand) -> Result<Exit, Failure> {
    let by = console()?;
    match command {
        RelyingPartyCommand::Add { name } => {
            let new =
                with_or_make(args, async |app| Ok(app.create_relying_party(&by, name).await?))?;
            secret(args, &new)
        }
        RelyingPartyCommand::Renew { id } => {
            let new = with(args, async |app| {
                app.renew_relying_party(&by, id)
                    .await
                    .map_err(unless_unknown(id, "relying-party list"))
            })?;
            secret(args, &new)
        }
        RelyingPartyCommand::List => {
            let all = with(args, async |app| Ok(app.relying_parties().await?))?;
            let machine: Vec<Value> =
                all.iter().map(|p| json!({ "id": p.id, "name": p.name })).collect();
            let people: String =
                all.iter().map(|party| format!("{}  {}\n", party.id, party.name)).collect();
            tell(args, &machine.into(), or(&people, "no application yet\n"))
        }
        RelyingPartyCommand::Delete { id } => {
            with(args, async |app| {
                app.delete_relying_party(&by, id)
                    .await
                    .map_err(unless_unknown(id, "relying-party list"))
            })?;
            tell(args, &json!({}), "done\n")
        }
    }
}

fn secret(args: &ServiceArgs, new: &pushback_app::NewRelyingParty) -> Result<Exit, Failure> {
    let people = format!("id      {}\nsecret  {}   (shown once)\n", new.id, new.secret);
    tell(args, &json!({ "id": new.id, "secret": new.secret }), &people)
}

pub fn incidents(args: &ServiceArgs) -> Result<Exit, Failure> {
    let all = with(args, async |app| Ok(app.incidents().await?))?;
    let machine: Vec<Value> = all
        .iter()
        .map(|incident| {
            json!({
                "subscriber": incident.subscriber,
                "incident": incident.incident,
                "cause": incident.cause,
                "opened_at": incident.opened_at.to_string(),
            })
        })
        .collect();
    let mut people = String::new();
    for incident in &all {
        people.push_str(&format!(
            "{}  {:<40} incident {}  {}\n",
            incident.opened_at,
            sanitise(&incident.subscriber),
            incident.incident,
            word(&incident.cause)
        ));
    }
    tell(args, &machine.into(), or(&people, "no incident is open\n"))
}

pub fn audit(args: &ServiceArgs, command: &AuditCommand) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Verify { checkpoints } => {
            let settings = settings(args)?;
            let receipts = settings.service.data.join("receipts.pem");
            let signer = pushback_store::Signer::open(&receipts)
                .map_err(|error| Failure::Service(whole(error)))?;
            let mut kept = Vec::new();
            for file in checkpoints {
                let text = std::fs::read_to_string(file)
                    .map_err(Failure::io(file.display().to_string()))?;
                for token in text.split_whitespace() {
                    kept.push(
                        signer.public().verify_checkpoint(token).map_err(|error| {
                            Failure::Usage(format!("{}: {error}", file.display()))
                        })?,
                    );
                }
            }
            let verified = with(args, async |app| {
                let checked = app.store().verify_audit(Some(signer.public()), &kept).await;
                checked.map_err(|error| Failure::Service(whole(error)))
            })?;
            let machine = json!({
                "is_whole": true,
                "chains": &verified.chains,
                "checkpoints": verified.checkpoints,
            });
            let mut people = "the audit trail is whole\n".to_owned();
            for (chain, entries) in &verified.chains {
                let entries = several_of(u64::try_from(*entries).unwrap_or_default(), "record");
                people.push_str(&format!("  {chain}: {entries}\n"));
            }
            let compared = several_of(verified.checkpoints as u64, "checkpoint");
            people.push_str(&format!("  {compared} compared\n"));
            tell(args, &machine, &people)
        }
        AuditCommand::Export { about } => {
            let lines = with(args, async |app| export(&app, about.as_deref()).await)?;
            print(&lines)?;
            Ok(Exit::Clean)
        }
        AuditCommand::Checkpoint => {
            let settings = settings(args)?;
            let receipts = settings.service.data.join("receipts.pem");
            let signer = pushback_store::Signer::open(&receipts)
                .map_err(|error| Failure::Service(whole(error)))?;
            let tokens = with(args, async |app| {
                let made = app.store().checkpoint(&signer, app.now()).await;
                made.map_err(|error| Failure::Service(whole(error)))
            })?;
            let people: String = tokens.iter().map(|token| format!("{token}\n")).collect();
            tell(args, &json!(tokens), &people)
        }
    }
}

/// The trail as lines of JSON, which `pushback scan` reads too.
async fn export(app: &App, about: Option<&str>) -> Result<String, Failure> {
    let mut lines = String::new();
    let mut push = |entries: &[pushback_app::Recorded]| {
        for entry in entries {
            lines.push_str(&serde_json::to_string(entry).unwrap_or_default());
            lines.push('\n');
        }
    };
    if let Some(subject) = about {
        let from = app.now() - Span::days(3_650);
        push(&app.audit_about(subject, from).await?);
        return Ok(lines);
    }
    for chain in app.audit_chains().await? {
        let mut after = 0;
        loop {
            let page = app.audit(&chain.name, after).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            push(&page);
        }
    }
    Ok(lines)
}

/// A value's name as the vocabulary writes it, in words.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(value).unwrap_or_default();
    name.as_str().unwrap_or_default().replace('_', " ")
}

pub(super) fn or<'t>(text: &'t str, empty: &'t str) -> &'t str {
    if text.is_empty() { empty } else { text }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        match error {
            // What was typed is no name, address or the like.
            AppError::Invalid(what) => Self::Usage(what),
            other => Self::Service(whole(other)),
        }
    }
}

impl From<wiring::SetupError> for Failure {
    fn from(error: wiring::SetupError) -> Self {
        Self::Service(error.to_string())
    }
}
