//! What a subscriber's own successes look like. Only successes teach; bounded and forgotten, and what was
//! learnt since the reach of a report with it: it may be a stranger's.

use pushback_model::{Key, Span, Timestamp};
use serde::{Deserialize, Serialize, Serializer};

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

/// What was seen, in the order of the day on which it last was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Seen(Vec<Habit>);

/// Written as a list of its members: there are up to 60 in a document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Habit {
    key: Key,
    last_day: i64,
    /// The hour since 1970 in which it was first seen. Not in documents from before this was written down:
    /// what is in those was seen long ago.
    #[serde(default)]
    first_hour: Option<i64>,
}

impl Serialize for Habit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.first_hour {
            Some(first_hour) => (self.key, self.last_day, first_hour).serialize(serializer),
            None => (self.key, self.last_day).serialize(serializer),
        }
    }
}

impl Seen {
    fn has(&self, key: Key, now: Timestamp) -> bool {
        let oldest = (now - HABITS_LIFE).day();
        key != 0 && self.0.iter().any(|habit| habit.key == key && habit.last_day > oldest)
    }

    fn learn(&mut self, key: Key, now: Timestamp, max: usize) {
        if key == 0 {
            return;
        }
        let oldest = (now - HABITS_LIFE).day();
        self.0.retain(|habit| habit.last_day > oldest);
        let known = self.0.extract_if(.., |habit| habit.key == key).next();
        let first_hour = known.map_or(Some(hour_since_1970(now)), |known| known.first_hour);
        self.0.push(Habit { key, last_day: now.day(), first_hour });
        let surplus = self.0.len().saturating_sub(max);
        self.0.drain(..surplus);
    }

    /// The hour is forgotten whole: part of it is before, and may be a stranger's all the same.
    fn forget_since(&mut self, since: Timestamp) {
        let from = hour_since_1970(since);
        self.0.retain(|habit| habit.first_hour.is_none_or(|first| first < from));
    }

    fn forget_the_future(&mut self, now: Timestamp) {
        for habit in &mut self.0 {
            habit.last_day = habit.last_day.min(now.day());
            habit.first_hour = habit.first_hour.map(|first| first.min(hour_since_1970(now)));
        }
    }
}

const fn hour_since_1970(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(Span::hours(1).as_millis())
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

    /// Forgets what was first seen at `since` or later. If nothing is left, it is as for somebody new.
    pub fn forget_since(&mut self, since: Timestamp) {
        for seen in self.each() {
            seen.forget_since(since);
        }
        // Every success teaches an hour.
        if self.hours.0.is_empty() {
            self.successes = 0;
        }
    }

    /// The clock was set right: nothing was seen later than now.
    pub fn forget_the_future(&mut self, now: Timestamp) {
        for seen in self.each() {
            seen.forget_the_future(now);
        }
    }

    const fn each(&mut self) -> [&mut Seen; 4] {
        [&mut self.networks, &mut self.countries, &mut self.browsers, &mut self.hours]
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

    #[test]
    fn what_was_first_seen_since_is_forgotten_and_what_was_before_stays() {
        let mut habits = Habits::default();
        let hour = |n: i64| Timestamp::from_seconds(n * 3_600);
        let (home, away) = (from(64_500, "FR"), from(64_501, "DE"));
        habits.learn(&home, hour(10));
        habits.learn(&home, hour(40));
        habits.learn(&away, Timestamp::from_seconds(40 * 3_600 + 5));
        let mut later = habits.clone();
        later.forget_since(hour(41));
        assert_eq!(later, habits, "nothing is as young");
        habits.forget_since(Timestamp::from_seconds(40 * 3_600 + 3_599));
        assert_eq!(habits.first_time(away.traits(), hour(41)), FirstTime::NewCountry);
        assert_eq!(habits.first_time(home.traits(), hour(41)), FirstTime::SeenNetwork);
        assert!(habits.knows_hour(hour(10)) && !habits.knows_hour(hour(40)));
        assert_eq!(habits.successes(), 3);
        habits.forget_since(hour(0));
        assert_eq!(habits, Habits::default());
    }

    #[test]
    fn habits_that_were_written_without_their_beginning_are_read_and_stay() {
        let written = r#"{"successes":12,"networks":[[7,20500]],"hours":[[11,20500]]}"#;
        let mut habits: Habits = serde_json::from_str(written).unwrap();
        let now = Timestamp::from_seconds(20_501 * 86_400);
        habits.forget_since(now - Span::days(30));
        assert!(habits.networks.has(7, now));
        let again = serde_json::to_value(&habits).unwrap();
        assert_eq!(again["networks"], serde_json::json!([[7, 20_500]]));
        habits.learn(&Requester::default(), now + Span::hours(15));
        let again = serde_json::to_value(&habits).unwrap();
        assert_eq!(again["hours"], serde_json::json!([[11, 20_500], [16, 20_501, 492_039]]));
        assert_eq!(serde_json::from_value::<Habits>(again).unwrap(), habits);
    }
}
