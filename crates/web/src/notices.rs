//! "This was not me": where the links in notices lead. Plain pages, no script.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pushback_app::{AppError, Stops};

use crate::Web;
use crate::authenticator::html;
use crate::problem::{Path, Problem};
use crate::texts::Texts;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Shall it be stopped?
    Ask,
    /// It is.
    Done,
    /// The link is too old, was used, or is about what is over. It is not said which.
    Over,
}

/// What a page says.
struct Words<'p> {
    title: &'p str,
    text: &'p str,
    what: &'p str,
    button: &'p str,
    leave: &'p str,
    done_title: &'p str,
    done_text: &'p str,
}

impl<'p> Words<'p> {
    fn of_binding(t: &'p Texts) -> Self {
        Self {
            title: &t.notice_title,
            text: &t.notice_text,
            what: &t.notice_what,
            button: &t.notice_button,
            leave: &t.notice_leave,
            done_title: &t.notice_done_title,
            done_text: &t.notice_done_text,
        }
    }

    fn of_request(t: &'p Texts, stops: Stops) -> Self {
        let (text, what, done_text) = match stops {
            Stops::Reset => (&t.stop_reset_text, &t.stop_reset_what, &t.stop_reset_done_text),
            Stops::RoleChange => (&t.stop_role_text, &t.stop_role_what, &t.stop_role_done_text),
        };
        Self {
            title: &t.stop_title,
            text,
            what,
            button: &t.stop_button,
            leave: &t.stop_leave,
            done_title: &t.stop_done_title,
            done_text,
        }
    }
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage<'p> {
    lang: &'p str,
    t: &'p Texts,
    server_name: &'p str,
    base: String,
    help_desk: &'p str,
    words: Words<'p>,
    step: Step,
}

impl Web {
    fn notice(&self, base: String, words: Words<'_>, step: Step) -> Result<Response, Problem> {
        let status = match step {
            Step::Ask | Step::Done => StatusCode::OK,
            Step::Over => StatusCode::FORBIDDEN,
        };
        let page = html(&NoticePage {
            lang: "en",
            t: self.texts(),
            server_name: self.app().name(),
            base,
            help_desk: &self.inner.help_desk,
            words,
            step,
        })?;
        Ok((status, page).into_response())
    }

    fn of_binding(&self, secret: &str, step: Step) -> Result<Response, Problem> {
        self.notice(format!("/notices/{secret}"), Words::of_binding(self.texts()), step)
    }

    fn of_request(&self, secret: &str, stops: Stops, step: Step) -> Result<Response, Problem> {
        self.notice(format!("/stop/{secret}"), Words::of_request(self.texts(), stops), step)
    }
}

const fn asks(is_open: bool) -> Step {
    if is_open { Step::Ask } else { Step::Over }
}

/// What came of the button.
fn pressed(done: Result<(), AppError>) -> Result<Step, Problem> {
    match done {
        Ok(()) => Ok(Step::Done),
        Err(AppError::Refused(_)) => Ok(Step::Over),
        Err(error) => Err(error.into()),
    }
}

/// Asks. Whatever opens links by itself (a mailbox, a scanner) does nothing by it.
pub(crate) async fn page(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    let is_open = web.app().is_dispute_open(&secret)?;
    web.of_binding(&secret, asks(is_open))
}

pub(crate) async fn dispute(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    let step = pressed(web.app().dispute(&secret).await)?;
    web.of_binding(&secret, step)
}

/// The same for what waits for a second person.
pub(crate) async fn stop_page(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    let link = web.app().stop_link(&secret)?;
    web.of_request(&secret, link.stops, asks(link.is_open))
}

pub(crate) async fn stop(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    let link = web.app().stop_link(&secret)?;
    let step = pressed(web.app().stop(&secret).await)?;
    web.of_request(&secret, link.stops, step)
}
