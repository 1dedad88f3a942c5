//! Admin events: what was done through the administration interface, as a method on a path.

use std::borrow::Cow;

use pushback_model::{EventKind, Factor, Party};

use super::{Fields, VENDOR, first_of};
use crate::value::{holds, other, plain};
use crate::{Mapping, Read, Sink};

pub(super) fn read(fields: &Fields<'_>, mapping: &Mapping, sink: &mut Sink<'_>) -> Read {
    let operation = fields.get("operationType").to_ascii_uppercase();
    let path = fields.get("resourcePath");
    let resource = fields.get("resourceType").to_ascii_uppercase();
    if !fields.get("error").is_empty() {
        return Read::Ignored(VENDOR);
    }
    // The name by which a policy can map it: no ids in it.
    let native = format!("{operation} {}", shape(path));
    let built_in = meaning(&operation, path, &resource, &fields.representation);
    let Some((kind, what)) =
        mapping.kind(VENDOR, &native).map(|kind| (kind, native.clone())).or(built_in)
    else {
        return Read::Ignored(VENDOR);
    };
    let mut event = fields.base("");
    event.native = Cow::Owned(native);
    event.kind = kind;
    event.what = Cow::Owned(plain(&what));
    event.session = Cow::Borrowed("");
    let admin = Party {
        name: Cow::Borrowed(fields.get("username")),
        id: Cow::Borrowed(fields.get("userId")),
        ..Party::default()
    };
    match subscriber(path) {
        Some(id) => {
            event.subscriber.id = Cow::Borrowed(id);
            event.actor = other(admin, &event.subscriber);
        }
        None => event.subscriber = admin,
    }
    if event.actor.is_none() && event.kind == EventKind::PasswordReset {
        event.kind = EventKind::PasswordChanged;
    }
    if event.what.contains("OTP") {
        event.factor = Factor::Code;
    }
    sink(&event);
    Read::Events(1)
}

fn subscriber(path: &str) -> Option<&str> {
    let mut parts = path.split('/').skip_while(|part| *part != "users").skip(1);
    parts.next().filter(|id| !id.is_empty())
}

/// A path without its ids.
fn shape(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| {
            let is_id = part.len() >= 16 && part.bytes().any(|b| b.is_ascii_digit());
            if is_id { "{id}" } else { part }
        })
        .collect();
    parts.join("/")
}

fn meaning(
    operation: &str,
    path: &str,
    resource: &str,
    representation: &str,
) -> Option<(EventKind, String)> {
    use EventKind as K;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let changes = matches!(operation, "CREATE" | "UPDATE" | "DELETE" | "ACTION");
    if !changes {
        return None;
    }
    let named = || {
        let parsed: serde_json::Value = serde_json::from_str(representation).unwrap_or_default();
        let names: Vec<String> = crate::value::items(&parsed)
            .map(|item| crate::value::at(item, &["name"]).into_owned())
            .filter(|name| !name.is_empty())
            .collect();
        names.join(", ")
    };
    Some(match parts.as_slice() {
        ["users", _, "credentials", ..] if operation == "DELETE" => {
            (K::FactorRemoved, "credential removed".to_owned())
        }
        ["users", _, "disable-credential-types"] => {
            (K::FactorRemoved, format!("credentials disabled: {representation}"))
        }
        ["users", _, "reset-password"] => (K::PasswordReset, "password set".to_owned()),
        ["users", _, "reset-password-email"] => {
            (K::PasswordReset, "password reset mail".to_owned())
        }
        ["users", _, "execute-actions-email"] => {
            if holds(representation, &["configure_totp", "webauthn", "recovery"]) {
                (K::FactorReset, format!("asked by mail to do {representation}"))
            } else if holds(representation, &["update_password"]) {
                (K::PasswordReset, format!("asked by mail to do {representation}"))
            } else {
                return None;
            }
        }
        ["users", _, "role-mappings", ..] if operation == "CREATE" => {
            (K::RoleAssigned, format!("role {}", first_of(&[&named(), "mapping"])))
        }
        ["users", _, "groups", ..] if matches!(operation, "CREATE" | "UPDATE") => {
            (K::RoleAssigned, format!("group {}", named()))
        }
        ["users", _, "logout"]
        | ["users", _, "sessions", ..]
        | ["sessions", ..]
        | ["logout-all"] => (K::SessionRevoked, "signed out".to_owned()),
        ["users", _, "impersonation"] => (K::Impersonated, "impersonated".to_owned()),
        ["users", _, "federated-identity", ..] if operation == "CREATE" => {
            (K::FactorEnrolled, "linked an identity provider".to_owned())
        }
        ["users", _] if operation == "CREATE" => (K::AccountCreated, "account made".to_owned()),
        ["users", _] if operation == "DELETE" => (K::AccountDisabled, "account deleted".to_owned()),
        ["users", _]
            if operation == "UPDATE"
                && holds(&representation.replace(' ', ""), &["\"enabled\":false"]) =>
        {
            (K::AccountDisabled, "account disabled".to_owned())
        }
        ["attack-detection", "brute-force", ..] if operation == "DELETE" => {
            (K::Unlocked, "lockout cleared".to_owned())
        }
        ["clients", _, "client-secret"] | ["clients-initial-access", ..] => {
            (K::TokenCreated, "client secret made".to_owned())
        }
        ["authentication", ..] | ["identity-provider", ..] | ["components", ..] => {
            (K::PolicyChanged, format!("{} {}", operation.to_ascii_lowercase(), shape(path)))
        }
        _ if matches!(
            resource,
            "AUTH_FLOW"
                | "AUTH_EXECUTION"
                | "AUTH_EXECUTION_FLOW"
                | "AUTHENTICATOR_CONFIG"
                | "REQUIRED_ACTION"
                | "REQUIRED_ACTION_CONFIG"
                | "IDENTITY_PROVIDER"
                | "IDENTITY_PROVIDER_MAPPER"
                | "REALM"
                | "COMPONENT"
        ) =>
        {
            let what = format!(
                "{} {}",
                operation.to_ascii_lowercase(),
                first_of(&[&shape(path), &resource.to_ascii_lowercase()])
            );
            (K::PolicyChanged, what)
        }
        _ => return None,
    })
}
