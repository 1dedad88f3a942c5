//! One subscriber: what is bound, what happened, and what an administrator can do.

use askama::Template;
use axum::response::{Html, Response};
use pushback_app::{AppError, AuthenticatorView};
use pushback_verify::{AuthenticatorKind, IncidentCause, Role};

use super::prompts::{self, PromptRow};
use super::session::{Chrome, Done, Posted, Session};
use super::subscribers::address;
use crate::authenticator::html;
use crate::problem::{Path, Problem};
use crate::texts::Texts;
use crate::time::for_people;

/// Audit entries that are looked at for the latest prompts; a sign-in has about three.
const ENTRIES: usize = 300;
/// Prompts that are shown.
const PROMPTS_MAX: usize = 50;

struct AuthenticatorRow {
    id: u64,
    name: String,
    kind: String,
    bound_at: String,
    new_until: Option<String>,
    last_used_at: Option<String>,
    is_disabled: bool,
    is_disputed: bool,
    settlement: Option<SettlementView>,
}

/// Somebody asked that what was disputed answers again, or that a role is lowered.
struct SettlementView {
    by: String,
    ready_at: String,
}

struct ResetView {
    id: u64,
    by: String,
    ready_at: String,
}

/// A binding code, on the page that answers the form, and never again.
struct InvitationView {
    code: String,
    link: String,
    until: String,
    /// An element of ours, without style and script; its only text is ours too.
    qr_svg: String,
}

/// A caller check, on the page that answers the form.
struct CallView {
    code: String,
    until: String,
}

/// What is shown once.
#[derive(Default)]
struct Once {
    invitation: Option<InvitationView>,
    call: Option<CallView>,
}

#[derive(Template)]
#[template(path = "admin/subscriber.html")]
struct SubscriberPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    chrome: Chrome<'p>,
    address: String,
    name: String,
    is_administrator: bool,
    /// Since when, and why.
    suspended: Option<(String, &'p str)>,
    has_incident: bool,
    /// Until when no phone is asked, if a clock had run ahead.
    clock_ahead: Option<String>,
    addresses: usize,
    authenticators: Vec<AuthenticatorRow>,
    reset: Option<ResetView>,
    role_change: Option<SettlementView>,
    once: Once,
    prompts: Vec<PromptRow>,
}

fn kind(t: &Texts, kind: AuthenticatorKind) -> &str {
    match kind {
        AuthenticatorKind::Phone => &t.kind_phone,
        AuthenticatorKind::Passkey => &t.kind_passkey,
        AuthenticatorKind::RecoveryCodes => &t.kind_recovery_codes,
        AuthenticatorKind::Totp => &t.kind_totp,
        AuthenticatorKind::Certificate => &t.kind_certificate,
    }
}

/// Why an incident was opened, in words.
pub(super) fn cause(t: &Texts, cause: IncidentCause) -> &str {
    match cause {
        IncidentCause::Reported => &t.cause_reported,
        IncidentCause::WrongCodes => &t.cause_wrong_codes,
        IncidentCause::FalseCaller => &t.cause_false_caller,
    }
}

async fn show(session: &Session, name: &str, once: Once) -> Result<Html<String>, Problem> {
    let app = session.web.app();
    let t = session.texts();
    let view = app.subscriber(name).await?;
    let entries = app.latest_audit_about(&view.name, ENTRIES).await?;
    let authenticators =
        view.authenticators.into_iter().map(|a: AuthenticatorView| AuthenticatorRow {
            id: a.id,
            name: a.label,
            kind: kind(t, a.kind).to_owned(),
            bound_at: for_people(a.bound_at),
            new_until: a.new_until.map(for_people),
            last_used_at: a.last_used_at.map(for_people),
            is_disabled: a.is_disabled,
            is_disputed: a.is_disputed,
            settlement: a
                .settlement
                .map(|(by, ready_at)| SettlementView { by, ready_at: for_people(ready_at) }),
        });
    html(&SubscriberPage {
        lang: "en",
        t,
        chrome: session.chrome("subscribers"),
        address: address(&view.name),
        is_administrator: view.role == Role::Administrator,
        suspended: view.suspended.map(|(at, why)| (for_people(at), cause(t, why))),
        has_incident: view.incident.is_some(),
        clock_ahead: view.clock_ahead.map(for_people),
        addresses: view.addresses,
        authenticators: authenticators.collect(),
        reset: view.reset.map(|(id, by, ready_at)| ResetView {
            id,
            by,
            ready_at: for_people(ready_at),
        }),
        role_change: view
            .role_change
            .map(|(by, ready_at)| SettlementView { by, ready_at: for_people(ready_at) }),
        once,
        prompts: prompts::rows(t, &entries, PROMPTS_MAX)?,
        name: view.name,
    })
}

async fn answer(session: &Session, name: &str, once: Once) -> Response {
    session.show(show(session, name, once).await, "/admin/subscribers")
}

pub(super) async fn page(Path(name): Path<String>, session: Session) -> Response {
    answer(&session, &name, Once::default()).await
}

pub(super) async fn invite(Path(name): Path<String>, Posted { session, .. }: Posted) -> Response {
    let made = match session.web.app().invite(session.proof(), &name).await {
        Ok(made) => made,
        Err(error) => return session.refuse(error, &address(&name)),
    };
    let title = &session.texts().subscriber_invite_title;
    let invitation = InvitationView {
        // Without the picture the code can still be typed.
        qr_svg: pushback_edges::qr::svg(&made.link, title).unwrap_or_default(),
        until: for_people(made.expires_at),
        code: made.code,
        link: made.link,
    };
    answer(&session, &name, Once { invitation: Some(invitation), call: None }).await
}

pub(super) async fn call(Path(name): Path<String>, Posted { session, .. }: Posted) -> Response {
    match session.web.app().start_call(session.proof(), &name).await {
        Ok(call) => {
            let call = CallView { code: call.code, until: for_people(call.expires_at) };
            answer(&session, &name, Once { invitation: None, call: Some(call) }).await
        }
        Err(error) => session.refuse(error, &address(&name)),
    }
}

/// Leads back to the subscriber's page, which tells what was done or why not.
fn ended(session: &Session, name: &str, result: Result<(), AppError>, done: Done) -> Response {
    session.ended(result.map(|()| done), &address(name))
}

pub(super) async fn untie(
    Path((name, serial)): Path<(String, u64)>,
    Posted { session, .. }: Posted,
) -> Response {
    let result = session.web.app().invalidate(session.proof(), &name, serial).await;
    ended(&session, &name, result, Done::Untied)
}

pub(super) async fn dispute(
    Path((name, serial)): Path<(String, u64)>,
    Posted { session, .. }: Posted,
) -> Response {
    let result = session.web.app().dispute_for_owner(session.proof(), &name, serial).await;
    ended(&session, &name, result, Done::Disputed)
}

pub(super) async fn settle(
    Path((name, serial)): Path<(String, u64)>,
    Posted { session, .. }: Posted,
) -> Response {
    let result = session.web.app().settle_dispute(session.proof(), &name, serial).await;
    let done = |waits: Option<_>| match waits {
        Some(_) => Done::SettlementAsked,
        None => Done::DisputeSettled,
    };
    session.ended(result.map(done), &address(&name))
}

pub(super) async fn set_addresses(Path(name): Path<String>, posted: Posted) -> Response {
    let addresses = [posted.field("first"), posted.field("second")].map(str::to_owned);
    let session = &posted.session;
    let result = session.web.app().set_addresses(session.proof(), &name, &addresses).await;
    ended(session, &name, result, Done::AddressesSet)
}

pub(super) async fn set_role(Path(name): Path<String>, posted: Posted) -> Response {
    let session = &posted.session;
    let role = match posted.field("role") {
        "administrator" => Role::Administrator,
        "member" => Role::Member,
        _ => {
            let unknown = AppError::Invalid("a role is member or administrator".to_owned());
            return session.refuse(unknown, &address(&name));
        }
    };
    let result = session.web.app().set_role(session.proof(), &name, role).await;
    let done = |waits: Option<_>| match waits {
        Some(_) => Done::RoleAsked,
        None => Done::RoleSet,
    };
    session.ended(result.map(done), &address(&name))
}

pub(super) async fn suspend(Path(name): Path<String>, Posted { session, .. }: Posted) -> Response {
    let result = session.web.app().suspend(session.proof(), &name).await;
    ended(&session, &name, result, Done::Suspended)
}

pub(super) async fn restore(Path(name): Path<String>, Posted { session, .. }: Posted) -> Response {
    let result = session.web.app().restore(session.proof(), &name).await;
    ended(&session, &name, result, Done::Restored)
}

pub(super) async fn close_incident(
    Path(name): Path<String>,
    Posted { session, .. }: Posted,
) -> Response {
    let result = session.web.app().close_incident(session.proof(), &name).await;
    ended(&session, &name, result, Done::IncidentClosed)
}

pub(super) async fn set_clock_right(
    Path(name): Path<String>,
    Posted { session, .. }: Posted,
) -> Response {
    let result = session.web.app().set_clock_right(session.proof(), &name).await;
    ended(&session, &name, result.map(drop), Done::ClockSetRight)
}

async fn advance_reset(session: &Session, name: &str, confirm: Option<u64>) -> Response {
    let result = session.web.app().reset(session.proof(), name, confirm).await;
    let done = result.map(|waits| if waits.is_some() { Done::ResetAsked } else { Done::AllUntied });
    session.ended(done, &address(name))
}

pub(super) async fn reset(Path(name): Path<String>, Posted { session, .. }: Posted) -> Response {
    advance_reset(&session, &name, None).await
}

pub(super) async fn confirm_reset(
    Path((name, reset)): Path<(String, u64)>,
    Posted { session, .. }: Posted,
) -> Response {
    advance_reset(&session, &name, Some(reset)).await
}

pub(super) async fn cancel_reset(
    Path((name, reset)): Path<(String, u64)>,
    Posted { session, .. }: Posted,
) -> Response {
    let result = session.web.app().cancel_reset(session.proof(), &name, reset).await;
    ended(&session, &name, result, Done::ResetCancelled)
}
