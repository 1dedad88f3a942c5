//! The demo: an invented company's sign-in page, a phone beside it, and a panel that attacks.
//!
//! The company is a relying party like any other and knows nothing but the native use cases; the
//! attacks are attempts like any other. What the panel shows is read from the audit trail.

mod attacks;
mod live;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use futures_util::stream::{self, Stream};
use pushback_app::{App, AppError, AttemptState, Invitation, NewAttempt, RelyingParty};
use pushback_verify::{Accepts, OperatorId, OperatorProof, Text};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::authenticator::html;
use crate::problem::Problem;
use crate::seen::Known;
use crate::texts::Texts;
use crate::{PhoneDoor, Web, cookie};
use live::Feed;
pub use live::{Judged, Judges};

/// The invented person, and the password that the attackers know too.
const LOGIN: &str = "alex@example.org";
const PASSWORD: &str = "correct horse";
/// The invented application.
const APPLICATION: &str = "Example payroll";
/// The cookie in which the company keeps what the service calls the browser.
const BROWSER: &str = "demo-browser";
/// The cookie in which the company keeps whose sign-in it is: the attempt that this browser began.
const ATTEMPT: &str = "demo-attempt";

/// What the demo's routes share.
#[derive(Clone)]
struct Demo {
    web: Web,
    party: RelyingParty,
    feed: Arc<Feed>,
    door: Option<PhoneDoor>,
}

impl Web {
    /// The routes of the demo, with everything invented that they need. `judge` is the detection
    /// engine over lines of the audit trail; through `door` a real phone can be bound.
    ///
    /// # Errors
    /// [`AppError`] if the invented company cannot be set up.
    pub async fn demo(
        &self,
        judge: Judges,
        door: Option<PhoneDoor>,
    ) -> Result<Router<Self>, AppError> {
        let app = self.app();
        let sam = OperatorId::parse("sam").map_err(|_| AppError::NotFound)?;
        let new = app.create_relying_party(&sam, APPLICATION).await?;
        let party = app.authenticate(&new.id, &new.secret).await?;
        let addresses = ["alex@example.com", "alex@example.net"].map(str::to_owned);
        app.set_addresses(operator("sam")?, LOGIN, &addresses).await?;
        let feed = Feed::start(app.clone(), judge);
        let demo = Demo { web: self.clone(), party, feed, door };
        Ok(Router::new()
            .route("/demo", get(page))
            .route("/demo/phone", post(phone))
            .route("/demo/own-phone", post(own_phone))
            .route("/demo/sign-in", get(form).post(sign_in))
            .route("/demo/back", get(back))
            .route("/demo/attacks", post(attack))
            .route("/demo/events", get(events))
            .with_state(demo))
    }
}

/// The help desk of the invented company; resets take two people.
fn operator(name: &str) -> Result<OperatorProof, AppError> {
    let id = OperatorId::parse(name).map_err(|_| AppError::NotFound)?;
    Ok(OperatorProof::passkey_session(id, Text::new(name)))
}

#[derive(Template)]
#[template(path = "demo/index.html")]
struct DemoPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    server_name: &'p str,
    login: &'p str,
    password: &'p str,
    application: &'p str,
    is_wrong: bool,
    host: String,
    has_door: bool,
}

async fn page(State(demo): State<Demo>) -> Result<Html<String>, Problem> {
    let origin = demo.web.app().origin();
    let port = origin.port().map_or_else(String::new, |port| format!(":{port}"));
    html(&DemoPage {
        lang: "en",
        t: demo.web.texts(),
        server_name: demo.web.app().name(),
        login: LOGIN,
        password: PASSWORD,
        application: APPLICATION,
        is_wrong: false,
        host: format!("{}{port}", origin.host_str().unwrap_or_default()),
        has_door: demo.door.is_some(),
    })
}

#[derive(Template)]
#[template(path = "demo/sign_in.html")]
struct DemoSignInPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    application: &'p str,
    login: &'p str,
    password: &'p str,
    is_wrong: bool,
}

fn sign_in_page(demo: &Demo, login: &str, is_wrong: bool) -> Result<Html<String>, Problem> {
    html(&DemoSignInPage {
        lang: "en",
        t: demo.web.texts(),
        application: APPLICATION,
        login,
        password: PASSWORD,
        is_wrong,
    })
}

async fn form(State(demo): State<Demo>) -> Result<Html<String>, Problem> {
    sign_in_page(&demo, LOGIN, false)
}

/// What binds the phone on the page. A page that is loaded anew has lost its key: the help
/// desk resets the account, which takes two people, and invites again.
async fn phone(State(demo): State<Demo>) -> Result<Json<Value>, Problem> {
    let invitation = invite(demo.web.app()).await?;
    Ok(Json(json!({ "binding": invitation.secret })))
}

/// A link and a picture of it for a real phone; the one on the page is unbound by it.
async fn own_phone(State(demo): State<Demo>) -> Result<Json<Value>, Problem> {
    let Some(door) = &demo.door else { return Err(Problem::not_found()) };
    let invitation = invite(demo.web.app()).await?;
    let link = invitation.link_at(&door.origin);
    let picture = pushback_edges::qr::svg(&link, &demo.web.texts().demo_own_picture);
    Ok(Json(json!({
        "link": link,
        "picture": picture.map_err(|error| AppError::Invalid(error.to_string()))?,
        "fingerprint": door.fingerprint,
    })))
}

async fn invite(app: &App) -> Result<Invitation, AppError> {
    match app.invite(operator("sam")?, LOGIN).await {
        Err(AppError::Refused(_)) => {
            start_over(app).await?;
            app.invite(operator("sam")?, LOGIN).await
        }
        invited => invited,
    }
}

async fn start_over(app: &App) -> Result<(), AppError> {
    if app.subscriber(LOGIN).await?.incident.is_some() {
        app.close_incident(operator("sam")?, LOGIN).await?;
    }
    if app.subscriber(LOGIN).await?.reset.is_none() {
        app.reset(operator("sam")?, LOGIN, None).await?;
    }
    if let Some((reset, _, _)) = app.subscriber(LOGIN).await?.reset {
        app.reset(operator("kim")?, LOGIN, Some(reset)).await?;
    }
    if app.subscriber(LOGIN).await?.suspended.is_some() {
        app.restore(operator("sam")?, LOGIN).await?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Login {
    login: String,
    password: String,
}

async fn sign_in(
    State(demo): State<Demo>,
    headers: HeaderMap,
    known: RequesterHere,
    Form(login): Form<Login>,
) -> Result<Response, Problem> {
    let is_right = login.login.trim().eq_ignore_ascii_case(LOGIN) && login.password == PASSWORD;
    if !is_right {
        return Ok(sign_in_page(&demo, &login.login, true)?.into_response());
    }
    let app = demo.web.app();
    let new = NewAttempt {
        subscriber: LOGIN.to_owned(),
        requester: known.0,
        browser: cookie(&headers, BROWSER).map(str::to_owned),
        accepts: Accepts::Any,
        return_url: Some(
            demo.web
                .app()
                .origin()
                .join("/demo/back")
                .map_or_else(|_| String::new(), |url| url.to_string()),
        ),
        idempotency_key: None,
    };
    let view = app.start_attempt(&demo.party, new).await?;
    let value = format!("{ATTEMPT}={}; Path=/demo; HttpOnly; SameSite=Lax", view.id);
    Ok((AppendHeaders([(header::SET_COOKIE, value)]), Redirect::to(&view.page_url)).into_response())
}

/// Who asks; the demo's routes have a state of their own.
struct RequesterHere(pushback_verify::Requester);

impl axum::extract::FromRequestParts<Demo> for RequesterHere {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        demo: &Demo,
    ) -> Result<Self, Self::Rejection> {
        let Known(requester) = Known::from_request_parts(parts, &demo.web).await?;
        Ok(Self(requester))
    }
}

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    attempt: String,
    #[serde(default)]
    completion: Option<String>,
}

#[derive(Template)]
#[template(path = "demo/signed_in.html")]
struct DemoSignedInPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    application: &'p str,
    is_signed_in: bool,
    facts: Vec<(String, String)>,
}

async fn back(
    State(demo): State<Demo>,
    headers: HeaderMap,
    Query(Back { attempt, completion }): Query<Back>,
) -> Result<Response, Problem> {
    let app = demo.web.app();
    // The browser that comes back must be the one that left.
    let is_own = cookie(&headers, ATTEMPT) == Some(&attempt);
    // An attempt of somebody else, or none, is no sign-in.
    let view = match completion {
        Some(completion) => app.completed_attempt(&demo.party, &attempt, &completion).await,
        None => app.attempt(&demo.party, &attempt, None, std::time::Duration::ZERO).await,
    };
    let verified = view.ok().filter(|view| is_own && view.state == AttemptState::Verified);
    let facts = verified.as_ref().and_then(|view| view.token.as_deref()).map(facts);
    let page = html(&DemoSignedInPage {
        lang: "en",
        t: demo.web.texts(),
        application: APPLICATION,
        is_signed_in: verified.is_some(),
        facts: facts.unwrap_or_default(),
    })?;
    let mut response = page.into_response();
    if let Some(browser) = verified.and_then(|view| view.browser) {
        let value = format!("{BROWSER}={browser}; Path=/demo; HttpOnly; SameSite=Lax");
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(header::SET_COOKIE, value);
        }
    }
    Ok(response)
}

/// The claims of a token that came from this very service.
fn facts(token: &str) -> Vec<(String, String)> {
    let payload = token.split('.').nth(1).and_then(pushback_app::from_base64url);
    let claims: Value =
        payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let shown = ["sub", "acr", "amr", "auth_time", "attempt"];
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    shown.iter().filter_map(|name| Some(((*name).to_owned(), text(claims.get(*name)?)))).collect()
}

#[derive(Deserialize)]
struct Attack {
    kind: attacks::Kind,
}

async fn attack(
    State(demo): State<Demo>,
    Json(Attack { kind }): Json<Attack>,
) -> Result<Json<Value>, Problem> {
    // Against somebody who has no phone nothing could be shown.
    let has_phone = match demo.web.app().subscriber(LOGIN).await {
        Ok(alex) => !alex.authenticators.is_empty(),
        Err(AppError::NotFound) => false,
        Err(error) => return Err(error.into()),
    };
    if !has_phone {
        let status = axum::http::StatusCode::CONFLICT;
        return Err(Problem::new(status, "no_phone", "bind the phone beside the computer first"));
    }
    if !demo.feed.may_start() {
        let status = axum::http::StatusCode::CONFLICT;
        return Err(Problem::new(status, "attack_running", "an attack is running already"));
    }
    tokio::spawn(attacks::run(demo, kind));
    Ok(Json(json!({})))
}

async fn events(
    State(demo): State<Demo>,
) -> Sse<impl Stream<Item = Result<Event, std::convert::Infallible>>> {
    let seen = stream::unfold((demo.feed, None), |(feed, after)| async move {
        let (lines, counts, next) = feed.next(after).await;
        let mut events: Vec<Result<Event, std::convert::Infallible>> = lines
            .iter()
            .map(|line| Ok(Event::default().event("line").data(line.to_string())))
            .collect();
        events.push(Ok(Event::default().event("counts").data(counts.to_string())));
        Some((stream::iter(events), (feed, Some(next))))
    });
    Sse::new(futures_util::StreamExt::flatten(seen)).keep_alive(KeepAlive::default())
}
