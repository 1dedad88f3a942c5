//! The prompt service over HTTP: the native API for relying parties, the hosted sign-in page, the
//! authenticator app, and the pages of administrators.
//!
//! This crate translates: requests into calls of `pushback-app`, and what comes back into JSON, events
//! and pages. It decides nothing. A failure is never a success: whatever goes wrong, the answer is not
//! "verified".

mod admin;
mod assets;
mod authenticator;
mod bind_more;
mod certificate;
mod connections;
mod counts;
mod demo;
mod guesses;
mod headers;
mod notices;
mod other_proofs;
mod phone;
mod problem;
mod problem_page;
mod recovery;
mod relying_party;
mod routes;
mod seen;
mod sign_in;
mod signals;
mod streams;
mod system;
mod texts;
mod time;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware;
use pushback_app::App;

pub use certificate::certificate_header;
pub use connections::{Connected, Connections};
pub use demo::{Judged, Judges};
pub use seen::{Describe, Known, TrustedProxies};

/// The largest body that is read, in bytes: a passkey's answer has a few thousand.
const BODY_MAX: usize = 64 * 1_024;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

struct Inner {
    app: App,
    describe: Arc<dyn Describe>,
    proxies: TrustedProxies,
    certificate_header: Option<HeaderName>,
    passwords: Option<Arc<dyn PasswordRanges>>,
    push_key: Option<String>,
    help_desk: String,
    texts: texts::Texts,
    /// Binding codes that were wrong.
    wrong_codes: guesses::Guesses,
    /// Sign-ins of administrators that began and did not end.
    sign_ins: guesses::Guesses,
    /// Changes that phones asked for.
    changes: guesses::Guesses,
    is_proxy_unnamed: seen::Once,
    connections: Connections,
    counts: counts::Counts,
    streams: streams::Streams,
}

/// Where ranges of burned passwords come from.
pub trait PasswordRanges: Send + Sync {
    /// The lines of a range: 35 digits, a colon, how often. An error is never "not exposed".
    fn range<'r>(
        &'r self,
        prefix: &'r str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'r>>;
}

/// Where phones of the local network find the app; see [`Web::phone_router`].
#[derive(Clone, Debug)]
pub struct PhoneDoor {
    /// The address.
    pub origin: url::Url,
    /// SHA-256 of its certificate, as browsers show it: pairs of hexadecimal digits and colons.
    pub fingerprint: String,
}

/// What a [`Web`] is made of, besides the use cases.
pub struct Settings {
    /// Says where an address is and what browser a text names.
    pub describe: Arc<dyn Describe>,
    /// Whose word about the client's address counts.
    pub proxies: TrustedProxies,
    /// The header in which those proxies hand over the client certificate that they have checked;
    /// without, none counts. See [`certificate_header`].
    pub certificate_header: Option<HeaderName>,
    /// Ranges of burned passwords; without, the question is answered with an error.
    pub passwords: Option<Arc<dyn PasswordRanges>>,
    /// The public key under which phones subscribe to wake-ups, base64url; without, they are not
    /// offered.
    pub push_key: Option<String>,
    /// How people reach the help desk, in their words.
    pub help_desk: String,
    /// How many connections there may be in this process; see [`Web::connections`].
    pub connections_max: usize,
}

impl Web {
    /// The service over these use cases.
    ///
    /// # Errors
    /// If the texts in the binary do not fit its pages; a test keeps that from happening.
    pub fn new(app: App, settings: Settings) -> Result<Self, String> {
        let texts = texts::Texts::english().map_err(|error| error.to_string())?;
        let Settings {
            describe,
            proxies,
            certificate_header,
            passwords,
            push_key,
            help_desk,
            connections_max,
        } = settings;
        let connections = Connections::new(connections_max, proxies.clone());
        let inner = Inner {
            app,
            describe,
            proxies,
            certificate_header,
            passwords,
            push_key,
            help_desk,
            texts,
            wrong_codes: guesses::Guesses::at_codes(),
            sign_ins: guesses::Guesses::of_beginnings(),
            changes: guesses::Guesses::of_changes(),
            is_proxy_unnamed: seen::Once::default(),
            connections,
            counts: counts::Counts::default(),
            streams: streams::Streams::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub(crate) fn app(&self) -> &App {
        &self.inner.app
    }

    pub(crate) fn texts(&self) -> &texts::Texts {
        &self.inner.texts
    }

    pub(crate) fn streams(&self) -> &streams::Streams {
        &self.inner.streams
    }

    /// Where whoever accepts connections asks for a place for each.
    pub fn connections(&self) -> &Connections {
        &self.inner.connections
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.app().origin().scheme() == "https"
    }

    /// A cookie's name: with the prefix that browsers guard where the connection is encrypted.
    pub(crate) fn cookie_name(&self, name: &str) -> String {
        if self.is_secure() { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// A cookie that no script reads, no other site sends, and no plain connection carries where there is
    /// an encrypted one.
    // SECURITY: it holds a session or a completion. Guarded by `the_sessions_cookie_is_strict`.
    pub(crate) fn strict_cookie(&self, name: &str, value: &str, more: &str) -> String {
        self.cookie(name, value, "Strict", more)
    }

    fn cookie(&self, name: &str, value: &str, same_site: &str, more: &str) -> String {
        let name = self.cookie_name(name);
        let secure = if self.is_secure() { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}{more}")
    }

    /// All routes.
    pub fn router(&self) -> Router {
        self.router_with(Router::new())
    }

    /// All routes, and some more.
    pub fn router_with(&self, more: Router<Self>) -> Router {
        self.finish(routes::all().merge(more))
    }

    /// What a phone needs and nothing else, for a door of its own.
    pub fn phone_router(&self) -> Router {
        self.finish(routes::for_phones())
    }

    /// What every route has: the strict headers, a bound on bodies, an answer for what is not there.
    fn finish(&self, router: Router<Self>) -> Router {
        router
            .fallback(system::not_found)
            .method_not_allowed_fallback(system::not_allowed)
            .layer(middleware::from_fn_with_state(self.clone(), problem_page::for_people))
            .layer(middleware::from_fn(system::count))
            .layer(middleware::from_fn_with_state(self.clone(), headers::strict))
            .layer(DefaultBodyLimit::max(BODY_MAX))
            .with_state(self.clone())
    }
}

/// The value of a cookie that came with a request.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}
