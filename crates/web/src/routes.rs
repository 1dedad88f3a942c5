//! What is served where: one line a route.
//!
//! A program's routes are stated in `docs/reference/openapi.json`; a test compares the two.

use axum::Router;
use axum::routing::{delete, get, post, put};

use crate::{
    Web, admin, assets, authenticator, bind_more, notices, other_proofs, phone, recovery,
    relying_party, sign_in, signals, system,
};

/// Methods with their paths.
type Listed = &'static [(&'static str, &'static str)];

/// A router and the list of what is in it, from the same lines: neither can have what the other lacks.
macro_rules! table {
    ($($method:ident $path:literal $handler:path;)+) => {
        (
            &[$((stringify!($method), $path)),+],
            Router::new()$(.route($path, $method($handler)))+,
        )
    };
}

/// All routes.
pub(crate) fn all() -> Router<Web> {
    [relying_parties(), phones(), sign_in_page(), pages(), app(), machines()]
        .into_iter()
        .fold(admin::routes(), |router, (_, more)| router.merge(more))
}

/// What a phone needs and nothing else.
// SECURITY: this is what `--lan` shows to a whole network under a certificate that nobody vouches for.
// Guarded by `the_door_for_phones_leads_to_the_app_alone`.
pub(crate) fn for_phones() -> Router<Web> {
    let home = Router::new().route("/", get(authenticator::home));
    [phones(), app()].into_iter().fold(home, |router, (_, more)| router.merge(more))
}

fn relying_parties() -> (Listed, Router<Web>) {
    table! {
        post "/v1/attempts" relying_party::start;
        get "/v1/attempts/{id}" relying_party::show;
        get "/v1/attempts/{id}/events" relying_party::events;
        post "/v1/attempts/{id}/cancel" relying_party::cancel;
        get "/v1/attempts/{id}/receipt" relying_party::receipt;
        get "/v1/signals" signals::list;
        post "/v1/passwords/check" relying_party::passwords;
        get "/.well-known/jwks.json" system::jwks;
    }
}

fn phones() -> (Listed, Router<Web>) {
    table! {
        get "/v1/time" system::time;
        post "/v1/authenticators" phone::bind;
        get "/v1/authenticators" phone::authenticators;
        delete "/v1/authenticators/{id}" phone::invalidate;
        post "/v1/authenticators/{id}/settle" bind_more::settle_dispute;
        get "/v1/me" phone::me;
        get "/v1/prompts" phone::prompts;
        post "/v1/prompts/{id}/answer" phone::answer;
        post "/v1/prompts/{id}/deny" phone::deny;
        post "/v1/prompts/{id}/report" phone::report;
        post "/v1/reports" phone::report_outside;
        post "/v1/streams" phone::open_stream;
        get "/v1/streams/{ticket}" phone::stream;
        get "/v1/history" phone::history;
        post "/v1/management" phone::manage;
        post "/v1/invitations" phone::invite;
        post "/v1/passkeys/options" phone::begin_passkey;
        post "/v1/passkeys" phone::finish_passkey;
        get "/v1/passkeys" bind_more::accepted_passkeys;
        post "/v1/totps/options" bind_more::begin_totp;
        post "/v1/totps" bind_more::finish_totp;
        post "/v1/certificates" bind_more::certificate;
        post "/v1/recovery-codes" phone::recovery_codes;
        get "/v1/sessions" phone::sessions;
        delete "/v1/sessions/{id}" phone::forget_session;
        post "/v1/suspension/lift" phone::lift;
        get "/v1/calls" phone::calls;
        post "/v1/calls/answer" phone::answer_call;
        get "/v1/push-key" phone::push_key;
        put "/v1/push-subscription" phone::subscribe;
        delete "/v1/push-subscription" phone::unsubscribe;
    }
}

/// What the script of the hosted page asks for.
fn sign_in_page() -> (Listed, Router<Web>) {
    table! {
        get "/sign-in/{secret}/state" sign_in::state;
        get "/sign-in/{secret}/events" sign_in::events;
        post "/sign-in/{secret}/passkey/options" sign_in::begin_passkey;
        post "/sign-in/{secret}/passkey" sign_in::finish_passkey;
    }
}

fn machines() -> (Listed, Router<Web>) {
    table! {
        get "/healthz" system::health;
        get "/readyz" system::ready;
        get "/metrics" system::metrics;
    }
}

/// What people look at; not part of the API.
fn pages() -> (Listed, Router<Web>) {
    table! {
        get "/" system::home;
        get "/sign-in/{secret}" sign_in::page;
        post "/sign-in/{secret}/cancel" sign_in::cancel;
        get "/sign-in/{secret}/totp" other_proofs::totp_page;
        post "/sign-in/{secret}/totp" other_proofs::totp;
        post "/sign-in/{secret}/certificate" other_proofs::certificate;
        get "/sign-in/{secret}/recovery" recovery::page;
        post "/sign-in/{secret}/recovery/mail" recovery::mail;
        get "/sign-in/{secret}/recovery/codes" recovery::codes_page;
        post "/sign-in/{secret}/recovery/codes" recovery::codes;
        get "/notices/{secret}" notices::page;
        post "/notices/{secret}" notices::dispute;
        get "/stop/{secret}" notices::stop_page;
        post "/stop/{secret}" notices::stop;
    }
}

/// The app of the phone, as files.
fn app() -> (Listed, Router<Web>) {
    table! {
        get "/app" authenticator::page;
        get "/app/manifest.webmanifest" assets::manifest;
        get "/app/worker.js" assets::worker;
        get "/assets/{*path}" assets::asset;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_openapi_file_states_every_route_and_no_other() {
        let file = include_str!("../../../docs/reference/openapi.json");
        let file: Value = serde_json::from_str(file).unwrap();
        let stated: BTreeSet<(&str, &str)> = file["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(move |method| (method.as_str(), path.as_str()))
            })
            .filter(|(method, _)| *method != "parameters")
            .collect();
        let served: BTreeSet<(&str, &str)> =
            [relying_parties(), phones(), sign_in_page(), machines()]
                .iter()
                .flat_map(|(listed, _)| listed.iter().copied())
                .collect();
        assert_eq!(stated, served);
    }
}
