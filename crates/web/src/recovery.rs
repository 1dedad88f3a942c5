//! "I don't have my phone": a code by mail, then that code and a saved one together. Plain pages, no
//! script.
//!
//! Everybody gets the very same pages until both codes are right: a stranger is not told who exists.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use pushback_app::{Invitation, NoticeAddress, PageView, Recovery};

use crate::Web;
use crate::authenticator::html;
use crate::other_proofs::field;
use crate::problem::{Body, Path, Problem};
use crate::texts::Texts;
use crate::time::for_people;

/// What binds the new phone.
struct NewPhone {
    code: String,
    link: String,
    until: String,
    qr_svg: String,
}

enum Step {
    /// To which address?
    Mail,
    /// Both codes, please.
    Codes { is_refused: bool },
    /// Both were right.
    Bind(NewPhone),
}

#[derive(Template)]
#[template(path = "recovery.html")]
struct RecoveryPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    server_name: &'p str,
    application: &'p str,
    base: String,
    help_desk: &'p str,
    step: Step,
}

impl Web {
    async fn recovery(&self, secret: &str, step: Step) -> Result<Response, Problem> {
        let view = self.app().page(secret, None, Duration::ZERO).await?;
        if !matches!(step, Step::Bind(_)) && !self.leads_to_recovery(&view) {
            return Ok(Redirect::to(&format!("/sign-in/{secret}")).into_response());
        }
        let status = match step {
            Step::Codes { is_refused: true } => StatusCode::FORBIDDEN,
            Step::Mail | Step::Codes { is_refused: false } | Step::Bind(_) => StatusCode::OK,
        };
        let page = html(&RecoveryPage {
            lang: "en",
            t: self.texts(),
            server_name: self.app().name(),
            application: &view.application,
            base: format!("/sign-in/{secret}"),
            help_desk: &self.inner.help_desk,
            step,
        })?;
        Ok((status, page).into_response())
    }

    /// Whether the hosted page has the link.
    pub(crate) fn leads_to_recovery(&self, view: &PageView) -> bool {
        view.can_recover(self.app().now())
    }

    fn new_phone(&self, invitation: Invitation) -> NewPhone {
        let title = &self.texts().recovery_bind_picture;
        NewPhone {
            // A link that is too long for a picture is still a link.
            qr_svg: pushback_edges::qr::svg(&invitation.link, title).unwrap_or_default(),
            code: invitation.code,
            link: invitation.link,
            until: for_people(invitation.expires_at),
        }
    }
}

pub(crate) async fn page(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    web.recovery(&secret, Step::Mail).await
}

pub(crate) async fn mail(
    State(web): State<Web>,
    Path(secret): Path<String>,
    Body(body): Body,
) -> Result<Redirect, Problem> {
    let which = match &*field(&body, "address") {
        "first" => NoticeAddress::First,
        "second" => NoticeAddress::Second,
        _ => return Err(Problem::invalid("address is first or second")),
    };
    web.app().mail_recovery_code(&secret, which).await?;
    Ok(Redirect::to(&format!("/sign-in/{secret}/recovery/codes")))
}

pub(crate) async fn codes_page(
    State(web): State<Web>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    web.recovery(&secret, Step::Codes { is_refused: false }).await
}

pub(crate) async fn codes(
    State(web): State<Web>,
    Path(secret): Path<String>,
    Body(body): Body,
) -> Result<Response, Problem> {
    let (mailed, saved) = (field(&body, "mailed"), field(&body, "saved"));
    let step = match web.app().recover(&secret, &mailed, &saved).await? {
        Recovery::Recovered(invitation) => Step::Bind(web.new_phone(invitation)),
        Recovery::Refused => Step::Codes { is_refused: true },
    };
    web.recovery(&secret, step).await
}
