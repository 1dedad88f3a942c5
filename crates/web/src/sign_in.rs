//! The hosted sign-in page: the code, the state as it changes, the passkey, what to do when held.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use futures_util::stream::{self, Stream};
use pushback_app::{AttemptState, AttemptView, Browser, ClientCertificate, DecisionView, PageView};
use pushback_verify::Reason;
use serde_json::{Value, json};

use crate::authenticator::html;
use crate::certificate::Presented;
use crate::problem::{Asked, Body, Path, Problem};
use crate::relying_party::{STREAM_STEP, Step, Wait, event, json_body};
use crate::texts::Texts;
use crate::time::{for_people, seconds_until};
use crate::{Web, cookie};

/// What the page shows. A report shows as a refusal: a stranger need not know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignInState {
    Code,
    Quiet,
    /// There is a code, and another browser shows it.
    CodeElsewhere,
    PasskeyOnly,
    Wait,
    Refused,
    Denied,
    Expired,
    Cancelled,
    /// It counts for another browser, not for this one.
    Elsewhere,
    Verified,
}

/// The code in two halves, easier to read, and digit by digit, for screen readers.
struct CodeView {
    first: String,
    last: String,
    spoken: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    server_name: &'p str,
    application: &'p str,
    is_management: bool,
    base: String,
    version: &'p str,
    state: SignInState,
    code: Option<CodeView>,
    seconds_left: u32,
    seconds_whole: u32,
    wait_until: String,
    reasons: Vec<&'static str>,
    can_use_passkey: bool,
    can_use_totp: bool,
    certificate_button: String,
    can_recover: bool,
    is_live: bool,
    next_url: String,
    back_url: String,
}

fn state_of(view: &PageView) -> (SignInState, Option<Reason>) {
    match (view.attempt.state, &view.attempt.decision) {
        (AttemptState::Proven, _) => (SignInState::Elsewhere, None),
        (AttemptState::Verified, _) => (SignInState::Verified, None),
        (AttemptState::Denied | AttemptState::Reported, _) => (SignInState::Denied, None),
        (AttemptState::Expired, _) => (SignInState::Expired, None),
        (AttemptState::Cancelled, DecisionView::Refused(reason @ Reason::ApplicationRemoved)) => {
            (SignInState::Refused, Some(*reason))
        }
        (AttemptState::Cancelled, _) => (SignInState::Cancelled, None),
        (AttemptState::Pending, _) if view.is_elsewhere => (SignInState::CodeElsewhere, None),
        // No phone was kept silent: the one that asks is in a hand.
        (AttemptState::Pending, DecisionView::Prompt { quiet: Some(Reason::AskedByPhone), .. }) => {
            (SignInState::Code, None)
        }
        (AttemptState::Pending, DecisionView::Prompt { quiet: Some(reason), .. }) => {
            (SignInState::Quiet, Some(*reason))
        }
        (AttemptState::Pending, _) => (SignInState::Code, None),
        (AttemptState::Held, DecisionView::Wait { reason, .. }) => {
            (SignInState::Wait, Some(*reason))
        }
        // SECURITY: why is the relying party's to know: here it would tell strangers with a password
        // who administers and who has reported them. A prompt that is held had the right code in the
        // wrong circumstances. Guarded by `the_page_does_not_say_why_it_asks_for_a_passkey`.
        (AttemptState::Held, DecisionView::PasskeyOnly(_) | DecisionView::Prompt { .. }) => {
            (SignInState::PasskeyOnly, None)
        }
        (AttemptState::Held, DecisionView::Refused(reason)) => {
            (SignInState::Refused, Some(*reason))
        }
    }
}

/// The cookie that holds the completion of the attempt that this browser proved last.
const COMPLETION: &str = "pushback-completion";
/// How long the browser keeps it, in seconds: for the page to be loaded again.
const COMPLETION_LIFE_S: u32 = 300;
/// The cookie that names a browser to which pages belong. Other sites may lead to a page, so that it is not
/// strict: it shows what this browser was shown before.
const BROWSER: &str = "pushback-browser";
/// How long the browser keeps its name, in seconds: longer than any attempt is kept.
const BROWSER_LIFE_S: u32 = 2 * 24 * 3_600;

/// The return address with the attempt's id and the completion, if it takes one; only for web
/// addresses, which the use case has checked.
fn with_attempt(url: &str, attempt: &str, completion: Option<&str>) -> String {
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    let join = if url.contains('?') { '&' } else { '?' };
    let hash = if fragment.is_empty() { "" } else { "#" };
    let completion = completion.map(|text| format!("&completion={text}")).unwrap_or_default();
    format!("{url}{join}attempt={attempt}{completion}{hash}{fragment}")
}

impl Web {
    fn sign_in(
        &self,
        secret: &str,
        view: &PageView,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Html<String>, Problem> {
        let now = self.app().now();
        let (state, reason) = state_of(view);
        let whole = self.app().policy().prompt.life_seconds.max(1);
        let (mut code, mut left, mut wait_until) = (None, 0, String::new());
        let mut seconds_whole = whole;
        match &view.attempt.decision {
            DecisionView::Prompt { code: Some(digits), expires_at, .. } => {
                left = seconds_until(now, *expires_at);
                let (first, last) = digits.split_at(digits.len() / 2);
                let spoken: Vec<String> = digits.chars().map(String::from).collect();
                code = Some(CodeView {
                    first: first.to_owned(),
                    last: last.to_owned(),
                    spoken: spoken.join(", "),
                });
            }
            DecisionView::Wait { until, .. } => {
                left = seconds_until(now, *until);
                seconds_whole = left.max(1);
                wait_until = for_people(*until);
            }
            DecisionView::Prompt { .. }
            | DecisionView::PasskeyOnly(_)
            | DecisionView::Refused(_) => {}
        }
        if !matches!(state, SignInState::Code | SignInState::Quiet) {
            code = None;
        }
        let url = view.return_url.as_deref().unwrap_or_default();
        let is_over = matches!(
            state,
            SignInState::Wait
                | SignInState::Refused
                | SignInState::Denied
                | SignInState::Expired
                | SignInState::Cancelled
        );
        html(&SignInPage {
            lang: "en",
            t: self.texts(),
            server_name: self.app().name(),
            application: &view.application,
            is_management: view.is_management,
            base: format!("/sign-in/{secret}"),
            version: &view.attempt.version,
            state,
            code,
            seconds_left: left,
            seconds_whole,
            wait_until,
            reasons: reason.map(Reason::sentence).into_iter().collect(),
            // The app uses it itself: what is proven here would count for nobody.
            can_use_passkey: view.attempt.can_use_passkey
                && !view.is_management
                && state != SignInState::Refused,
            can_use_totp: view.attempt.can_use_totp,
            certificate_button: certificate
                .filter(|certificate| {
                    view.attempt.can_use_certificate && certificate.check(now).is_ok()
                })
                .map(|certificate| self.app().certificate_button(&view.attempt.id, certificate))
                .unwrap_or_default(),
            can_recover: self.leads_to_recovery(view),
            is_live: view.attempt.state.is_live(),
            next_url: if state == SignInState::Verified && !url.is_empty() {
                with_attempt(url, &view.attempt.id, view.attempt.completion.as_deref())
            } else {
                String::new()
            },
            back_url: if is_over { url.to_owned() } else { String::new() },
        })
    }
}

impl Web {
    fn keep_name(&self, view: &PageView, told: impl IntoResponse) -> Response {
        let Some(name) = &view.browser else { return told.into_response() };
        let cookie = self.cookie(BROWSER, name, "Lax", &format!("; Max-Age={BROWSER_LIFE_S}"));
        (AppendHeaders([(header::SET_COOKIE, cookie)]), told).into_response()
    }

    /// The answer to the browser that has just proven an attempt.
    pub(crate) fn keep_completion(&self, view: &AttemptView, told: impl IntoResponse) -> Response {
        let Some(completion) = &view.completion else { return told.into_response() };
        let more = format!("; Max-Age={COMPLETION_LIFE_S}");
        let cookie = self.strict_cookie(COMPLETION, completion, &more);
        (AppendHeaders([(header::SET_COOKIE, cookie)]), told).into_response()
    }
}

pub(crate) async fn page(
    State(web): State<Web>,
    Path(secret): Path<String>,
    method: Method,
    headers: HeaderMap,
    Presented(certificate): Presented,
) -> Result<Response, Problem> {
    let held = |name| cookie(&headers, &web.cookie_name(name)).map(str::to_owned);
    let browser = Browser {
        name: held(BROWSER),
        completion: held(COMPLETION),
        only_looks: method == Method::HEAD,
    };
    let view = web.app().open_page(&secret, &browser).await?;
    let shown = web.sign_in(&secret, &view, certificate.as_ref())?;
    Ok(web.keep_name(&view, shown))
}

/// The state as the page's script is told it.
// SECURITY: as on the page, a report is a refusal. Guarded by
// `a_report_suspends_prompts_and_says_what_to_do`.
const fn state_name(state: AttemptState) -> &'static str {
    match state {
        AttemptState::Reported => AttemptState::Denied.name(),
        other => other.name(),
    }
}

/// What the page's script needs to know: that something changed.
fn brief(view: &PageView) -> Value {
    json!({ "version": view.attempt.version, "state": state_name(view.attempt.state) })
}

pub(crate) async fn state(
    State(web): State<Web>,
    Path(secret): Path<String>,
    Asked(wait): Asked<Wait>,
) -> Result<Json<Value>, Problem> {
    let mut view = web.app().page(&secret, None, Duration::ZERO).await?;
    if !wait.time().is_zero() && wait.after.as_ref() == Some(&view.attempt.version) {
        let _place = web.streams().pages.open(&view.attempt.id)?;
        view = web.app().page(&secret, wait.after.as_deref(), wait.time()).await?;
    }
    Ok(Json(brief(&view)))
}

pub(crate) async fn events(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let first = web.app().page(&secret, None, Duration::ZERO).await?;
    let place = web.streams().pages.open(&first.attempt.id)?;
    let seen = stream::unfold(Step::Show(first), move |step| {
        let _held = &place;
        let (web, secret) = (web.clone(), secret.clone());
        async move {
            let view = match step {
                Step::Show(view) => view,
                Step::After(version) => loop {
                    let next = web.app().page(&secret, Some(&version), STREAM_STEP).await.ok()?;
                    if next.attempt.version != version {
                        break next;
                    }
                },
                Step::Over => return None,
            };
            let shown = event("state", &brief(&view));
            let is_live = view.attempt.state.is_live();
            let next = if is_live { Step::After(view.attempt.version) } else { Step::Over };
            Some((Ok(shown), next))
        }
    });
    Ok(Sse::new(seen).keep_alive(KeepAlive::default()))
}

pub(crate) async fn begin_passkey(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    Ok(Json(web.app().begin_passkey(&secret).await?).into_response())
}

pub(crate) async fn finish_passkey(
    State(web): State<Web>,
    Path(secret): Path<String>,
    Body(body): Body,
) -> Result<Response, Problem> {
    let credential = json_body(&body)?;
    let view = web.app().finish_passkey(&secret, &credential).await?;
    let mut told = json!({ "version": view.version, "state": state_name(view.state) });
    if let (Some(told), Some(completion)) = (told.as_object_mut(), &view.completion) {
        told.insert("completion".to_owned(), completion.as_str().into());
    }
    Ok(web.keep_completion(&view, Json(told)))
}

pub(crate) async fn cancel(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Redirect, Problem> {
    web.app().cancel_page(&secret).await?;
    Ok(Redirect::to(&format!("/sign-in/{secret}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attempt_is_added_to_the_return_address_whatever_it_holds() {
        for (url, expected) in [
            ("https://rp.example/back", "https://rp.example/back?attempt=a"),
            ("https://rp.example/back?x=1", "https://rp.example/back?x=1&attempt=a"),
            ("https://rp.example/back#top", "https://rp.example/back?attempt=a#top"),
        ] {
            assert_eq!(with_attempt(url, "a", None), expected);
        }
        let proven = with_attempt("https://rp.example/back#top", "a", Some("a.c"));
        assert_eq!(proven, "https://rp.example/back?attempt=a&completion=a.c#top");
    }
}
