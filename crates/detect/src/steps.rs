//! What to do next, in the words of the product where it must be done.

use pushback_model::{After, EventKind, PromptCounts, Source, Stage};

/// Where a product is administered: sessions, password, authenticators, and its log query.
struct Console {
    sessions: &'static str,
    password: &'static str,
    authenticators: &'static str,
    block: &'static str,
}

const fn console(source: Source) -> Console {
    match source {
        Source::Okta => Console {
            sessions: "Okta: Directory > People > the person > More actions > Clear user sessions, with \"also clear tokens\"",
            password: "Okta: More actions > Reset password (temporary password, hand it over in person or on a call that you placed)",
            authenticators: "Okta: More actions > Reset authenticators for those listed above; let the owner bind again in your presence",
            block: "Okta: Security > Networks, add the origins to a block list; require phishing-resistant factors in the sign-on policy",
        },
        Source::Entra | Source::M365 => Console {
            sessions: "Entra: Users > the person > Revoke sessions (Revoke-MgUserSignInSession)",
            password: "Entra: Users > the person > Reset password; confirm the user compromised in ID Protection",
            authenticators: "Entra: Users > the person > Authentication methods, remove those listed above, then Require re-register MFA",
            block: "Entra: Protection > Conditional Access, block the origins as a named location; require phishing-resistant strength",
        },
        Source::Duo => Console {
            sessions: "Duo: Users > the person > set the status to Disabled while you work; end the sessions in the applications behind Duo",
            password: "reset the password in the directory behind Duo (Duo itself holds none)",
            authenticators: "Duo: Users > the person > Phones and Security keys, remove those listed above",
            block: "Duo: Policies, turn on Verified Duo Push and risk-based factor selection; deny the origins under Authorized networks",
        },
        Source::PingId | Source::PingOne | Source::PingFederate => Console {
            sessions: "PingOne: Users > the person > Sessions, end all",
            password: "PingOne or the directory behind it: reset the password",
            authenticators: "PingID: Users > the person > Devices, unpair those listed above",
            block: "PingID: Policy, limit push notifications and require number matching; block the origins",
        },
        Source::GoogleWorkspace => Console {
            sessions: "Google Admin: Directory > Users > the person > Security > Sign-in cookies > Reset",
            password: "Google Admin: Reset password",
            authenticators: "Google Admin: Security > 2-Step Verification, remove those listed above and get new backup codes",
            block: "Google Admin: enforce security keys; revoke application access that the person does not know",
        },
        Source::OneLogin => Console {
            sessions: "OneLogin: Users > the person > More actions > Force logout",
            password: "OneLogin: More actions > Force password reset",
            authenticators: "OneLogin: Users > the person > Authentication, remove those listed above",
            block: "OneLogin: Policies, restrict addresses and require a phishing-resistant factor",
        },
        Source::Auth0 => Console {
            sessions: "Auth0: delete the user's sessions and refresh tokens (DELETE /api/v2/users/{id}/sessions and /refresh-tokens)",
            password: "Auth0: User Management > the person > Change password",
            authenticators: "Auth0: User Management > the person > Multi-factor, remove those listed above",
            block: "Auth0: Attack Protection, block the origins; turn on adaptive MFA and WebAuthn",
        },
        Source::Keycloak => Console {
            sessions: "Keycloak: Users > the person > Sessions > Sign out; set a not-before for the user",
            password: "Keycloak: Users > the person > Credentials > Reset password",
            authenticators: "Keycloak: Users > the person > Credentials, delete those listed above",
            block: "Keycloak: require WebAuthn in the browser flow; turn on brute-force detection",
        },
        Source::Aws => Console {
            sessions: "AWS: IAM Identity Center > Users > the person > delete active sessions; revoke role sessions in IAM",
            password: "AWS: reset the password",
            authenticators: "AWS: IAM Identity Center > Users > the person > MFA devices, remove those listed above",
            block: "AWS: deny the origins by condition in the permission sets",
        },
        Source::Windows => Console {
            sessions: "end the person's sessions on servers and remote access",
            password: "reset the password in Active Directory",
            authenticators: "check the authenticators in the product in front of Active Directory",
            block: "block the origins at the edge",
        },
        Source::Pushback => Console {
            sessions: "end the person's sessions at the relying parties that trust Pushback",
            password: "reset the password in the directory behind the relying party (Pushback holds none)",
            authenticators: "Pushback: invalidate those listed above; let the owner bind again after a reset by two people",
            block: "Pushback: require passkeys for this person until the incident is closed; block the origins at the edge",
        },
    }
}

/// The steps for an incident, most urgent first.
#[must_use]
pub fn next_steps(
    source: Source,
    stage: Stage,
    after: &[After],
    prompts: PromptCounts,
    is_content_read: bool,
) -> Vec<String> {
    let console = console(source);
    let mut steps: Vec<String> = Vec::new();
    let mut step = |text: &str| steps.push(text.to_owned());
    let has = |kinds: &[EventKind]| after.iter().any(|a| kinds.contains(&a.kind));
    match stage {
        Stage::Foothold | Stage::Approved => {
            step(if prompts.approved > 0 {
                "call the person back on a number you already have; ask what they approved, and whether someone phoned or wrote to them"
            } else {
                "call the person back on a number you already have; ask whether this was them, and whether someone phoned or wrote to them"
            });
            step(console.sessions);
            step(console.password);
        }
        Stage::Bombing | Stage::Exposed => {
            step(if prompts.sent > 0 {
                "ask the person, on a channel you start, whether these prompts were theirs"
            } else {
                "ask the person, on a channel you start, whether this was them"
            });
            step(console.password);
        }
    }
    if has(&[
        EventKind::FactorEnrolled,
        EventKind::DeviceRegistered,
        EventKind::FactorReset,
        EventKind::BypassGranted,
    ]) {
        step(console.authenticators);
    }
    if has(&[EventKind::FactorRemoved]) {
        step(
            "the owner's own authenticator was removed: bind it again only after checking who they are",
        );
    }
    if has(&[EventKind::MailboxRule]) {
        step("delete the mail rule and forwarding listed above; look for what it hid or sent away");
    }
    if has(&[EventKind::MailDeleted]) {
        step("restore the deleted security notices: they say what else was changed");
    }
    if has(&[EventKind::ConsentGranted]) {
        step("revoke the consent listed above and the application's tokens");
    }
    if has(&[EventKind::RoleAssigned, EventKind::AccountCreated]) {
        step(
            "take back the roles and disable the accounts listed above; treat those accounts as taken too",
        );
    }
    if has(&[EventKind::TokenCreated]) {
        step("delete the tokens and secrets listed above");
    }
    if has(&[EventKind::PolicyChanged]) {
        step("undo the policy change listed above: compare it with the last known good export");
    }
    if has(&[EventKind::RecoveryChanged, EventKind::PasswordChanged, EventKind::PasswordReset]) {
        step("set recovery mail and phone back to what the owner confirms");
    }
    if is_content_read {
        step(
            "look at the mail and files listed above: whose data they hold, and who must be told by when",
        );
    }
    if stage >= Stage::Approved {
        step(if prompts.approved > 0 {
            "search the other products for this person and these origins since the approval: mail, files, VPN, cloud"
        } else {
            "search the other products for this person and these origins since then: mail, files, VPN, cloud"
        });
    }
    if prompts.sent > 0 {
        step(console.block);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(prompts: PromptCounts) -> String {
        next_steps(Source::Okta, Stage::Foothold, &[], prompts, false).swap_remove(0)
    }

    #[test]
    fn nobody_is_asked_what_they_approved_where_nothing_was() {
        let approved = PromptCounts { sent: 3, approved: 1, unanswered: 2, ..Default::default() };
        assert!(first(approved).contains("ask what they approved"));
        let steps = next_steps(Source::Okta, Stage::Foothold, &[], PromptCounts::default(), false);
        assert!(steps.iter().all(|step| !step.contains("approv")), "{steps:?}");
    }
}
