//! Open incidents: what somebody has to look at.

use askama::Template;
use axum::response::{Html, Response};

use super::session::{Chrome, Session};
use super::subscriber::cause;
use super::subscribers::address;
use crate::authenticator::html;
use crate::problem::Problem;
use crate::texts::Texts;
use crate::time::for_people;

struct IncidentRow<'p> {
    address: String,
    subscriber: String,
    cause: &'p str,
    opened_at: String,
}

#[derive(Template)]
#[template(path = "admin/incidents.html")]
struct IncidentsPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    chrome: Chrome<'p>,
    incidents: Vec<IncidentRow<'p>>,
}

async fn list(session: &Session) -> Result<Html<String>, Problem> {
    let t = session.texts();
    let mut open = session.web.app().incidents().await?;
    open.sort_by_key(|incident| std::cmp::Reverse(incident.opened_at));
    let rows = open.into_iter().map(|incident| IncidentRow {
        address: address(&incident.subscriber),
        subscriber: incident.subscriber,
        cause: cause(t, incident.cause),
        opened_at: for_people(incident.opened_at),
    });
    let incidents = rows.collect();
    html(&IncidentsPage { lang: "en", t, chrome: session.chrome("incidents"), incidents })
}

pub(super) async fn page(session: Session) -> Response {
    session.show(list(&session).await, "/admin")
}
