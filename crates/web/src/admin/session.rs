//! Who administers, and what the pages behind the session share.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use pushback_app::{AppError, OperatorSession};
use pushback_verify::{OperatorId, OperatorProof, Reason};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::authenticator::html;
use crate::problem::{Problem, in_time, reason_name};
use crate::texts::Texts;
use crate::{Web, cookie};

/// The name of the session's cookie, before the prefix of encrypted connections.
pub(super) const COOKIE: &str = "pushback-admin";

/// What a form did; in the address that it leads to, and told there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Done {
    PartyDeleted,
    SubscriberAdded,
    AddressesSet,
    RoleSet,
    RoleAsked,
    Untied,
    Disputed,
    SettlementAsked,
    DisputeSettled,
    Suspended,
    Restored,
    IncidentClosed,
    ClockSetRight,
    ResetAsked,
    AllUntied,
    ResetCancelled,
}

impl Done {
    fn text(self, t: &Texts) -> &str {
        match self {
            Self::PartyDeleted => &t.done_party_deleted,
            Self::SubscriberAdded => &t.done_subscriber_added,
            Self::AddressesSet => &t.done_addresses_set,
            Self::RoleSet => &t.done_role_set,
            Self::RoleAsked => &t.done_role_asked,
            Self::Untied => &t.done_untied,
            Self::Disputed => &t.done_disputed,
            Self::SettlementAsked => &t.done_settlement_asked,
            Self::DisputeSettled => &t.done_dispute_settled,
            Self::Suspended => &t.done_suspended,
            Self::Restored => &t.done_restored,
            Self::IncidentClosed => &t.done_incident_closed,
            Self::ClockSetRight => &t.done_clock_set_right,
            Self::ResetAsked => &t.done_reset_asked,
            Self::AllUntied => &t.done_reset_done,
            Self::ResetCancelled => &t.done_reset_cancelled,
        }
    }

    fn name(self) -> String {
        let name = serde_json::to_value(self).unwrap_or_default();
        name.as_str().unwrap_or_default().to_owned()
    }
}

/// What the last form did, from the address. Only words of ours: a link can put no text on a page.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Said {
    done: Option<Done>,
    refused: Option<Reason>,
}

/// What the last form did, in words.
pub(super) struct Notice {
    pub text: String,
    pub is_error: bool,
}

/// What the frame of every page shows.
pub(super) struct Chrome<'s> {
    pub server_name: &'s str,
    pub administrator: &'s str,
    pub csrf: &'s str,
    pub active: &'static str,
    pub notice: Option<Notice>,
}

/// An administrator's session.
pub(crate) struct Session {
    pub(super) web: Web,
    pub(super) cookie: String,
    session: OperatorSession,
    said: Said,
}

impl FromRequestParts<Web> for Session {
    type Rejection = Response;

    // SECURITY: the only way to a page of administration. Guarded by
    // `every_page_and_every_form_needs_a_session`.
    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let cookie = cookie(&parts.headers, &web.cookie_name(COOKIE)).unwrap_or_default();
        let session = match web.app().operator_session(cookie).await {
            Ok(session) => session,
            Err(AppError::Unauthenticated) if parts.method == Method::GET => {
                return Err(Redirect::to("/admin/sign-in").into_response());
            }
            Err(error) => return Err(Problem::from(error).into_response()),
        };
        let said = Query::try_from_uri(&parts.uri).map(|Query(said)| said).unwrap_or_default();
        Ok(Self { web: web.clone(), cookie: cookie.to_owned(), session, said })
    }
}

impl Session {
    pub(super) fn proof(&self) -> OperatorProof {
        self.session.proof()
    }

    pub(super) const fn operator(&self) -> &OperatorId {
        &self.session.operator
    }

    pub(super) fn texts(&self) -> &Texts {
        self.web.texts()
    }

    /// The frame of a page. `active` is the page's entry in the navigation.
    pub(super) fn chrome(&self, active: &'static str) -> Chrome<'_> {
        let t = self.texts();
        let notice = match self.said {
            Said { refused: Some(reason), .. } => {
                let text = format!("{} {}", t.admin_refused, sentence(for_help_desk(t, reason)));
                Some(Notice { text, is_error: true })
            }
            Said { done: Some(done), .. } => {
                Some(Notice { text: done.text(t).to_owned(), is_error: false })
            }
            Said { done: None, refused: None } => None,
        };
        Chrome {
            server_name: self.web.app().name(),
            administrator: self.session.operator.as_str(),
            csrf: &self.session.csrf,
            active,
            notice,
        }
    }

    /// A page, or what went wrong, in words.
    pub(super) fn show(&self, page: Result<Html<String>, Problem>, back: &str) -> Response {
        page.map_or_else(|problem| self.failed(&problem, back), IntoResponse::into_response)
    }

    /// Leads back to a page after a form, which then tells what was done or why not.
    pub(super) fn ended(&self, done: Result<Done, AppError>, back: &str) -> Response {
        match done {
            Ok(done) => Redirect::to(&format!("{back}?done={}", done.name())).into_response(),
            Err(error) => self.refuse(error, back),
        }
    }

    /// Leads back to a page that tells why something was not done.
    pub(super) fn refuse(&self, error: AppError, back: &str) -> Response {
        match error {
            AppError::Refused(reason) => {
                Redirect::to(&format!("{back}?refused={}", reason_name(reason))).into_response()
            }
            error => self.failed(&error.into(), back),
        }
    }

    fn failed(&self, problem: &Problem, back: &str) -> Response {
        let page = FailedPage {
            lang: "en",
            t: self.texts(),
            chrome: self.chrome(""),
            text: sentence(problem.detail()),
            back,
        };
        (problem.status(), html(&page)).into_response()
    }
}

#[derive(Template)]
#[template(path = "admin/failed.html")]
struct FailedPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    chrome: Chrome<'p>,
    text: String,
    back: &'p str,
}

/// Why the rules say no. Three of their sentences send people to the help desk: the reader is there.
fn for_help_desk(t: &Texts, reason: Reason) -> &str {
    if reason == Reason::LastAuthenticator {
        &t.admin_refused_last
    } else if reason == Reason::IncidentOpen {
        &t.admin_refused_incident
    } else if reason == Reason::ClockAhead {
        &t.admin_refused_clock
    } else {
        reason.sentence()
    }
}

/// A message of an error as a sentence on a page.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

/// A form that an administrator sent from a page of ours.
pub(super) struct Posted {
    pub session: Session,
    fields: BTreeMap<String, String>,
}

impl FromRequest<Web> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let session = Session::from_request_parts(&mut parts, web).await?;
        let request = Request::from_parts(parts, body);
        let Form(fields) = in_time(Form::<BTreeMap<String, String>>::from_request(request, web))
            .await
            .map_err(IntoResponse::into_response)?
            .map_err(|error| Problem::new(error.status(), "invalid_request", error.body_text()))
            .map_err(IntoResponse::into_response)?;
        let posted = Self { session, fields };
        // SECURITY: a page elsewhere must not act through an administrator's browser, and how long
        // the comparison takes must not tell the token. Guarded by
        // `a_form_without_the_sessions_token_changes_nothing`.
        let given = posted.field("csrf").as_bytes();
        if !bool::from(given.ct_eq(posted.session.session.csrf.as_bytes())) {
            let detail = "this form is not from a page of this session; load the page again";
            let problem = Problem::new(StatusCode::FORBIDDEN, "form_not_ours", detail);
            return Err(posted.session.failed(&problem, "/admin"));
        }
        Ok(posted)
    }
}

impl Posted {
    /// What was typed into a field; empty if nothing.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}
