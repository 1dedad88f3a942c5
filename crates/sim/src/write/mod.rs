//! Writes what happened the way a vendor would: one module a vendor.

mod duo;
mod entra;
mod m365;
mod okta;
mod pingid;

use std::collections::BTreeMap;

use pushback_model::Timestamp;
use serde_json::{Value, json};

use crate::act::{Act, By, HOUR, MINUTE, Origin, SECOND, What};
use crate::people::{Organisation, Person, letters, uuid};
use crate::places::city_at;
use crate::rng::{Rng, mix};
use crate::settings::{Settings, Vendor};
use crate::truth::Truth;

/// One log record.
struct Rec {
    file: &'static str,
    /// When its content was complete.
    known_at: i64,
    /// When it reached the log.
    deliver_at: i64,
    /// The vendor's id, if the format has one.
    id: Option<String>,
    /// Whether it shows the action itself (and not a side effect such as a notice).
    is_main: bool,
    body: Value,
}

/// Everything a vendor's writer needs.
struct Scribe<'a> {
    settings: &'a Settings,
    org: &'a Organisation,
    act: &'a Act,
    out: Vec<Rec>,
    rng: Rng,
}

fn expand(settings: &Settings, org: &Organisation, act: &Act) -> Vec<Rec> {
    let rng = Rng::new(settings.seed, 0xf11e_0000_0000 + act.no);
    let mut scribe = Scribe { settings, org, act, out: Vec::new(), rng };
    match settings.vendor {
        Vendor::OktaOie | Vendor::OktaClassic => okta::write(&mut scribe),
        Vendor::EntraM365 => entra::write(&mut scribe),
        Vendor::Duo => duo::write(&mut scribe),
        Vendor::PingId => pingid::write(&mut scribe),
    }
    scribe.out
}

/// Tells the truth which records show each action of an attacker; drops what no record shows.
pub(crate) fn name_after_actions(
    settings: &Settings,
    org: &Organisation,
    acts: &[Act],
    truth: &mut Truth,
) {
    for act in acts {
        let (Some((campaign, target)), What::Change { kind, by: By::Subscriber, .. }) =
            (act.tag, act.what)
        else {
            continue;
        };
        let recs = expand(settings, org, act);
        let ids = recs.iter().filter(|rec| rec.is_main).filter_map(|rec| rec.id.clone());
        let shown = recs.iter().any(|rec| rec.is_main);
        let at = Timestamp::from_millis(act.at);
        if let Some(target) = truth
            .campaigns
            .get_mut(campaign as usize)
            .and_then(|c| c.targets.get_mut(target as usize))
        {
            if shown {
                if let Some(after) = target
                    .after
                    .iter_mut()
                    .find(|a| a.at == at && a.kind == kind && a.events.is_empty())
                {
                    after.events = ids.collect();
                }
            } else {
                target.after.retain(|a| !(a.at == at && a.kind == kind));
            }
        }
    }
}

/// Writes the records knowable before `cut`, in order of delivery.
pub(crate) fn records(
    settings: &Settings,
    org: &Organisation,
    acts: &[Act],
    cut: Timestamp,
    sink: &mut dyn FnMut(&str, &[u8]),
) {
    let cut = cut.as_millis();
    let mut waiting: BTreeMap<(i64, u64), (&'static str, Vec<u8>)> = BTreeMap::new();
    let mut count = 0_u64;
    let mut flush = |waiting: &mut BTreeMap<(i64, u64), (&'static str, Vec<u8>)>, until: i64| {
        while let Some(entry) = waiting.first_entry() {
            if entry.key().0 >= until {
                break;
            }
            let (file, line) = entry.remove();
            sink(file, &line);
        }
    };
    for act in acts {
        if act.at >= cut {
            break;
        }
        flush(&mut waiting, act.at);
        for (n, rec) in expand(settings, org, act).into_iter().enumerate() {
            if rec.known_at >= cut {
                continue;
            }
            // A value made of strings and numbers always serialises.
            let Ok(line) = serde_json::to_vec(&rec.body) else { continue };
            let chance = mix(&[settings.seed, act.no, n as u64, 0xd0b1e]);
            if chance.is_multiple_of(400) {
                // Deliveries are at-least-once.
                let again = rec.deliver_at + (chance >> 20) as i64 % (20 * MINUTE);
                count += 1;
                waiting.insert((again, count), (rec.file, line.clone()));
            }
            count += 1;
            waiting.insert((rec.deliver_at, count), (rec.file, line));
        }
    }
    flush(&mut waiting, i64::MAX);
}

impl<'a> Scribe<'a> {
    fn person(&self, who: u32) -> &'a Person {
        self.org.person(who)
    }

    fn id(&self, part: u64) -> String {
        let a = mix(&[self.settings.seed, self.act.no, part, 1]);
        uuid(a, mix(&[a, part]))
    }

    fn key(&self, prefix: &str, part: u64, length: usize) -> String {
        format!("{prefix}{}", letters(mix(&[self.settings.seed, self.act.no, part, 2]), length))
    }

    fn day(&self, at: i64) -> u32 {
        u32::try_from((at - self.settings.start.as_millis()).div_euclid(24 * HOUR)).unwrap_or(0)
    }

    fn agent(&self, from: &Origin, at: i64) -> String {
        from.browser.agent(self.day(at))
    }

    fn ip(&self, from: &Origin, at: i64) -> String {
        from.net.address(at, from.device)
    }

    /// Keeps a record; it arrives a little after it is known, sometimes minutes late.
    fn emit(
        &mut self,
        file: &'static str,
        known_at: i64,
        id: Option<String>,
        is_main: bool,
        body: Value,
    ) {
        let late = if self.rng.chance(0.01) {
            self.rng.int(0, 5 * MINUTE)
        } else {
            self.rng.int(0, 2 * SECOND)
        };
        self.out.push(Rec { file, known_at, deliver_at: known_at + late, id, is_main, body });
    }

    /// Keeps a record that arrives late by a log-normal delay with this median.
    fn emit_late(
        &mut self,
        file: &'static str,
        known_at: i64,
        median: i64,
        id: Option<String>,
        is_main: bool,
        body: Value,
    ) {
        let late =
            self.rng.log_normal(median as f64, 0.8).clamp(1_000.0, (20 * HOUR) as f64) as i64;
        self.out.push(Rec { file, known_at, deliver_at: known_at + late, id, is_main, body });
    }
}

/// RFC 3339 with exactly three fraction digits, as the vendors print it.
fn stamp(at: i64) -> String {
    let whole = Timestamp::from_millis(at.div_euclid(1_000) * 1_000).to_string();
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), at.rem_euclid(1_000))
}

/// The same without a zone and fraction (Microsoft 365).
fn stamp_seconds(at: i64) -> String {
    Timestamp::from_millis(at.div_euclid(1_000) * 1_000)
        .to_string()
        .trim_end_matches('Z')
        .to_owned()
}

fn point(city: u8, seed: u64) -> (f64, f64) {
    // Databases place an address somewhere in its city.
    let jitter = |bits: u64| ((bits % 2_000) as f64 / 2_000.0 - 0.5) / 5.0;
    let city = city_at(city);
    let round = |x: f64| (x * 10_000.0).round() / 10_000.0;
    (round(city.lat + jitter(seed)), round(city.lon + jitter(seed >> 12)))
}

const APPS: [&str; 8] = [
    "Mail and Calendar",
    "Wiki",
    "Source Control",
    "Payroll",
    "VPN Gateway",
    "Customer Desk",
    "Expense Reports",
    "Files",
];

fn app_name(app: u8) -> &'static str {
    APPS.get(usize::from(app) % APPS.len()).copied().unwrap_or("Wiki")
}

fn names(pairs: &[(&str, &str)]) -> Value {
    Value::Array(
        pairs.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect(),
    )
}
