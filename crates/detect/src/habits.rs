//! What is ordinary for one person: networks, browsers, hours.

use std::collections::BTreeMap;

use pushback_model::{EventKind, Factor, Key, Span, Timestamp};

use crate::history::Origin;
use crate::naming::Naming;
use crate::policy::Novelty;
use crate::prompt::{Outcome, Prompt};
use crate::record::{Place, Record, flag};

/// Distinct pairs of network and browser remembered of one person; the rarest make way.
const HABITS_MAX: usize = 512;

/// How far a network is from what a person uses. Larger is stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetworkLevel {
    /// The very address.
    Address,
    /// Its neighbourhood (IPv4 /24, IPv6 /48).
    Network,
    /// The same provider in the same city.
    ProviderAndCity,
    /// The same provider, or the same city.
    ProviderOrCity,
    /// The same country.
    Country,
    /// Nothing in common.
    Foreign,
}

/// How far a browser is from what a person uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BrowserLevel {
    /// The very device.
    Device,
    /// The exact user agent.
    Exact,
    /// The same system and browser, another version.
    Family,
    /// Neither.
    Other,
}

/// One pair of network and browser that a person succeeds from.
#[derive(Clone, Debug)]
struct Habit {
    origin: Origin,
    first_at: Timestamp,
    /// Days with a success, in order.
    days: Vec<i64>,
    /// Whether a second factor was passed from there.
    is_proved: bool,
    /// When the machine bound an authenticator on its first day, in a place that was new too.
    bound_at: Option<Timestamp>,
}

/// The habits of one person.
#[derive(Clone, Debug, Default)]
pub struct Habits {
    habits: Vec<Habit>,
    hours: [u16; 24],
    /// Pairs of day and address: how often the person could have been somewhere new.
    sign_ins: u32,
    /// How often a computer of the person was somewhere new.
    at_desks: Moves,
    /// The same for phones and tablets, which change their address many times a day.
    on_phones: Moves,
    /// The same for browsers: exact, family, other.
    browser_moves: [u32; 3],
    days: u32,
    /// Percent of successes that name a device.
    with_device: u32,
    /// Which browsers name a device.
    naming: Naming,
    /// How often the person had a new device, after the first day.
    device_moves: u32,
}

/// How often one kind of machine was somewhere new.
#[derive(Clone, Copy, Debug, Default)]
struct Moves {
    /// Pairs of day and address.
    sign_ins: u32,
    /// How often it was somewhere new, by how new.
    seen: [u32; 6],
}

/// What is known about an origin at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Familiarity {
    /// The nearest network used before.
    pub network_before: Option<NetworkLevel>,
    /// The nearest network used on at least two later days.
    pub network_after: Option<NetworkLevel>,
    /// The nearest browser used before.
    pub browser_before: Option<BrowserLevel>,
    /// The nearest browser used on at least two later days.
    pub browser_after: Option<BrowserLevel>,
    /// Nothing is known before, but enough of later days to tell what is not the person's.
    pub is_known_by_later: bool,
}

/// A success this close before a prompt belongs to it, not to the habits.
const SETTLED_AFTER: Span = Span::minutes(45);
/// Without a second factor, it takes so long.
const PROVED_AFTER: Span = Span::hours(20);
/// Later days count as adoption from here on.
const ADOPTED_AFTER: Span = Span::hours(10);
/// What happens by the calendar does not become rarer by not having happened for a while: of an
/// owner's share, so much is left at the least.
const PERIODIC: f64 = 0.5;
/// Later days with a success from which on they show what is ordinary, where nothing is known before.
const LATER_DAYS_MIN: usize = 3;

impl Habits {
    /// Learns from the successes in a person's records. Those of `is_tainted` origins are a
    /// stranger's and teach nothing.
    #[must_use]
    pub fn learn(
        records: &[Record],
        prompts: &[Prompt],
        is_tainted: &dyn Fn(&Origin, Key, Timestamp) -> bool,
    ) -> Self {
        let from_records = records
            .iter()
            .filter(|r| is_lesson(r) && r.requester.is_known())
            .map(|r| (r.at, Origin::of(r), r.session, is_proof(r)));
        // Where vendors log the phone's address with the approval, the prompt knows the browser's.
        let from_prompts = prompts
            .iter()
            .filter(|p| p.outcome == Outcome::Approved && p.origin.place.is_known())
            .map(|p| (p.sent_at, p.origin, 0, true));
        let mut pairs: BTreeMap<(Key, u32, Key), Habit> = BTreeMap::new();
        let mut hours = [0u16; 24];
        let mut days: Vec<i64> = Vec::new();
        let (mut with_device, mut total) = (0, 0_usize);
        for (at, origin, session, is_proved) in from_records.chain(from_prompts) {
            if is_tainted(&origin, session, at) {
                continue;
            }
            total += 1;
            with_device += usize::from(origin.device != 0);
            if let Some(hour) = hours.get_mut(usize::from(at.hour_of_day())) {
                *hour = hour.saturating_add(1);
            }
            if days.last() != Some(&at.day()) {
                days.push(at.day());
            }
            let habit =
                pairs.entry((origin.place.ip, origin.agent, origin.device)).or_insert_with(|| {
                    Habit { origin, first_at: at, days: Vec::new(), is_proved, bound_at: None }
                });
            habit.is_proved |= is_proved;
            habit.first_at = habit.first_at.min(at);
            if habit.days.last() != Some(&at.day())
                && let Err(slot) = habit.days.binary_search(&at.day())
            {
                habit.days.insert(slot, at.day());
            }
        }
        days.sort_unstable();
        days.dedup();
        let mut habits: Vec<Habit> = pairs.into_values().collect();
        if habits.len() > HABITS_MAX {
            habits.sort_by_key(|h| std::cmp::Reverse(h.days.len()));
            habits.truncate(HABITS_MAX);
        }
        habits.sort_by_key(|h| h.first_at);
        mark_bound(&mut habits, records);
        let naming = Naming::learn(records, prompts, is_tainted);
        let mut learnt = Self {
            habits,
            hours,
            days: u32::try_from(days.len()).unwrap_or(u32::MAX),
            with_device: percent(with_device, total),
            naming,
            ..Self::default()
        };
        learnt.count_moves();
        learnt
    }

    fn count_moves(&mut self) {
        let mut address_days: Vec<(Key, i64)> = self
            .habits
            .iter()
            .flat_map(|h| h.days.iter().map(|day| (h.origin.place.ip, *day)))
            .collect();
        address_days.sort_unstable();
        address_days.dedup();
        self.sign_ins = u32::try_from(address_days.len()).unwrap_or(u32::MAX);
        let mut class_days: Vec<(bool, Key, i64)> = self
            .habits
            .iter()
            .flat_map(|h| {
                let is_phone = h.origin.has(flag::MOBILE);
                h.days.iter().map(move |day| (is_phone, h.origin.place.ip, *day))
            })
            .collect();
        class_days.sort_unstable();
        class_days.dedup();
        for (is_phone, ..) in class_days {
            let moves = if is_phone { &mut self.on_phones } else { &mut self.at_desks };
            moves.sign_ins += 1;
        }
        let Some(first) = self.habits.first().map(|h| h.first_at) else { return };
        for (i, habit) in self.habits.iter().enumerate() {
            // The first day is all new; it says nothing about moving.
            if habit.first_at - first < Span::hours(20) {
                continue;
            }
            let earlier = || self.habits.iter().take(i);
            let network = earlier().map(|h| move_level(&habit.origin, &h.origin)).min();
            let moves = if habit.origin.has(flag::MOBILE) {
                &mut self.on_phones
            } else {
                &mut self.at_desks
            };
            if let Some(slot) = network.and_then(|l| moves.seen.get_mut(l as usize)) {
                *slot += 1;
            }
            let device = habit.origin.device;
            if device != 0 && earlier().all(|h| h.origin.device != device) {
                self.device_moves += 1;
            }
            let browser = earlier().map(|h| browser_level(&habit.origin, &h.origin)).min();
            let slot = match browser {
                Some(BrowserLevel::Family) => 1,
                Some(BrowserLevel::Other) => 2,
                _ => continue,
            };
            if let Some(slot) = self.browser_moves.get_mut(slot) {
                *slot += 1;
            }
        }
    }

    /// What is known of an origin whose attempt begins at `at`.
    #[must_use]
    pub fn familiarity(&self, origin: &Origin, at: Timestamp, horizon: Span) -> Familiarity {
        let before = || {
            self.habits.iter().filter(|h| {
                // A place without a second factor takes a night to become a habit: a stranger with
                // the password alone could sit there for an hour first.
                h.first_at < at - if h.is_proved { SETTLED_AFTER } else { PROVED_AFTER }
                    && h.days.last().is_some_and(|day| *day >= (at - horizon).day())
            })
        };
        let adopted_from = (at + ADOPTED_AFTER).day();
        let after = |nearest: &dyn Fn(&Habit) -> bool| {
            let mut days = self
                .habits
                .iter()
                .filter(|h| nearest(h))
                .flat_map(|h| {
                    // SECURITY: whoever has bound an authenticator can prove ever after; that they stay
                    // does not make them the owner. Guarded by
                    // `a_stranger_who_binds_and_returns_is_not_at_home`.
                    let until = h.bound_at.filter(|bound| *bound >= at).map(Timestamp::day);
                    h.days
                        .iter()
                        .copied()
                        .filter(move |day| until.is_none_or(|until| *day <= until))
                })
                .filter(|day| *day > adopted_from || (*day == adopted_from && *day > at.day()));
            days.next().is_some_and(|first| days.any(|day| day != first))
        };
        let network_after = [
            NetworkLevel::Address,
            NetworkLevel::Network,
            NetworkLevel::ProviderAndCity,
            NetworkLevel::ProviderOrCity,
            NetworkLevel::Country,
        ]
        .into_iter()
        .find(|level| after(&|h| habit_level(origin, &h.origin) <= *level));
        let browser_after = [BrowserLevel::Device, BrowserLevel::Exact, BrowserLevel::Family]
            .into_iter()
            .find(|level| after(&|h| browser_level(origin, &h.origin) <= *level));
        let later = || {
            let mut days: Vec<i64> = self
                .habits
                .iter()
                .flat_map(|h| h.days.iter().copied())
                .filter(|day| *day > adopted_from)
                .collect();
            days.sort_unstable();
            days.dedup();
            days.len()
        };
        Familiarity {
            is_known_by_later: before().next().is_none() && later() >= LATER_DAYS_MIN,
            network_before: before().map(|h| habit_level(origin, &h.origin)).min(),
            browser_before: before().map(|h| browser_level(origin, &h.origin)).min(),
            network_after,
            browser_after,
        }
    }

    /// Whether the person has succeeded from this very address well before `at`. Quick, and never
    /// true for a place that [`Habits::familiarity`] would call strange.
    #[must_use]
    pub fn is_known_address(&self, ip: Key, at: Timestamp) -> bool {
        ip != 0
            && self
                .habits
                .iter()
                .take_while(|h| h.first_at < at - SETTLED_AFTER)
                .any(|h| h.origin.place.ip == ip && (h.is_proved || h.first_at < at - PROVED_AFTER))
    }

    /// Whether the person's own device, known from elsewhere before, was in the same city or network
    /// within three days: they are on the road.
    #[must_use]
    pub fn is_on_the_road(&self, place: &Place, at: Timestamp) -> bool {
        let near = Span::days(3);
        self.habits.iter().any(|here| {
            let device = here.origin.device;
            device != 0
                && (here.first_at - at).abs() <= near
                && network_level(&here.origin.place, place) <= NetworkLevel::ProviderOrCity
                && self.habits.iter().any(|home| {
                    home.origin.device == device
                        && home.first_at < at
                        && home.first_at < here.first_at
                        && network_level(&home.origin.place, place) > NetworkLevel::ProviderOrCity
                })
        })
    }

    /// Bits that a network level is worth for this person, on a phone or at a desk: a phone changes
    /// its network on the way to work, a laptop does not.
    #[must_use]
    pub fn network_bits(&self, level: NetworkLevel, is_phone: bool, novelty: &Novelty) -> f64 {
        let i = level as usize;
        let moves = if is_phone { &self.on_phones } else { &self.at_desks };
        let seen = moves.seen.get(i).copied().unwrap_or_default();
        let attacker = novelty.network_attacker.get(i).copied().unwrap_or(0.01);
        let owner = novelty.network_owner.get(i).copied().unwrap_or(0.01);
        let owner = match level {
            NetworkLevel::Address => owner,
            // Providers hand out new addresses every few weeks, also to whoever had none so far.
            NetworkLevel::ProviderAndCity => {
                mixed(seen, moves.sign_ins, owner, novelty.strength).max(owner * PERIODIC)
            }
            _ => mixed(seen, moves.sign_ins, owner, novelty.strength),
        };
        self.damped((attacker / owner).log2())
    }

    /// Bits that a browser level is worth for this person; the device itself has its own weight.
    #[must_use]
    pub fn browser_bits(&self, level: BrowserLevel, novelty: &Novelty) -> f64 {
        let i = match level {
            BrowserLevel::Device | BrowserLevel::Exact => 0,
            BrowserLevel::Family => 1,
            BrowserLevel::Other => 2,
        };
        let seen = self.browser_moves.get(i).copied().unwrap_or_default();
        let attacker = novelty.browser_attacker.get(i).copied().unwrap_or(0.1);
        let owner = novelty.browser_owner.get(i).copied().unwrap_or(0.1);
        let owner = match level {
            BrowserLevel::Device | BrowserLevel::Exact => owner,
            // Browsers update every few weeks, also those that have not so far.
            BrowserLevel::Family => {
                mixed(seen, self.sign_ins, owner, novelty.strength).max(owner * PERIODIC)
            }
            BrowserLevel::Other => mixed(seen, self.sign_ins, owner, novelty.strength),
        };
        self.damped((attacker / owner).log2())
    }

    /// With one or two sign-ins known, little is strange.
    fn damped(&self, bits: f64) -> f64 {
        if bits <= 0.0 {
            return bits;
        }
        let known = f64::from(self.sign_ins);
        bits * known / (known + 1.5)
    }

    /// Whether the person has never signed in within two hours of this hour of the day, on any day,
    /// although enough sign-ins are known to tell.
    #[must_use]
    pub fn is_foreign_hour(&self, at: Timestamp) -> bool {
        let total: u32 = self.hours.iter().map(|n| u32::from(*n)).sum();
        if total < 15 || self.days < 4 {
            return false;
        }
        let hour = usize::from(at.hour_of_day());
        let near: u32 = (22..=26)
            .filter_map(|shift| self.hours.get((hour + shift) % 24))
            .map(|n| u32::from(*n))
            .sum();
        f64::from(near) < 0.01 * f64::from(total)
    }

    /// Countries with a success.
    #[must_use]
    pub fn countries(&self) -> Vec<u16> {
        let mut countries: Vec<u16> =
            self.habits.iter().map(|h| h.origin.place.country).filter(|c| *c != 0).collect();
        countries.sort_unstable();
        countries.dedup();
        countries
    }

    /// Whether any success of the person's names a browser or a device.
    #[must_use]
    pub fn names_browsers(&self) -> bool {
        self.habits.iter().any(|h| h.origin.agent != 0 || h.origin.device != 0)
    }

    /// Pairs of day and address with a sign-in.
    #[must_use]
    pub const fn sign_ins(&self) -> u32 {
        self.sign_ins
    }

    /// Bits for a device id that the person never succeeded with, or for none where there always is
    /// one; `None` if the logs do not name devices often enough to tell.
    #[must_use]
    pub fn new_device_bits(
        &self,
        origin: &Origin,
        has_passed: bool,
        is_abroad: bool,
        novelty: &Novelty,
    ) -> Option<f64> {
        let tells = if origin.device == 0 {
            self.naming.is_always_named(origin, has_passed, is_abroad)
        } else {
            self.with_device >= 50
        };
        if !tells {
            return None;
        }
        let owner = mixed(self.device_moves, self.sign_ins, novelty.device_owner, novelty.strength);
        Some(self.damped((novelty.device_attacker / owner).log2().clamp(0.5, 4.0)))
    }
}

/// Notes of machines that bound an authenticator on their first day, in a place that was new too, when
/// that was. Owners do so at home, at work, or with a machine that they know.
fn mark_bound(habits: &mut [Habit], records: &[Record]) {
    let bindings = records.iter().filter(|r| {
        matches!(r.kind, EventKind::FactorEnrolled | EventKind::DeviceRegistered)
            && !r.has(flag::BY_OTHER)
            && r.requester.is_known()
    });
    for binding in bindings {
        let from = Origin::of(binding);
        let is_machine = |h: &Habit| is_same_machine(&h.origin, &from);
        let Some(first) = habits.iter().find(|h| is_machine(h)).map(|h| h.first_at) else {
            continue;
        };
        if !(Span::ZERO..=PROVED_AFTER).contains(&(binding.at - first)) {
            continue;
        }
        let mut before = habits.iter().filter(|h| h.first_at < first - PROVED_AFTER).peekable();
        let is_cold = before.peek().is_none();
        let is_at_home =
            before.any(|h| network_level(&h.origin.place, &from.place) <= NetworkLevel::Network);
        if is_cold || is_at_home {
            continue;
        }
        for habit in habits.iter_mut().filter(|h| is_same_machine(&h.origin, &from)) {
            habit.bound_at = habit.bound_at.or(Some(binding.at));
        }
    }
}

/// Whether two origins are one machine: the same device, or where one names none, the same browser at
/// the same address.
fn is_same_machine(a: &Origin, b: &Origin) -> bool {
    if a.device != 0 && b.device != 0 {
        a.device == b.device
    } else {
        a.place.ip != 0 && a.place.ip == b.place.ip && a.family == b.family
    }
}

fn mixed(seen: u32, of: u32, prior: f64, strength: f64) -> f64 {
    (f64::from(seen) + strength * prior) / (f64::from(of) + strength)
}

pub(crate) fn percent(part: usize, whole: usize) -> u32 {
    u32::try_from((part * 100).checked_div(whole).unwrap_or(0)).unwrap_or(100)
}

/// Whether a record shows a second factor, and not that a browser was remembered: whoever was handed
/// a session by a relay is remembered too.
fn is_proof(record: &Record) -> bool {
    record.kind == EventKind::FactorVerified && record.factor != Factor::Unknown
}

/// Whether a record teaches where its person succeeds.
pub(crate) const fn is_lesson(record: &Record) -> bool {
    shows_habit(record.kind) && !record.has(flag::CONTENT)
}

/// Kinds that show where a person succeeds.
pub const fn shows_habit(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::SessionStarted
            | EventKind::SessionUsed
            | EventKind::FactorVerified
            | EventKind::PromptApproved
    )
}

/// How far two places are from each other. What is not logged never counts as the same.
#[must_use]
pub fn network_level(a: &Place, b: &Place) -> NetworkLevel {
    let same = |x: u32, y: u32| x != 0 && x == y;
    let provider = same(a.asn, b.asn);
    let city = same(a.city, b.city);
    if a.ip != 0 && a.ip == b.ip {
        NetworkLevel::Address
    } else if same(a.network, b.network) {
        NetworkLevel::Network
    } else if provider && city {
        NetworkLevel::ProviderAndCity
    } else if provider || city {
        NetworkLevel::ProviderOrCity
    } else if a.country == 0 || b.country == 0 || a.country == b.country {
        // A country that is not logged is no evidence of a foreign one.
        NetworkLevel::Country
    } else {
        NetworkLevel::Foreign
    }
}

/// How far a place is from one that a person uses: a carrier's pool is the phone's, and no desk's own line.
fn habit_level(origin: &Origin, habit: &Origin) -> NetworkLevel {
    match move_level(origin, habit) {
        NetworkLevel::ProviderAndCity if is_desk(origin) && habit.has(flag::MOBILE) => {
            NetworkLevel::ProviderOrCity
        }
        level => level,
    }
}

/// How far somebody has moved. A city alone says little: that of a rented machine is its data centre's, where
/// nobody lives, and that of a phone is its carrier's, where a whole country comes out.
fn move_level(origin: &Origin, habit: &Origin) -> NetworkLevel {
    let level = network_level(&origin.place, &habit.place);
    let is_provider = origin.place.asn != 0 && origin.place.asn == habit.place.asn;
    let is_nowhere = origin.has(flag::HOSTING) || (is_desk(origin) && habit.has(flag::MOBILE));
    if level == NetworkLevel::ProviderOrCity && !is_provider && is_nowhere {
        NetworkLevel::Country
    } else {
        level
    }
}

/// Whether it is surely no phone; what names no browser may be one.
const fn is_desk(origin: &Origin) -> bool {
    !origin.has(flag::MOBILE) && (origin.agent != 0 || origin.device != 0)
}

fn browser_level(a: &Origin, b: &Origin) -> BrowserLevel {
    if a.device != 0 && a.device == b.device {
        BrowserLevel::Device
    } else if a.agent != 0 && a.agent == b.agent {
        BrowserLevel::Exact
    } else if a.family != 0 && a.family == b.family {
        BrowserLevel::Family
    } else {
        BrowserLevel::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_that_wanders_does_not_excuse_a_laptop() {
        let mut habits = Habits {
            at_desks: Moves { sign_ins: 20, ..Moves::default() },
            on_phones: Moves { sign_ins: 20, ..Moves::default() },
            sign_ins: 40,
            ..Habits::default()
        };
        let novelty = Novelty::default();
        let bits = |habits: &Habits, is_phone| {
            habits.network_bits(NetworkLevel::Country, is_phone, &novelty)
        };
        let settled = bits(&habits, false);
        habits.on_phones.seen[NetworkLevel::Country as usize] = 15;
        assert!((bits(&habits, false) - settled).abs() < 1e-9);
        assert!(bits(&habits, true) < settled);
    }
}
