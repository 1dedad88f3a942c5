//! What the audit log of Entra and the unified audit log of Microsoft 365 write alike: one change of
//! how somebody signs in, as JSON inside a text, before and after. Both readers ask here, so that one
//! change is one thing in both logs.

use std::collections::BTreeSet;

use pushback_model::{EventKind, Factor};
use serde_json::Value;

use crate::value::{at, items, plain};

/// Texts inside texts that are looked into. Exports quote a value twice.
const QUOTED_MAX: usize = 3;

/// What a text holds; null if it is not JSON.
pub(crate) fn nested(text: &str) -> Value {
    let mut value: Value = serde_json::from_str(text).unwrap_or_default();
    for _ in 1..QUOTED_MAX {
        let Value::String(inner) = &value else { break };
        value = serde_json::from_str(inner).unwrap_or_default();
    }
    value
}

/// The values of a member in a JSON text of objects, without absent ones.
pub(crate) fn members(text: &str, name: &str) -> BTreeSet<String> {
    let parsed = nested(text);
    items(&parsed).map(|item| plain(&at(item, &[name]))).filter(|text| !text.is_empty()).collect()
}

/// Whether a change of `StrongAuthenticationRequirement` ends a demand for a second factor: state 0 is
/// "disabled", 1 "enabled", 2 "enforced".
pub(crate) fn is_demand_ended(new: &str, old: &str) -> bool {
    let (new, old) = (members(new, "State"), members(old, "State"));
    let demands = |states: &BTreeSet<String>| states.iter().any(|state| state != "0");
    !demands(&new) && (demands(&old) || !new.is_empty())
}

/// What a change of `StrongAuthenticationUserDetails` does: numbers and addresses there are what codes
/// and calls go to.
pub(crate) fn contact_changes(new: &str, old: &str) -> Vec<(EventKind, Factor, &'static str)> {
    let mut found = Vec::new();
    for (member, factor, added, removed) in [
        ("PhoneNumber", Factor::Sms, "phone number added", "phone number removed"),
        ("Email", Factor::Email, "mail address added", "mail address removed"),
    ] {
        let (new, old) = (members(new, member), members(old, member));
        if new.difference(&old).next().is_some() {
            found.push((EventKind::FactorEnrolled, factor, added));
        } else if old.difference(&new).next().is_some() {
            found.push((EventKind::FactorRemoved, factor, removed));
        }
    }
    if found.is_empty() && nested(new) != nested(old) {
        found.push((EventKind::RecoveryChanged, Factor::Unknown, "contact details changed"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_however_often_it_is_quoted() {
        let mut text = r#"[{"State": 0}]"#.to_owned();
        for _ in 0..QUOTED_MAX {
            assert_eq!(members(&text, "State").len(), 1, "{text}");
            text = Value::String(text).to_string();
        }
        assert_eq!(nested(&text.repeat(2)), Value::Null);
    }

    #[test]
    fn values_that_are_no_json_and_differ_are_a_change() {
        assert_eq!(contact_changes("", ""), []);
        assert_eq!(contact_changes("[]", "[]"), []);
    }
}
