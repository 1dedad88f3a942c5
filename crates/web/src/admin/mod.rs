//! Administration: plain pages behind an administrator's passkey.

use axum::Router;

use crate::Web;

pub(crate) fn routes() -> Router<Web> {
    Router::new()
}
