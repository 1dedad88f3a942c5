//! What tables and headers say about whoever asks.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use pushback_app::PushSubscription;
use pushback_edges::passwords::{Prefix, RangeSource};
use pushback_edges::user_agent::{Headers, names};
use pushback_edges::web_push::Subscription;
use pushback_edges::whereabouts::Atlas;
use pushback_verify::{Network, Place};
use pushback_web::{Describe, PasswordRanges};

/// The tables, in memory.
pub struct Tables {
    pub atlas: Atlas,
    /// Whether it was already said that a table is damaged.
    pub has_warned: AtomicBool,
}

impl Describe for Tables {
    fn locate(&self, ip: IpAddr) -> (Option<Network>, Option<Place>) {
        match self.atlas.look_up(ip) {
            Ok(found) => (found.network, found.place),
            Err(error) => {
                if !self.has_warned.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "addresses are unknown from now on");
                }
                (None, None)
            }
        }
    }

    fn check_push(&self, subscription: &PushSubscription) -> Result<(), String> {
        let PushSubscription { endpoint, p256dh, auth } = subscription;
        Subscription::parse(endpoint, p256dh, auth).map(|_| ()).map_err(|error| error.to_string())
    }

    fn browser(&self, user_agent: &str) -> (Option<String>, Option<String>) {
        let names = names(Headers { user_agent: Some(user_agent), ..Headers::default() });
        (names.browser.map(str::to_owned), names.system.map(str::to_owned))
    }
}

/// Ranges of burned passwords.
pub struct Ranges(pub RangeSource);

impl PasswordRanges for Ranges {
    fn range<'r>(
        &'r self,
        prefix: &'r str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'r>> {
        Box::pin(async move {
            let prefix = Prefix::parse(prefix).map_err(|error| error.to_string())?;
            self.0.range(prefix).await.map_err(|error| error.to_string())
        })
    }
}
