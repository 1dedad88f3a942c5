//! Who asks: the address behind the connection, and what is known about it.

use std::net::{IpAddr, SocketAddr};

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

/// Who a request came from. Built from the connection, not from what a body says.
#[derive(Clone, Debug)]
pub struct Known(pub Requester);

impl FromRequestParts<Web> for Known {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
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
