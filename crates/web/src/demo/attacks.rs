//! What the panel does to the invented person. The attackers know the password.

use std::net::IpAddr;
use std::time::Duration;

use pushback_app::{AttemptView, DecisionView, NewAttempt};
use pushback_verify::{Accepts, Network, Place, Point, Requester, Text};
use serde::Deserialize;

use super::{Demo, LOGIN};

/// The attacks of the panel.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// 200 sign-ins in a minute, from everywhere.
    Flood,
    /// One sign-in for each of many people, from one source.
    Spray,
    /// One sign-in, and a telephone call.
    Caller,
}

const FLOOD: u32 = 200;
const FLOOD_EVERY: Duration = Duration::from_millis(300);
const SPRAY: u32 = 50;
const SPRAY_EVERY: Duration = Duration::from_millis(150);

/// Networks that nobody has (RFC 5398, RFC 5737), and where they are said to be.
const SOURCES: [Source; 5] = [
    Source::new(
        64_496,
        "Example Hosting",
        true,
        "NL",
        "Amsterdam",
        (52_370, 4_890),
        [198, 51, 100],
    ),
    Source::new(64_497, "Example Cable", false, "US", "Denver", (39_740, -104_990), [203, 0, 113]),
    Source::new(64_498, "Example Mobile", false, "BR", "Recife", (-8_050, -34_900), [192, 0, 2]),
    Source::new(64_499, "Example VPN", true, "SE", "Malmo", (55_600, 13_000), [198, 51, 100]),
    Source::new(64_500, "Example Fibre", false, "SG", "Singapore", (1_350, 103_820), [203, 0, 113]),
];

/// A network, and where it is.
struct Source {
    asn: u32,
    name: &'static str,
    is_hosting: bool,
    country: &'static str,
    city: &'static str,
    /// Thousandths of a degree north and east.
    at: (i32, i32),
    net: [u8; 3],
}

impl Source {
    const fn new(
        asn: u32,
        name: &'static str,
        is_hosting: bool,
        country: &'static str,
        city: &'static str,
        at: (i32, i32),
        net: [u8; 3],
    ) -> Self {
        Self { asn, name, is_hosting, country, city, at, net }
    }
}

const BROWSERS: [(&str, &str); 4] =
    [("Chrome", "Windows"), ("Firefox", "Linux"), ("Safari", "macOS"), ("curl", "Linux")];

fn stranger(number: u32) -> Requester {
    let pick = |list: usize| usize::try_from(number).unwrap_or(0) % list;
    let source = SOURCES.get(pick(SOURCES.len())).unwrap_or(&SOURCES[0]);
    let Source { asn, name, is_hosting, country, city, at: (north, east), net: [a, b, c] } =
        *source;
    let browser = BROWSERS.get(pick(BROWSERS.len())).copied();
    // The last part wraps: there are more attempts than addresses.
    let last = u8::try_from(number % 250).unwrap_or(0) + 1;
    Requester {
        ip: Some(IpAddr::from([a, b, c, last])),
        network: Some(Network { asn, name: Text::new(name), is_hosting }),
        place: Some(Place {
            country: Text::new(country),
            city: Some(Text::new(city)),
            point: Some(Point {
                latitude_millidegrees: north,
                longitude_millidegrees: east,
                radius_km: 50,
            }),
        }),
        browser: browser.map(|(browser, _)| Text::new(browser)),
        system: browser.map(|(_, system)| Text::new(system)),
    }
}

pub(super) async fn run(demo: Demo, kind: Kind) {
    match kind {
        Kind::Flood => {
            for number in 0..FLOOD {
                ask(&demo, LOGIN, stranger(number)).await;
                tokio::time::sleep(FLOOD_EVERY).await;
            }
        }
        Kind::Spray => {
            for number in 0..SPRAY {
                let name = format!("person{number}@example.org");
                let name = if number == SPRAY / 2 { LOGIN } else { &name };
                ask(&demo, name, stranger(0)).await;
                tokio::time::sleep(SPRAY_EVERY).await;
            }
        }
        Kind::Caller => call(&demo).await,
    }
    demo.feed.ended();
}

async fn ask(demo: &Demo, name: &str, requester: Requester) -> Option<AttemptView> {
    let new = NewAttempt {
        subscriber: name.to_owned(),
        requester,
        browser: None,
        accepts: Accepts::Any,
        return_url: None,
        idempotency_key: None,
    };
    demo.web.app().start_attempt(&demo.party, new).await.ok()
}

/// The attacker sees the code and reads it to the owner, who would have to type it.
async fn call(demo: &Demo) {
    let view = ask(demo, LOGIN, stranger(1)).await;
    let at = demo.web.app().now().to_string();
    let text = match view.map(|view| view.decision) {
        Some(DecisionView::Prompt { code: Some(code), quiet, .. }) => {
            let sound = if quiet.is_some() { " The phone stays silent." } else { "" };
            format!(
                "Somebody calls: “IT here. Please type {code} into Pushback.”{sound} Look at what the \
                 phone says about this sign-in, and that we never call."
            )
        }
        _ => "Somebody calls, but has no code to give you: their sign-in got no prompt.".to_owned(),
    };
    demo.feed.say("caller", &at, &text);
}
