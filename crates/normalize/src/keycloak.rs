//! Keycloak: events as log lines, as JSON console lines, and as objects of the listener interface.
//!
//! ```text
//! 2026-03-02 08:11:09,414 WARN  [org.keycloak.events] (executor-thread-7) type="LOGIN_ERROR",
//!   realmId="f16e..", clientId="portal", userId="1574..", ipAddress="203.0.113.7",
//!   error="invalid_user_credentials", auth_method="openid-connect", username="alice"
//! ```
//!
//! Older versions write the same without quotes. A time without a zone is taken as UTC.

mod admin;
mod line;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use pushback_model::{Endpoint, EventKind, Factor, IdentityEvent, Party, Source, Timestamp};
use serde_json::Value;

use crate::value::{at, first, get, holds, ip_of, text_of, time, unfolded};
use crate::{Mapping, Read, Reject, Sink, text};

const VENDOR: Source = Source::Keycloak;

/// Whether this is one of this vendor's records.
pub(crate) fn recognises(value: &Value) -> bool {
    is_console(value) || is_event(value) || is_admin(value)
}

fn is_console(value: &Value) -> bool {
    let logger = first(value, &[&["loggerName"], &["log.logger"], &["log", "logger"]]);
    logger.starts_with("org.keycloak.events") && value.get("message").is_some()
}

fn is_event(value: &Value) -> bool {
    value.get("type").is_some_and(Value::is_string)
        && value.get("realmId").is_some()
        && value.get("time").is_some()
}

fn is_admin(value: &Value) -> bool {
    value.get("operationType").is_some()
        && value.get("resourcePath").is_some()
        && (value.get("realmId").is_some() || value.get("authDetails").is_some())
}

/// Reads one recognised record.
pub(crate) fn read(
    value: &Value,
    _bytes: &[u8],
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    if is_console(value) {
        let occurred_at =
            time(value, &[&["timestamp"], &["@timestamp"], &["time"]], VENDOR, "timestamp")?
                .ok_or(Reject::Incomplete { vendor: VENDOR, missing: "timestamp" })?;
        let message = at(value, &["message"]);
        let fields = line::fields(&message)
            .ok_or(Reject::Incomplete { vendor: VENDOR, missing: "message" })?;
        return Fields::of_line(fields, occurred_at).read(mapping, sink);
    }
    let occurred_at = time(value, &[&["time"]], VENDOR, "time")?
        .ok_or(Reject::Incomplete { vendor: VENDOR, missing: "time" })?;
    let value = unfolded(value, &["details", "authDetails"]);
    Fields::of_object(&value, occurred_at).read(mapping, sink)
}

/// Whether this line, which is not JSON, is one of this vendor's records.
pub(crate) fn recognises_text(text: &str) -> bool {
    text.contains("realmId=") && (text.contains("type=") || text.contains("operationType="))
}

/// Reads one recognised record that is not JSON.
pub(crate) fn read_text(
    text: &str,
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    let occurred_at =
        line::time(text).ok_or(Reject::Incomplete { vendor: VENDOR, missing: "the time" })?;
    let fields =
        line::fields(text).ok_or(Reject::Incomplete { vendor: VENDOR, missing: "type" })?;
    Fields::of_line(fields, occurred_at).read(mapping, sink)
}

/// One event, whatever form it came in.
struct Fields<'v> {
    id: Cow<'v, str>,
    occurred_at: Timestamp,
    /// `type`, `realmId`, ..., and the details, by name.
    by_name: BTreeMap<&'v str, Cow<'v, str>>,
    representation: Cow<'v, str>,
}

impl<'v> Fields<'v> {
    fn of_line(by_name: BTreeMap<&'v str, Cow<'v, str>>, occurred_at: Timestamp) -> Self {
        let representation = by_name.get("representation").cloned().unwrap_or_default();
        let id = by_name.get("id").cloned().unwrap_or_default();
        Self { id, occurred_at, by_name, representation }
    }

    fn of_object(value: &'v Value, occurred_at: Timestamp) -> Self {
        let mut by_name = BTreeMap::new();
        // Outer members win over details of the same name, so they come last.
        for part in [get(value, &["details"]), value] {
            for (name, member) in part.as_object().into_iter().flatten() {
                let text = text_of(member);
                if !text.is_empty() {
                    by_name.insert(name.as_str(), text);
                }
            }
        }
        let auth = get(value, &["authDetails"]);
        for name in ["userId", "clientId", "ipAddress", "username"] {
            let text = at(auth, &[name]);
            if !text.is_empty() {
                by_name.entry(name).or_insert(text);
            }
        }
        let representation = match get(value, &["representation"]) {
            Value::String(s) => Cow::Borrowed(s.as_str()),
            Value::Null => Cow::Borrowed(""),
            other => Cow::Owned(other.to_string()),
        };
        Self { id: at(value, &["id"]), occurred_at, by_name, representation }
    }

    fn get(&self, name: &str) -> &str {
        self.by_name.get(name).map_or("", |text| text::present(text))
    }

    fn read(&self, mapping: &Mapping, sink: &mut Sink<'_>) -> Result<Read, Reject> {
        if !self.get("operationType").is_empty() {
            return Ok(admin::read(self, mapping, sink));
        }
        let native = self.get("type");
        if native.is_empty() {
            return Err(Reject::Incomplete { vendor: VENDOR, missing: "type" });
        }
        let mut event = self.base(native);
        event.subscriber = Party {
            name: Cow::Borrowed(first_of(&[self.get("username"), self.get("email")])),
            mail: Cow::Borrowed(self.get("email")),
            id: Cow::Borrowed(self.get("userId")),
        };
        event.what = Cow::Borrowed(first_of(&[self.get("error"), self.get("reason")]));
        if let Some(kind) = mapping.kind(VENDOR, native) {
            event.kind = kind;
            sink(&event);
            return Ok(Read::Events(1));
        }
        if let Some(kind) = self.push_extension() {
            return Ok(self.read_push(kind, event, sink));
        }
        let (factor, is_push) = self.factor(mapping);
        event.factor = factor;
        let kind = match native {
            "LOGIN" if is_push => {
                event.kind = EventKind::PromptApproved;
                sink(&event);
                event.part = 1;
                event.factor = Factor::Unknown;
                event.kind = EventKind::SessionStarted;
                sink(&event);
                return Ok(Read::Events(2));
            }
            "LOGIN" => EventKind::SessionStarted,
            "LOGIN_ERROR" => login_error(self.get("error"), factor, is_push),
            _ => match meaning(native, self) {
                Some(Some(kind)) => kind,
                Some(None) => return Ok(Read::Ignored(VENDOR)),
                None => return Ok(Read::Unknown(VENDOR, native.to_owned())),
            },
        };
        event.kind = kind;
        self.describe(&mut event);
        sink(&event);
        Ok(Read::Events(1))
    }

    /// What an event of the push MFA extension means, if it is one; its bridge writes them among
    /// Keycloak's own (event reference of `ba-itsys/keycloak-push-mfa-extension`, 1.5).
    fn push_extension(&self) -> Option<Option<EventKind>> {
        use EventKind as K;
        let is_sign_in = !self.get("push_mfa_challenge_type").eq_ignore_ascii_case("ENROLLMENT");
        Some(match self.get("push_mfa_event_type") {
            "CHALLENGE_CREATED" if is_sign_in => Some(K::PromptSent),
            "CHALLENGE_ACCEPTED" if is_sign_in => Some(K::PromptApproved),
            "CHALLENGE_DENIED" if is_sign_in => Some(K::PromptDenied),
            "CHALLENGE_RESPONSE_INVALID" => Some(K::FactorFailed),
            "ENROLLMENT_COMPLETED" => Some(K::FactorEnrolled),
            "KEY_ROTATED" => Some(K::FactorUpdated),
            "" => return None,
            _ => None,
        })
    }

    fn read_push<'s>(
        &'s self,
        kind: Option<EventKind>,
        mut event: IdentityEvent<'s>,
        sink: &mut Sink<'_>,
    ) -> Read {
        let Some(kind) = kind else { return Read::Ignored(VENDOR) };
        event.kind = kind;
        event.factor = Factor::Push;
        event.transaction = Cow::Borrowed(self.get("push_mfa_challenge_id"));
        if matches!(
            kind,
            EventKind::PromptApproved | EventKind::PromptDenied | EventKind::FactorFailed
        ) {
            // The phone sends these, and its is the address.
            event.responder = Some(std::mem::take(&mut event.requester));
        }
        sink(&event);
        Read::Events(1)
    }

    /// What every event has. The subscriber is the caller's matter.
    fn base(&self, native: &'v str) -> IdentityEvent<'_> {
        let mut event = IdentityEvent::new(VENDOR, EventKind::SessionUsed, self.occurred_at);
        event.native = Cow::Borrowed(native);
        event.id = if self.id.is_empty() {
            Cow::Owned(text::content_id(&[
                &self.occurred_at.as_millis().to_string(),
                native,
                self.get("realmId"),
                self.get("resourcePath"),
                self.get("userId"),
                self.get("username"),
                self.get("sessionId"),
                self.get("code_id"),
                self.get("authSessionTabId"),
                self.get("error"),
                self.get("ipAddress"),
                self.get("clientId"),
                self.get("token_id"),
            ]))
        } else {
            Cow::Borrowed(self.id.as_ref())
        };
        event.requester =
            Endpoint { ip: ip_of(Cow::Borrowed(self.get("ipAddress"))), ..Endpoint::default() };
        event.requester.agent.raw =
            Cow::Borrowed(first_of(&[self.get("user_agent"), self.get("userAgent")]));
        event.app = Cow::Borrowed(self.get("clientId"));
        event.session = Cow::Borrowed(self.get("sessionId"));
        event.transaction =
            Cow::Borrowed(first_of(&[self.get("code_id"), self.get("authSessionParentId")]));
        event
    }

    /// The authenticator, and whether a push plug-in wrote the event.
    fn factor(&self, mapping: &Mapping) -> (Factor, bool) {
        let names =
            ["auth_type", "auth_method", "credential_type", "selected_credential_type", "error"];
        let is_push = names.iter().any(|name| {
            let value = self.get(name);
            mapping.keycloak.push_markers.iter().any(|marker| marker.eq_ignore_ascii_case(value))
        });
        if is_push {
            return (Factor::Push, true);
        }
        let credential =
            first_of(&[self.get("credential_type"), self.get("selected_credential_type")]);
        let factor = match credential.to_ascii_lowercase().as_str() {
            "otp" | "totp" | "hotp" => Factor::Code,
            "webauthn" | "webauthn-passwordless" | "passkey" => Factor::Passkey,
            "password" => Factor::Password,
            "recovery-authn-codes" => Factor::RecoveryCode,
            text if text.contains("sms") => Factor::Sms,
            text if text.contains("email") => Factor::Email,
            _ => Factor::Unknown,
        };
        (factor, false)
    }

    fn describe(&self, event: &mut IdentityEvent<'_>) {
        let what = match event.kind {
            EventKind::ConsentGranted => format!("consent to {}", self.get("clientId")),
            EventKind::RecoveryChanged => {
                match first_of(&[self.get("updated_email"), self.get("new_email")]) {
                    "" => "mail address changed".to_owned(),
                    mail => format!("mail address changed to {mail}"),
                }
            }
            EventKind::FactorEnrolled if self.get("type").starts_with("FEDERATED") => {
                format!("linked identity provider {}", self.get("identity_provider"))
            }
            EventKind::FactorEnrolled | EventKind::FactorRemoved => {
                match first_of(&[self.get("credential_type"), self.get("selected_credential_type")])
                {
                    "" => return,
                    credential => format!("credential {credential}"),
                }
            }
            EventKind::Impersonated => {
                let by = first_of(&[self.get("impersonator"), self.get("impersonator_username")]);
                if !by.is_empty() {
                    event.actor = Some(crate::value::login(by.to_owned()));
                }
                return;
            }
            _ => return,
        };
        event.what = Cow::Owned(what);
    }
}

fn first_of<'t>(texts: &[&'t str]) -> &'t str {
    texts.iter().copied().find(|text| !text.is_empty()).unwrap_or_default()
}

fn login_error(error: &str, factor: Factor, is_push: bool) -> EventKind {
    if is_push {
        return if holds(error, &["expired", "timeout", "timed_out"]) {
            EventKind::PromptTimedOut
        } else if holds(error, &["mismatch", "wrong_number"]) {
            EventKind::PromptMismatched
        } else if holds(error, &["user_not_found", "user_disabled", "not_allowed"]) {
            EventKind::SignInFailed
        } else if holds(error, &["lockout", "temporarily_disabled"]) {
            EventKind::LockedOut
        } else {
            // rejected_by_user, access_denied, and invalid_user_credentials, which plug-ins reuse.
            EventKind::PromptDenied
        };
    }
    match error {
        "user_temporarily_disabled" => EventKind::LockedOut,
        "access_denied" | "not_allowed" => EventKind::PolicyRefused,
        "invalid_user_credentials" if !matches!(factor, Factor::Unknown | Factor::Password) => {
            EventKind::FactorFailed
        }
        _ => EventKind::SignInFailed,
    }
}

/// What a type means: a kind, nothing, or not known.
fn meaning(native: &str, fields: &Fields<'_>) -> Option<Option<EventKind>> {
    use EventKind as K;
    Some(Some(match native {
        "LOGOUT" => K::SessionRevoked,
        "CODE_TO_TOKEN" | "TOKEN_EXCHANGE" => K::SessionUsed,
        "UPDATE_PASSWORD" => K::PasswordChanged,
        "RESET_PASSWORD" => K::PasswordReset,
        // A mail with a link: a question put to the subscriber that a stranger can cause.
        "SEND_RESET_PASSWORD" => K::PromptSent,
        "UPDATE_TOTP" => K::FactorEnrolled,
        "REMOVE_TOTP" => K::FactorRemoved,
        "UPDATE_CREDENTIAL" if fields.get("credential_type").eq_ignore_ascii_case("password") => {
            K::PasswordChanged
        }
        "UPDATE_CREDENTIAL" => K::FactorEnrolled,
        "REMOVE_CREDENTIAL" => K::FactorRemoved,
        "GRANT_CONSENT" | "UPDATE_CONSENT" => K::ConsentGranted,
        "IMPERSONATE" => K::Impersonated,
        "USER_DISABLED_BY_TEMPORARY_LOCKOUT" | "USER_DISABLED_BY_PERMANENT_LOCKOUT" => K::LockedOut,
        "UPDATE_EMAIL" => K::RecoveryChanged,
        "UPDATE_PROFILE" if !fields.get("updated_email").is_empty() => K::RecoveryChanged,
        "OAUTH2_DEVICE_AUTH" => K::ChallengeRequired,
        "OAUTH2_DEVICE_VERIFY_USER_CODE" => K::FactorVerified,
        "OAUTH2_DEVICE_VERIFY_USER_CODE_ERROR" => K::FactorFailed,
        "OAUTH2_DEVICE_CODE_TO_TOKEN" => K::SessionStarted,
        "REGISTER" => K::AccountCreated,
        "DELETE_ACCOUNT" => K::AccountDisabled,
        "FEDERATED_IDENTITY_LINK" => K::FactorEnrolled,
        "REMOVE_FEDERATED_IDENTITY" => K::FactorRemoved,
        "REFRESH_TOKEN_ERROR" if holds(fields.get("reason"), &["reuse"]) => K::SessionReused,
        "REFRESH_TOKEN"
        | "CLIENT_LOGIN"
        | "CLIENT_LOGIN_ERROR"
        | "CLIENT_INFO"
        | "USER_INFO_REQUEST"
        | "INTROSPECT_TOKEN"
        | "VALIDATE_ACCESS_TOKEN"
        | "PERMISSION_TOKEN"
        | "PUSHED_AUTHORIZATION_REQUEST"
        | "VERIFY_EMAIL"
        | "SEND_VERIFY_EMAIL"
        | "VERIFY_PROFILE"
        | "VIEW_PROFILE"
        | "UPDATE_PROFILE"
        | "REVOKE_GRANT"
        | "IDENTITY_PROVIDER_LOGIN"
        | "IDENTITY_PROVIDER_FIRST_LOGIN"
        | "IDENTITY_PROVIDER_POST_LOGIN"
        | "IDENTITY_PROVIDER_LINK_ACCOUNT"
        | "IDENTITY_PROVIDER_RETRIEVE_TOKEN"
        | "IDENTITY_PROVIDER_RESPONSE"
        | "SEND_IDENTITY_PROVIDER_LINK"
        | "CUSTOM_REQUIRED_ACTION"
        | "EXECUTE_ACTIONS"
        | "EXECUTE_ACTION_TOKEN"
        | "RESTART_AUTHENTICATION"
        | "CLIENT_REGISTER"
        | "CLIENT_UPDATE"
        | "CLIENT_DELETE"
        | "CLIENT_INITIATED_ACCOUNT_LINKING"
        | "AUTHREQID_TO_TOKEN" => return Some(None),
        // What failed changed nothing.
        _ if native.ends_with("_ERROR") => return Some(None),
        _ => return None,
    }))
}
