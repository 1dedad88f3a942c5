//! The native API for authenticators: every request is signed by the phone's own key.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, OriginalUri, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use pushback_app::{
    Answered, AuthenticatorView, HistoryItem, NewPhone, Phone, PhoneRequest, PromptView, Prompts,
    PublicKey, PushSubscription, SaidBy, SignedAnswer,
};
use pushback_verify::{IncidentCause, Notes, PromptEnd};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Web;
use crate::bind_more::picture;
use crate::problem::{Asked, Body, Path, Problem, reason_name};
use crate::relying_party::{STREAM_STEP, event, json_body};
use crate::seen::Known;

/// A phone that signed the request, and the body that it signed.
pub(crate) struct Signed(pub Phone, pub Bytes);

impl FromRequest<Web> for Signed {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(Known(from)) = Known::from_request_parts(&mut parts, web).await;
        let Ok(OriginalUri(uri)) = OriginalUri::from_request_parts(&mut parts, web).await;
        let (method, headers) = (parts.method.clone(), parts.headers.clone());
        let request = Request::from_parts(parts, body);
        let Body(body) =
            Body::from_request(request, web).await.map_err(IntoResponse::into_response)?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let signed = PhoneRequest {
            authorization: authorization(&headers),
            method: method.as_str(),
            path,
            body: &body,
            from: &from,
        };
        let phone = match web.app().phone(&signed).await {
            Ok(phone) => phone,
            Err(error) => return Err(Problem::from(error).into_response()),
        };
        if method != Method::GET {
            web.count_change(phone.id()).map_err(IntoResponse::into_response)?;
        }
        Ok(Self(phone, body))
    }
}

fn authorization(headers: &HeaderMap) -> &str {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bind {
    binding: String,
    #[serde(default)]
    subscriber: Option<String>,
    public_key: Value,
    name: String,
    proof: String,
    /// What kind of device it is, for statistics; nothing depends on it.
    #[serde(default)]
    #[expect(dead_code, reason = "taken, so that an app may say it")]
    platform: Option<String>,
}

pub(crate) async fn bind(
    State(web): State<Web>,
    Known(from): Known,
    Body(body): Body,
) -> Result<Response, Problem> {
    let bind: Bind = json_body(&body)?;
    let key = PublicKey::from_jwk(&bind.public_key)
        .map_err(|error| Problem::invalid(format!("public_key: {error}")))?;
    if !web.inner.wrong_codes.may_try(from.ip, web.app().now()) {
        let detail = "too many wrong codes came from this address; try again in a minute";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_codes", detail);
        return Err(problem.again_after_s(60));
    }
    let Bind { binding, subscriber, name, proof, .. } = bind;
    let new = NewPhone { code: binding, subscriber, key, proof, label: name };
    let bound = web.app().bind_phone(&new).await?;
    web.inner.wrong_codes.succeeded(from.ip, web.app().now());
    let notice = format!(
        "Notices of this went to the addresses on file. If it was not you, tell the help desk at once. {}",
        web.inner.help_desk
    );
    let body = json!({ "id": bound.id, "subscriber": bound.subscriber, "notice": notice.trim() });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

pub(crate) async fn me(
    State(web): State<Web>,
    Signed(phone, _): Signed,
) -> Result<Json<Value>, Problem> {
    let account = web.app().account(&phone).await?;
    let bound = web.app().authenticators(&phone).await?;
    let has_passkey = bound.iter().any(|a| {
        a.kind == pushback_verify::AuthenticatorKind::Passkey && !a.is_disabled && !a.is_disputed
    });
    let suspension = account.suspended.map(|(at, cause)| {
        json!({
            "since": at.to_string(),
            "reason": { "code": cause, "text": cause_text(cause) },
            "can_use_passkey": has_passkey,
            "help_desk": web.inner.help_desk,
        })
    });
    Ok(Json(json!({
        "subscriber": account.subscriber,
        "authenticator": phone.id(),
        "name": account.label,
        "server_name": web.app().name(),
        "is_suspended": suspension.is_some(),
        "suspension": suspension,
        "password_is_burned": account.password_is_burned,
        "has_passkey": has_passkey,
        "takes_certificates": web.inner.certificate_header.is_some(),
        "takes_totp": web.app().policy().account.takes_totp,
    })))
}

const fn cause_text(cause: IncidentCause) -> &'static str {
    match cause {
        IncidentCause::Reported => "You, or the help desk for you, reported an attack.",
        IncidentCause::WrongCodes => "Too many wrong codes were typed in a row.",
        IncidentCause::FalseCaller => "You said that a caller was not who they claimed to be.",
    }
}

fn prompt(view: &PromptView) -> Value {
    let lines: Vec<Value> =
        view.lines.iter().map(|line| json!({ "name": line.name, "value": line.value })).collect();
    json!({
        "id": view.id.to_string(),
        "attempt": view.attempt,
        "subscriber": view.subscriber,
        "relying_party": view.relying_party,
        "lines": lines,
        "created_at": view.asked_at.to_string(),
        "expires_at": view.expires_at.to_string(),
        "is_quiet": view.is_quiet,
        "entries_left": view.tries_left,
    })
}

/// A quiet prompt is not the open one for the page: it does not come up by itself.
fn listed(prompts: &Prompts) -> Value {
    let quiet: Vec<Value> = prompts.open.iter().filter(|p| p.is_quiet).map(prompt).collect();
    let open = prompts.open.as_ref().filter(|p| !p.is_quiet).map(prompt);
    json!({ "version": prompts.version, "open": open, "quiet": quiet })
}

pub(crate) async fn prompts(
    State(web): State<Web>,
    Signed(phone, _): Signed,
) -> Result<Json<Value>, Problem> {
    Ok(Json(listed(&web.app().prompts(&phone).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    context_digest: String,
    signature: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    notes: Vec<Note>,
}

/// What an owner adds to a report.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Note {
    SomeoneCalled,
    TypedPassword,
    GaveACode,
}

fn notes(notes: &[Note]) -> Notes {
    Notes {
        someone_called: notes.contains(&Note::SomeoneCalled),
        typed_password: notes.contains(&Note::TypedPassword),
        gave_a_code: notes.contains(&Note::GaveACode),
    }
}

async fn say(
    web: &Web,
    phone: &Phone,
    prompt: &str,
    answer: Answer,
    said: SaidBy,
) -> Result<Json<Value>, Problem> {
    let prompt = prompt.parse().map_err(|_| Problem::not_found())?;
    let Answer { context_digest, signature, .. } = answer;
    let signed = SignedAnswer { prompt, said, context_digest, signature };
    Ok(Json(match web.app().answer_prompt(phone, &signed).await? {
        Answered::Verified => json!({ "outcome": "verified" }),
        Answered::WrongCode { tries_left } => {
            json!({ "outcome": "wrong_code", "entries_left": tries_left })
        }
        Answered::Ended(end) => json!({ "outcome": ended(end) }),
        Answered::Reported => json!({ "outcome": "reported", "checklist": checklist() }),
        Answered::Refused(reason) => json!({
            "outcome": "refused", "code": reason_name(reason), "text": reason.sentence(),
        }),
    }))
}

const fn ended(end: PromptEnd) -> &'static str {
    match end {
        PromptEnd::Denied => "denied",
        PromptEnd::Expired | PromptEnd::ClockWentBack => "expired",
        PromptEnd::SteppedUp => "refused",
        PromptEnd::Approved
        | PromptEnd::Overtaken
        | PromptEnd::Reported
        | PromptEnd::Mismatched
        | PromptEnd::TakenOver
        | PromptEnd::Cancelled => "ended",
    }
}

/// What to do after a report. The words belong to the app's own help, which has the same steps.
fn checklist() -> Vec<Value> {
    [
        "Change your password on a device that you trust.",
        "Look at Account and forget every browser that you do not know.",
        "Look at your devices and passkeys and remove those you do not know.",
        "Tell your help desk what happened, also if you only typed a password somewhere.",
    ]
    .map(|text| json!({ "text": text, "done": false }))
    .to_vec()
}

pub(crate) async fn answer(
    State(web): State<Web>,
    Path(id): Path<String>,
    Signed(phone, body): Signed,
) -> Result<Json<Value>, Problem> {
    let answer: Answer = json_body(&body)?;
    let code = answer.code.clone().ok_or_else(|| Problem::invalid("code is missing"))?;
    say(&web, &phone, &id, answer, SaidBy::Confirm(code)).await
}

pub(crate) async fn deny(
    State(web): State<Web>,
    Path(id): Path<String>,
    Signed(phone, body): Signed,
) -> Result<Json<Value>, Problem> {
    say(&web, &phone, &id, json_body(&body)?, SaidBy::Deny).await
}

pub(crate) async fn report(
    State(web): State<Web>,
    Path(id): Path<String>,
    Signed(phone, body): Signed,
) -> Result<Json<Value>, Problem> {
    let answer: Answer = json_body(&body)?;
    let said = SaidBy::Report(notes(&answer.notes));
    say(&web, &phone, &id, answer, said).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    #[serde(default)]
    notes: Vec<Note>,
}

pub(crate) async fn report_outside(
    State(web): State<Web>,
    Signed(phone, body): Signed,
) -> Result<Json<Value>, Problem> {
    let Report { notes: said } = json_body(&body)?;
    web.app().report(&phone, notes(&said)).await?;
    Ok(Json(json!({ "outcome": "reported", "checklist": checklist() })))
}

/// An `EventSource` sends no headers of ours, so that a signed request fetches a ticket first.
pub(crate) async fn open_stream(
    State(web): State<Web>,
    Signed(phone, _): Signed,
) -> Result<Json<Value>, Problem> {
    web.app().open_app(&phone).await?;
    Ok(Json(json!({ "ticket": web.app().stream_ticket(&phone) })))
}

pub(crate) async fn stream(
    State(web): State<Web>,
    Known(from): Known,
    Path(ticket): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let phone = web.app().stream_phone(&ticket, from).await?;
    let place = web.streams().phones.open(phone.id())?;
    let first = web.app().prompts(&phone).await?;
    let start = (web, phone, Some(first), String::new());
    let seen = stream::unfold(start, move |(web, phone, first, version)| {
        let _held = &place;
        async move {
            let prompts = match first {
                Some(first) => first,
                None => loop {
                    let app = web.app();
                    // A phone that was untied hears nothing more.
                    app.account(&phone).await.ok()?;
                    let next = app.next_prompts(&phone, &version, STREAM_STEP).await.ok()?;
                    if next.version != version {
                        break next;
                    }
                },
            };
            let is_first = version.is_empty();
            let shown = event("prompts", &listed(&prompts));
            let account = (!is_first).then(|| event("account", &json!({})));
            let version = prompts.version;
            let events: Vec<Result<Event, Infallible>> =
                std::iter::once(shown).chain(account).map(Ok).collect();
            Some((stream::iter(events), (web, phone, None, version)))
        }
    });
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(futures_util::StreamExt::flatten(seen)).keep_alive(keep_alive))
}

#[derive(Deserialize)]
pub(crate) struct Cursor {
    #[serde(default)]
    cursor: Option<usize>,
}

pub(crate) async fn history(
    State(web): State<Web>,
    Asked(Cursor { cursor }): Asked<Cursor>,
    Signed(phone, _): Signed,
) -> Result<Json<Value>, Problem> {
    let (items, next) = web.app().history(&phone, cursor.unwrap_or(0)).await?;
    let items: Vec<Value> = items.iter().map(history_item).collect();
    Ok(Json(json!({ "items": items, "next": next.map(|next| next.to_string()) })))
}

fn history_item(item: &HistoryItem) -> Value {
    json!({
        "at": item.at.to_string(),
        "kind": item.kind,
        "outcome": item.outcome,
        "authenticator": item.authenticator,
        "application": item.app,
        "requester": item.requester,
    })
}

pub(crate) async fn authenticators(
    State(web): State<Web>,
    Signed(phone, _): Signed,
) -> Result<Json<Value>, Problem> {
    let bound = web.app().authenticators(&phone).await?;
    Ok(Json(bound.iter().map(authenticator).collect()))
}

fn authenticator(view: &AuthenticatorView) -> Value {
    json!({
        "id": view.id.to_string(),
        "name": view.label,
        "kind": view.kind,
        "bound_at": view.bound_at.to_string(),
        "new_until": view.new_until.map(|at| at.to_string()),
        "last_used_at": view.last_used_at.map(|at| at.to_string()),
        "is_disabled": view.is_disabled,
        "is_disputed": view.is_disputed,
        "is_this": view.is_this,
    })
}

/// The attempt in which the owner proved the right to make a change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Right {
    pub right: String,
}

#[derive(Deserialize)]
pub(crate) struct RightQuery {
    right: String,
}

pub(crate) fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

pub(crate) async fn invalidate(
    State(web): State<Web>,
    Path(id): Path<String>,
    Asked(RightQuery { right }): Asked<RightQuery>,
    Signed(phone, _): Signed,
) -> Result<StatusCode, Problem> {
    web.app().invalidate_own(&phone, &right, number(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn sessions(
    State(web): State<Web>,
    Signed(phone, _): Signed,
) -> Result<Json<Value>, Problem> {
    let sessions = web.app().sessions(&phone).await?;
    let view = |session: &pushback_app::SessionView| {
        json!({
            "id": session.id.to_string(),
            "browser": session.label,
            "first_at": session.first_at.to_string(),
            "last_at": session.last_at.to_string(),
        })
    };
    Ok(Json(sessions.iter().map(view).collect()))
}

pub(crate) async fn forget_session(
    State(web): State<Web>,
    Path(id): Path<String>,
    Asked(RightQuery { right }): Asked<RightQuery>,
    Signed(phone, _): Signed,
) -> Result<StatusCode, Problem> {
    web.app().forget_session(&phone, &right, number(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for the right to change authenticators. The code is on the page, never sent to the phone.
pub(crate) async fn manage(
    State(web): State<Web>,
    Signed(phone, _): Signed,
) -> Result<Json<Value>, Problem> {
    let attempt = web.app().manage(&phone).await?.attempt;
    Ok(Json(json!({
        "right": attempt.id,
        "state": attempt.state.name(),
        "page_url": attempt.page_url,
        "can_use_passkey": attempt.can_use_passkey,
    })))
}

pub(crate) async fn invite(
    State(web): State<Web>,
    Signed(phone, body): Signed,
) -> Result<Response, Problem> {
    let Right { right } = json_body(&body)?;
    let invitation = web.app().invite_own_phone(&phone, &right).await?;
    let body = json!({
        "code": invitation.code,
        "link": invitation.link,
        "qr": picture(&invitation.link),
        "expires_at": invitation.expires_at.to_string(),
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

pub(crate) async fn begin_passkey(
    State(web): State<Web>,
    Signed(phone, body): Signed,
) -> Result<Json<Value>, Problem> {
    let Right { right } = json_body(&body)?;
    let (ceremony, options) = web.app().begin_own_passkey(&phone, &right).await?;
    Ok(Json(json!({ "ceremony": ceremony, "options": options })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPasskey {
    ceremony: String,
    name: String,
    credential: Value,
}

pub(crate) async fn finish_passkey(
    State(web): State<Web>,
    Signed(phone, body): Signed,
) -> Result<Response, Problem> {
    let NewPasskey { ceremony, name, credential } = json_body(&body)?;
    let credential = serde_json::from_value(credential)
        .map_err(|error| Problem::invalid(format!("credential: {error}")))?;
    let id = web.app().finish_own_passkey(&phone, &ceremony, &credential, &name).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id.to_string() }))).into_response())
}

pub(crate) async fn recovery_codes(
    State(web): State<Web>,
    Signed(phone, body): Signed,
) -> Result<Response, Problem> {
    let Right { right } = json_body(&body)?;
    let codes = web.app().draw_recovery_codes(&phone, &right).await?;
    Ok((StatusCode::CREATED, Json(json!({ "codes": codes }))).into_response())
}

pub(crate) async fn lift(
    State(web): State<Web>,
    Signed(phone, body): Signed,
) -> Result<StatusCode, Problem> {
    let Right { right } = json_body(&body)?;
    web.app().restore_push(&phone, &right).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn calls(
    State(web): State<Web>,
    Signed(phone, _): Signed,
) -> Result<Json<Value>, Problem> {
    let call = web.app().call(&phone).await?;
    let calls: Vec<Value> = call
        .iter()
        .map(|call| {
            json!({
                "id": call.id.to_string(),
                "who": call.who,
                "code": call.code,
                "expires_at": call.expires_at.to_string(),
            })
        })
        .collect();
    Ok(Json(json!({ "calls": calls })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallAnswer {
    id: String,
    outcome: Same,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Same {
    Same,
    Different,
}

pub(crate) async fn answer_call(
    State(web): State<Web>,
    Signed(phone, body): Signed,
) -> Result<Json<Value>, Problem> {
    let CallAnswer { id, outcome } = json_body(&body)?;
    let is_them = matches!(outcome, Same::Same);
    let is_known = web.app().answer_call(&phone, number(&id)?, is_them).await?;
    Ok(Json(json!({ "is_known": is_known })))
}

pub(crate) async fn push_key(
    State(web): State<Web>,
    Signed(_, _): Signed,
) -> Result<Json<Value>, Problem> {
    match &web.inner.push_key {
        Some(key) => Ok(Json(json!({ "key": key }))),
        None => Err(Problem::not_found()),
    }
}

#[derive(Deserialize)]
struct Subscription {
    endpoint: String,
    keys: SubscriptionKeys,
}

#[derive(Deserialize)]
struct SubscriptionKeys {
    p256dh: String,
    auth: String,
}

pub(crate) async fn subscribe(
    State(web): State<Web>,
    Signed(phone, body): Signed,
) -> Result<StatusCode, Problem> {
    let Subscription { endpoint, keys: SubscriptionKeys { p256dh, auth } } = json_body(&body)?;
    let push = PushSubscription { endpoint, p256dh, auth };
    web.inner.describe.check_push(&push).map_err(Problem::invalid)?;
    web.app().set_push(&phone, Some(push)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn unsubscribe(
    State(web): State<Web>,
    Signed(phone, _): Signed,
) -> Result<StatusCode, Problem> {
    web.app().set_push(&phone, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
