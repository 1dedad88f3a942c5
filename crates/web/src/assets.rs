//! The files that pages load. They are in the binary: one file to install, and nothing to lose.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::problem::Path;

/// A file, its path below `/assets/` and its type.
macro_rules! files {
    ($($path:literal $kind:ident),+ $(,)?) => {
        const FILES: &[(&str, &str, &[u8])] = &[
            $(($path, $kind, include_bytes!(concat!("../assets/", $path)))),+
        ];
    };
}

const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const PNG: &str = "image/png";

files! {
    "admin.css" CSS,
    "admin.js" JS,
    "admin_button.js" JS,
    "admin_enrol.js" JS,
    "admin_page.js" JS,
    "app.css" CSS,
    "app/account.js" JS,
    "app/api.js" JS,
    "app/app.js" JS,
    "app/bind.js" JS,
    "app/calls.js" JS,
    "app/context.js" JS,
    "app/dom.js" JS,
    "app/help.js" JS,
    "app/history.js" JS,
    "app/keys.js" JS,
    "app/live.js" JS,
    "app/main.js" JS,
    "app/more.js" JS,
    "app/now.js" JS,
    "app/passkey.js" JS,
    "app/place.js" JS,
    "app/prompt.js" JS,
    "app/push.js" JS,
    "app/report.js" JS,
    "app/right.js" JS,
    "app/scan.js" JS,
    "app/words.js" JS,
    "base.css" CSS,
    "demo.css" CSS,
    "demo.js" JS,
    "icons/apple-touch-icon.png" PNG,
    "icons/badge.png" PNG,
    "icons/icon-192.png" PNG,
    "icons/icon-512.png" PNG,
    "icons/icon-maskable-512.png" PNG,
    "icons/icon.svg" SVG,
    "sign_in.css" CSS,
    "sign_in.js" JS,
    "sign_in_page.js" JS,
    "texts.en.js" JS,
}

const MANIFEST: &[u8] = include_bytes!("../assets/manifest.webmanifest");
const WORKER: &[u8] = include_bytes!("../assets/worker.js");

/// Changes with every build, so that a browser asks again after an update and not before.
fn tag(bytes: &[u8]) -> String {
    let digest = pushback_app::sha256(bytes);
    format!("\"{}\"", pushback_app::to_base64url(digest.get(..9).unwrap_or_default()))
}

fn file(kind: &'static str, bytes: &'static [u8], request: &HeaderMap) -> Response {
    let tag = tag(bytes);
    let is_known = request.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, kind)], bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

pub(crate) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    match FILES.iter().find(|(name, _, _)| *name == path) {
        Some((_, kind, bytes)) => file(kind, bytes, &headers),
        None => crate::problem::Problem::not_found().into_response(),
    }
}

pub(crate) async fn manifest(headers: HeaderMap) -> Response {
    file("application/manifest+json", MANIFEST, &headers)
}

pub(crate) async fn worker(headers: HeaderMap) -> Response {
    let mut response = file(JS, WORKER, &headers);
    // The app's page has no slash at its end, so that it lies outside of what a worker in /app/ may
    // look after. Without this no phone is ever woken.
    let allowed = HeaderName::from_static("service-worker-allowed");
    response.headers_mut().insert(allowed, HeaderValue::from_static("/app"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_loads_is_there() {
        for (path, kind, bytes) in FILES {
            if *kind != JS {
                continue;
            }
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let text = std::str::from_utf8(bytes).unwrap();
            for line in text.lines().filter(|line| line.starts_with("import ")) {
                let from = line.rsplit('\'').nth(1).unwrap();
                let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
                for part in from.split('/') {
                    match part {
                        "." => {}
                        ".." => drop(parts.pop()),
                        part => parts.push(part),
                    }
                }
                let target = parts.join("/");
                assert!(FILES.iter().any(|(p, _, _)| *p == target), "{path} loads {from}");
            }
        }
    }
}
