//! The people that the prompt service asks, on the command line of its machine.

use std::io::{self, IsTerminal as _};

use pushback_app::{App, AppError, AuthenticatorView, SubscriberView};
use pushback_model::Timestamp;
use pushback_verify::{AuthenticatorKind, Reason, Role};
use serde_json::{Value, json};

use super::Failure;
use super::serve::settings;
use super::service::{console, or, proof, tell, unless_unknown, with, with_or_make, word};
use crate::cli::{Exit, ServiceArgs, SubscriberCommand};
use crate::report::text::sanitise;
use crate::report::words::several_of;

pub fn run(args: &ServiceArgs, command: &SubscriberCommand) -> Result<Exit, Failure> {
    let unknown = unless_unknown(command.name(), "subscriber list");
    match command {
        SubscriberCommand::Add { name, address } => {
            let by = proof()?;
            let before = with_or_make(args, async |app| {
                let before = app.notice_addresses(name).await?;
                app.set_addresses(by, name, address).await?;
                Ok(before)
            })?;
            let next = format!("done; next: pushback subscriber invite {}\n", sanitise(name));
            let people = match before.as_slice() {
                [] => next,
                replaced => format!("replaced: {}\n{next}", sanitise(&replaced.join(", "))),
            };
            tell(args, &json!({ "replaced": before }), &people)
        }
        SubscriberCommand::Invite { name, lan } => {
            let by = proof()?;
            let mut invitation =
                with(args, async |app| app.invite(by, name).await.map_err(not_alone(&unknown)))?;
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
            let before = with(args, async |app| {
                let before = app.subscriber(name).await.map_err(&unknown)?.suspended;
                app.suspend(by, name).await.map_err(&unknown)?;
                Ok(before)
            })?;
            let people = match before {
                None => "prompts are stopped and an incident is open\n".to_owned(),
                Some((at, cause)) => format!(
                    "prompts were stopped already, since {at}: {}; an incident is open\n",
                    word(&cause)
                ),
            };
            tell(args, &json!({ "was_suspended": before.is_some() }), &people)
        }
        SubscriberCommand::Restore { name } => {
            let by = proof()?;
            let was_suspended = with(args, async |app| {
                let view = app.subscriber(name).await.map_err(&unknown)?;
                if view.suspended.is_some() {
                    app.restore(by, name).await.map_err(&unknown)?;
                }
                Ok(view.suspended.is_some())
            })?;
            let people = match was_suspended {
                true => "prompts are on again\n",
                false => "prompts were on already; nothing was changed\n",
            };
            tell(args, &json!({ "was_suspended": was_suspended }), people)
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
        SubscriberCommand::Role { name, administrator, member: _, force } => {
            let role = if *administrator { Role::Administrator } else { Role::Member };
            let by = proof()?;
            let ready = with(args, async |app| {
                let view = app.subscriber(name).await.map_err(&unknown)?;
                if role == Role::Administrator && !force {
                    check_can_administer(&app, &view)?;
                }
                app.set_role(by, name, role).await.map_err(&unknown)
            })?;
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
            let (ready, waits) = with(args, async |app| {
                let asked = app.reset(by, name, *confirm).await;
                let waits = app.subscriber(name).await.map_err(&unknown)?.reset;
                match (asked, waits) {
                    (Err(AppError::Refused(Reason::AlreadyPending)), Some((number, who, at))) => {
                        Err(Failure::Service(format!(
                            "reset {number} waits already, asked for by {}; {}",
                            sanitise(&who),
                            second_person(name, number, at).trim_end()
                        )))
                    }
                    (asked, waits) => Ok((asked.map_err(&unknown)?, waits)),
                }
            })?;
            let number = waits.map(|(number, ..)| number).filter(|_| ready.is_some());
            let people = match (ready, number) {
                (Some(at), Some(number)) => {
                    format!("reset {number} waits; {}", second_person(name, number, at))
                }
                _ => "everything that could answer is removed\n".to_owned(),
            };
            let ready = ready.map(|at| at.to_string());
            tell(args, &json!({ "reset": number, "ready_at": ready }), &people)
        }
    }
}

/// Administrators get in with a passkey only: who has none would be shut out by becoming one.
fn check_can_administer(app: &App, view: &SubscriberView) -> Result<(), Failure> {
    let can = |a: &AuthenticatorView| {
        a.kind == AuthenticatorKind::Passkey && !a.is_disabled && !a.is_disputed
    };
    let needs_passkey = !app.policy().danger.danger_administrators_without_passkey;
    if !needs_passkey || view.authenticators.iter().any(can) {
        return Ok(());
    }
    Err(Failure::Service(format!(
        "{} has no passkey, and who administers signs in with a passkey only: they would be shut out. Let \
         them bind one first, or give --force",
        sanitise(&view.name)
    )))
}

/// Who can confirm a reset, when, and what they type.
fn second_person(name: &str, number: u64, at: Timestamp) -> String {
    format!(
        "a second person confirms it now, you yourself from {at} on:\n  \
         pushback subscriber reset {} --confirm {number}\n",
        sanitise(name)
    )
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

/// Why an operator alone invites nobody who has something already, or has had nothing for long.
fn not_alone(unknown: impl Fn(AppError) -> Failure) -> impl FnOnce(AppError) -> Failure {
    move |error| {
        match error {
        AppError::Refused(Reason::NeedsAnotherPerson) => Failure::Service(
            "nobody does this alone: whoever has something bound adds devices in the app, and whoever has \
             lost everything, or has had nothing for long, is reset (`pushback subscriber reset`)"
                .to_owned(),
        ),
        other => unknown(other),
    }
    }
}

/// Who can confirm what was asked for, and when.
fn confirmable(at: Timestamp) -> String {
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
    let (view, addresses) = with(args, async |app| {
        let view = app.subscriber(name).await;
        let view = view.map_err(unless_unknown(name, "subscriber list"))?;
        Ok((view, app.notice_addresses(name).await?))
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
        "notice_addresses": addresses,
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
    for address in &addresses {
        people.push_str(&format!("  notices to {}\n", sanitise(address)));
    }
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
