//! What a phone binds beside itself and passkeys: another app's codes, a certificate. And what it lets
//! answer again after a dispute.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pushback_app::{AcceptedPasskeys, ClientCertificate};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Web;
use crate::phone::{Right, Signed, number};
use crate::problem::{Path, Problem};
use crate::relying_party::json_body;

/// A link as a picture for the app's page; `None` if it is too long for one.
pub(crate) fn picture(link: &str) -> Option<String> {
    pushback_edges::qr::svg(link, "QR code").ok()
}

pub(crate) async fn begin_totp(
    State(web): State<Web>,
    Signed(phone, body): Signed,
) -> Result<Json<Value>, Problem> {
    let Right { right } = json_body(&body)?;
    let new = web.app().begin_own_totp(&phone, &right).await?;
    Ok(Json(json!({
        "ceremony": new.ceremony,
        "secret": *new.secret,
        "uri": *new.uri,
        "qr": picture(&new.uri),
        "expires_at": new.expires_at.to_string(),
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstCode {
    ceremony: String,
    name: String,
    code: String,
}

pub(crate) async fn finish_totp(
    State(web): State<Web>,
    Signed(phone, body): Signed,
) -> Result<Response, Problem> {
    let FirstCode { ceremony, name, code } = json_body(&body)?;
    let id = web.app().finish_own_totp(&phone, &ceremony, &code, &name).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id.to_string() }))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCertificate {
    right: String,
    name: String,
    certificate: String,
}

pub(crate) async fn certificate(
    State(web): State<Web>,
    Signed(phone, body): Signed,
) -> Result<Response, Problem> {
    if web.inner.certificate_header.is_none() {
        // Nothing would ever hand one over.
        return Err(Problem::not_found());
    }
    let NewCertificate { right, name, certificate } = json_body(&body)?;
    let certificate = ClientCertificate::parse_text(&certificate)
        .map_err(|error| Problem::invalid(format!("certificate: {error}")))?;
    let id = web.app().bind_own_certificate(&phone, &right, &certificate, &name).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id.to_string() }))).into_response())
}

pub(crate) async fn settle_dispute(
    State(web): State<Web>,
    Path(id): Path<String>,
    Signed(phone, body): Signed,
) -> Result<StatusCode, Problem> {
    let Right { right } = json_body(&body)?;
    web.app().settle_own_dispute(&phone, &right, number(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a browser compares its own list of passkeys with.
pub(crate) fn accepted(passkeys: &AcceptedPasskeys) -> Value {
    json!({
        "rp_id": passkeys.rp_id,
        "user_id": passkeys.user_id,
        "credential_ids": passkeys.credential_ids,
    })
}

pub(crate) async fn accepted_passkeys(
    State(web): State<Web>,
    Signed(phone, _): Signed,
) -> Result<Json<Value>, Problem> {
    Ok(Json(accepted(&web.app().accepted_passkeys(&phone).await?)))
}
