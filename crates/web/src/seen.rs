//! Who asks: the address behind the connection, and what is known about it.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use ipnet::IpNet;
use pushback_app::PushSubscription;
use pushback_verify::{Network, Place, Requester, Text};

use crate::Web;

/// What tables say about an address and about a browser's own words.
pub trait Describe: Send + Sync {
    /// The network and the place of an address.
    fn locate(&self, ip: IpAddr) -> (Option<Network>, Option<Place>);

    /// Whether a subscription to wake-ups is one; the error says what is wrong.
    ///
    /// # Errors
    /// What is wrong, for whoever sent it.
    fn check_push(&self, subscription: &PushSubscription) -> Result<(), String>;

    /// Browser and system that a `User-Agent` text names.
    fn browser(&self, user_agent: &str) -> (Option<String>, Option<String>);
}

/// Networks whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|net| net.contains(&ip))
    }

    /// Whether a request came through a proxy that the settings do not name: from inside, with the header
    /// of a proxy, while they name none at all.
    fn misses_one(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let is_inside = match peer.to_canonical() {
            IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
            IpAddr::V6(ip) => {
                ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
            }
        };
        self.0.is_empty() && is_inside && headers.contains_key("x-forwarded-for")
    }

    /// The client's address: the last one in the chain that is not one of our own proxies. A header
    /// that comes in several lines is one list, in their order (RFC 9110, 5.3).
    // SECURITY: whatever stands before the first proxy of ours was written by the client and says
    // nothing, in the same line or in one before. Guarded by
    // `only_a_trusted_proxy_says_who_the_client_is` and
    // `a_line_of_the_clients_own_does_not_hide_the_proxys`.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        // A line that is no text is one hop that is no address.
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            if !self.contains(client) {
                break;
            }
            let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
            client = ip.to_canonical();
        }
        client
    }
}

/// Says once that it is the first time.
#[derive(Default)]
pub(crate) struct Once(AtomicBool);

impl Once {
    pub(crate) fn is_first(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

/// Who a request came from. Built from the connection, not from what a body says.
#[derive(Clone, Debug)]
pub struct Known(pub Requester);

impl FromRequestParts<Web> for Known {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        if peer.is_some_and(|peer| web.inner.proxies.misses_one(peer, &parts.headers))
            && web.inner.is_proxy_unnamed.is_first()
        {
            tracing::error!(
                "a proxy hands requests over that is not in service.trusted_proxies: everybody counts as \
                 one source, and prompts show the proxy's address; name its network there"
            );
        }
        let ip = peer.map(|peer| web.inner.proxies.client(peer, &parts.headers));
        Ok(Self(web.requester(ip, user_agent(&parts.headers))))
    }
}

pub(crate) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok())
}

impl Web {
    /// What is known about an address and a browser.
    pub(crate) fn requester(&self, ip: Option<IpAddr>, user_agent: Option<&str>) -> Requester {
        let describe = &self.inner.describe;
        let (network, place) = ip.map_or((None, None), |ip| describe.locate(ip));
        let (browser, system) = user_agent.map_or((None, None), |text| describe.browser(text));
        let text = |text: Option<String>| text.map(|text| Text::new(&text));
        Requester { ip, network, place, browser: text(browser), system: text(system) }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// Who the client is behind a proxy of `10.0.0.0/8`.
    fn client(peer: &str, lines: &[&str]) -> String {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_proxy_that_nobody_named_is_noticed() {
        let mut headers = HeaderMap::new();
        let none = TrustedProxies::default();
        let misses = |proxies: &TrustedProxies, peer: &str, headers: &HeaderMap| {
            proxies.misses_one(peer.parse().unwrap(), headers)
        };
        assert!(!misses(&none, "127.0.0.1", &headers), "nobody says that it is one");
        headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.7"));
        for peer in ["127.0.0.1", "10.0.0.1", "172.17.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(misses(&none, peer, &headers), "{peer}");
        }
        assert!(!misses(&none, "198.51.100.1", &headers), "anybody can send the header");
        let some = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        assert!(!misses(&some, "10.0.0.1", &headers));
        let once = Once::default();
        assert_eq!([once.is_first(), once.is_first()], [true, false]);
    }

    #[test]
    fn only_a_trusted_proxy_says_who_the_client_is() {
        assert_eq!(client("198.51.100.1", &["203.0.113.7"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["192.0.2.9, 203.0.113.7, 10.0.0.2"]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["forged, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(client("::ffff:10.0.0.1", &["::ffff:203.0.113.7"]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["nonsense"]), "10.0.0.1");
    }

    #[test]
    fn a_line_of_the_clients_own_does_not_hide_the_proxys() {
        assert_eq!(client("10.0.0.1", &["192.0.2.9", "203.0.113.7"]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["192.0.2.9", "203.0.113.7, 10.0.0.2"]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["192.0.2.9", "203.0.113.7", "10.0.0.2"]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["192.0.2.9, 203.0.113.7", "10.0.0.2"]), "203.0.113.7");
        // What cannot be read is not passed over: what stands before may be anybody's.
        assert_eq!(client("10.0.0.1", &["192.0.2.9", "\u{e9}"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["192.0.2.9", ""]), "10.0.0.1");
    }
}
