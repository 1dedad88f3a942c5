//! The applications that may ask, and their secrets.

use askama::Template;
use axum::response::{Html, Response};
use pushback_app::NewRelyingParty;

use super::session::{Chrome, Done, Posted, Session};
use crate::authenticator::html;
use crate::problem::{Path, Problem};
use crate::texts::Texts;

const BACK: &str = "/admin/relying-parties";

struct PartyRow {
    id: String,
    name: String,
}

#[derive(Template)]
#[template(path = "admin/relying_parties.html")]
struct PartiesPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    chrome: Chrome<'p>,
    parties: Vec<PartyRow>,
    made: Option<NewRelyingParty>,
}

async fn list(session: &Session, made: Option<NewRelyingParty>) -> Result<Html<String>, Problem> {
    let parties = session.web.app().relying_parties().await?;
    let mut parties: Vec<PartyRow> =
        parties.into_iter().map(|party| PartyRow { id: party.id, name: party.name }).collect();
    parties.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let chrome = session.chrome("relying_parties");
    html(&PartiesPage { lang: "en", t: session.texts(), chrome, parties, made })
}

pub(super) async fn page(session: Session) -> Response {
    session.show(list(&session, None).await, BACK)
}

pub(super) async fn create(posted: Posted) -> Response {
    let session = &posted.session;
    match session.web.app().create_relying_party(session.operator(), posted.field("name")).await {
        Ok(made) => session.show(list(session, Some(made)).await, BACK),
        Err(error) => session.refuse(error, BACK),
    }
}

pub(super) async fn renew(Path(id): Path<String>, Posted { session, .. }: Posted) -> Response {
    match session.web.app().renew_relying_party(session.operator(), &id).await {
        Ok(made) => session.show(list(&session, Some(made)).await, BACK),
        Err(error) => session.refuse(error, BACK),
    }
}

pub(super) async fn delete(Path(id): Path<String>, Posted { session, .. }: Posted) -> Response {
    let done = session.web.app().delete_relying_party(session.operator(), &id).await;
    session.ended(done.map(|()| Done::PartyDeleted), BACK)
}
