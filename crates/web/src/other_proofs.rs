//! What the hosted page takes besides a passkey, as plain forms: a code of another app, the
//! certificate of the computer. They work without script.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use pushback_app::{AppError, AttemptView, PageView};

use crate::Web;
use crate::authenticator::html;
use crate::certificate::Presented;
use crate::problem::{Body, Path, Problem};
use crate::texts::Texts;

/// A page of its own: the hosted page loads itself again, and would take away what is half typed.
#[derive(Template)]
#[template(path = "other_proof.html")]
struct OtherProofPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    server_name: &'p str,
    application: &'p str,
    base: String,
    takes_code: bool,
    failure: String,
}

impl Web {
    fn other_proof(
        &self,
        secret: &str,
        view: &PageView,
        takes_code: bool,
        failure: Option<&AppError>,
    ) -> Result<Response, Problem> {
        let status = if failure.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
        let page = html(&OtherProofPage {
            lang: "en",
            t: self.texts(),
            server_name: self.app().name(),
            application: &view.application,
            base: format!("/sign-in/{secret}"),
            takes_code,
            failure: failure.map(ToString::to_string).unwrap_or_default(),
        })?;
        Ok((status, page).into_response())
    }

    /// Back to the page when it went well or is over; else why it did not.
    async fn ended(
        &self,
        secret: &str,
        done: Result<AttemptView, AppError>,
        takes_code: impl Fn(&PageView) -> bool,
    ) -> Result<Response, Problem> {
        let error = match done {
            Ok(view) => return Ok(self.keep_completion(&view, back(secret))),
            Err(
                error @ (AppError::Refused(_) | AppError::Certificate(_) | AppError::Invalid(_)),
            ) => error,
            Err(error) => return Err(error.into()),
        };
        let view = self.app().page(secret, None, Duration::ZERO).await?;
        if !view.attempt.state.is_live() {
            return Ok(back(secret));
        }
        self.other_proof(secret, &view, takes_code(&view), Some(&error))
    }
}

fn back(secret: &str) -> Response {
    Redirect::to(&format!("/sign-in/{secret}")).into_response()
}

/// A field of a form; empty if it is not there.
pub(crate) fn field(body: &[u8], name: &str) -> String {
    let mut fields = url::form_urlencoded::parse(body);
    fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

pub(crate) async fn totp_page(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    let view = web.app().page(&secret, None, Duration::ZERO).await?;
    if !view.attempt.can_use_totp {
        return Ok(back(&secret));
    }
    web.other_proof(&secret, &view, true, None)
}

pub(crate) async fn totp(
    State(web): State<Web>,
    Path(secret): Path<String>,
    Body(body): Body,
) -> Result<Response, Problem> {
    let done = web.app().prove_totp(&secret, &field(&body, "code")).await;
    web.ended(&secret, done, |view| view.attempt.can_use_totp).await
}

pub(crate) async fn certificate(
    State(web): State<Web>,
    Path(secret): Path<String>,
    Presented(certificate): Presented,
    Body(body): Body,
) -> Result<Response, Problem> {
    let done = match certificate {
        Some(certificate) => {
            let button = field(&body, "button");
            web.app().prove_certificate(&secret, &certificate, &button).await
        }
        None => Err(AppError::Invalid("this request carries no client certificate".to_owned())),
    };
    web.ended(&secret, done, |_| false).await
}
