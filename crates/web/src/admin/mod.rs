//! Administration: plain pages behind an administrator's passkey.
//!
//! Every page needs a session, every form brings back the session's token, and every answer of the
//! rules is told in words. Pages work without script, except where a passkey is made or used.

mod audit;
mod entrance;
mod incidents;
mod policy;
mod prompts;
mod relying_parties;
mod session;
mod subscriber;
mod subscribers;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::Web;

pub(crate) fn routes() -> Router<Web> {
    let entrance = Router::new()
        .route("/sign-in", get(entrance::page).post(entrance::finish))
        .route("/sign-in/options", post(entrance::begin))
        .route("/enrol", get(entrance::enrol_page).post(entrance::finish_enrol))
        .route("/enrol/options", post(entrance::begin_enrol))
        .route("/sign-out", post(entrance::sign_out));
    let pages = Router::new()
        .route("/relying-parties", get(relying_parties::page).post(relying_parties::create))
        .route("/relying-parties/{id}/secret", post(relying_parties::renew))
        .route("/relying-parties/{id}/delete", post(relying_parties::delete))
        .route("/subscribers", get(subscribers::page).post(subscribers::create))
        .route("/subscribers/{name}", get(subscriber::page))
        .route("/subscribers/{name}/authenticators/{serial}/invalidate", post(subscriber::untie))
        .route("/subscribers/{name}/authenticators/{serial}/dispute", post(subscriber::dispute))
        .route("/subscribers/{name}/authenticators/{serial}/settle", post(subscriber::settle))
        .route("/subscribers/{name}/invitations", post(subscriber::invite))
        .route("/subscribers/{name}/calls", post(subscriber::call))
        .route("/subscribers/{name}/addresses", post(subscriber::set_addresses))
        .route("/subscribers/{name}/role", post(subscriber::set_role))
        .route("/subscribers/{name}/suspend", post(subscriber::suspend))
        .route("/subscribers/{name}/restore", post(subscriber::restore))
        .route("/subscribers/{name}/incident/close", post(subscriber::close_incident))
        .route("/subscribers/{name}/clock", post(subscriber::set_clock_right))
        .route("/subscribers/{name}/resets", post(subscriber::reset))
        .route("/subscribers/{name}/resets/{reset}/confirm", post(subscriber::confirm_reset))
        .route("/subscribers/{name}/resets/{reset}/cancel", post(subscriber::cancel_reset))
        .route("/incidents", get(incidents::page))
        .route("/prompts", get(prompts::page))
        .route("/policy", get(policy::page))
        .route("/audit", get(audit::page))
        .route("/audit/download", get(audit::download));
    Router::new()
        .route("/admin", get(|_: session::Session| async { Redirect::to("/admin/subscribers") }))
        .nest("/admin", entrance.merge(pages))
}
