//! The page of the authenticator app; everything else of it is in `assets/app/`.

use askama::Template;
use axum::extract::State;
use axum::response::{Html, Redirect};

use crate::Web;
use crate::problem::Problem;
use crate::texts::Texts;

#[derive(Template)]
#[template(path = "app.html")]
struct AppPage<'p> {
    lang: &'p str,
    t: &'p Texts,
}

pub(crate) async fn page(State(web): State<Web>) -> Result<Html<String>, Problem> {
    html(&AppPage { lang: "en", t: web.texts() })
}

/// Where the app is, behind a door that has nothing else.
pub(crate) async fn home() -> Redirect {
    Redirect::to("/app")
}

/// A page from its template.
pub(crate) fn html(page: &impl Template) -> Result<Html<String>, Problem> {
    page.render().map(Html).map_err(|error| {
        tracing::error!(%error, "a page could not be written");
        let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        Problem::new(status, "unavailable", "the page could not be written")
    })
}
