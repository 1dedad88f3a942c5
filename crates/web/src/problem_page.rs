//! Whoever follows a link or sends a form gets a page when something fails, and not an answer for programs.

use askama::Template;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::Web;
use crate::problem::PROBLEM_JSON;
use crate::texts::Texts;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// There is nothing here, or no longer.
    Absent,
    /// Something that will be over by itself.
    ForNow,
    /// What was sent cannot be taken.
    Refused,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    server_name: &'p str,
    help_desk: &'p str,
    kind: Kind,
}

/// Whether a browser shows the answer to somebody: scripts of ours and programs do not ask for pages.
fn is_shown(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|kinds| kinds.contains("text/html"))
}

pub(crate) async fn for_people(State(web): State<Web>, request: Request, next: Next) -> Response {
    let is_shown = is_shown(request.headers());
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !is_shown || kind.is_none_or(|kind| kind != PROBLEM_JSON) {
        return response;
    }
    let kind = match response.status() {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Kind::Absent,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Kind::ForNow,
        status if status.is_server_error() => Kind::ForNow,
        _ => Kind::Refused,
    };
    let page = ProblemPage {
        lang: "en",
        t: web.texts(),
        server_name: web.app().name(),
        help_desk: &web.inner.help_desk,
        kind,
    };
    match page.render() {
        Ok(page) => {
            let (mut parts, _) = response.into_parts();
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            parts.headers.insert(header::CONTENT_TYPE, html);
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(page))
        }
        // As it was: better than nothing.
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            response
        }
    }
}
