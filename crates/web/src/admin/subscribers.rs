//! The people who are asked: the list, and how somebody gets into it.

use askama::Template;
use axum::extract::Query;
use axum::response::{Html, Response};
use pushback_app::AppError;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::session::{Chrome, Done, Posted, Session};
use crate::authenticator::html;
use crate::problem::Problem;
use crate::texts::Texts;
use crate::time::for_people;

/// Rows of one page.
const PAGE: usize = 50;
const BACK: &str = "/admin/subscribers";

/// Where a subscriber's own page is. Names hold nothing that a path would need to escape.
pub(super) fn address(name: &str) -> String {
    format!("{BACK}/{name}")
}

/// What the list is asked for.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    after: Option<String>,
}

struct SubscriberRow {
    address: String,
    name: String,
    authenticators: usize,
    has_passkey: bool,
    is_suspended: bool,
    seen_at: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/subscribers.html")]
struct SubscribersPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    chrome: Chrome<'p>,
    query: &'p str,
    subscribers: Vec<SubscriberRow>,
    next: Option<String>,
}

async fn list(session: &Session, asked: &Asked) -> Result<Html<String>, Problem> {
    let app = session.web.app();
    let after = asked.after.as_deref();
    let (rows, next) = app.subscribers_named(&asked.q, after, PAGE).await?;
    let rows = rows.into_iter().map(|row| SubscriberRow {
        address: address(&row.name),
        name: row.name,
        authenticators: row.authenticators,
        has_passkey: row.has_passkey,
        is_suspended: row.is_suspended,
        seen_at: row.seen_at.map(for_people),
    });
    let next = next.map(|after| {
        let mut query = Serializer::new(String::new());
        query.append_pair("q", &asked.q).append_pair("after", &after);
        format!("{BACK}?{}", query.finish())
    });
    html(&SubscribersPage {
        lang: "en",
        t: session.texts(),
        chrome: session.chrome("subscribers"),
        query: &asked.q,
        subscribers: rows.collect(),
        next,
    })
}

pub(super) async fn page(session: Session, Query(asked): Query<Asked>) -> Response {
    session.show(list(&session, &asked).await, BACK)
}

pub(super) async fn create(posted: Posted) -> Response {
    let session = &posted.session;
    let app = session.web.app();
    let name = posted.field("name").trim().to_ascii_lowercase();
    let addresses = [posted.field("first"), posted.field("second")].map(str::to_owned);
    match app.subscriber(&name).await {
        Err(AppError::NotFound) => {}
        // Their addresses are changed on their own page, where it shows whose they are.
        Ok(_) => {
            let known = AppError::Invalid("there is a subscriber of this name".to_owned());
            return session.refuse(known, &address(&name));
        }
        Err(error) => return session.refuse(error, BACK),
    }
    match app.set_addresses(session.proof(), &name, &addresses).await {
        Ok(()) => session.ended(Ok(Done::SubscriberAdded), &address(&name)),
        Err(error) => session.refuse(error, BACK),
    }
}
