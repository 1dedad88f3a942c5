//! What the Management API did, told by the method and path of the request.

use std::borrow::Cow;

use pushback_model::{EventKind, IdentityEvent, Party};
use serde_json::Value;

use crate::value::{at, first, get, holds, is_true, items, other, plain, text_of};

/// Fills in the event; `false` if the request says nothing about signing in.
pub(super) fn describe(data: &Value, event: &mut IdentityEvent<'_>) -> bool {
    let request = get(data, &["details", "request"]);
    let method = at(request, &["method"]).to_ascii_lowercase();
    let path = at(request, &["path"]).to_ascii_lowercase();
    // `/api/v2/users/auth0%7C64a1/roles`: after the version.
    let path = path.split('?').next().unwrap_or_default();
    let tail = path.split_once("/v2/").map_or(path, |(_, tail)| tail);
    let parts: Vec<&str> = tail.split('/').filter(|part| !part.is_empty()).collect();
    let body = get(request, &["body"]);
    let status = at(data, &["details", "response", "statusCode"]);
    if status.starts_with('4') || status.starts_with('5') {
        return false;
    }
    let description = at(data, &["description"]).into_owned();
    let own = at(data, &["type"]) != "sapi";
    let Some((kind, what)) = meaning(&method, &parts, body, &description, own) else {
        return false;
    };
    event.kind = kind;
    event.what = Cow::Owned(plain(&what));
    event.factor = super::factor(data);
    // Of a change to one's own account the log itself names who made it.
    let logged = match first(request, &[&["auth", "user", "email"], &["auth", "user", "name"]]) {
        name if name.is_empty() => at(data, &["user_name"]),
        name => name,
    };
    let admin = Party {
        name: logged.into_owned().into(),
        mail: at(request, &["auth", "user", "email"]).into_owned().into(),
        id: first(data, &[&["details", "request", "auth", "user", "user_id"], &["user_id"]])
            .into_owned()
            .into(),
    };
    let admin = if admin.is_empty() {
        // A machine-to-machine call: the application did it.
        crate::value::login(first(data, &[&["client_name"], &["client_id"]]).into_owned())
    } else {
        admin
    };
    match target(&parts, request, body) {
        Some(id) => {
            event.subscriber = Party { id: Cow::Owned(id), ..Party::default() };
            event.actor = other(admin, &event.subscriber);
        }
        None => event.subscriber = admin,
    }
    if event.actor.is_none() && event.kind == EventKind::PasswordReset {
        event.kind = EventKind::PasswordChanged;
    }
    true
}

/// The person that a request is about.
fn target(parts: &[&str], request: &Value, body: &Value) -> Option<String> {
    let original = at(request, &["path"]);
    let id = match parts {
        ["users", id, ..] | ["user-blocks", id, ..] => Some((*id).to_owned()),
        ["organizations", _, "members", id, ..] => Some((*id).to_owned()),
        ["roles", _, "users"] => {
            items(get(body, &["users"])).next().map(|id| text_of(id).into_owned())
        }
        ["tickets", ..] | ["guardian", "enrollments", "ticket"] => {
            Some(at(body, &["user_id"]).into_owned())
        }
        _ => None,
    }?;
    // Ids keep their case; the path was lowered only to be compared.
    let kept = original
        .split(['/', '?'])
        .find(|part| part.eq_ignore_ascii_case(&id))
        .map_or(id.clone(), str::to_owned);
    let id = kept.replace("%7C", "|").replace("%7c", "|");
    (!id.is_empty()).then_some(id)
}

fn meaning(
    method: &str,
    parts: &[&str],
    body: &Value,
    description: &str,
    own: bool,
) -> Option<(EventKind, String)> {
    use EventKind as K;
    let writes = matches!(method, "post" | "put" | "patch" | "delete");
    let (created, deleted) = (method == "post", method == "delete");
    if own {
        let kind = if deleted { K::FactorRemoved } else { K::FactorEnrolled };
        return Some((kind, at(body, &["type"]).into_owned()));
    }
    if !writes {
        return None;
    }
    let said = || description.to_owned();
    Some(match parts {
        // The description names what was done; some collectors' paths are of another request.
        _ if holds(description, &["create a role", "update a role", "delete a role"]) => {
            (K::PolicyChanged, format!("{description} '{}'", at(body, &["name"])))
        }
        ["guardian", "policies", ..] => {
            let off = items(body).next().is_none()
                || body.as_object().is_some_and(serde_json::Map::is_empty);
            let what =
                if off { "second factor no longer required" } else { "second factor policy" };
            (K::PolicyChanged, what.to_owned())
        }
        ["guardian", "factors", name, ..] => {
            let state = match body.get("enabled") {
                Some(enabled) if is_true(enabled) => "enabled",
                Some(_) => "disabled",
                None => "changed",
            };
            (K::PolicyChanged, format!("factor {name} {state}"))
        }
        ["guardian", "enrollments", "ticket"] => {
            (K::FactorReset, "enrolment ticket made".to_owned())
        }
        ["guardian", "enrollments", ..] if deleted => (K::FactorRemoved, said()),
        ["attack-protection", rest @ ..] => {
            (K::PolicyChanged, format!("attack protection {}", rest.join("/")))
        }
        ["risk-assessment" | "risk-assessments", ..] => (K::PolicyChanged, said()),
        [
            "connections" | "log-streams" | "actions" | "rules" | "rules-configs" | "network-acls"
            | "hooks",
            ..,
        ]
        | ["tenants", "settings"]
        | ["self-service-profiles", ..] => (K::PolicyChanged, said()),
        ["roles", _, "users"] if created => (K::RoleAssigned, said()),
        ["users", _, "roles" | "permissions"] if created => {
            let roles: Vec<Cow<'_, str>> = ["roles", "permissions"]
                .iter()
                .flat_map(|name| items(get(body, &[name])))
                .map(|role| match role {
                    Value::Object(_) => at(role, &["permission_name"]),
                    _ => text_of(role),
                })
                .collect();
            (K::RoleAssigned, format!("role {}", roles.join(", ")))
        }
        ["organizations", _, "members", _, "roles"] if created => (K::RoleAssigned, said()),
        ["roles", ..] => (K::PolicyChanged, said()),
        ["users", _, "authentication-methods", ..] => {
            let kind = if deleted { K::FactorRemoved } else { K::FactorEnrolled };
            let kind = if method == "patch" { K::FactorUpdated } else { kind };
            (kind, format!("{} {}", said(), at(body, &["type"])).trim_end().to_owned())
        }
        ["users", _, "enrollments", ..] => {
            (if deleted { K::FactorRemoved } else { K::FactorEnrolled }, said())
        }
        ["users", _, "authenticators", ..] if deleted => (K::FactorReset, said()),
        ["users", _, "multifactor", "actions", ..] => (K::SessionRevoked, said()),
        ["users", _, "multifactor", ..] if deleted => (K::FactorReset, said()),
        ["users", _, "recovery-code-regeneration"] => {
            (K::BypassGranted, "recovery code made".to_owned())
        }
        ["users", _, "refresh-tokens" | "sessions", ..] | ["sessions" | "refresh-tokens", ..] => {
            (K::SessionRevoked, said())
        }
        ["users", _, "identities", ..] if created => {
            (K::FactorEnrolled, "another identity linked".to_owned())
        }
        ["users"] if created => (K::AccountCreated, said()),
        ["users", _] if deleted => (K::AccountDisabled, said()),
        ["users", _] => {
            let has = |name: &str| body.get(name).is_some();
            if has("password") {
                (K::PasswordReset, "password set".to_owned())
            } else if has("email") || has("phone_number") {
                let to = first(body, &[&["email"], &["phone_number"]]);
                (K::RecoveryChanged, format!("mail or phone changed to {to}"))
            } else if is_true(get(body, &["blocked"])) {
                (K::AccountDisabled, "blocked".to_owned())
            } else if body.get("blocked").is_some() {
                (K::Unlocked, "unblocked".to_owned())
            } else {
                return None;
            }
        }
        ["user-blocks", ..] if deleted => (K::Unlocked, said()),
        ["tickets", "password-change"] => {
            (K::PasswordReset, "password reset ticket made".to_owned())
        }
        ["clients", _, "rotate-secret"] | ["clients", _, "credentials", ..] if created => {
            (K::TokenCreated, said())
        }
        ["clients"] if created => (K::TokenCreated, format!("application {}", at(body, &["name"]))),
        ["device-credentials"] if created => (K::TokenCreated, said()),
        ["client-grants", ..] if created => (
            K::ConsentGranted,
            format!("application {} may use {}", at(body, &["client_id"]), at(body, &["audience"])),
        ),
        ["grants", ..] if !deleted => (K::ConsentGranted, said()),
        _ => return None,
    })
}
