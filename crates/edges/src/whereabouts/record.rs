//! What one record of a table says, whoever made the table.

use pushback_verify::{Network, Place, Point, Text};
use serde_json::Value;

/// How far off a point is where its table does not say: about a city, in kilometres.
const CITY_RADIUS_KM: u16 = 50;
/// And where not even a city is known: about a country.
const COUNTRY_RADIUS_KM: u16 = 500;

pub(super) fn place(record: &Value) -> Option<Place> {
    let country = ["/country/iso_code", "/country_code", "/country"]
        .iter()
        .find_map(|path| country(text(record, path)?))?;
    let city = ["/city/names/en", "/city"].iter().find_map(|path| text(record, path));
    let city = city.map(Text::new).filter(|city| !city.is_empty());
    let point = point(record, city.is_some());
    Some(Place { country, city, point })
}

pub(super) fn network(record: &Value) -> Option<Network> {
    let number = record.pointer("/autonomous_system_number").and_then(Value::as_u64);
    let asn = number
        .and_then(|number| u32::try_from(number).ok())
        .or_else(|| text(record, "/asn")?.strip_prefix("AS")?.parse().ok())
        // Zero is nobody's (RFC 7607).
        .filter(|asn| *asn > 0)?;
    let name = ["/autonomous_system_organization", "/as_name", "/name"]
        .iter()
        .find_map(|path| text(record, path))
        .unwrap_or_default();
    Some(Network { asn, name: Text::new(name), is_hosting: false })
}

/// A text that is there and not empty: IPinfo writes unknown fields as empty ones.
fn text<'r>(record: &'r Value, path: &str) -> Option<&'r str> {
    record.pointer(path)?.as_str().filter(|text| !text.is_empty())
}

/// Two letters; older and newer tables of IPinfo differ in what `country` means.
fn country(text: &str) -> Option<Text> {
    let is_code = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    is_code.then(|| Text::new(&text.to_ascii_uppercase()))
}

fn point(record: &Value, is_city: bool) -> Option<Point> {
    let latitude = degrees(record, ["/location/latitude", "/latitude", "/lat"], 90.0)?;
    let longitude = degrees(record, ["/location/longitude", "/longitude", "/lng"], 180.0)?;
    let said = record.pointer("/location/accuracy_radius").and_then(Value::as_u64);
    let radius_km = said.and_then(|km| u16::try_from(km).ok()).filter(|km| *km > 0);
    let otherwise = if is_city { CITY_RADIUS_KM } else { COUNTRY_RADIUS_KM };
    Some(Point {
        latitude_millidegrees: latitude,
        longitude_millidegrees: longitude,
        radius_km: radius_km.unwrap_or(otherwise),
    })
}

/// Thousandths of a degree, from a number or a text; `None` off the globe.
fn degrees(record: &Value, paths: [&str; 3], most: f64) -> Option<i32> {
    let value = paths.iter().find_map(|path| record.pointer(path))?;
    let degrees = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    // At most 180,000 after the check: the value fits.
    (degrees.abs() <= most).then(|| (degrees * 1_000.0).round() as i32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(place: &Place) -> (&str, &str, Option<(i32, i32, u16)>) {
        let point = place.point.map(|point| {
            (point.latitude_millidegrees, point.longitude_millidegrees, point.radius_km)
        });
        (place.country.as_str(), place.city.as_ref().map_or("-", Text::as_str), point)
    }

    #[test]
    fn the_three_layouts_of_places_say_the_same() {
        for (record, radius_km) in [
            // MaxMind.
            (
                json!({"country": {"iso_code": "FR", "names": {"en": "France"}},
                    "city": {"geoname_id": 1, "names": {"de": "Paris (de)", "en": "Paris"}},
                    "location": {"latitude": 48.8566, "longitude": 2.3522, "accuracy_radius": 20}}),
                20,
            ),
            // DB-IP.
            (
                json!({"country": {"iso_code": "FR"}, "city": {"names": {"en": "Paris"}},
                    "location": {"latitude": 48.8566, "longitude": 2.3522}}),
                50,
            ),
            // IPinfo, older and newer.
            (json!({"country": "FR", "city": "Paris", "lat": "48.8566", "lng": "2.3522"}), 50),
            (
                json!({"country": "France", "country_code": "FR", "city": "Paris",
                    "latitude": "48.8566", "longitude": "2.3522"}),
                50,
            ),
        ] {
            let found = place(&record).unwrap();
            assert_eq!(
                shown(&found),
                ("FR", "Paris", Some((48_857, 2_352, radius_km))),
                "{record}"
            );
        }
    }

    #[test]
    fn a_country_alone_is_a_place_without_a_city() {
        let lite = json!({"country": "France", "country_code": "fr", "asn": "AS64500"});
        assert_eq!(shown(&place(&lite).unwrap()), ("FR", "-", None));
        let middle = json!({"country": {"iso_code": "FR"}, "city": "", "location":
            {"latitude": 46, "longitude": 2}});
        assert_eq!(shown(&place(&middle).unwrap()), ("FR", "-", Some((46_000, 2_000, 500))));
    }

    #[test]
    fn what_makes_no_sense_is_not_known() {
        for record in
            [json!(null), json!({}), json!([]), json!({"country": "France"}), json!({"country": 3})]
        {
            assert_eq!(place(&record), None, "{record}");
            assert_eq!(network(&record), None, "{record}");
        }
        let off_globe = json!({"country_code": "FR", "lat": "91", "lng": "0"});
        assert_eq!(place(&off_globe).unwrap().point, None);
        let no_number = json!({"country_code": "FR", "lat": "NaN", "lng": "0"});
        assert_eq!(place(&no_number).unwrap().point, None);
        for record in
            [json!({"asn": "AS0"}), json!({"asn": "64500"}), json!({"asn": "AS99999999999"})]
        {
            assert_eq!(network(&record), None, "{record}");
        }
    }

    #[test]
    fn the_layouts_of_networks_say_the_same() {
        for record in [
            json!({"autonomous_system_number": 64_500, "autonomous_system_organization": "Example Net"}),
            json!({"asn": "AS64500", "name": "Example Net", "domain": "example.net"}),
            json!({"asn": "AS64500", "as_name": "Example Net", "country_code": "FR"}),
        ] {
            let found = network(&record).unwrap();
            assert_eq!((found.asn, found.name.as_str()), (64_500, "Example Net"), "{record}");
        }
    }
}
