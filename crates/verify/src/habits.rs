//! What a subscriber's own successes look like. Only successes teach; bounded and forgotten.

use pushback_model::{Key, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::context::FirstTime;
use crate::requester::{Requester, Traits};

/// Habits older than this are forgotten (Wiefling et al., TOPS 2022: history older than six months
/// can go).
const HABITS_LIFE: Span = Span::days(180);

/// How many of each kind are kept. The one not used for longest makes room.
const NETWORKS_MAX: usize = 16;
const COUNTRIES_MAX: usize = 8;
const BROWSERS_MAX: usize = 12;
const HOURS_MAX: usize = 24;

/// Networks, countries, browsers and hours of earlier successes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Habits {
    successes: u32,
    networks: Seen,
    countries: Seen,
    browsers: Seen,
    /// The hour of the day in UTC, plus one: zero means "absent" everywhere.
    hours: Seen,
}

/// Keys with the day on which each was last seen, in the order of that day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Seen(Vec<(Key, i64)>);

impl Seen {
    fn has(&self, key: Key, now: Timestamp) -> bool {
        let oldest = (now - HABITS_LIFE).day();
        key != 0 && self.0.iter().any(|(known, day)| *known == key && *day > oldest)
    }

    fn learn(&mut self, key: Key, now: Timestamp, max: usize) {
        if key == 0 {
            return;
        }
        let oldest = (now - HABITS_LIFE).day();
        self.0.retain(|(known, day)| *known != key && *day > oldest);
        self.0.push((key, now.day()));
        let surplus = self.0.len().saturating_sub(max);
        self.0.drain(..surplus);
    }
}

impl Habits {
    pub fn learn(&mut self, requester: &Requester, now: Timestamp) {
        let traits = requester.traits();
        self.successes = self.successes.saturating_add(1);
        self.networks.learn(traits.network, now, NETWORKS_MAX);
        self.countries.learn(traits.country, now, COUNTRIES_MAX);
        self.browsers.learn(traits.browser, now, BROWSERS_MAX);
        self.hours.learn(hour(now, 0), now, HOURS_MAX);
    }

    pub const fn successes(&self) -> u32 {
        self.successes
    }

    pub fn first_time(&self, traits: Traits, now: Timestamp) -> FirstTime {
        if traits.network == 0 && traits.country == 0 {
            FirstTime::Unknown
        } else if self.networks.has(traits.network, now) {
            FirstTime::SeenNetwork
        } else if self.countries.has(traits.country, now) {
            FirstTime::NewNetwork
        } else if traits.country == 0 {
            FirstTime::Unknown
        } else {
            FirstTime::NewCountry
        }
    }

    pub fn knows_browser(&self, traits: Traits, now: Timestamp) -> bool {
        self.browsers.has(traits.browser, now)
    }

    /// Whether a success happened at this hour of the day or the one before or after.
    pub fn knows_hour(&self, now: Timestamp) -> bool {
        (-1..=1).any(|offset| self.hours.has(hour(now, offset), now))
    }
}

fn hour(now: Timestamp, offset: i64) -> Key {
    u64::from((now + Span::hours(offset)).hour_of_day()) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requester::{Network, Place};
    use crate::text::Text;

    fn from(asn: u32, country: &str) -> Requester {
        Requester {
            network: Some(Network { asn, name: Text::new("Example"), is_hosting: false }),
            place: Some(Place { country: Text::new(country), city: None, point: None }),
            ..Requester::default()
        }
    }

    #[test]
    fn a_place_is_new_until_the_first_success_and_after_180_days() {
        let mut habits = Habits::default();
        let at = Timestamp::from_seconds(0);
        let home = from(64_500, "FR");
        assert_eq!(habits.first_time(home.traits(), at), FirstTime::NewCountry);
        habits.learn(&home, at);
        assert_eq!(habits.first_time(home.traits(), at), FirstTime::SeenNetwork);
        assert_eq!(habits.first_time(from(64_501, "FR").traits(), at), FirstTime::NewNetwork);
        assert_eq!(habits.first_time(from(64_501, "DE").traits(), at), FirstTime::NewCountry);
        let later = |days| at + Span::days(days);
        assert_eq!(habits.first_time(home.traits(), later(179)), FirstTime::SeenNetwork);
        assert_eq!(habits.first_time(home.traits(), later(180)), FirstTime::NewCountry);
    }

    #[test]
    fn what_is_unknown_is_not_new() {
        let habits = Habits::default();
        let at = Timestamp::from_seconds(0);
        assert_eq!(habits.first_time(Requester::default().traits(), at), FirstTime::Unknown);
    }

    #[test]
    fn habits_are_bounded_and_the_oldest_goes() {
        let mut habits = Habits::default();
        for asn in 1..=40 {
            habits.learn(&from(asn, "FR"), Timestamp::from_seconds(i64::from(asn)));
        }
        assert_eq!(habits.networks.0.len(), NETWORKS_MAX);
        let now = Timestamp::from_seconds(41);
        assert_eq!(habits.first_time(from(24, "FR").traits(), now), FirstTime::NewNetwork);
        assert_eq!(habits.first_time(from(25, "FR").traits(), now), FirstTime::SeenNetwork);
    }

    #[test]
    fn an_hour_is_known_with_its_neighbours() {
        let mut habits = Habits::default();
        habits.learn(&Requester::default(), Timestamp::from_seconds(9 * 3_600));
        assert!(habits.knows_hour(Timestamp::from_seconds(10 * 3_600 + 3_599)));
        assert!(habits.knows_hour(Timestamp::from_seconds(8 * 3_600)));
        assert!(!habits.knows_hour(Timestamp::from_seconds(11 * 3_600)));
    }
}
