//! Administration of the prompt service on the command line of its machine.
//!
//! Whoever can read the service's keys can do everything with its state; these commands pretend
//! nothing else. What they do is written to the audit trail under the name of the system's user.

use std::io::{self, IsTerminal as _};

use pushback_app::{App, AppError};
use pushback_model::Span;
use pushback_verify::{OperatorId, OperatorProof, Reason, Role, Text};
use serde_json::{Value, json};

use super::serve::{runtime, settings};
use super::{Failure, print};
use crate::cli::{
    AuditCommand, Exit, OperatorCommand, RelyingPartyCommand, ServiceArgs, SubscriberCommand,
};
use crate::report::text::sanitise;
use crate::report::words::several_of;
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
    if !wiring::has_state(&settings) {
        return Err(Failure::Usage(format!(
            "{} holds no state of a prompt service: name its folder with --data, or its \
             configuration with --config, or start `pushback serve` there first",
            data.display()
        )));
    }
    run(&settings, act)
}

/// The same for what makes sense before the first start: state that is missing is made.
fn with_or_make<T>(
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
        act(wiring::open(settings).await?).await
    })
}

/// Says what was not found, and what lists the ones there are.
fn unless_unknown(name: &str, list: &str) -> impl Fn(AppError) -> Failure {
    let (name, list) = (sanitise(name).into_owned(), list.to_owned());
    move |error| match error {
        AppError::NotFound => {
            Failure::Service(format!("{name} is not known here; see `pushback {list}`"))
        }
        AppError::Refused(Reason::ClockAhead) => Failure::Service(format!(
            "a clock had run ahead when something was last decided about {name}; \
             `pushback subscriber clock` sets it right"
        )),
        other => other.into(),
    }
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

pub fn subscriber(args: &ServiceArgs, command: &SubscriberCommand) -> Result<Exit, Failure> {
    let unknown = unless_unknown(command.name(), "subscriber list");
    match command {
        SubscriberCommand::Add { name, address } => {
            let by = proof()?;
            with_or_make(args, async |app| Ok(app.set_addresses(by, name, address).await?))?;
            let next = format!("done; next: pushback subscriber invite {}\n", sanitise(name));
            tell(args, &json!({}), &next)
        }
        SubscriberCommand::Invite { name, lan } => {
            let by = proof()?;
            let mut invitation =
                with(args, async |app| app.invite(by, name).await.map_err(&unknown))?;
            if let Some(lan) = lan.lan {
                let port = settings(args)?.service.listen.port();
                invitation.link = invitation.link_at(&lan.origin(port)?);
            }
            let machine = json!({
                "code": invitation.code,
                "link": invitation.link,
                "expires_at": invitation.expires_at.to_string(),
            });
            let mut people = format!(
                "code   {}\nlink   {}\nuntil  {}\n",
                invitation.code, invitation.link, invitation.expires_at
            );
            if io::stdout().is_terminal()
                && let Ok(picture) = pushback_edges::qr::terminal(&invitation.link)
            {
                people = format!("{picture}\n{people}");
            }
            tell(args, &machine, &people)
        }
        SubscriberCommand::List { without_passkey } => list(args, *without_passkey),
        SubscriberCommand::Show { name } => show(args, name),
        SubscriberCommand::Suspend { name } => {
            let by = proof()?;
            with(args, async |app| app.suspend(by, name).await.map_err(&unknown))?;
            tell(args, &json!({}), "prompts are stopped and an incident is open\n")
        }
        SubscriberCommand::Restore { name } => {
            let by = proof()?;
            with(args, async |app| app.restore(by, name).await.map_err(&unknown))?;
            tell(args, &json!({}), "prompts are on again\n")
        }
        SubscriberCommand::Close { name } => {
            let by = proof()?;
            with(args, async |app| app.close_incident(by, name).await.map_err(&unknown))?;
            tell(args, &json!({}), "the incident is closed\n")
        }
        SubscriberCommand::Untie { name, authenticator } => {
            let by = proof()?;
            with(args, async |app| {
                app.invalidate(by, name, *authenticator).await.map_err(&unknown)
            })?;
            tell(args, &json!({}), "done\n")
        }
        SubscriberCommand::Dispute { name, authenticator } => {
            let by = proof()?;
            with(args, async |app| {
                app.dispute_for_owner(by, name, *authenticator).await.map_err(&unknown)
            })?;
            let people = "it answers nothing more; prompts are stopped and an incident is open\n";
            tell(args, &json!({}), people)
        }
        SubscriberCommand::Settle { name, authenticator } => {
            let by = proof()?;
            let ready = with(args, async |app| {
                app.settle_dispute(by, name, *authenticator).await.map_err(&unknown)
            })?;
            let people = ready.map_or_else(|| "it can answer again\n".to_owned(), confirmable);
            tell(args, &json!({ "ready_at": ready.map(|at| at.to_string()) }), &people)
        }
        SubscriberCommand::Role { name, administrator } => {
            let role = if *administrator { Role::Administrator } else { Role::Member };
            let by = proof()?;
            let ready =
                with(args, async |app| app.set_role(by, name, role).await.map_err(&unknown))?;
            let people = ready.map_or_else(|| "done\n".to_owned(), confirmable);
            tell(args, &json!({ "ready_at": ready.map(|at| at.to_string()) }), &people)
        }
        SubscriberCommand::PasswordChanged { name } => {
            with(args, async |app| app.password_changed(name).await.map_err(&unknown))?;
            tell(args, &json!({}), "done\n")
        }
        SubscriberCommand::Clock { name: Some(name), .. } => {
            let by = proof()?;
            let ahead =
                with(args, async |app| app.set_clock_right(by, name).await.map_err(&unknown))?;
            let people = match ahead {
                Some(at) => format!("set right: it stood at {at}; what was open has ended\n"),
                None => "it is not ahead of this machine's clock; nothing was changed\n".to_owned(),
            };
            tell(args, &json!({ "clock_was_at": ahead.map(|at| at.to_string()) }), &people)
        }
        SubscriberCommand::Clock { name: None, .. } => clocks(args),
        SubscriberCommand::Reset { name, confirm } => {
            let by = proof()?;
            let ready =
                with(args, async |app| app.reset(by, name, *confirm).await.map_err(&unknown))?;
            let people = ready.map_or_else(
                || "everything that could answer is removed\n".to_owned(),
                confirmable,
            );
            tell(args, &json!({ "ready_at": ready.map(|at| at.to_string()) }), &people)
        }
    }
}

/// Everybody's document that is ahead.
fn clocks(args: &ServiceArgs) -> Result<Exit, Failure> {
    let set = with(args, async |app| Ok(app.set_clocks_right(&console()?, &proof()?).await?))?;
    let mut people = format!(
        "{} of {} set right\n",
        set.set_right.len(),
        several_of(set.subscribers as u64, "subscriber"),
    );
    for who in &set.set_right {
        people.push_str(&format!("  {}\n", sanitise(who)));
    }
    tell(args, &json!({ "subscribers": set.subscribers, "set_right": set.set_right }), &people)
}

/// Who can confirm what was asked for, and when.
fn confirmable(at: pushback_model::Timestamp) -> String {
    format!("a second person can confirm now, you yourself from {at} on\n")
}

fn list(args: &ServiceArgs, without_passkey: bool) -> Result<Exit, Failure> {
    let mut rows = with(args, async |app| {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = app.subscribers(after.as_deref(), 500).await?;
            rows.extend(page);
            after = next;
            if after.is_none() {
                return Ok(rows);
            }
        }
    })?;
    let (all, with_passkey) = (rows.len(), rows.iter().filter(|row| row.has_passkey).count());
    rows.retain(|row| !(without_passkey && row.has_passkey));
    let machine: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name,
                "authenticators": row.authenticators,
                "has_passkey": row.has_passkey,
                "is_suspended": row.is_suspended,
                "last_success_at": row.seen_at.map(|at| at.to_string()),
            })
        })
        .collect();
    let mut people = String::new();
    for row in &rows {
        let passkey = if row.has_passkey { "passkey" } else { "" };
        let state = if row.is_suspended { "suspended" } else { "" };
        let seen = row.seen_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        people.push_str(&format!(
            "{:<40} {:>2} bound  {passkey:<7}  last {seen}  {state}\n",
            row.name, row.authenticators
        ));
    }
    if all > 0 {
        people.push_str(&format!("{with_passkey} of {all} have a passkey\n"));
    }
    tell(args, &machine.into(), or(&people, "nobody yet\n"))
}

fn show(args: &ServiceArgs, name: &str) -> Result<Exit, Failure> {
    let view = with(args, async |app| {
        app.subscriber(name).await.map_err(unless_unknown(name, "subscriber list"))
    })?;
    let bound: Vec<Value> = view
        .authenticators
        .iter()
        .map(|a| {
            json!({
                "id": a.id, "kind": a.kind, "name": a.label, "bound_at": a.bound_at.to_string(),
                "new_until": a.new_until.map(|at| at.to_string()),
                "last_used_at": a.last_used_at.map(|at| at.to_string()),
                "is_disabled": a.is_disabled,
                "is_disputed": a.is_disputed,
                "settlement": a.settlement.as_ref().map(|(by, at)| json!({
                    "requested_by": by, "ready_at": at.to_string(),
                })),
            })
        })
        .collect();
    let machine = json!({
        "name": view.name,
        "role": view.role,
        "role_change": view.role_change.as_ref().map(|(by, at)| json!({
            "requested_by": by, "ready_at": at.to_string(),
        })),
        "addresses": view.addresses,
        "authenticators": bound,
        "suspended_at": view.suspended.map(|(at, _)| at.to_string()),
        "incident": view.incident,
        "clock_ahead": view.clock_ahead.map(|at| at.to_string()),
        "reset": view.reset.as_ref().map(|(id, by, at)| json!({
            "id": id, "requested_by": by, "ready_at": at.to_string(),
        })),
    });
    let mut people =
        format!("{} ({}), {} addresses\n", view.name, word(&view.role), view.addresses);
    for a in &view.authenticators {
        let disabled = match (a.is_disputed, a.is_disabled) {
            (true, _) => ", disputed",
            (false, true) => ", disabled",
            (false, false) => "",
        };
        let new = a.new_until.map(|at| format!(", new until {at}")).unwrap_or_default();
        people.push_str(&format!(
            "  {:>3}  {}  {}  since {}{new}{disabled}\n",
            a.id,
            word(&a.kind).replace("totp", "codes of another app"),
            a.label,
            a.bound_at
        ));
        if let Some((by, at)) = &a.settlement {
            people.push_str(&format!(
                "       to answer again: asked by {by}, alone possible from {at}\n"
            ));
        }
    }
    if let Some((at, cause)) = view.suspended {
        people.push_str(&format!("prompts are stopped since {at}: {}\n", word(&cause)));
    }
    if let Some(at) = view.clock_ahead {
        people.push_str(&format!(
            "a clock had run ahead: no phone is asked before {at}; \
             pushback subscriber clock sets it right\n"
        ));
    }
    if let Some(incident) = view.incident {
        people.push_str(&format!("incident {incident} is open\n"));
    }
    if let Some((by, at)) = view.role_change {
        people.push_str(&format!(
            "to administer nothing any more: asked by {by}, alone possible from {at}\n"
        ));
    }
    if let Some((id, by, at)) = view.reset {
        people.push_str(&format!("reset {id} waits: asked by {by}, alone possible from {at}\n"));
    }
    tell(args, &machine, &people)
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
            "{}  {:<40} {}\n",
            incident.opened_at,
            incident.subscriber,
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
                .map_err(|error| Failure::Usage(error.to_string()))?;
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
                checked.map_err(|error| Failure::Service(error.to_string()))
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
                .map_err(|error| Failure::Usage(error.to_string()))?;
            let tokens = with(args, async |app| {
                let made = app.store().checkpoint(&signer, app.now()).await;
                made.map_err(|error| Failure::Service(error.to_string()))
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
fn word(value: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(value).unwrap_or_default();
    name.as_str().unwrap_or_default().replace('_', " ")
}

fn or<'t>(text: &'t str, empty: &'t str) -> &'t str {
    if text.is_empty() { empty } else { text }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        Self::Service(error.to_string())
    }
}

impl From<wiring::SetupError> for Failure {
    fn from(error: wiring::SetupError) -> Self {
        Self::Service(error.to_string())
    }
}
