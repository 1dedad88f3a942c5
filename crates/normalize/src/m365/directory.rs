//! Directory operations of the unified audit log; their names end in a dot there.

use std::borrow::Cow;
use std::collections::BTreeSet;

use pushback_model::{EventKind, Factor, IdentityEvent, Party};
use serde_json::Value;

use super::logged;
use crate::Sink;
use crate::microsoft::{contact_changes, is_demand_ended, members, nested};
use crate::value::{Meaning, at, get, holds, items, other, plain, same, text_of};

/// Reads a directory operation; `None` if it is not one of these.
pub(super) fn read(
    value: &Value,
    name: &str,
    base: &IdentityEvent<'_>,
    emit: &mut Sink<'_>,
) -> Option<Meaning> {
    // Typographic dashes and case differ between exports.
    let name = name.to_lowercase().replace('–', "-");
    if name == "update user" {
        update_user(value, base, emit);
        return Some(Meaning::Nothing);
    }
    let (kind, about) = known(&name)?;
    let (Some(kind), true) = (kind, succeeded(value)) else {
        return Some(Meaning::Nothing);
    };
    let mut event = base.clone();
    event.kind = kind;
    match about {
        About::Target => direct_at_target(value, &mut event),
        About::Actor => {}
        About::Device => {
            direct_at_target(value, &mut event);
            if !event.subscriber.name.contains('@') {
                return Some(Meaning::Nothing);
            }
        }
    }
    event.what = what(value, &name, kind);
    if event.actor.is_some() && event.kind == EventKind::PasswordChanged {
        event.kind = EventKind::PasswordReset;
    }
    emit(&event);
    Some(Meaning::Nothing)
}

enum About {
    /// Done to somebody.
    Target,
    /// Done by the subscriber, for themself or to the organisation.
    Actor,
    /// Done to a device, by its owner or by a service that names the owner.
    Device,
}

fn known(name: &str) -> Option<(Option<EventKind>, About)> {
    use About::{Actor, Device, Target};
    use EventKind as K;
    let (kind, about) = match name {
        "user registered security info"
        | "user registered all required security info"
        | "admin registered security info" => (K::FactorEnrolled, Target),
        "disable strong authentication"
        | "user deleted security info"
        | "admin deleted security info" => (K::FactorRemoved, Target),
        "user changed default security info" | "admin updated security info" => {
            (K::FactorUpdated, Target)
        }
        "create temporary access pass method for user" => (K::BypassGranted, Target),
        "register device" | "add device" => (K::DeviceRegistered, Device),
        "add registered owner to device" | "add registered users to device" => {
            (K::DeviceRegistered, Device)
        }
        "update stsrefreshtokenvalidfrom timestamp" => (K::SessionRevoked, Target),
        "change user password" | "change password (self-service)" => (K::PasswordChanged, Target),
        "reset user password" | "reset password (by admin)" | "reset password (self-service)" => {
            (K::PasswordReset, Target)
        }
        "suspicious activity reported"
        | "fraud reported - user is blocked for mfa"
        | "fraud reported - no action taken" => (K::PromptReported, Target),
        "consent to application"
        | "add delegated permission grant"
        | "add oauth2permissiongrant"
        | "add delegation entry" => (K::ConsentGranted, Actor),
        "add app role assignment grant to user" => (K::ConsentGranted, Target),
        "add member to role"
        | "add eligible member to role"
        | "add member to role completed (pim activation)"
        | "add member to role in pim completed (permanent)" => (K::RoleAssigned, Target),
        "add service principal credentials" | "add service principal" => (K::TokenCreated, Actor),
        "update application - certificates and secrets management" => (K::TokenCreated, Actor),
        "add owner to application" | "add owner to service principal" => (K::RoleAssigned, Target),
        "add conditional access policy"
        | "update conditional access policy"
        | "delete conditional access policy"
        | "add policy"
        | "update policy"
        | "delete policy"
        | "authentication methods policy update"
        | "update authorization policy"
        | "add named location"
        | "update named location"
        | "set domain authentication"
        | "set federation settings on domain"
        | "add verified domain" => (K::PolicyChanged, Actor),
        "disable per-user mfa" => (K::PolicyChanged, Target),
        "add user" | "enable account" => (K::AccountCreated, Target),
        "delete user" | "disable account" => (K::AccountDisabled, Target),
        "add member to group"
        | "remove member from group"
        | "update group"
        | "add group"
        | "update device"
        | "delete device"
        | "remove member from role"
        | "update application"
        | "add application"
        | "update service principal"
        | "remove delegated permission grant"
        | "set company information"
        | "change user license"
        | "enable strong authentication"
        | "user started security info registration"
        | "set force change user password"
        | "update role"
        | "restore user"
        | "set license properties" => return Some((None, Actor)),
        _ => return None,
    };
    Some((Some(kind), about))
}

fn succeeded(value: &Value) -> bool {
    let status = at(value, &["ResultStatus"]);
    !holds(&status, &["fail", "false"])
}

/// Makes the account that was changed the subscriber, and whoever did it the actor.
fn direct_at_target(value: &Value, event: &mut IdentityEvent<'_>) {
    let Some(target) = target(value) else { return };
    let target = target.into_owned();
    let actor = std::mem::take(&mut event.subscriber);
    // A person's own registration is written down by the service that did it for them.
    let is_service = items(get(value, &["Actor"])).any(|actor| {
        at(actor, &["Type"]) == "1"
            && holds(
                &at(actor, &["ID"]),
                &["strongauthenticationservice", "credential configuration", "device registration"],
            )
    });
    event.actor = if is_service { None } else { other(actor, &target).map(Party::into_owned) };
    event.subscriber = target;
}

fn target(value: &Value) -> Option<Party<'_>> {
    let targets = get(value, &["Target"]);
    let of_type = |kind: &str| {
        items(targets)
            .filter(|target| at(target, &["Type"]) == kind)
            .map(|target| at(target, &["ID"]))
            .find(|id| !id.is_empty())
            .unwrap_or_default()
    };
    let mut name = of_type("5");
    if name.is_empty() {
        name = logged(at(value, &["ObjectId"]));
    }
    let mut id = of_type("2");
    if let Some(bare) = id.strip_prefix("User_") {
        id = Cow::Owned(bare.to_owned());
    }
    if id.eq_ignore_ascii_case("user") {
        id = Cow::Borrowed("");
    }
    (!name.is_empty()).then(|| Party { name, id, ..Party::default() })
}

/// The new and the old value of a changed property; both are often JSON texts, and an object or list in
/// their place is taken as one.
fn modified<'v>(value: &'v Value, name: &str) -> Option<(Cow<'v, str>, Cow<'v, str>)> {
    items(get(value, &["ModifiedProperties"]))
        .find(|property| at(property, &["Name"]).eq_ignore_ascii_case(name))
        .map(|property| {
            let side = |name| match get(property, &[name]) {
                list @ (Value::Array(_) | Value::Object(_)) => Cow::Owned(list.to_string()),
                value => text_of(value),
            };
            (side("NewValue"), side("OldValue"))
        })
}

fn what(value: &Value, name: &str, kind: EventKind) -> Cow<'static, str> {
    let quoted = |property: &str| {
        modified(value, property)
            .map(|(new, _)| plain(new.trim_matches(['"', '[', ']', ' ', '\\'])))
            .filter(|text| !text.is_empty())
    };
    let target = || {
        items(get(value, &["Target"]))
            .filter(|target| at(target, &["Type"]) == "1")
            .map(|target| plain(&at(target, &["ID"])))
            .next()
    };
    Cow::Owned(match kind {
        EventKind::RoleAssigned => match quoted("Role.DisplayName") {
            Some(role) => format!("role {role}"),
            None => name.to_owned(),
        },
        EventKind::ConsentGranted => {
            let app = target().or_else(|| quoted("ServicePrincipal.Name")).unwrap_or_default();
            let scope = modified(value, "ConsentAction.Permissions")
                .and_then(|(new, _)| {
                    let (_, scope) = new.split_once("Scope:")?;
                    let end = scope.find([',', ']']).unwrap_or(scope.len());
                    scope.get(..end).map(|scope| plain(scope.trim()))
                })
                .or_else(|| quoted("DelegatedPermissionGrant.Scope"))
                .unwrap_or_default();
            let by_admin = modified(value, "ConsentContext.IsAdminConsent")
                .is_some_and(|(new, _)| holds(&new, &["true"]));
            let mut what =
                format!("consent to {}", if app.is_empty() { "an application" } else { &app });
            if !scope.is_empty() {
                what.push_str(&format!(" for {scope}"));
            }
            if by_admin {
                what.push_str(", for everybody");
            }
            what
        }
        EventKind::DeviceRegistered => match quoted("Device.DisplayName").or_else(target) {
            Some(device) => format!("device {device}"),
            None => name.to_owned(),
        },
        _ => match target().or_else(|| quoted("Name")) {
            Some(target) if !target.contains('@') => format!("{name}: {target}"),
            _ => name.to_owned(),
        },
    })
}

/// `Update user.`: authenticators, recovery and state hide in the changed properties.
fn update_user(value: &Value, base: &IdentityEvent<'_>, emit: &mut Sink<'_>) {
    if !succeeded(value) {
        return;
    }
    let mut event = base.clone();
    direct_at_target(value, &mut event);
    let mut part = 0;
    let mut say = |kind: EventKind, factor: Factor, what: String| {
        event.part = part;
        event.kind = kind;
        event.factor = factor;
        event.what = Cow::Owned(what);
        emit(&event);
        part += 1;
    };
    let methods = modified(value, "StrongAuthenticationMethod");
    if let Some((new, old)) = &methods {
        let (new_types, old_types) = (method_types(new), method_types(old));
        let added: Vec<_> = new_types.difference(&old_types).copied().collect();
        let removed: Vec<_> = old_types.difference(&new_types).copied().collect();
        if let Some(method) = added.first() {
            say(
                EventKind::FactorEnrolled,
                method_factor(*method),
                methods_in_words("added", &added),
            );
        }
        if let Some(method) = removed.first() {
            say(
                EventKind::FactorRemoved,
                method_factor(*method),
                methods_in_words("removed", &removed),
            );
        }
        if added.is_empty() && removed.is_empty() && new != old {
            say(EventKind::FactorUpdated, Factor::Unknown, "default method changed".to_owned());
        }
    }
    if let Some((new, old)) = modified(value, "StrongAuthenticationPhoneAppDetail") {
        let (new_tokens, old_tokens) = (members(&new, "DeviceToken"), members(&old, "DeviceToken"));
        let added = new_tokens.difference(&old_tokens).next().is_some();
        let removed = old_tokens.difference(&new_tokens).next().is_some();
        let label = members(&new, "DeviceName").into_iter().next_back().unwrap_or_default();
        let thing = format!("app {label}");
        // A new app brings a new method with it; one change is told once.
        let told = methods.is_some();
        if added && !told {
            say(EventKind::FactorEnrolled, Factor::Push, format!("{} added", thing.trim()));
        } else if removed && !told {
            say(EventKind::FactorRemoved, Factor::Push, format!("{} removed", thing.trim()));
        }
    }
    if let Some((new, old)) = modified(value, "StrongAuthenticationUserDetails") {
        for (kind, factor, what) in contact_changes(&new, &old) {
            say(kind, factor, what.to_owned());
        }
    }
    if let Some((new, old)) = modified(value, "StrongAuthenticationRequirement")
        && is_demand_ended(&new, &old)
    {
        say(
            EventKind::FactorRemoved,
            Factor::Unknown,
            "no longer required to use a second factor".to_owned(),
        );
    }
    for property in ["OtherMail", "AlternateEmailAddresses", "MobilePhone", "Mobile"] {
        if let Some((new, old)) = modified(value, property)
            && !same(&new, &old)
        {
            say(EventKind::RecoveryChanged, Factor::Unknown, format!("{property} changed"));
            break;
        }
    }
    if let Some((new, old)) = modified(value, "AccountEnabled") {
        if holds(&new, &["false"]) && holds(&old, &["true"]) {
            say(EventKind::AccountDisabled, Factor::Unknown, "account disabled".to_owned());
        } else if holds(&new, &["true"]) && holds(&old, &["false"]) {
            say(EventKind::AccountCreated, Factor::Unknown, "account enabled".to_owned());
        }
    }
}

fn method_types(text: &str) -> BTreeSet<i64> {
    let parsed = nested(text);
    items(&parsed).filter_map(|method| text_of(get(method, &["MethodType"])).parse().ok()).collect()
}

// The numbers index the list in Microsoft's hunting query for changed methods (Tech Community, "Hunting
// for MFA manipulations in Entra ID tenants using KQL"): TwoWayVoiceMobile, TwoWaySms,
// TwoWayVoiceOffice, TwoWayVoiceOtherMobile, TwoWaySmsOtherMobile, OneWaySms, PhoneAppNotification,
// PhoneAppOTP.
fn method_factor(method: i64) -> Factor {
    match method {
        0 | 2 | 3 => Factor::Voice,
        1 | 4 | 5 => Factor::Sms,
        6 => Factor::Push,
        7 => Factor::Code,
        _ => Factor::Unknown,
    }
}

fn methods_in_words(verb: &str, methods: &[i64]) -> String {
    let list: Vec<String> = methods
        .iter()
        .map(|method| match method_factor(*method) {
            Factor::Voice => "voice call".to_owned(),
            Factor::Sms => "text message".to_owned(),
            Factor::Push => "app notification".to_owned(),
            Factor::Code => "app code".to_owned(),
            _ => format!("type {method}"),
        })
        .collect();
    format!("{} {verb}", list.join(", "))
}
