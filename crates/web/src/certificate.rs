//! The client certificate that a proxy of ours says came with a request.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderName;
use axum::http::request::Parts;
use pushback_app::ClientCertificate;

use crate::Web;
use crate::problem::Problem;

/// Headers that mean something else and can carry no certificate.
const TAKEN: [&str; 6] =
    ["authorization", "cookie", "host", "origin", "user-agent", "x-forwarded-for"];

/// The name of the header in which proxies hand over certificates.
///
/// # Errors
/// What is wrong with it.
pub fn certificate_header(name: &str) -> Result<HeaderName, String> {
    let header = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("{name:?} is no name of a header"))?;
    if TAKEN.contains(&header.as_str()) {
        return Err(format!("the header {header} means something else"));
    }
    Ok(header)
}

/// The certificate of whoever asks, if a proxy of ours has checked one.
pub(crate) struct Presented(pub Option<ClientCertificate>);

impl FromRequestParts<Web> for Presented {
    type Rejection = Problem;

    // SECURITY: anybody can send this header. It is read only if the settings name it, and believed
    // only from a connection of a trusted proxy, which takes it out of what clients send. Guarded by
    // `a_certificate_counts_from_a_trusted_proxy_only`, `without_the_setting_no_certificate_counts`.
    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Problem> {
        let Some(name) = &web.inner.certificate_header else { return Ok(Self(None)) };
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        if !peer.is_some_and(|peer| web.inner.proxies.contains(peer)) {
            return Ok(Self(None));
        }
        let mut values = parts.headers.get_all(name).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        // SECURITY: of two, one may be the client's own. Guarded by
        // `two_certificates_in_one_request_are_refused`.
        if values.next().is_some() {
            return Err(Problem::invalid("the request carries two client certificates"));
        }
        let read = value.to_str().map_err(|_| "it is not ASCII".to_owned()).and_then(read);
        if let Err(error) = &read {
            tracing::warn!(error, "a proxy handed over a client certificate that cannot be read");
        }
        Ok(Self(read.unwrap_or(None)))
    }
}

/// Reads the header's value; `None` for an empty one.
///
/// ```text
/// :MIIB…==:                                   RFC 9440: a byte sequence of RFC 8941
/// -----BEGIN%20CERTIFICATE-----%0AMIIB…       nginx: $ssl_client_escaped_cert
/// ```
fn read(value: &str) -> Result<Option<ClientCertificate>, String> {
    let value = value.trim();
    // Some versions of Caddy leave the name of what they would put there, in braces.
    if value.is_empty() || value == "::" || value.contains('{') {
        return Ok(None);
    }
    let text = match value.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')) {
        Some(base64) => base64.to_owned(),
        None if value.starts_with("-----BEGIN") => unescaped(value).ok_or("a % stands alone")?,
        None => return Err("it is neither :base64: nor an escaped PEM text".to_owned()),
    };
    ClientCertificate::parse_text(&text).map(Some).map_err(|error| error.to_string())
}

/// Percent-encoding undone (RFC 3986, section 2.1); a plus is a plus.
fn unescaped(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_text_is_read_as_it_was_written() {
        assert_eq!(unescaped("a%20b%2Bc+%0a"), Some("a b+c+\n".to_owned()));
        for broken in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(unescaped(broken), None, "{broken}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_none_or_an_error() {
        for empty in ["", "  ", "::", ":{http.request.tls.client.certificate_der_base64}:"] {
            assert!(read(empty).unwrap().is_none());
        }
        for wrong in [":", ":AAAA:", "AAAA", ":AAAA:, :AAAA:", "-----BEGIN%20CERTIFICATE-----%0A"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_header_that_means_something_else_carries_no_certificate() {
        assert_eq!(certificate_header("Client-Cert").unwrap().as_str(), "client-cert");
        for wrong in ["", "Client Cert", "Cookie", "X-Forwarded-For"] {
            assert!(certificate_header(wrong).is_err(), "{wrong}");
        }
    }
}
