//! What Okta's event types mean here.
//!
//! Names are those of the System Log's event catalogue. A type is either read, known to say nothing
//! about signing in, or unknown; unknown ones are counted.

use pushback_model::{EventKind, Factor};

/// What is done with a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// `user.authentication.auth_via_mfa`: the outcome and the factor decide.
    Verification,
    /// A message or call that went out.
    Sent(Factor),
    /// The start of a session; its outcome decides.
    SessionStart,
    /// Something about a sign-in: the subscriber is the actor.
    SignIn(EventKind, Factor),
    /// A change to an account: the subscriber is the target, the actor may be somebody else.
    Account(EventKind, Factor),
    /// The subscriber reports what somebody else did.
    Report,
    /// `user.account.update_profile`: only recovery phones and mails matter.
    Profile,
    /// `user.account.update_password`: somebody else's change is a reset.
    Password,
    /// Only a refusal means something: of a caller's identity, of a protected action.
    Refusal(EventKind),
    /// Says nothing about signing in.
    Nothing,
}

/// The meaning of a type, or nothing if the type is unknown.
pub(super) fn meaning(event_type: &[u8]) -> Option<Meaning> {
    use EventKind as K;
    use Meaning::{
        Account, Password, Profile, Refusal, Report, Sent, SessionStart, SignIn, Verification,
    };

    const ANY: Factor = Factor::Unknown;

    Some(match event_type {
        b"user.authentication.auth_via_mfa" => Verification,
        b"system.push.send_factor_verify_push" | b"device.custom_push.send_notification" => {
            Sent(Factor::Push)
        }
        b"system.sms.send_factor_verify_message" => Sent(Factor::Sms),
        b"system.voice.send_mfa_challenge_call" => Sent(Factor::Voice),
        b"system.email.send_factor_verify_message" => Sent(Factor::Email),
        b"system.email.challenge_factor_redeemed" => SignIn(K::FactorVerified, Factor::Email),
        b"user.mfa.okta_verify.deny_push" => SignIn(K::PromptDenied, Factor::Push),
        // The app was too old to answer; nobody said no.
        b"user.mfa.okta_verify.deny_push_upgrade_needed" => SignIn(K::FactorFailed, Factor::Push),
        b"user.account.report_suspicious_activity_by_enduser" => Report,
        b"user.mfa.attempt_bypass" => SignIn(K::Bypassed, ANY),
        b"user.account.lock" | b"user.account.lock.limit" => Account(K::LockedOut, ANY),
        b"user.account.unlock"
        | b"user.account.unlock_by_admin"
        | b"user.account.unlock_token"
        | b"system.agent.ad.unlock_user_account"
        | b"system.agent.ldap.unlock_user_account" => Account(K::Unlocked, ANY),
        b"user.account.use_token" => SignIn(K::SignInFailed, ANY),

        b"system.org.rate_limit.violation"
        | b"system.operation.rate_limit.violation"
        | b"system.client.rate_limit.violation"
        | b"system.client.concurrency_rate_limit.violation"
        | b"core.concurrency.org.limit.violation"
        | b"application.integration.rate_limit_exceeded" => SignIn(K::RateLimited, ANY),

        b"user.mfa.factor.activate" => Account(K::FactorEnrolled, ANY),
        b"user.mfa.factor.deactivate" | b"user.mfa.factor.suspend" => {
            Account(K::FactorRemoved, ANY)
        }
        b"user.mfa.factor.reset_all" => Account(K::FactorReset, ANY),
        b"user.mfa.factor.unsuspend" | b"user.mfa.factor.update" => Account(K::FactorUpdated, ANY),
        b"credential.register" | b"user.credential.enroll" => {
            Account(K::FactorEnrolled, Factor::Passkey)
        }
        b"credential.revoke" | b"user.credential.revoke" => {
            Account(K::FactorRemoved, Factor::Passkey)
        }
        b"system.mfa.preregister.initiate" => Account(K::FactorEnrolled, Factor::Passkey),

        b"device.enrollment.create"
        | b"device.user.add"
        | b"device.token.enrollment.create"
        | b"device.desktop_mfa.enrollment.create" => Account(K::DeviceRegistered, ANY),
        b"device.desktop_mfa.recovery_pin.generate" => {
            Account(K::BypassGranted, Factor::RecoveryCode)
        }

        b"user.session.start" => SessionStart,
        b"user.authentication.sso" | b"user.session.access_admin_app" => {
            SignIn(K::SessionUsed, ANY)
        }
        b"user.session.context.change"
        | b"security.session.detect_client_roaming"
        | b"app.oauth2.token.detect_reuse"
        | b"app.oauth2.as.token.detect_reuse" => SignIn(K::SessionReused, ANY),
        b"policy.auth_reevaluate.fail"
        | b"security.threat.detected"
        | b"user.risk.detect"
        | b"user.risk.change" => SignIn(K::RiskDetected, ANY),
        b"user.session.clear"
        | b"user.session.end"
        | b"user.session.expire"
        | b"user.authentication.universal_logout" => Account(K::SessionRevoked, ANY),
        b"user.session.impersonation.grant"
        | b"user.session.impersonation.initiate"
        | b"user.session.impersonation.extend" => Account(K::Impersonated, ANY),

        b"user.account.update_password" => Password,
        b"user.account.reset_password"
        | b"user.account.expire_password"
        | b"system.agent.ad.reset_user_password"
        | b"system.agent.ldap.reset_user_password" => Account(K::PasswordReset, Factor::Password),
        // A way round the password was asked for; whether it was walked is logged apart.
        b"system.email.password_reset.sent_message"
        | b"system.email.account_unlock.sent_message"
        | b"system.email.send_password_reset_message"
        | b"system.email.send_account_unlock_message" => {
            SignIn(K::ChallengeRequired, Factor::Email)
        }
        // It rings in the owner's hand like any other code; a mail waits until it is looked for.
        b"system.sms.send_password_reset_message" | b"system.sms.send_account_unlock_message" => {
            Sent(Factor::Sms)
        }
        b"system.voice.send_password_reset_call" | b"system.voice.send_account_unlock_call" => {
            Sent(Factor::Voice)
        }
        b"user.account.update_primary_email" | b"user.account.update_secondary_email" => {
            Account(K::RecoveryChanged, Factor::Email)
        }
        b"system.sms.send_phone_verification_message" => Account(K::RecoveryChanged, Factor::Sms),
        b"system.voice.send_phone_verification_call" => Account(K::RecoveryChanged, Factor::Voice),
        b"user.account.update_profile" => Profile,
        b"user.identity_verification" => Refusal(K::RiskDetected),
        b"security.protected_action.attempt" => Refusal(K::PolicyRefused),

        b"app.oauth2.as.consent.grant"
        | b"app.oauth2.consent.grant"
        | b"app.oauth2.admin.consent.grant" => Account(K::ConsentGranted, ANY),
        b"user.account.privilege.grant"
        | b"group.privilege.grant"
        | b"iam.resourceset.bindings.add"
        | b"app.oauth2.client.privilege.grant" => Account(K::RoleAssigned, ANY),
        b"system.api_token.create"
        | b"app.oauth2.credentials.lifecycle.create"
        | b"app.oauth2.client.credential.lifecycle.create" => Account(K::TokenCreated, ANY),

        b"user.lifecycle.create"
        | b"user.lifecycle.activate"
        | b"user.lifecycle.reactivate"
        | b"user.lifecycle.unsuspend" => Account(K::AccountCreated, ANY),
        b"user.lifecycle.deactivate"
        | b"user.lifecycle.suspend"
        | b"user.lifecycle.delete.initiated"
        | b"user.lifecycle.delete.completed" => Account(K::AccountDisabled, ANY),

        b"system.mfa.factor.activate"
        | b"system.mfa.factor.deactivate"
        | b"app.policy.sign_on.update"
        | b"security.threat.configuration.update"
        | b"system.rate_limit.configuration.update" => Account(K::PolicyChanged, ANY),

        _ if is_nothing(event_type) => Meaning::Nothing,
        _ if POLICY_PREFIXES.iter().any(|prefix| event_type.starts_with(prefix)) => {
            Account(K::PolicyChanged, ANY)
        }
        _ => return None,
    })
}

const POLICY_PREFIXES: &[&[u8]] = &[
    b"policy.lifecycle.",
    b"policy.rule.",
    b"application.policy.sign_on.",
    b"security.authenticator.lifecycle.",
    b"zone.",
    b"system.idp.lifecycle.",
    b"system.log_stream.lifecycle.",
];

/// Whether a type is known to say nothing about signing in.
fn is_nothing(event_type: &[u8]) -> bool {
    // Most frequent first: in a busy organisation the first three are most of the log.
    match event_type {
        b"policy.evaluate_sign_on"
        | b"user.authentication.auth"
        | b"user.authentication.verify"
        | b"user.authentication.authenticate"
        | b"user.authentication.slo"
        | b"policy.mapping.create"
        | b"policy.mapping.update"
        | b"policy.mapping.delete"
        | b"policy.execute.user.start"
        | b"user.account.access_super_user_app"
        | b"user.account.privilege.revoke"
        | b"user.account.subscriptions.update"
        | b"user.account.update_user_type"
        | b"user.account.update_phone"
        | b"user.lifecycle.jit.error.read_only"
        | b"user.lifecycle.password_mass_expiry"
        | b"user.session.impersonation.end"
        | b"user.session.impersonation.revoke"
        | b"group.privilege.revoke"
        | b"iam.resourceset.bindings.delete"
        | b"app.oauth2.client.privilege.revoke"
        | b"system.api_token.revoke"
        | b"system.api_token.update"
        | b"system.api_token.enable"
        | b"system.client.rate_limit.notification"
        | b"system.client.rate_limit.warning"
        | b"system.operation.rate_limit.warning"
        | b"system.operation.rate_limit.burst"
        | b"system.org.rate_limit.warning"
        | b"system.org.rate_limit.burst"
        | b"system.org.rate_limit.expiration.warning"
        | b"system.client.concurrency_rate_limit.notification"
        | b"core.concurrency.org.limit.warning"
        | b"system.email.delivery"
        | b"system.email.mfa_enroll_notification.sent_message"
        | b"system.email.mfa_reset_notification.sent_message"
        | b"system.email.new_device_notification.sent_message"
        | b"system.sms.receive_status"
        | b"system.voice.receive_status" => true,
        _ => {
            let after = NOTHING_PREFIXES.partition_point(|prefix| *prefix <= event_type);
            after
                .checked_sub(1)
                .and_then(|last| NOTHING_PREFIXES.get(last))
                .is_some_and(|prefix| event_type.starts_with(prefix))
        }
    }
}

/// Beginnings shared by types that say nothing about signing in: provisioning, imports, group
/// membership, application housekeeping, tokens handed out within a session.
///
/// Types with a meaning of their own are looked for first; none of them may be hidden by a
/// beginning here (guarded by `no_beginning_hides_a_type_that_is_read`). Sorted, and none begins
/// with another, so that a binary search finds the only candidate.
const NOTHING_PREFIXES: &[&[u8]] = &[
    b"access.request.",
    b"analytics.",
    b"app.access_request.",
    b"app.ad.",
    b"app.generic.",
    b"app.inbound_",
    b"app.kerberos_rich_client.",
    b"app.ldap.",
    b"app.oauth2.admin.consent.revoke",
    b"app.oauth2.as.authorize",
    b"app.oauth2.as.consent.revoke",
    b"app.oauth2.as.evaluate",
    b"app.oauth2.as.key.",
    b"app.oauth2.as.token.grant",
    b"app.oauth2.as.token.revoke",
    b"app.oauth2.authorize",
    b"app.oauth2.client.lifecycle.",
    b"app.oauth2.client_id_rate_limit_warning",
    b"app.oauth2.consent.revoke",
    b"app.oauth2.credentials.lifecycle.activate",
    b"app.oauth2.credentials.lifecycle.deactivate",
    b"app.oauth2.credentials.lifecycle.delete",
    b"app.oauth2.signon",
    b"app.oauth2.token.grant",
    b"app.oauth2.token.revoke",
    b"app.office365.",
    b"app.realtimesync.",
    b"app.rich_client.",
    b"app.user_management",
    b"application.appuser.",
    b"application.cache.",
    b"application.configuration.",
    b"application.lifecycle.",
    b"application.provision.",
    b"application.registration_policy.",
    b"application.user_membership.",
    b"certification.",
    b"device.check.",
    b"device.lifecycle.",
    b"device.management.",
    b"device.platform.",
    b"device.signals.",
    b"device.user.remove",
    b"directory.",
    b"event_hook.",
    b"governance.",
    b"group.application_assignment.",
    b"group.lifecycle.",
    b"group.profile.",
    b"group.source.",
    b"group.user_membership.",
    b"iam.resourceset.create",
    b"iam.resourceset.update",
    b"iam.role.",
    b"import.",
    b"inline_hook.",
    b"master_application.",
    b"mim.",
    b"oauth2.",
    b"org.",
    b"pki.cert.",
    b"plugin.",
    b"rate_limit.",
    b"scheduled_action.",
    b"security.device.",
    b"security.request.blocked",
    b"security.trusted_origin.",
    b"security.voice.",
    b"self_service.",
    b"support.",
    b"system.agent.",
    b"system.brand.",
    b"system.custom_",
    b"system.customsms",
    b"system.directory.",
    b"system.email.",
    b"system.feature.",
    b"system.hook.",
    b"system.import.",
    b"system.iwa.",
    b"system.ldapi.",
    b"system.org.",
    b"system.push.",
    b"system.sms.",
    b"system.theme.",
    b"system.voice.",
    b"task.",
    b"transaction.",
    b"user.authentication.auth_via_",
    b"user.authentication.dsso_via_",
    b"user.credential.",
    b"user.import.",
    b"user.lifecycle.",
    b"user.registration.",
    b"workflow.",
    b"workflows.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_beginning_hides_a_type_that_is_read() {
        for event_type in [
            "user.authentication.auth_via_mfa",
            "user.lifecycle.create",
            "user.lifecycle.suspend",
            "system.push.send_factor_verify_push",
            "system.sms.send_factor_verify_message",
            "system.voice.send_mfa_challenge_call",
            "system.email.send_factor_verify_message",
            "system.email.password_reset.sent_message",
            "system.agent.ad.reset_user_password",
            "system.org.rate_limit.violation",
            "user.credential.enroll",
            "app.oauth2.credentials.lifecycle.create",
        ] {
            let meaning = meaning(event_type.as_bytes());
            assert!(meaning.is_some_and(|m| m != Meaning::Nothing), "{event_type}");
        }
    }

    #[test]
    fn the_beginnings_are_sorted_and_none_begins_with_another() {
        for pair in NOTHING_PREFIXES.windows(2) {
            assert!(pair[0] < pair[1] && !pair[1].starts_with(pair[0]), "{pair:?}");
        }
    }

    #[test]
    fn a_type_that_nobody_listed_is_unknown() {
        assert_eq!(meaning(b"user.telepathy.start"), None);
        assert_eq!(meaning(b"policy.evaluate_sign_on"), Some(Meaning::Nothing));
        assert_eq!(
            meaning(b"zone.update"),
            Some(Meaning::Account(EventKind::PolicyChanged, Factor::Unknown))
        );
    }
}
