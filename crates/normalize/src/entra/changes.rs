//! `modifiedProperties` of audit records: values are JSON inside strings, often quoted twice.

use memchr::memmem;
use serde_json::Value;

use super::audit::targets;

/// One changed property.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'v> {
    pub(super) name: &'v str,
    pub(super) old: &'v str,
    pub(super) new: &'v str,
}

/// The changed properties of every target.
pub(super) fn changes(inner: &Value) -> Vec<Change<'_>> {
    fn text<'v>(value: &'v Value, key: &str) -> &'v str {
        value.get(key).and_then(Value::as_str).unwrap_or("")
    }
    targets(inner)
        .filter_map(|target| target.get("modifiedProperties")?.as_array())
        .flatten()
        .map(|property| Change {
            name: text(property, "displayName"),
            old: text(property, "oldValue"),
            new: text(property, "newValue"),
        })
        .collect()
}

/// How many methods a `StrongAuthenticationMethod` value lists.
pub(super) fn methods(value: &str) -> usize {
    memmem::find_iter(value.as_bytes(), "MethodType").count().max(
        // `StrongAuthenticationRequirement` lists states instead.
        memmem::find_iter(value.as_bytes(), "RelyingParty").count(),
    )
}

/// The name of the role that was given: `"\"Global Administrator\""`.
pub(super) fn role_name(changes: &[Change<'_>]) -> Option<String> {
    let role = changes.iter().find(|change| change.name == "Role.DisplayName")?;
    let value = if role.new.is_empty() { role.old } else { role.new };
    let name = unquoted(value);
    (!name.is_empty()).then_some(name)
}

/// A value without the quotes of the JSON string that it is.
pub(super) fn unquoted(value: &str) -> String {
    serde_json::from_str(value).unwrap_or_else(|_| value.to_owned())
}

/// Whether a conditional access policy asked for a second factor before and does not after.
pub(super) fn lost_mfa(changes: &[Change<'_>]) -> bool {
    let asks = |policy: &str| {
        let policy: Value = serde_json::from_str(policy).ok()?;
        let is_on = policy.get("state").and_then(Value::as_str).is_none_or(|s| s == "enabled");
        let controls = policy.pointer("/grantControls/builtInControls").and_then(Value::as_array);
        let strength = policy.pointer("/grantControls/authenticationStrength");
        let has_mfa = controls.into_iter().flatten().any(|control| {
            control.as_str().is_some_and(|control| control.eq_ignore_ascii_case("mfa"))
        });
        Some(is_on && (has_mfa || strength.is_some_and(Value::is_object)))
    };
    changes
        .iter()
        .filter(|change| change.name == "ConditionalAccessPolicy")
        .any(|change| asks(change.old) == Some(true) && asks(change.new) != Some(true))
}
