//! The native API for relying parties.

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use futures_util::stream::{self, Stream};
use pushback_app::{AttemptState, AttemptView, DecisionView, NewAttempt, RelyingParty};
use pushback_verify::{Accepts, Reason};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Web;
use crate::problem::{Asked, Body, Path, Problem, reason_name};

/// The longest one request waits, in seconds.
pub(crate) const WAIT_MAX_S: u64 = 60;
/// How long one step of a stream waits before it looks anew.
pub(crate) const STREAM_STEP: Duration = Duration::from_secs(20);

/// A relying party that proved its secret (HTTP Basic).
pub(crate) struct Party(pub RelyingParty);

impl FromRequestParts<Web> for Party {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let found = async {
            let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
            let encoded = value.strip_prefix("Basic ")?;
            let plain = base64::prelude::BASE64_STANDARD.decode(encoded).ok()?;
            let plain = String::from_utf8(plain).ok()?;
            let (id, secret) = plain.split_once(':')?;
            Some(web.app().authenticate(id, secret).await)
        };
        match found.await {
            Some(Ok(party)) => Ok(Self(party)),
            Some(Err(error)) => Err(challenge(Problem::from(error))),
            None => Err(challenge(Problem::unauthenticated())),
        }
    }
}

fn challenge(problem: Problem) -> Response {
    let is_theirs = problem.status() == StatusCode::UNAUTHORIZED;
    let mut response = problem.into_response();
    if is_theirs {
        let value =
            axum::http::HeaderValue::from_static("Basic realm=\"pushback\", charset=\"UTF-8\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

/// Reads a JSON body; an error says what is wrong and where.
pub(crate) fn json_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::invalid(format!("the body: {error}")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    subscriber: String,
    #[serde(default)]
    context: Context,
    #[serde(default)]
    return_url: Option<String>,
    #[serde(default)]
    assurance: Option<Wanted>,
}

/// Who asks, as the relying party saw them.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    #[serde(default)]
    ip: Option<IpAddr>,
    #[serde(default)]
    user_agent: Option<String>,
    #[serde(default)]
    browser: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Aal2,
    PhishingResistant,
}

pub(crate) async fn start(
    State(web): State<Web>,
    Party(party): Party,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let start: Start = json_body(&body)?;
    let Context { ip, user_agent, browser } = start.context;
    let idempotency_key = match headers.get("idempotency-key") {
        Some(value) => Some(
            value
                .to_str()
                .map_err(|_| Problem::invalid("Idempotency-Key has ASCII characters only"))?
                .to_owned(),
        ),
        None => None,
    };
    let new = NewAttempt {
        subscriber: start.subscriber,
        requester: web.requester(ip, user_agent.as_deref()),
        browser,
        accepts: match start.assurance {
            None | Some(Wanted::Aal2) => Accepts::Any,
            Some(Wanted::PhishingResistant) => Accepts::PhishingResistant,
        },
        return_url: start.return_url,
        idempotency_key,
    };
    let view = web.app().start_attempt(&party, new).await?;
    let place = format!("/v1/attempts/{}", view.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(attempt(&view))).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Wait {
    #[serde(default)]
    pub after: Option<String>,
    #[serde(default)]
    pub wait: Option<u64>,
    #[serde(default)]
    pub completion: Option<String>,
}

impl Wait {
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.wait.unwrap_or(0).min(WAIT_MAX_S))
    }
}

pub(crate) async fn show(
    State(web): State<Web>,
    Party(party): Party,
    Path(id): Path<String>,
    Asked(wait): Asked<Wait>,
) -> Result<Json<Value>, Response> {
    looked_at(&web, &party, &id, &wait).await.map_err(challenge)
}

async fn looked_at(
    web: &Web,
    party: &RelyingParty,
    id: &str,
    wait: &Wait,
) -> Result<Json<Value>, Problem> {
    if let Some(completion) = &wait.completion {
        let view = web.app().completed_attempt(party, id, completion).await?;
        return Ok(Json(attempt(&view)));
    }
    let mut view = web.app().attempt(party, id, None, Duration::ZERO).await?;
    if !wait.time().is_zero() && wait.after.as_ref() == Some(&view.version) {
        let _place = web.streams().open_for(&party.id, &view.id)?;
        view = web.app().attempt(party, id, wait.after.as_deref(), wait.time()).await?;
    }
    Ok(Json(attempt(&view)))
}

pub(crate) async fn cancel(
    State(web): State<Web>,
    Party(party): Party,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(attempt(&web.app().cancel_attempt(&party, &id).await?)))
}

/// The attempt as server-sent events: one now, one at every change, until it is over. One that cannot go
/// on, as after the party's secret was renewed, ends with a problem.
pub(crate) async fn events(
    State(web): State<Web>,
    Party(party): Party,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let first = web.app().attempt(&party, &id, None, Duration::ZERO).await?;
    let place = web.streams().open_for(&party.id, &first.id)?;
    let seen = stream::unfold(Step::Show(first), move |step| {
        let _held = &place;
        let (web, party, id) = (web.clone(), party.clone(), id.clone());
        async move {
            let view = match step {
                Step::Show(view) => view,
                Step::After(version) => loop {
                    let app = web.app();
                    match app.attempt(&party, &id, Some(&version), STREAM_STEP).await {
                        Ok(next) if next.version != version => break next,
                        Ok(_) => {}
                        Err(error) => {
                            let problem = Problem::from(error).body();
                            return Some((Ok(event("problem", &problem)), Step::Over));
                        }
                    }
                },
                Step::Over => return None,
            };
            let event = event("attempt", &attempt(&view));
            let next = if view.state.is_live() { Step::After(view.version) } else { Step::Over };
            Some((Ok(event), next))
        }
    });
    Ok(Sse::new(seen).keep_alive(KeepAlive::default()))
}

/// Where a stream of events stands.
pub(crate) enum Step<T> {
    Show(T),
    After(String),
    Over,
}

pub(crate) fn event(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

/// An attempt as JSON.
pub(crate) fn attempt(view: &AttemptView) -> Value {
    let mut body = json!({
        "id": view.id,
        "version": view.version,
        "state": view.state.name(),
        "decision": decision(view),
        "can_use_passkey": view.can_use_passkey,
        "can_use_totp": view.can_use_totp,
        "page_url": view.page_url,
    });
    if let Some(object) = body.as_object_mut() {
        if let Some(token) = &view.token {
            object.insert("token".to_owned(), token.as_str().into());
        }
        if let Some(browser) = &view.browser {
            object.insert("browser".to_owned(), browser.as_str().into());
        }
    }
    body
}

fn decision(view: &AttemptView) -> Value {
    let because =
        |reason: Reason| json!([{ "code": reason_name(reason), "text": reason.sentence() }]);
    match &view.decision {
        DecisionView::Prompt { code, expires_at, quiet } => {
            let kind = if quiet.is_some() { "quiet" } else { "prompt" };
            let reasons = quiet.map_or_else(|| json!([]), because);
            let mut body = json!({
                "kind": kind, "expires_at": expires_at.to_string(), "reasons": reasons,
            });
            if let (Some(code), Some(object)) = (code, body.as_object_mut())
                && view.state == AttemptState::Pending
            {
                object.insert("code".to_owned(), code.as_str().into());
            }
            body
        }
        DecisionView::Wait { until, reason } => {
            json!({ "kind": "wait", "until": until.to_string(), "reasons": because(*reason) })
        }
        DecisionView::PasskeyOnly(reason) => {
            json!({ "kind": "passkey_only", "reasons": because(*reason) })
        }
        DecisionView::Refused(reason) => json!({ "kind": "refuse", "reasons": because(*reason) }),
    }
}

/// The audit entries of an attempt, each as a signed receipt that verifies offline.
pub(crate) async fn receipt(
    State(web): State<Web>,
    Party(party): Party,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let receipts = web.app().receipts(&party, &id).await?;
    Ok(Json(json!({ "attempt": id, "receipts": receipts })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prefix {
    prefix: String,
}

/// The lines of a range of burned passwords. Which password is meant stays with whoever asks.
pub(crate) async fn passwords(
    State(web): State<Web>,
    Party(_): Party,
    Body(body): Body,
) -> Result<Response, Problem> {
    let Prefix { prefix } = json_body(&body)?;
    if prefix.len() != 5 || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Problem::invalid("prefix is the first 5 hexadecimal digits of the SHA-1"));
    }
    let unavailable =
        |detail: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_password_list", detail);
    let Some(ranges) = &web.inner.passwords else {
        return Err(unavailable("no list of burned passwords is configured"));
    };
    match ranges.range(&prefix.to_ascii_uppercase()).await {
        Ok(lines) => {
            Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], lines).into_response())
        }
        Err(error) => {
            tracing::error!(error, "a range of burned passwords could not be read");
            Err(unavailable(
                "the list of burned passwords cannot be read; this is no \"not listed\"",
            ))
        }
    }
}
