//! The identity event: one thing that a product says has happened to a subscriber's sign-in.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Coordinates, Source, Timestamp};

/// One normalised log entry (OCSF category Identity & Access Management).
///
/// Texts borrow from the record they were read from; an empty text means "not logged". Vendors'
/// spellings of absence (`null`, `unknown`, `N/A`, `0.0.0.0`) are already empty here.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityEvent<'a> {
    /// Who wrote it.
    pub source: Source,
    /// The vendor's own id of the record; where a format has none, a hash of its content. Together
    /// with `part` it is stable, so that reading a record twice changes nothing.
    pub id: Cow<'a, str>,
    /// Tells the events of one record apart (several steps, several `events[]`); 0 for the first.
    /// The same step of a record that is delivered again, more complete, keeps its `part`.
    pub part: u32,
    /// When it happened, by the vendor's clock.
    pub occurred_at: Timestamp,
    /// When the vendor wrote it down, if the record says so.
    pub logged_at: Option<Timestamp>,
    /// Whose sign-in or account it is about: the victim, if there is one.
    pub subscriber: Party<'a>,
    /// Who did it, when that is logged and is not the subscriber (an administrator, a help desk).
    pub actor: Option<Party<'a>>,
    /// What happened.
    pub kind: EventKind,
    /// The authenticator it is about.
    pub factor: Factor,
    /// Where the sign-in or the change was asked for.
    pub requester: Endpoint<'a>,
    /// Where the answer came from, if logged: usually the phone.
    pub responder: Option<Endpoint<'a>>,
    /// The application signed in to.
    pub app: Cow<'a, str>,
    /// The session it belongs to.
    pub session: Cow<'a, str>,
    /// What the vendor correlates one sign-in attempt by.
    pub transaction: Cow<'a, str>,
    /// The vendor's own name of the event: `user.mfa.factor.activate`, `500121`.
    pub native: Cow<'a, str>,
    /// The vendor's reason, or what was changed, in a few words.
    pub what: Cow<'a, str>,
    /// The vendor's own opinion of the risk.
    pub risk: Risk,
}

/// Somebody as a product names them. Any field may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party<'a> {
    /// The login as logged: mail, `DOMAIN\name`, a bare name.
    pub name: Cow<'a, str>,
    /// A mail address logged beside a login that is not one.
    pub mail: Cow<'a, str>,
    /// The vendor's opaque id.
    pub id: Cow<'a, str>,
}

/// One end of a sign-in: an address, where it is, and what sits there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoint<'a> {
    /// The IP address, without port or brackets.
    pub ip: Cow<'a, str>,
    /// The autonomous system number; 0 if not logged.
    pub asn: u32,
    /// The name of the autonomous system or the provider.
    pub as_name: Cow<'a, str>,
    /// The country, as logged: a name or an ISO 3166-1 alpha-2 code.
    pub country: Cow<'a, str>,
    /// State, province or region.
    pub region: Cow<'a, str>,
    /// The city.
    pub city: Cow<'a, str>,
    /// The point that the vendor places it at.
    pub coordinates: Option<Coordinates>,
    /// An id of the device that survives a change of network: a registered device, a fingerprint.
    pub device: Cow<'a, str>,
    /// What people call the device.
    pub device_name: Cow<'a, str>,
    /// The browser or program.
    pub agent: Agent<'a>,
    /// The vendor knows it as a proxy, a VPN or a relay.
    pub is_proxy: bool,
    /// The vendor knows the device as managed or compliant.
    pub is_managed: bool,
}

/// The program that asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent<'a> {
    /// The whole user-agent text.
    pub raw: Cow<'a, str>,
    /// The operating system as the vendor names it, maybe with a version.
    pub os: Cow<'a, str>,
    /// The browser or program as the vendor names it, maybe with a version.
    pub browser: Cow<'a, str>,
}

/// What happened. The comment gives the meaning; FORMATS of each vendor map to exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum EventKind {
    // --- prompts -------------------------------------------------------------------------------
    /// A prompt went out to the subscriber (push, voice call, SMS or mail code; see `factor`).
    PromptSent,
    /// The subscriber said yes to a prompt.
    PromptApproved,
    /// The subscriber said no.
    PromptDenied,
    /// Nobody answered in time.
    PromptTimedOut,
    /// The subscriber said yes but gave the wrong number.
    PromptMismatched,
    /// The subscriber said "this was not me".
    PromptReported,
    /// The prompt could not be delivered; nobody was asked.
    PromptUndelivered,
    /// The vendor itself called the prompt harassment or anomalous.
    PromptAnomalous,
    // --- the rest of signing in ----------------------------------------------------------------
    /// A second factor was demanded; says nothing about an answer.
    ChallengeRequired,
    /// The password was right.
    PasswordVerified,
    /// A factor other than a prompt was verified (code, passkey, remembered device).
    FactorVerified,
    /// A factor other than a prompt failed (wrong code), or failed for a reason not logged.
    FactorFailed,
    /// A relay page was caught by a phishing-resistant factor.
    PhishingBlocked,
    /// Multi-factor authentication was bypassed.
    Bypassed,
    /// A session began.
    SessionStarted,
    /// A session that exists was used (single sign-on to an application).
    SessionUsed,
    /// Sessions were ended by somebody, or a token was revoked.
    SessionRevoked,
    /// The same session or token appeared where it should not (reuse, roaming).
    SessionReused,
    /// A sign-in failed before any prompt: wrong password, policy, unknown user.
    SignInFailed,
    /// A policy refused the sign-in; not a decision of the subscriber.
    PolicyRefused,
    /// The account was locked.
    LockedOut,
    /// The account was unlocked.
    Unlocked,
    /// The vendor refused for rate.
    RateLimited,
    /// The vendor's own risk engine spoke (threat, suspicious sign-in).
    RiskDetected,
    // --- what outlives a session ---------------------------------------------------------------
    /// An authenticator was bound.
    FactorEnrolled,
    /// An authenticator was invalidated or suspended.
    FactorRemoved,
    /// All authenticators, or one, were reset so that a new one can be bound.
    FactorReset,
    /// An authenticator was changed in a way that alone says little (renamed, default changed).
    FactorUpdated,
    /// A device was joined or registered.
    DeviceRegistered,
    /// The subscriber changed the password.
    PasswordChanged,
    /// The password was reset, by somebody else or through recovery.
    PasswordReset,
    /// A recovery mail, phone or question was changed.
    RecoveryChanged,
    /// A mail rule or forwarding was made.
    MailboxRule,
    /// Mail was deleted or moved away.
    MailDeleted,
    /// An application was allowed to act for the subscriber.
    ConsentGranted,
    /// A role or privilege was given.
    RoleAssigned,
    /// A token, API key or application secret was made.
    TokenCreated,
    /// A security policy, trusted location or identity provider was changed.
    PolicyChanged,
    /// A bypass code was made, or a subscriber was set to skip the second factor.
    BypassGranted,
    /// Somebody took over the subscriber's session by an administrator's function.
    Impersonated,
    /// An account was made or activated.
    AccountCreated,
    /// An account was disabled or deleted.
    AccountDisabled,
}

impl EventKind {
    /// Every kind, in the order of this enumeration: `ALL[kind as usize] == kind`.
    pub const ALL: [Self; 42] = [
        Self::PromptSent,
        Self::PromptApproved,
        Self::PromptDenied,
        Self::PromptTimedOut,
        Self::PromptMismatched,
        Self::PromptReported,
        Self::PromptUndelivered,
        Self::PromptAnomalous,
        Self::ChallengeRequired,
        Self::PasswordVerified,
        Self::FactorVerified,
        Self::FactorFailed,
        Self::PhishingBlocked,
        Self::Bypassed,
        Self::SessionStarted,
        Self::SessionUsed,
        Self::SessionRevoked,
        Self::SessionReused,
        Self::SignInFailed,
        Self::PolicyRefused,
        Self::LockedOut,
        Self::Unlocked,
        Self::RateLimited,
        Self::RiskDetected,
        Self::FactorEnrolled,
        Self::FactorRemoved,
        Self::FactorReset,
        Self::FactorUpdated,
        Self::DeviceRegistered,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::RecoveryChanged,
        Self::MailboxRule,
        Self::MailDeleted,
        Self::ConsentGranted,
        Self::RoleAssigned,
        Self::TokenCreated,
        Self::PolicyChanged,
        Self::BypassGranted,
        Self::Impersonated,
        Self::AccountCreated,
        Self::AccountDisabled,
    ];

    /// The name in machine output (`factor_enrolled`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PromptSent => "prompt_sent",
            Self::PromptApproved => "prompt_approved",
            Self::PromptDenied => "prompt_denied",
            Self::PromptTimedOut => "prompt_timed_out",
            Self::PromptMismatched => "prompt_mismatched",
            Self::PromptReported => "prompt_reported",
            Self::PromptUndelivered => "prompt_undelivered",
            Self::PromptAnomalous => "prompt_anomalous",
            Self::ChallengeRequired => "challenge_required",
            Self::PasswordVerified => "password_verified",
            Self::FactorVerified => "factor_verified",
            Self::FactorFailed => "factor_failed",
            Self::PhishingBlocked => "phishing_blocked",
            Self::Bypassed => "bypassed",
            Self::SessionStarted => "session_started",
            Self::SessionUsed => "session_used",
            Self::SessionRevoked => "session_revoked",
            Self::SessionReused => "session_reused",
            Self::SignInFailed => "sign_in_failed",
            Self::PolicyRefused => "policy_refused",
            Self::LockedOut => "locked_out",
            Self::Unlocked => "unlocked",
            Self::RateLimited => "rate_limited",
            Self::RiskDetected => "risk_detected",
            Self::FactorEnrolled => "factor_enrolled",
            Self::FactorRemoved => "factor_removed",
            Self::FactorReset => "factor_reset",
            Self::FactorUpdated => "factor_updated",
            Self::DeviceRegistered => "device_registered",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::RecoveryChanged => "recovery_changed",
            Self::MailboxRule => "mailbox_rule",
            Self::MailDeleted => "mail_deleted",
            Self::ConsentGranted => "consent_granted",
            Self::RoleAssigned => "role_assigned",
            Self::TokenCreated => "token_created",
            Self::PolicyChanged => "policy_changed",
            Self::BypassGranted => "bypass_granted",
            Self::Impersonated => "impersonated",
            Self::AccountCreated => "account_created",
            Self::AccountDisabled => "account_disabled",
        }
    }

    /// Whether this is a change that outlives the session it was made in.
    #[must_use]
    pub const fn is_lasting_change(self) -> bool {
        matches!(
            self,
            Self::FactorEnrolled
                | Self::FactorRemoved
                | Self::FactorReset
                | Self::FactorUpdated
                | Self::DeviceRegistered
                | Self::PasswordChanged
                | Self::PasswordReset
                | Self::RecoveryChanged
                | Self::MailboxRule
                | Self::MailDeleted
                | Self::ConsentGranted
                | Self::RoleAssigned
                | Self::TokenCreated
                | Self::PolicyChanged
                | Self::BypassGranted
                | Self::Impersonated
                | Self::AccountCreated
                | Self::AccountDisabled
        )
    }

    /// Whether this is the end of a prompt: an answer, or silence.
    #[must_use]
    pub const fn is_prompt_outcome(self) -> bool {
        matches!(
            self,
            Self::PromptApproved
                | Self::PromptDenied
                | Self::PromptTimedOut
                | Self::PromptMismatched
                | Self::PromptReported
                | Self::PromptAnomalous
        )
    }
}

/// The kind of authenticator that an event is about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Factor {
    /// Not logged.
    #[default]
    Unknown,
    /// A push to an app; approve and deny.
    Push,
    /// A voice call.
    Voice,
    /// A code or link by SMS.
    Sms,
    /// A code or link by mail.
    Email,
    /// A code from an app or token.
    Code,
    /// A passkey, security key or other FIDO authenticator.
    Passkey,
    /// A key bound to a device, with a check on the device (FastPass, Windows Hello, certificate).
    DeviceKey,
    /// A bypass or recovery code.
    RecoveryCode,
    /// A security question.
    Question,
    /// The password.
    Password,
}

impl Factor {
    /// Every factor, in the order of this enumeration: `ALL[factor as usize] == factor`.
    pub const ALL: [Self; 11] = [
        Self::Unknown,
        Self::Push,
        Self::Voice,
        Self::Sms,
        Self::Email,
        Self::Code,
        Self::Passkey,
        Self::DeviceKey,
        Self::RecoveryCode,
        Self::Question,
        Self::Password,
    ];

    /// The name in machine output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Push => "push",
            Self::Voice => "voice",
            Self::Sms => "sms",
            Self::Email => "email",
            Self::Code => "code",
            Self::Passkey => "passkey",
            Self::DeviceKey => "device_key",
            Self::RecoveryCode => "recovery_code",
            Self::Question => "question",
            Self::Password => "password",
        }
    }

    /// Whether a stranger can make it ring at will: what prompt bombing needs.
    #[must_use]
    pub const fn rings(self) -> bool {
        matches!(self, Self::Push | Self::Voice | Self::Sms)
    }
}

/// The vendor's own opinion of an event.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Risk {
    /// None given.
    #[default]
    Unknown,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

impl<'a> IdentityEvent<'a> {
    /// An event with nothing but its kind, source and time; readers fill in what the record says.
    #[must_use]
    pub fn new(source: Source, kind: EventKind, occurred_at: Timestamp) -> Self {
        Self {
            source,
            id: Cow::Borrowed(""),
            part: 0,
            occurred_at,
            logged_at: None,
            subscriber: Party::default(),
            actor: None,
            kind,
            factor: Factor::Unknown,
            requester: Endpoint::default(),
            responder: None,
            app: Cow::Borrowed(""),
            session: Cow::Borrowed(""),
            transaction: Cow::Borrowed(""),
            native: Cow::Borrowed(""),
            what: Cow::Borrowed(""),
            risk: Risk::Unknown,
        }
    }

    /// The same event, no longer tied to the bytes it was read from.
    #[must_use]
    pub fn into_owned(self) -> IdentityEvent<'static> {
        IdentityEvent {
            source: self.source,
            id: owned(self.id),
            part: self.part,
            occurred_at: self.occurred_at,
            logged_at: self.logged_at,
            subscriber: self.subscriber.into_owned(),
            actor: self.actor.map(Party::into_owned),
            kind: self.kind,
            factor: self.factor,
            requester: self.requester.into_owned(),
            responder: self.responder.map(Endpoint::into_owned),
            app: owned(self.app),
            session: owned(self.session),
            transaction: owned(self.transaction),
            native: owned(self.native),
            what: owned(self.what),
            risk: self.risk,
        }
    }
}

impl Party<'_> {
    /// Whether nothing is known of this party.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.mail.is_empty() && self.id.is_empty()
    }

    /// The same party, owning its texts.
    #[must_use]
    pub fn into_owned(self) -> Party<'static> {
        Party { name: owned(self.name), mail: owned(self.mail), id: owned(self.id) }
    }
}

impl Endpoint<'_> {
    /// The same endpoint, owning its texts.
    #[must_use]
    pub fn into_owned(self) -> Endpoint<'static> {
        Endpoint {
            ip: owned(self.ip),
            asn: self.asn,
            as_name: owned(self.as_name),
            country: owned(self.country),
            region: owned(self.region),
            city: owned(self.city),
            coordinates: self.coordinates,
            device: owned(self.device),
            device_name: owned(self.device_name),
            agent: Agent {
                raw: owned(self.agent.raw),
                os: owned(self.agent.os),
                browser: owned(self.agent.browser),
            },
            is_proxy: self.is_proxy,
            is_managed: self.is_managed,
        }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    match text {
        Cow::Borrowed("") => Cow::Borrowed(""),
        text => Cow::Owned(text.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_all_values_follow_their_numbers() {
        for (i, kind) in EventKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, i);
        }
        for (i, factor) in Factor::ALL.iter().enumerate() {
            assert_eq!(*factor as usize, i);
        }
    }
}
