//! What the actions of Duo's administrator and activity logs mean. Names: Duo Admin API, "Logs".

use pushback_model::{EventKind, Factor};
use serde_json::Value;

use crate::text::contains;

/// What an action means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It happened to the object of the action.
    OfObject(EventKind, Factor),
    /// It happened to whoever is logged as acting.
    OfActor(EventKind, Factor),
    /// Known, and of no meaning here.
    Nothing,
}

/// Beginnings shared by actions that say nothing about signing in.
const NOTHING_PREFIXES: &[&str] = &[
    "user_",
    "group_",
    "phone_",
    "integration_",
    "admin_",
    "hardtoken_",
    "u2ftoken_",
    "webauthn",
    "directory_",
    "adsync_",
    "azure_",
    "ad_",
    "openldap_",
    "ldap_",
    "bypass_",
    "policy_",
    "feature_",
    "log_export_",
    "deleted_",
    "credits_",
    "trusted_",
    "management_",
    "sso_",
    "saml_",
    "customer_",
    "certificate_",
    "edition_",
    "account_",
    "push_verify_",
    "passport_",
    "desktop_",
];

/// The meaning of an action, or nothing if the action is unknown.
pub(super) fn meaning(action: &str, description: &Value) -> Option<Meaning> {
    use EventKind as K;
    use Factor as F;
    use Meaning::{Nothing, OfActor, OfObject};

    let says = |key: &str, word: &str| {
        description.get(key).and_then(Value::as_str).is_some_and(|text| contains(text, word))
    };
    Some(match action {
        "admin_2fa_error"
            if says("error", "fraud")
                || description.as_str().is_some_and(|text| contains(text, "fraud")) =>
        {
            OfActor(K::PromptReported, F::Unknown)
        }
        "admin_2fa_error" => OfActor(K::FactorFailed, F::Unknown),
        "admin_login" => OfActor(K::SessionStarted, F::Unknown),
        "admin_login_error" => OfActor(K::SignInFailed, F::Unknown),
        "admin_lockout" => OfActor(K::LockedOut, F::Unknown),
        "user_lockout_cleared" => OfObject(K::Unlocked, F::Unknown),
        "bypass_create" | "bypass_view" => OfObject(K::BypassGranted, F::RecoveryCode),
        "user_update" if says("status", "bypass") => OfObject(K::BypassGranted, F::Unknown),
        "user_update" if says("status", "disabled") => OfObject(K::AccountDisabled, F::Unknown),
        "user_create" | "user_restore" => OfObject(K::AccountCreated, F::Unknown),
        "user_delete" | "user_pending_delete" | "admin_delete" => {
            OfObject(K::AccountDisabled, F::Unknown)
        }
        "phone_create" | "phone_associate" => OfObject(K::FactorEnrolled, F::Push),
        "hardtoken_create" | "hardtoken_associate" => OfObject(K::FactorEnrolled, F::Code),
        "u2ftoken_create" | "webauthncredential_create" => OfObject(K::FactorEnrolled, F::Passkey),
        "admin_activate_duo_push" => OfObject(K::FactorEnrolled, F::Push),
        "phone_update" => OfObject(K::FactorUpdated, F::Push),
        "hardtoken_update" | "hardtoken_resync" => OfObject(K::FactorUpdated, F::Code),
        "send_enroll_code" | "resend_enroll_codes" => OfObject(K::FactorUpdated, F::Unknown),
        "regen_sms" => OfObject(K::FactorUpdated, F::Sms),
        "phone_delete" | "phone_disassociate" => OfObject(K::FactorRemoved, F::Push),
        "hardtoken_delete" | "hardtoken_disassociate" => OfObject(K::FactorRemoved, F::Code),
        "u2ftoken_delete" | "webauthncredential_delete" => OfObject(K::FactorRemoved, F::Passkey),
        // With a fresh activation the next phone that opens the link is bound.
        "regen_mobile"
        | "activation_send_link"
        | "activation_create_link"
        | "admin_reactivates_duo_push" => OfObject(K::FactorReset, F::Push),
        // The help desk asks a caller's phone; nobody is signing in.
        "push_verify_approved" => OfObject(K::FactorVerified, F::Push),
        "push_verify_failed" => OfObject(K::FactorFailed, F::Push),
        "admin_create" => OfObject(K::RoleAssigned, F::Unknown),
        "admin_update" if description.get("role").is_some() => {
            OfObject(K::RoleAssigned, F::Unknown)
        }
        "admin_reset_password" | "admin_send_reset_password_email" => {
            OfObject(K::PasswordReset, F::Password)
        }
        "policy_create"
        | "policy_update"
        | "policy_delete"
        | "integration_create"
        | "integration_update"
        | "integration_policy_assign"
        | "integration_policy_unassign"
        | "integration_group_policy_add"
        | "integration_group_policy_remove"
        | "update_admin_factor_restrictions"
        | "admin_factor_restrictions_update"
        | "customer_update" => OfActor(K::PolicyChanged, F::Unknown),
        "integration_skey_view" => OfActor(K::TokenCreated, F::Unknown),
        "revoke_session" | "deregister_devices" => OfObject(K::SessionRevoked, F::Unknown),
        _ if NOTHING_PREFIXES.iter().any(|prefix| action.starts_with(prefix)) => Nothing,
        _ => return None,
    })
}
