//! What an exported trail tells of the time after the copy, as what is to be done again.

use std::collections::{BTreeMap, BTreeSet};

use pushback_model::Timestamp;
use pushback_verify::SubscriberId;
use serde_json::Value;

use super::Restored;
use crate::AuthenticatorView;
use crate::record::Recorded;
use crate::service_keys::REPLACED;

/// Something that was done after the copy and is undone by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recheck {
    /// When.
    pub at: Timestamp,
    /// About whom or what.
    pub subject: String,
    /// What was done, for people.
    pub what: &'static str,
    /// The command that does it again, after `pushback`; none where it is not for a command alone.
    pub command: Option<String>,
}

/// What is to be done again, in the order in which it was done. Entries of before the copy are in it; what
/// only adds (a binding, a success) is left out, since its loss lets nobody in, and so is what is about an
/// authenticator that the copy does not hold.
#[must_use]
pub fn recheck(trail: &[Recorded], restored: &Restored) -> Vec<Recheck> {
    let undone = |entry| undone(entry, &restored.bound);
    let is_later = |undone: &Recheck| Some(undone.at) > restored.copied_at;
    let mut found: Vec<Recheck> = trail.iter().filter_map(undone).filter(is_later).collect();
    found.sort_by(|a, b| (a.at, &a.subject).cmp(&(b.at, &b.subject)));
    // A report stops prompts too; what one command does again is listed once.
    let mut listed = BTreeSet::new();
    found.retain(|undone| undone.command.is_none() || listed.insert(undone.command.clone()));
    found
}

fn undone(entry: &Recorded, bound: &BTreeMap<String, Vec<AuthenticatorView>>) -> Option<Recheck> {
    let at: Timestamp = entry.body.get("at")?.as_str()?.parse().ok()?;
    let details = entry.body.get("details");
    let authenticator =
        details.and_then(|details| details.get("authenticator")).and_then(Value::as_u64);
    let who = &entry.subject;
    let is_bound = |number: u64| {
        bound
            .get(who)
            .is_some_and(|bound| bound.iter().any(|authenticator| authenticator.id == number))
    };
    if authenticator.is_some_and(|number| !is_bound(number)) {
        return None;
    }
    let untie = authenticator.map(|number| format!("subscriber untie {who} {number}"));
    let (what, command) = match &*entry.kind {
        "invalidated" => ("an authenticator was untied", untie),
        "disabled" => ("an authenticator was disabled by failures", untie),
        "disputed" => ("an authenticator was disowned by its owner", untie),
        "reported" => ("an attack was reported", Some(format!("subscriber suspend {who}"))),
        "push_suspended" => ("prompts were stopped", Some(format!("subscriber suspend {who}"))),
        "reset_done" => ("everything was reset", Some(format!("subscriber reset {who}"))),
        "addresses_changed" => ("the addresses for notices changed", None),
        "role_changed" => ("the role changed", None),
        "operator_deleted" => {
            ("an administrator was deleted", Some(format!("operator delete {who}")))
        }
        "relying_party_deleted" => {
            ("an application was deleted", Some(format!("relying-party delete {who}")))
        }
        "relying_party_renewed" => {
            ("an application got a new secret", Some(format!("relying-party renew {who}")))
        }
        REPLACED => (
            "the service's keys were replaced, since they leaked",
            Some("keys renew --leaked".into()),
        ),
        _ => return None,
    };
    // SECURITY: people paste it into a shell, and a file that somebody kept can be altered. No name of ours
    // holds more than what an id may. Guarded by `a_name_that_is_none_makes_no_command`.
    let command = command.filter(|_| SubscriberId::parse(who).is_ok() && !who.starts_with('-'));
    Some(Recheck { at, subject: who.clone(), what, command })
}
