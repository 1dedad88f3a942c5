//! Changes that outlive a session, and records about nobody's sign-in.

use pushback_model::EventKind;
use serde_json::{Value, json};

use super::super::Scribe;
use super::line::{Line, emit, user};
use crate::act::{By, Origin, SECOND};
use crate::rng::mix;

pub(super) fn change(
    s: &mut Scribe<'_>,
    kind: EventKind,
    by: By,
    from: Origin,
    session: u64,
    detail: u8,
) {
    use EventKind as K;
    let act = *s.act;
    let person = s.person(act.who);
    let actor = match by {
        By::Subscriber => person,
        By::Admin(admin) => s.person(admin),
    };
    let device = json!({"id": s.key("guo", 9, 17), "type": "Device", "alternateId": "unknown", "displayName": "Phone", "detailEntry": null});
    let (event, text, legacy, reason, target): (&str, &str, &str, Option<&str>, Vec<Value>) =
        match kind {
            K::FactorEnrolled if detail % 3 == 2 => (
                "user.mfa.factor.activate",
                "Activate factor or authenticator enrollment for user",
                "core.user.factor.activate",
                Some("User set up SMS_FACTOR factor"),
                vec![user(person)],
            ),
            K::FactorEnrolled => (
                "user.mfa.factor.activate",
                "Activate factor or authenticator enrollment for user",
                "core.user.factor.activate",
                Some("User set up OKTA_VERIFY_PUSH factor"),
                vec![user(person)],
            ),
            K::FactorRemoved => (
                "user.mfa.factor.deactivate",
                "Reset factor for user",
                "core.user.factor.reset",
                Some("User reset OKTA_VERIFY_PUSH factor"),
                vec![user(person)],
            ),
            K::FactorReset => (
                "user.mfa.factor.reset_all",
                "Reset all factors for user",
                "core.user.factor.reset_all",
                None,
                vec![user(person)],
            ),
            K::DeviceRegistered => (
                "device.enrollment.create",
                "Create device enrollment",
                "",
                None,
                vec![device, user(person)],
            ),
            K::PasswordChanged => (
                "user.account.update_password",
                "User update password for Okta",
                "core.user.config.password_update.success",
                None,
                vec![user(person)],
            ),
            K::PasswordReset => (
                "user.account.reset_password",
                "User reset password for Okta",
                "core.user.config.user_status.password_reset",
                None,
                vec![user(person)],
            ),
            K::RecoveryChanged => (
                "user.account.update_secondary_email",
                "Update user secondary email",
                "core.user.config.secondary_email_update",
                None,
                vec![user(person)],
            ),
            K::ConsentGranted => (
                "app.oauth2.as.consent.grant",
                "User granted consent to app",
                "",
                None,
                vec![
                    json!({"id": s.key("oac", 8, 17), "type": "PublicClientApp", "alternateId": "unknown", "displayName": "Mail Helper", "detailEntry": null}),
                    user(person),
                ],
            ),
            K::TokenCreated => (
                "system.api_token.create",
                "Create API token",
                "api.token.create",
                None,
                vec![
                    json!({"id": s.key("00T", 8, 17), "type": "Token", "alternateId": "unknown", "displayName": "sync", "detailEntry": null}),
                ],
            ),
            K::RoleAssigned => (
                "user.account.privilege.grant",
                "Grant user privilege",
                "core.user.admin_privilege.granted",
                None,
                vec![user(person)],
            ),
            K::PolicyChanged if detail % 2 == 1 => (
                "zone.update",
                "Update Network Zone",
                "network_zone.updated",
                None,
                vec![
                    json!({"id": s.key("nzo", 8, 17), "type": "NetworkZone", "alternateId": "unknown", "displayName": "Trusted offices", "detailEntry": null}),
                ],
            ),
            K::PolicyChanged => (
                "policy.rule.update",
                "Update policy rule",
                "",
                None,
                vec![
                    json!({"id": s.key("0pr", 8, 17), "type": "PolicyRule", "alternateId": "unknown", "displayName": "Catch-all Rule", "detailEntry": {"policyType": "Okta_Sign_On"}, "changeDetails": {"from": {"factorMode": "2FA"}, "to": {"factorMode": if detail >= 2 { "1FA" } else { "2FA" }}}}),
                ],
            ),
            K::SessionRevoked => (
                "user.session.clear",
                "Clear user session",
                "core.user.session.clear",
                None,
                vec![user(person)],
            ),
            K::Unlocked => (
                "user.account.unlock_by_admin",
                "Unlock user account by admin",
                "core.user.unlock_by_admin",
                None,
                vec![user(person)],
            ),
            _ => return,
        };
    let debug = if kind == K::RoleAssigned {
        vec![("privilegeGranted", json!("Organization administrator"))]
    } else {
        Vec::new()
    };
    let line = Line {
        event,
        text,
        legacy,
        reason,
        actor: user(actor),
        target,
        from: Some(from),
        session: Some(session),
        transaction: mix(&[act.no, session]),
        uri: "/api/v1/users/me/factors",
        debug,
        is_main: true,
        ..Line::default()
    };
    emit(s, act.at, 0, line);
    if kind == K::FactorEnrolled {
        let line = Line {
            event: "system.email.mfa_enroll_notification.sent_message",
            text: "Send MFA enroll notification email",
            actor: json!({"id": "00uspsystemprincipal", "type": "SystemPrincipal", "alternateId": "system@okta.com", "displayName": "Okta System", "detailEntry": null}),
            target: vec![user(person)],
            transaction: mix(&[act.no, session]),
            ..Line::default()
        };
        emit(s, act.at + 3 * SECOND, 1, line);
    }
}

pub(super) fn housekeeping(s: &mut Scribe<'_>, topic: u8) {
    let (event, text) = match topic {
        0 => ("group.user_membership.add", "Add user to group membership"),
        1 => ("application.user_membership.add", "Add user to application membership"),
        2 => ("app.oauth2.token.grant.access_token", "OAuth2 access token is granted"),
        3 => ("user.lifecycle.update", "Update Okta user"),
        4 => ("system.agent.ad.realtimesync", "Perform RealTimeSync by AD agent"),
        _ => ("directory.user_profile.update", "Update user profile"),
    };
    let line = Line {
        event,
        text,
        actor: json!({"id": "0oa1provisioning0001", "type": "PublicClientApp", "alternateId": "unknown", "displayName": "Provisioning", "detailEntry": null}),
        target: vec![
            json!({"id": s.key("00g", 3, 17), "type": "UserGroup", "alternateId": "unknown", "displayName": "Everyone", "detailEntry": null}),
        ],
        ..Line::default()
    };
    let at = s.act.at;
    emit(s, at, 0, line);
}
