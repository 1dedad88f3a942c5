//! After a restore: what may have been used since the copy ends, and what people must look at is said.

use std::path::PathBuf;

use pushback_app::{Operator, Recheck, Recorded, RelyingParty, Restored, recheck};
use serde_json::{Value, json};

use super::Failure;
use super::serve::settings;
use super::service::{console, proof, tell, with};
use crate::cli::{Exit, RestoredArgs};
use crate::report::text::sanitise;
use crate::report::words::several_of;
use crate::serve::folder::Alone;

/// What people have to look at themselves.
struct ToCheck {
    operators: Vec<Operator>,
    parties: Vec<RelyingParty>,
    /// What the exported trail tells of the time after the copy; `None` without one.
    since: Option<Vec<Recheck>>,
}

pub fn run(args: &RestoredArgs) -> Result<Exit, Failure> {
    // Read first: nothing is done for a file that cannot be read.
    let trail = read(&args.trail)?;
    // A service that runs goes on with what it holds in memory, and gives away what this is about to end.
    let _alone = Alone::without_service(&settings(&args.service)?.service.data)?;
    let (restored, to_check) = with(&args.service, async |app| {
        let restored = app.after_restore(&console()?, &proof()?).await?;
        let since = (!args.trail.is_empty()).then(|| recheck(&trail, &restored));
        let (operators, parties) = (app.operators().await?, app.relying_parties().await?);
        Ok((restored, ToCheck { operators, parties, since }))
    })?;
    tell(&args.service, &machine(&restored, &to_check), &people(&restored, &to_check))
}

/// The lines of `pushback audit export`.
fn read(files: &[PathBuf]) -> Result<Vec<Recorded>, Failure> {
    let mut trail = Vec::new();
    for file in files {
        let name = file.display();
        let text = std::fs::read_to_string(file).map_err(Failure::io(name.to_string()))?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let entry = serde_json::from_str(line).map_err(|error| {
                Failure::Usage(format!("{name}, line {}: no audit record: {error}", number + 1))
            })?;
            trail.push(entry);
        }
    }
    Ok(trail)
}

fn machine(restored: &Restored, to_check: &ToCheck) -> Value {
    let authenticators = restored.bound.iter().flat_map(|(who, bound)| {
        bound.iter().map(move |a| {
            json!({
                "subscriber": who, "id": a.id, "kind": a.kind, "name": a.label,
                "bound_at": a.bound_at.to_string(), "is_disputed": a.is_disputed,
            })
        })
    });
    let parties = to_check.parties.iter().map(|p| json!({ "id": p.id, "name": p.name }));
    let since = to_check.since.as_ref().map(|since| {
        let one = |undone: &Recheck| {
            json!({
                "at": undone.at.to_string(), "subject": undone.subject, "what": undone.what,
                "command": undone.command,
            })
        };
        since.iter().map(one).collect::<Vec<Value>>()
    });
    json!({
        "copied_at": restored.copied_at.map(|at| at.to_string()),
        "ended": {
            "prompts": restored.prompts,
            "codes": restored.codes,
            "known_browsers": restored.devices,
            "sign_ins": restored.attempts,
            "bindings": restored.ceremonies,
            "sessions": restored.sessions,
            "invitations": restored.invitations,
            "recovery_codes_of": restored.recovery_codes_of,
        },
        "to_check": {
            "authenticators": authenticators.collect::<Vec<Value>>(),
            "operators": to_check.operators.iter().map(|o| o.id.as_str()).collect::<Vec<_>>(),
            "relying_parties": parties.collect::<Vec<Value>>(),
            "since_the_copy": since,
        },
    })
}

fn people(restored: &Restored, to_check: &ToCheck) -> String {
    let several = |count: usize, what| several_of(count as u64, what);
    let known = restored.copied_at.map_or_else(
        || "The copy knows of nothing that happened.".to_owned(),
        |at| format!("The last thing that the copy knows of was at {at}."),
    );
    let mut out = format!(
        "{known}\nWhat may have been used since then has ended:\n  \
         {}, {}, {}, {} and {} of {}\n  {} and {} of administrators\n",
        several(restored.prompts, "open prompt"),
        several(restored.codes, "code"),
        several(restored.devices, "known browser"),
        several(restored.attempts, "sign-in"),
        several(restored.ceremonies, "begun binding"),
        several(restored.subscribers, "subscriber"),
        several(restored.sessions, "session"),
        several(restored.invitations, "invitation"),
    );
    if !restored.recovery_codes_of.is_empty() {
        out.push_str("  saved recovery codes, of which new ones must be drawn in the app, of\n");
        for who in &restored.recovery_codes_of {
            out.push_str(&format!("    {}\n", sanitise(who)));
        }
    }
    out.push_str(
        "Everybody with a notice address is told once the service runs.\n\n\
         What was taken back since the copy counts again, and only people know of it. Before the\n\
         service starts:\n",
    );
    out.push_str(&about_people(restored, to_check.since.as_deref()));
    out.push_str(
        "- Administrators: delete whom you had deleted (pushback operator delete NAME).\n",
    );
    for operator in &to_check.operators {
        out.push_str(&format!("    {}\n", operator.id));
    }
    out.push_str(
        "- Applications: if a secret was renewed, the old one counts again and the new one does not;\n  \
         renew it once more (pushback relying-party renew ID), and delete what you had deleted.\n",
    );
    for party in &to_check.parties {
        out.push_str(&format!("    {}  {}\n", party.id, sanitise(&party.name)));
    }
    out.push_str(
        "- Applications that read signals: a cursor from after the copy is refused; they begin without one.\n\
         - Your log: checkpoints that were kept elsewhere say that the trail was cut. That is true.\n",
    );
    out
}

fn about_people(restored: &Restored, since: Option<&[Recheck]>) -> String {
    let Some(since) = since else {
        let bound = restored.bound.values().map(Vec::len).sum::<usize>();
        return format!(
            "- People: {} can answer. Untie what was untied, and suspend who had reported an attack\n  \
             (pushback subscriber show NAME, untie, suspend). If the trail of that time was exported,\n  \
             pushback restored --trail FILE lists it; --json lists every authenticator.\n",
            several_of(bound as u64, "authenticator"),
        );
    };
    if since.is_empty() {
        return "- People: the exported trail tells of nothing after the copy to be done again.\n"
            .to_owned();
    }
    let mut out =
        "- Done after the copy, by the exported trail, and to be done again:\n".to_owned();
    for undone in since {
        let subject = sanitise(&undone.subject);
        out.push_str(&format!("    {}  {subject}: {}\n", undone.at, undone.what));
        if let Some(command) = &undone.command {
            out.push_str(&format!("      pushback {}\n", sanitise(command)));
        }
    }
    out
}
