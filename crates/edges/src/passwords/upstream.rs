//! Asking somebody's service for a range.

use std::time::Duration;

use pushback_verify::RANGE_BYTES_MAX;
use reqwest::{Client, StatusCode, Url, redirect};

use super::{Prefix, RangeSourceError};

/// How long one look-up may take, until the last byte.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// A service that answers `GET <base>/ABCDE` with a range.
///
/// It learns five digits of a hash and when they were asked for, not whose. Its answer is padded
/// (`Add-Padding`), so that whoever watches the line cannot tell the range by its length.
#[derive(Clone, Debug)]
pub struct Upstream {
    client: Client,
    base: Url,
}

impl Upstream {
    /// A service by its base address, such as `https://list.example.org/range/`. It is the operator's
    /// choice and may be inside. It takes no proxy from the environment.
    ///
    /// `danger_allow_http` lets the address be without TLS, where anybody on the way can call a leaked
    /// password a good one: for tests.
    ///
    /// # Errors
    /// [`RangeSourceError::UpstreamAddress`] if the address cannot be used, or
    /// [`RangeSourceError::Unreachable`] if no HTTP client could be built.
    pub fn new(base: &str, danger_allow_http: bool) -> Result<Self, RangeSourceError> {
        let mut base = Url::parse(base).map_err(|_| RangeSourceError::UpstreamAddress)?;
        let is_secure = base.scheme() == "https" || (danger_allow_http && base.scheme() == "http");
        if !is_secure || base.query().is_some() || base.fragment().is_some() {
            return Err(RangeSourceError::UpstreamAddress);
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let client = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .https_only(!danger_allow_http)
            .no_proxy()
            .referer(false)
            .user_agent(concat!("pushback/", env!("CARGO_PKG_VERSION")))
            .build();
        let origin = base.origin().ascii_serialization();
        let client = client.map_err(|source| RangeSourceError::Unreachable { origin, source })?;
        Ok(Self { client, base })
    }

    pub(super) async fn range(&self, prefix: Prefix) -> Result<Vec<u8>, RangeSourceError> {
        let origin = self.base.origin().ascii_serialization();
        let lost = |source: reqwest::Error| RangeSourceError::Unreachable {
            origin: origin.clone(),
            // The address holds the prefix, which does not belong in a log.
            source: source.without_url(),
        };
        let url = self.base.join(prefix.as_str()).map_err(|_| RangeSourceError::UpstreamAddress)?;
        let request = self.client.get(url).header("add-padding", "true");
        let mut answer = request.send().await.map_err(lost)?;
        let status = answer.status();
        let mut range = Vec::new();
        if status == StatusCode::OK {
            while let Some(chunk) = answer.chunk().await.map_err(lost)? {
                if range.len() + chunk.len() > RANGE_BYTES_MAX {
                    return Err(RangeSourceError::TooLong { source_name: origin });
                }
                range.extend_from_slice(&chunk);
            }
        }
        if range.is_empty() {
            return Err(RangeSourceError::Status { origin, status: status.as_u16() });
        }
        Ok(range)
    }
}
