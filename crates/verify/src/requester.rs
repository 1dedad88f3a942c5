//! Who asks, as far as the primary channel tells: an address, a network, a place, a browser.

use std::net::IpAddr;

use pushback_model::{Coordinates, Key, key_of, key_of_parts};
use serde::{Deserialize, Serialize};

use crate::text::Text;

/// One end of a sign-in. What is not known is `None` and is said to be unknown on the phone.
///
/// The shell fills it from what it saw itself (the connection, its own tables), never from what
/// the claimant says about themselves, save for browser and system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// The address that the claimant's browser came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// The network that the address belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Where the address is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The browser or program, as it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<Text>,
    /// The operating system, as the browser calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<Text>,
}

/// An autonomous system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its number.
    pub asn: u32,
    /// Its name.
    pub name: Text,
    /// Whether it is known to be a hosting provider, a VPN, a proxy or an anonymising network.
    pub is_hosting: bool,
}

/// A place, as exact as the shell's table is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The country, as an ISO 3166-1 alpha-2 code.
    pub country: Text,
    /// The city, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<Text>,
    /// The middle of where it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
}

/// A point on Earth with the radius within which the truth lies.
///
/// Whole numbers, so that the same place gives the same bytes to sign on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Thousandths of a degree north.
    pub latitude_millidegrees: i32,
    /// Thousandths of a degree east.
    pub longitude_millidegrees: i32,
    /// Accuracy radius in kilometres; 250 to 500 for a country, about 50 for a city.
    pub radius_km: u16,
}

impl Point {
    fn coordinates(self) -> Option<Coordinates> {
        let degrees = |milli: i32| f64::from(milli) / 1_000.0;
        Coordinates::new(degrees(self.latitude_millidegrees), degrees(self.longitude_millidegrees))
    }

    /// The least distance in kilometres that both accuracies leave; `None` off the globe.
    pub(crate) fn distance_km(self, other: Self) -> Option<u32> {
        let apart = self.coordinates()?.distance_km(other.coordinates()?);
        let least = apart - f64::from(self.radius_km) - f64::from(other.radius_km);
        // At most half of Earth's circumference: the value fits.
        Some(least.max(0.0) as u32)
    }
}

/// How far the phone and the browser are from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// Not known: one of the two places is not known, or the phone has not been heard of lately.
    Unknown,
    /// Both come from the same address.
    SameNetwork,
    /// The places can be the same, as far as they are known.
    Near,
    /// At least this many kilometres apart, within one country.
    Kilometres(u32),
    /// In different countries.
    OtherCountry,
}

/// Whether an address belongs to one network of the Internet (RFC 6890). One that many networks use
/// inside says nothing when two have it.
const fn is_global(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            // 100.64.0.0/10 is shared by a provider's customers (RFC 6598).
            let is_shared = matches!(v4.octets(), [100, 64..=127, _, _]);
            let is_own = v4.is_private() || v4.is_loopback() || v4.is_link_local();
            !(is_own || is_shared || v4.is_unspecified())
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
        }
    }
}

/// From here two places count as far apart, in kilometres. From the recommendation for impossible
/// travel: shorter distances are within what address tables get wrong.
pub(crate) const FAR_KM: u32 = 500;

impl Distance {
    /// Between two ends; symmetric.
    //
    // SECURITY: behind a proxy that is not trusted all have its address. Guarded by
    // `a_private_address_says_nothing_about_nearness`.
    #[must_use]
    pub fn between(a: &Requester, b: &Requester) -> Self {
        if a.ip == b.ip && a.ip.is_some_and(is_global) {
            return Self::SameNetwork;
        }
        let (Some(here), Some(there)) = (&a.place, &b.place) else { return Self::Unknown };
        let apart = match (here.point, there.point) {
            (Some(one), Some(other)) => one.distance_km(other),
            (Some(_), None) | (None, Some(_)) | (None, None) => None,
        };
        match (here.country == there.country, apart) {
            // People live beside borders, and address tables mistake one side for the other.
            (false, Some(km)) if km < FAR_KM / 5 => Self::Near,
            (false, Some(_) | None) => Self::OtherCountry,
            (true, Some(0)) => Self::Near,
            (true, Some(km)) => Self::Kilometres(km),
            (true, None) => Self::Unknown,
        }
    }

    /// Whether the two cannot be in one person's hands.
    #[must_use]
    pub const fn is_far(self) -> bool {
        match self {
            Self::OtherCountry => true,
            Self::Kilometres(km) => km >= FAR_KM,
            Self::Unknown | Self::SameNetwork | Self::Near => false,
        }
    }
}

/// Keys under which a requester is remembered; 0 where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    pub network: Key,
    pub country: Key,
    pub browser: Key,
}

impl Requester {
    pub(crate) fn traits(&self) -> Traits {
        let text = |text: &Option<Text>| text.as_ref().map_or("", Text::as_str).to_owned();
        Traits {
            network: self.network.as_ref().map_or(0, |n| key_of(&n.asn.to_string())),
            country: self.place.as_ref().map_or(0, |p| key_of(p.country.as_str())),
            browser: key_of_parts(&[&text(&self.browser), &text(&self.system)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(country: &str, point: Option<(i32, i32, u16)>) -> Requester {
        let point = point.map(|(lat, lon, radius_km)| Point {
            latitude_millidegrees: lat,
            longitude_millidegrees: lon,
            radius_km,
        });
        let place = Place { country: Text::new(country), city: None, point };
        Requester { place: Some(place), ..Requester::default() }
    }

    #[test]
    fn what_is_not_known_is_unknown_and_never_near() {
        let paris = at("FR", Some((48_857, 2_352, 50)));
        assert_eq!(Distance::between(&paris, &Requester::default()), Distance::Unknown);
        assert_eq!(Distance::between(&paris, &at("FR", None)), Distance::Unknown);
        assert!(!Distance::Unknown.is_far());
    }

    #[test]
    fn a_private_address_says_nothing_about_nearness() {
        let behind = |ip: &str| Requester { ip: ip.parse().ok(), ..Requester::default() };
        for (ip, expected) in [
            ("198.51.100.7", Distance::SameNetwork),
            ("2001:db8::7", Distance::SameNetwork),
            ("10.0.0.2", Distance::Unknown),
            ("192.168.1.5", Distance::Unknown),
            ("100.70.1.1", Distance::Unknown),
            ("127.0.0.1", Distance::Unknown),
            ("fd00::2", Distance::Unknown),
            ("::1", Distance::Unknown),
        ] {
            assert_eq!(Distance::between(&behind(ip), &behind(ip)), expected, "{ip}");
        }
    }

    #[test]
    fn accuracy_is_taken_off_the_distance() {
        let paris = at("FR", Some((48_857, 2_352, 50)));
        let nice = at("FR", Some((43_710, 7_262, 50)));
        assert!(
            matches!(Distance::between(&paris, &nice), Distance::Kilometres(km) if (580..600).contains(&km))
        );
        let rough = at("FR", Some((43_710, 7_262, 700)));
        assert_eq!(Distance::between(&paris, &rough), Distance::Near);
    }

    #[test]
    fn another_country_is_far_unless_the_border_is_near() {
        let strasbourg = at("FR", Some((48_573, 7_752, 20)));
        let kehl = at("DE", Some((48_577, 7_815, 20)));
        let berlin = at("DE", Some((52_520, 13_405, 20)));
        assert_eq!(Distance::between(&strasbourg, &kehl), Distance::Near);
        assert!(Distance::between(&strasbourg, &berlin).is_far());
        assert!(Distance::between(&at("FR", None), &at("DE", None)).is_far());
    }

    #[test]
    fn five_hundred_kilometres_are_far() {
        assert!(!Distance::Kilometres(499).is_far());
        assert!(Distance::Kilometres(500).is_far());
    }
}
