//! "This was not me": where the link in the notice of a binding leads. Plain pages, no script.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pushback_app::AppError;

use crate::Web;
use crate::authenticator::html;
use crate::problem::{Path, Problem};
use crate::texts::Texts;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Shall it be taken back?
    Ask,
    /// It is.
    Done,
    /// The link is too old, was used, or is about what is bound no longer. It is not said which.
    Over,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage<'p> {
    lang: &'p str,
    t: &'p Texts,
    server_name: &'p str,
    base: String,
    help_desk: &'p str,
    step: Step,
}

impl Web {
    fn notice(&self, secret: &str, step: Step) -> Result<Response, Problem> {
        let status = match step {
            Step::Ask | Step::Done => StatusCode::OK,
            Step::Over => StatusCode::FORBIDDEN,
        };
        let page = html(&NoticePage {
            lang: "en",
            t: self.texts(),
            server_name: self.app().name(),
            base: format!("/notices/{secret}"),
            help_desk: &self.inner.help_desk,
            step,
        })?;
        Ok((status, page).into_response())
    }
}

/// Asks. Whatever opens links by itself (a mailbox, a scanner) does nothing by it.
pub(crate) async fn page(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    let step = if web.app().is_dispute_open(&secret)? { Step::Ask } else { Step::Over };
    web.notice(&secret, step)
}

pub(crate) async fn dispute(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    match web.app().dispute(&secret).await {
        Ok(()) => web.notice(&secret, Step::Done),
        Err(AppError::Refused(_)) => web.notice(&secret, Step::Over),
        Err(error) => Err(error.into()),
    }
}
