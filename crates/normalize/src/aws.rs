//! AWS CloudTrail: what follows an approval. AWS has no prompts of its own.
//!
//! ```json
//! {"eventTime":"2026-03-02T08:11:09Z","eventName":"CreateAccessKey","eventSource":"iam.amazonaws.com",
//!  "sourceIPAddress":"203.0.113.7","userIdentity":{"type":"AssumedRole",
//!  "arn":"arn:aws:sts::111122223333:assumed-role/Admin/alice@example.org"},"eventID":"6f0c.."}
//! ```

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use pushback_model::{EventKind, Factor, IdentityEvent, Party, Source, Timestamp};
use serde_json::Value;

use crate::value::{Meaning, at, first, get, holds, ip_of, is_true, login, other, same, time};
use crate::{Mapping, Read, Reject, Sink, text};

const VENDOR: Source = Source::Aws;

/// Whether this is one of this vendor's records.
pub(crate) fn recognises(value: &Value) -> bool {
    ["eventName", "eventSource", "eventTime"].iter().all(|name| get(value, &[name]).is_string())
}

/// Reads one recognised record.
pub(crate) fn read(
    value: &Value,
    _bytes: &[u8],
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    let native = at(value, &["eventName"]);
    let occurred_at = time(value, &[&["eventTime"]], VENDOR, "eventTime")?
        .ok_or(Reject::Incomplete { vendor: VENDOR, missing: "eventTime" })?;
    let kind = match meaning(&native, value).or_policy(mapping, VENDOR, &native) {
        Meaning::Is(kind) => kind,
        Meaning::Nothing => return Ok(Read::Ignored(VENDOR)),
        Meaning::Unknown => return Ok(Read::Unknown(VENDOR, native.into_owned())),
    };
    // An administrative call that was refused changed nothing.
    if kind.is_lasting_change() && is_refused(value) {
        return Ok(Read::Ignored(VENDOR));
    }
    let mut event = event(value, occurred_at, kind);
    event.native = native;
    sink(&event);
    Ok(Read::Events(1))
}

fn is_refused(value: &Value) -> bool {
    !first(value, &[&["errorCode"], &["errorMessage"]]).is_empty()
}

fn event<'v>(value: &'v Value, occurred_at: Timestamp, kind: EventKind) -> IdentityEvent<'v> {
    let mut event = IdentityEvent::new(VENDOR, kind, occurred_at);
    event.id = at(value, &["eventID"]);
    let parameters = get(value, &["requestParameters"]);
    let extra = get(value, &["additionalEventData"]);
    let caller = caller(value);
    let target = first(parameters, &[&["userName"], &["loginUserName"]]);
    let is_about_another = kind.is_lasting_change() && !target.is_empty();
    if is_about_another && !same(&target, &caller.name) {
        event.subscriber = login(target);
        event.actor = other(caller, &event.subscriber);
    } else {
        event.subscriber = caller;
    }
    if event.kind == EventKind::PasswordReset && event.actor.is_none() {
        event.kind = EventKind::PasswordChanged;
    }
    event.requester.ip = ip_of(at(value, &["sourceIPAddress"]));
    event.requester.agent.raw = at(value, &["userAgent"]);
    event.app = at(value, &["eventSource"]);
    event.session = at(value, &["userIdentity", "accessKeyId"]);
    event.transaction = at(extra, &["AuthWorkflowID"]);
    let mfa = at(extra, &["MFAIdentifier"]);
    let credential = at(extra, &["CredentialType"]);
    event.factor = if holds(&mfa, &[":u2f/"]) || holds(&credential, &["webauthn", "u2f"]) {
        Factor::Passkey
    } else if holds(&mfa, &[":mfa/"]) || holds(&credential, &["totp"]) {
        Factor::Code
    } else if holds(&credential, &["email"]) {
        Factor::Email
    } else if holds(&credential, &["password"]) {
        Factor::Password
    } else {
        Factor::Unknown
    };
    event.what = what(value, kind);
    if event.id.is_empty() {
        event.id = Cow::Owned(text::content_id(&[
            &at(value, &["eventTime"]),
            &at(value, &["eventName"]),
            &at(value, &["userIdentity", "arn"]),
            &at(value, &["sourceIPAddress"]),
            &parameters.to_string(),
        ]));
    }
    event
}

/// Who called: the user, or the name of the session in an assumed role, which in single sign-on is
/// the mail address.
fn caller(value: &Value) -> Party<'_> {
    let identity = get(value, &["userIdentity"]);
    let arn = at(identity, &["arn"]);
    let session_name = || match at(identity, &["principalId"]) {
        Cow::Borrowed(id) => id.split_once(':').map(|(_, name)| Cow::Borrowed(name)),
        Cow::Owned(id) => id.split_once(':').map(|(_, name)| Cow::Owned(name.to_owned())),
    };
    let name = match at(identity, &["type"]).as_ref() {
        "AssumedRole" => session_name().unwrap_or_else(|| name_in(arn)),
        // Every account has a root; the account tells them apart.
        "Root" => arn,
        _ => {
            let name = first(
                value,
                &[
                    &["userIdentity", "userName"],
                    &["additionalEventData", "UserName"],
                    &["serviceEventDetails", "userName"],
                ],
            );
            // What CloudTrail writes in place of a name that does not exist: often a password.
            match name.as_ref() {
                "HIDDEN_DUE_TO_SECURITY_REASONS" => Cow::Borrowed(""),
                "" => name_in(arn),
                _ => name,
            }
        }
    };
    Party {
        name,
        id: first(identity, &[&["onBehalfOf", "userId"], &["principalId"]]),
        ..Party::default()
    }
}

/// Whom an ARN names: the last part of a user's or session's, all of a root's; nobody in any other.
fn name_in(arn: Cow<'_, str>) -> Cow<'_, str> {
    let resource = arn.rsplit(':').next().unwrap_or_default();
    if resource == "root" {
        return arn;
    }
    let is_person = ["user/", "federated-user/", "assumed-role/"]
        .iter()
        .any(|beginning| resource.starts_with(beginning));
    let name = resource.rsplit('/').next().filter(|_| is_person).unwrap_or_default();
    Cow::Owned(name.to_owned())
}

fn meaning(native: &str, value: &Value) -> Meaning {
    use EventKind as K;
    let outcome = |name: &str| {
        first(value, &[&["responseElements", name], &["serviceEventDetails", name]]).into_owned()
    };
    let failed = |name: &str| holds(&outcome(name), &["fail"]) || is_refused(value);
    Meaning::Is(match native {
        "ConsoleLogin" if !failed("ConsoleLogin") => K::SessionStarted,
        "ConsoleLogin" if at(value, &["additionalEventData", "MFAUsed"]) == "Yes" => {
            K::FactorFailed
        }
        "ConsoleLogin" => K::SignInFailed,
        "CheckMfa" => K::ChallengeRequired,
        "AssumeRole" if at(value, &["userIdentity", "type"]) == "AWSService" => {
            return Meaning::Nothing;
        }
        "AssumeRole" | "AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity" | "GetSessionToken" => {
            if is_refused(value) {
                return Meaning::Nothing;
            }
            K::SessionUsed
        }
        "UserAuthentication" if failed("UserAuthentication") => K::SignInFailed,
        "UserAuthentication" => K::SessionStarted,
        "CredentialChallenge" => K::ChallengeRequired,
        "CredentialVerification" => {
            let by_password = holds(
                &at(value, &["additionalEventData", "CredentialType"]),
                &["password", "external_idp"],
            );
            match (by_password, failed("CredentialVerification")) {
                (true, false) => K::PasswordVerified,
                (true, true) => K::SignInFailed,
                (false, false) => K::FactorVerified,
                (false, true) => K::FactorFailed,
            }
        }
        "EnableMFADevice"
        | "CompleteVirtualMfaDeviceRegistration"
        | "CompleteWebAuthnDeviceRegistration" => K::FactorEnrolled,
        // A device that is not yet, or no longer, anybody's.
        "CreateVirtualMFADevice" | "DeleteVirtualMFADevice" | "ResyncMFADevice" => {
            if is_refused(value) {
                return Meaning::Nothing;
            }
            K::FactorUpdated
        }
        "DeactivateMFADevice" | "DeleteMfaDeviceForUser" => K::FactorRemoved,
        "StartVirtualMfaDeviceRegistration" | "StartWebAuthnDeviceRegistration" => {
            return Meaning::Nothing;
        }
        "UpdateMfaDeviceManagementForDirectory"
        | "UpdateAccountPasswordPolicy"
        | "DeleteAccountPasswordPolicy"
        | "CreateSAMLProvider"
        | "UpdateSAMLProvider"
        | "CreateOpenIDConnectProvider"
        | "UpdateAssumeRolePolicy"
        | "StopLogging"
        | "DeleteTrail" => K::PolicyChanged,
        "ChangePassword" => K::PasswordChanged,
        "CreateLoginProfile" | "UpdateLoginProfile" => K::PasswordReset,
        "PasswordRecoveryRequested" => K::PromptSent,
        "PasswordRecoveryCompleted" => K::PasswordReset,
        "AttachUserPolicy"
        | "PutUserPolicy"
        | "AddUserToGroup"
        | "AttachRolePolicy"
        | "PutRolePolicy"
        | "CreateAccountAssignment" => K::RoleAssigned,
        "CreateAccessKey" | "CreateServiceSpecificCredential" => K::TokenCreated,
        "CreateUser" => K::AccountCreated,
        "DeleteUser" | "DeleteLoginProfile" => K::AccountDisabled,
        _ if is_true(get(value, &["readOnly"]))
            || ["Get", "List", "Describe"].iter().any(|verb| native.starts_with(verb)) =>
        {
            return Meaning::Nothing;
        }
        _ => {
            let source = at(value, &["eventSource"]);
            let about_people =
                ["signin.", "iam.", "sts.", "sso.", "sso-directory.", "identitystore."];
            if about_people.iter().any(|service| source.starts_with(service)) {
                return Meaning::Unknown;
            }
            return Meaning::Nothing;
        }
    })
}

fn what(value: &Value, kind: EventKind) -> Cow<'_, str> {
    let parameters = get(value, &["requestParameters"]);
    match kind {
        EventKind::SessionStarted => {
            match at(value, &["additionalEventData", "MFAUsed"]).as_ref() {
                "Yes" => Cow::Borrowed("with a second factor"),
                "No" => Cow::Borrowed("without a second factor"),
                _ => Cow::Borrowed(""),
            }
        }
        EventKind::SessionUsed => match at(parameters, &["roleArn"]) {
            role if role.is_empty() => Cow::Borrowed(""),
            role => Cow::Owned(format!("role {role}")),
        },
        EventKind::RoleAssigned => {
            let given = first(
                parameters,
                &[&["policyArn"], &["policyName"], &["groupName"], &["permissionSetArn"]],
            );
            Cow::Owned(format!("role {given}"))
        }
        EventKind::TokenCreated => {
            let key = at(value, &["responseElements", "accessKey", "accessKeyId"]);
            Cow::Owned(format!("access key {key}").trim_end().to_owned())
        }
        EventKind::FactorEnrolled | EventKind::FactorRemoved | EventKind::FactorUpdated => {
            first(parameters, &[&["serialNumber"], &["virtualMFADeviceName"]])
        }
        _ => first(value, &[&["errorMessage"], &["errorCode"]]),
    }
}
