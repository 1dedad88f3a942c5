//! How administrators come in and go out: a passkey and nothing else.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::session::{COOKIE, Posted};
use crate::Web;
use crate::authenticator::html;
use crate::bind_more::accepted;
use crate::problem::{Body, Problem};
use crate::relying_party::json_body;
use crate::seen::Known;
use crate::texts::Texts;

#[derive(Template)]
#[template(path = "admin/sign_in.html")]
struct SignInPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    server_name: &'p str,
}

#[derive(Template)]
#[template(path = "admin/enrol.html")]
struct EnrolPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    server_name: &'p str,
}

pub(super) async fn page(State(web): State<Web>) -> Result<Html<String>, Problem> {
    html(&SignInPage { lang: "en", t: web.texts(), server_name: web.app().name() })
}

pub(super) async fn enrol_page(State(web): State<Web>) -> Result<Html<String>, Problem> {
    html(&EnrolPage { lang: "en", t: web.texts(), server_name: web.app().name() })
}

/// A body that only a script of ours can send: the content type keeps forms of other pages out.
// SECURITY: another page must not sign an administrator in as somebody else. Guarded by
// `a_sign_in_cannot_be_sent_by_a_form`.
fn from_script<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let detail = "the body is application/json here";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", detail));
    }
    json_body(body)
}

/// Begins a sign-in. Anybody can: each address only so often without ending it, as each is written down.
// SECURITY: these are counted apart from everything else that an address may do wrong, and many are free,
// or whoever is beside administrators would keep them out. Guarded by `wrong_codes_keep_no_administrator_out`.
pub(super) async fn begin(
    State(web): State<Web>,
    Known(from): Known,
) -> Result<Json<Value>, Problem> {
    if !web.inner.sign_ins.may_try(from.ip, web.app().now()) {
        let detail = "too many sign-ins began at this address; try again in a minute";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_sign_ins", detail);
        return Err(problem.again_after_s(60));
    }
    let (ceremony, options) = web.app().begin_operator_sign_in().await?;
    Ok(Json(json!({ "ceremony": ceremony, "options": options })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    ceremony: String,
    credential: Value,
}

fn credential<T: DeserializeOwned>(credential: Value) -> Result<T, Problem> {
    serde_json::from_value(credential)
        .map_err(|error| Problem::invalid(format!("the credential: {error}")))
}

pub(super) async fn finish(
    State(web): State<Web>,
    Known(from): Known,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let sign_in: SignIn = from_script(&headers, &body)?;
    let credential = credential(sign_in.credential)?;
    let value = web.app().finish_operator_sign_in(&sign_in.ceremony, &credential).await?;
    web.inner.sign_ins.succeeded(from.ip, web.app().now());
    let session = web.app().operator_session(&value).await?;
    let passkeys = accepted(&web.app().accepted_passkeys_of_operator(&session).await?);
    let cookie = [(header::SET_COOKIE, web.strict_cookie(COOKIE, &value, ""))];
    let body = json!({ "next": "/admin", "passkeys": passkeys });
    Ok((AppendHeaders(cookie), Json(body)).into_response())
}

pub(super) async fn sign_out(posted: Posted) -> Result<Response, Problem> {
    let web = &posted.session.web;
    web.app().end_operator_session(&posted.session.cookie).await?;
    let cookie = [(header::SET_COOKIE, web.strict_cookie(COOKIE, "", "; Max-Age=0"))];
    Ok((AppendHeaders(cookie), Redirect::to("/admin/sign-in")).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invited {
    invitation: String,
}

pub(super) async fn begin_enrol(
    State(web): State<Web>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let Invited { invitation } = from_script(&headers, &body)?;
    Ok(Json(web.app().begin_operator(&invitation).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enrol {
    invitation: String,
    credential: Value,
}

pub(super) async fn finish_enrol(
    State(web): State<Web>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let enrol: Enrol = from_script(&headers, &body)?;
    let credential = credential(enrol.credential)?;
    web.app().finish_operator(&enrol.invitation, &credential).await?;
    Ok(Json(json!({ "next": "/admin/sign-in" })))
}
