//! Names that a person knows for what a browser calls itself.
//!
//! "Firefox on Windows" helps somebody who holds a ringing phone; `Mozilla/5.0 (Windows NT 10.0; Win64;
//! x64; rv:140.0) Gecko/20100101 Firefox/140.0` does not. Versions are left out on purpose: a habit
//! should survive an update.
//!
//! Whatever a browser says about itself is the claimant's to choose. A name from here is shown and
//! compared, and proves nothing. Only names of this file come out, so nothing that was sent reaches a
//! screen.

/// How many bytes of each header are looked at. Real ones are shorter; what follows is not read.
pub const HEADER_BYTES_MAX: usize = 512;

/// The headers that tell, as far as they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'h> {
    /// `User-Agent`.
    pub user_agent: Option<&'h str>,
    /// `Sec-CH-UA`, such as `"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"`.
    pub brands: Option<&'h str>,
    /// `Sec-CH-UA-Platform`, such as `"Windows"`.
    pub platform: Option<&'h str>,
}

/// What they say. `None` is what this file does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The browser, or the program that is none.
    pub browser: Option<&'static str>,
    /// The operating system.
    pub system: Option<&'static str>,
}

/// Reads the names. Where a hint and the older header differ, the hint is right: browsers that pass for
/// another in `User-Agent` tell their own name there.
#[must_use]
pub fn names(headers: Headers<'_>) -> Names {
    let agent = headers.user_agent.map_or("", start);
    Names {
        browser: headers.brands.and_then(|brands| brand(start(brands))).or_else(|| browser(agent)),
        system: headers.platform.and_then(|hint| platform(start(hint))).or_else(|| system(agent)),
    }
}

/// Brands of Chromium's family, in the order in which they count: each also says "Chromium".
const BRANDS: [(&str, &str); 12] = [
    ("Microsoft Edge WebView2", "an app with Edge inside"),
    ("Microsoft Edge", "Edge"),
    ("Opera", "Opera"),
    ("Samsung Internet", "Samsung Internet"),
    ("Brave", "Brave"),
    ("Vivaldi", "Vivaldi"),
    ("Yandex", "Yandex"),
    ("YaBrowser", "Yandex"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("Android WebView", "an app on Android"),
    ("Google Chrome", "Chrome"),
    ("Chromium", "Chromium"),
];

fn brand(header: &str) -> Option<&'static str> {
    let is_listed =
        |brand: &str| header.split('"').skip(1).step_by(2).any(|quoted| quoted == brand);
    BRANDS.iter().find(|(brand, _)| is_listed(brand)).map(|(_, name)| *name)
}

fn platform(header: &str) -> Option<&'static str> {
    match header.trim().trim_matches('"') {
        "Windows" => Some("Windows"),
        "macOS" => Some("macOS"),
        "iOS" => Some("iOS"),
        "Android" => Some("Android"),
        "Chrome OS" | "Chromium OS" => Some("ChromeOS"),
        "Linux" => Some("Linux"),
        _ => None,
    }
}

/// Parts of `User-Agent` by which a browser is known, in the order in which they count: nearly all
/// say "Mozilla", "Chrome" and "Safari" too.
const BROWSERS: [(&str, &str); 35] = [
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPiOS/", "Opera"),
    ("OPT/", "Opera"),
    ("Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex"),
    ("Vivaldi/", "Vivaldi"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("UCBrowser/", "UC Browser"),
    ("MiuiBrowser/", "Mi Browser"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("GSA/", "the Google app"),
    ("FBAN/", "the Facebook app"),
    ("FBAV/", "the Facebook app"),
    ("Teams/", "Microsoft Teams"),
    ("Slack/", "Slack"),
    ("Slack_SSB/", "Slack"),
    ("Electron/", "a desktop app"),
    ("Thunderbird/", "Thunderbird"),
    ("WindowsPowerShell/", "PowerShell"),
    ("PowerShell/", "PowerShell"),
    ("FxiOS/", "Firefox"),
    ("Focus/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chrome without a window"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("; wv)", "an app on Android"),
    ("Chrome/", "Chrome"),
    ("Trident/", "Internet Explorer"),
];

/// Programs that say who they are and nothing else, by the start of `User-Agent`.
const PROGRAMS: [(&str, &str); 19] = [
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("python-requests/", "python-requests"),
    ("python-httpx/", "python-httpx"),
    ("Python-urllib/", "python-urllib"),
    ("Python/", "a Python program"),
    ("aiohttp/", "a Python program"),
    ("Go-http-client/", "a Go program"),
    ("okhttp/", "an app with okhttp"),
    ("Apache-HttpClient/", "a Java program"),
    ("Java/", "a Java program"),
    ("node-fetch/", "a Node.js program"),
    ("node", "a Node.js program"),
    ("undici", "a Node.js program"),
    ("axios/", "axios"),
    ("PostmanRuntime/", "Postman"),
    ("HTTPie/", "HTTPie"),
    ("libwww-perl/", "a Perl program"),
    ("Ruby", "a Ruby program"),
];

fn browser(agent: &str) -> Option<&'static str> {
    let starts = |(start, _): &&(&str, &str)| agent.starts_with(start);
    if let Some((_, name)) = PROGRAMS.iter().find(starts) {
        return Some(name);
    }
    if let Some((_, name)) = BROWSERS.iter().find(|(part, _)| agent.contains(part)) {
        return Some(name);
    }
    // Safari names itself only by what it does not say.
    let is_safari = agent.contains("Safari/") && agent.contains("Version/");
    let is_phone = agent.contains("like Mac OS X");
    let is_apple = is_phone || agent.contains("Macintosh");
    match (is_safari, is_apple) {
        (true, true) => Some("Safari"),
        (true, false) if agent.contains("Android") => Some("Android's browser"),
        (false, true) if agent.contains("AppleWebKit/") => {
            is_phone.then_some("an app on iOS").or(Some("an app on macOS"))
        }
        (true | false, _) => None,
    }
}

/// An iPad that asks for desktop pages says that it is a Mac; nothing in the headers tells them apart.
fn system(agent: &str) -> Option<&'static str> {
    const SYSTEMS: [(&str, &str); 10] = [
        ("iPhone", "iOS"),
        ("iPad", "iOS"),
        ("iPod", "iOS"),
        ("CrOS", "ChromeOS"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Macintosh", "macOS"),
        ("Mac OS X", "macOS"),
        ("FreeBSD", "FreeBSD"),
        ("Linux", "Linux"),
    ];
    SYSTEMS.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name)
}

/// As much of a header as is looked at.
fn start(header: &str) -> &str {
    header.get(..header.floor_char_boundary(HEADER_BYTES_MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_agent(user_agent: &str) -> (&'static str, &'static str) {
        let found = names(Headers { user_agent: Some(user_agent), ..Headers::default() });
        (found.browser.unwrap_or("-"), found.system.unwrap_or("-"))
    }

    #[test]
    fn a_browser_is_called_what_its_owner_calls_it() {
        const KIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
        const APPLE: &str = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X)";
        let windows = format!(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KIT} Chrome/142.0.0.0 Safari/537.36"
        );
        let android = format!("Mozilla/5.0 (Linux; Android 10; K) {KIT}");
        for (agent, browser, system) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox",
                "Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox",
                "Linux",
            ),
            (&windows, "Chrome", "Windows"),
            (&format!("{windows} Edg/142.0.0.0"), "Edge", "Windows"),
            (&format!("{windows} OPR/120.0.0.0"), "Opera", "Windows"),
            (&format!("{windows} Vivaldi/7.5"), "Vivaldi", "Windows"),
            (
                &format!(
                    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {KIT} Chrome/142.0.0.0 Safari/537.36"
                ),
                "Chrome",
                "ChromeOS",
            ),
            (&format!("{android} Chrome/142.0.0.0 Mobile Safari/537.36"), "Chrome", "Android"),
            (
                &format!("{android} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"),
                "Samsung Internet",
                "Android",
            ),
            (&format!("{android} Chrome/142.0 Mobile Safari/537.36 EdgA/142.0"), "Edge", "Android"),
            (
                &format!(
                    "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) {KIT} Version/4.0 Chrome/142.0 Mobile Safari/537.36"
                ),
                "an app on Android",
                "Android",
            ),
            (
                &format!(
                    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/18.5 Safari/605.1.15"
                ),
                "Safari",
                "macOS",
            ),
            (&format!("{PHONE} {APPLE} Version/18.5 Mobile/15E148 Safari/604.1"), "Safari", "iOS"),
            (&format!("{PHONE} {APPLE} CriOS/142.0 Mobile/15E148 Safari/604.1"), "Chrome", "iOS"),
            (
                &format!("{PHONE} {APPLE} FxiOS/140.0 Mobile/15E148 Safari/605.1.15"),
                "Firefox",
                "iOS",
            ),
            (
                &format!("{PHONE} {APPLE} EdgiOS/142.0 Version/18.0 Mobile Safari/604.1"),
                "Edge",
                "iOS",
            ),
            (&format!("{PHONE} {APPLE} Mobile/15E148"), "an app on iOS", "iOS"),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
                "Internet Explorer",
                "Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041",
                "PowerShell",
                "Windows",
            ),
            (
                &format!(
                    "Mozilla/5.0 (X11; Linux x86_64) {KIT} HeadlessChrome/142.0.0.0 Safari/537.36"
                ),
                "Chrome without a window",
                "Linux",
            ),
            ("curl/8.14.1", "curl", "-"),
            ("python-requests/2.32.4", "python-requests", "-"),
            ("Go-http-client/2.0", "a Go program", "-"),
            ("axios/1.11.0", "axios", "-"),
            ("something else", "-", "-"),
            ("", "-", "-"),
        ] {
            assert_eq!(by_agent(agent), (browser, system), "{agent}");
        }
    }

    #[test]
    fn a_hint_is_believed_over_the_older_header() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36";
        let ask = |brands, platform| {
            let found = names(Headers {
                user_agent: Some(chrome),
                brands: Some(brands),
                platform: Some(platform),
            });
            (found.browser.unwrap(), found.system.unwrap())
        };
        let brave = "\"Brave\";v=\"142\", \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"";
        assert_eq!(ask(brave, "\"Windows\""), ("Brave", "Windows"));
        let edge = "\"Microsoft Edge\";v=\"142\", \"Chromium\";v=\"142\"";
        assert_eq!(ask(edge, "\"macOS\""), ("Edge", "macOS"));
        let bare = "\"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"";
        assert_eq!(ask(bare, "\"Chrome OS\""), ("Chromium", "ChromeOS"));
        assert_eq!(ask("\"Not_A Brand\";v=\"99\"", "\"Unknown\""), ("Chrome", "Linux"));
    }

    #[test]
    fn a_version_changes_nothing() {
        let at = |version| {
            by_agent(&format!(
                "Mozilla/5.0 (X11; Linux x86_64; rv:{version}) Gecko/1 Firefox/{version}"
            ))
        };
        assert_eq!(at("140.0"), at("141.0.2"));
    }

    #[test]
    fn what_lies_beyond_the_bound_is_not_read() {
        let far = format!("{}Firefox/140.0", "é".repeat(HEADER_BYTES_MAX / 2));
        assert_eq!(by_agent(&far), ("-", "-"));
    }

    proptest! {
        #[test]
        fn any_headers_have_names_or_none(agent: String, brands: String, platform: String) {
            let headers = Headers {
                user_agent: Some(&agent),
                brands: Some(&brands),
                platform: Some(&platform),
            };
            let found = names(headers);
            prop_assert_eq!(found, names(headers));
        }
    }
}
