//! Errors as answers: problem details (RFC 9457).

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pushback_app::AppError;
use pushback_verify::Reason;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The type of an answer that is a problem (RFC 9457).
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// An error as it is answered. None of them says more than whoever asks may know.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: String,
    detail: String,
    again_after_s: Option<u32>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into(), again_after_s: None }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing")
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "who is asking is not proven")
    }

    /// The same, and when to ask again.
    pub(crate) fn again_after_s(self, seconds: u32) -> Self {
        Self { again_after_s: Some(seconds), ..self }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// The problem details.
    pub(crate) fn body(&self) -> Value {
        let Self { status, code, detail, .. } = self;
        json!({
            "type": format!("urn:pushback:problem:{code}"),
            "title": status.canonical_reason().unwrap_or("Problem"),
            "status": status.as_u16(),
            "code": code,
            "detail": detail,
        })
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

/// How long a body may take. It has 64 KiB at most, and few have more than four.
const BODY_WITHIN: Duration = Duration::from_secs(15);

/// A body of at most [`crate::BODY_MAX`] bytes.
pub(crate) struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let refused = |error: BytesRejection| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let detail = format!("a body has at most {} bytes", crate::BODY_MAX);
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
            }
            _ => Problem::invalid("the body could not be read to its end"),
        };
        in_time(Bytes::from_request(request, state)).await?.map(Self).map_err(refused)
    }
}

/// What reading a body gives.
///
/// # Errors
/// A problem with this status if it takes too long.
// SECURITY: half a body must not hold a connection for as long as its sender likes. Guarded by
// `a_body_that_does_not_end_is_not_waited_for`.
pub(crate) async fn in_time<T>(reading: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(BODY_WITHIN, reading).await.map_err(|_| {
        let detail = format!("a body arrives within {} seconds", BODY_WITHIN.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail)
    })
}

/// What the address names. Bytes that are no text, and numbers that are none, name nothing.
pub(crate) struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = axum::extract::Path::from_request_parts(parts, state).await;
        found.map(|axum::extract::Path(named)| Self(named)).map_err(|_| Problem::not_found())
    }
}

/// What the query says.
pub(crate) struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(asked)| Self(asked))
            .map_err(|error| Problem::invalid(format!("the query: {}", error.body_text())))
    }
}

/// The stable name of a reason.
pub(crate) fn reason_name(reason: Reason) -> String {
    let name = serde_json::to_value(reason).unwrap_or_default();
    name.as_str().unwrap_or("refused").to_owned()
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        let detail = error.to_string();
        match &error {
            AppError::Invalid(_) => Self::invalid(detail),
            AppError::KeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
            }
            AppError::Unauthenticated => Self::unauthenticated(),
            AppError::UnknownAuthenticator => {
                Self::new(StatusCode::UNAUTHORIZED, "authenticator_unknown", detail)
            }
            AppError::ClockWrong => Self::new(StatusCode::UNAUTHORIZED, "clock_wrong", detail),
            AppError::Passkey => Self::new(StatusCode::FORBIDDEN, "passkey_refused", detail),
            AppError::PasskeyModel(_) => {
                Self::new(StatusCode::FORBIDDEN, "passkey_model_refused", detail)
            }
            AppError::Certificate(_) => {
                Self::new(StatusCode::FORBIDDEN, "certificate_refused", detail)
            }
            AppError::Refused(reason) => {
                Self::new(StatusCode::FORBIDDEN, &reason_name(*reason), detail)
            }
            AppError::RefusedUntil { reason, .. } => {
                Self::new(StatusCode::FORBIDDEN, &reason_name(*reason), detail)
            }
            AppError::NotFound => Self::not_found(),
            AppError::ClockDoubted(_) => {
                let detail = "the clock of this node is in doubt; nothing was verified";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "clock_in_doubt", detail)
            }
            AppError::Busy | AppError::Contended => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "try again in a moment")
            }
            AppError::Store(_)
            | AppError::State(_)
            | AppError::Document { .. }
            | AppError::Write(_)
            | AppError::Policy(_)
            | AppError::Setup(_)
            | AppError::Token(_) => {
                // What failed is for the log: it may name what outsiders need not know.
                tracing::error!(error = pushback_app::whole(error), "a request failed");
                let detail = "the service cannot answer; nothing was verified";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.body();
        let Self { status, again_after_s, .. } = self;
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static(PROBLEM_JSON);
        headers.insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 15.5.2: it names how to prove it. Relying parties are told another scheme.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Pushback-Key"));
        }
        let is_for_a_moment = status == StatusCode::SERVICE_UNAVAILABLE;
        if let Some(seconds) = again_after_s.or(is_for_a_moment.then_some(1)) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_not_waited_for() {
        let half = stream::iter([Ok::<_, std::io::Error>("{")]).chain(stream::pending());
        let request = Request::new(axum::body::Body::from_stream(half));
        let reading = tokio::time::timeout(BODY_WITHIN * 2, Body::from_request(request, &()));
        let problem = reading.await.unwrap().err().unwrap();
        assert_eq!(problem.status(), StatusCode::REQUEST_TIMEOUT);
    }
}
