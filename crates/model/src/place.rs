//! Places on Earth, as far as logs tell.

/// A point in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinates {
    /// Degrees north of the equator, -90 to 90.
    pub latitude: f64,
    /// Degrees east of Greenwich, -180 to 180.
    pub longitude: f64,
}

/// Mean Earth radius in kilometres (IUGG, R1).
const EARTH_RADIUS_KM: f64 = 6_371.008_8;

impl Coordinates {
    /// A point, unless it is off the globe or the "null island" 0,0 that stands for "unknown".
    #[must_use]
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let sane = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        (sane && (latitude != 0.0 || longitude != 0.0)).then_some(Self { latitude, longitude })
    }

    /// The great-circle distance in kilometres (haversine formula).
    #[must_use]
    pub fn distance_km(self, other: Self) -> f64 {
        let (lat1, lat2) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half_lat = ((lat2 - lat1) / 2.0).sin();
        let half_lon = ((other.longitude - self.longitude).to_radians() / 2.0).sin();
        let h = half_lat * half_lat + lat1.cos() * lat2.cos() * half_lon * half_lon;
        2.0 * EARTH_RADIUS_KM * h.sqrt().min(1.0).asin()
    }
}

/// The ISO 3166-1 alpha-2 code of a country that a log names in words ("United States") or by its
/// code ("us"). Unknown names are `None`: they are kept as text, never guessed.
#[must_use]
pub fn country_code(name: &str) -> Option<[u8; 2]> {
    let name = name.trim();
    if let [a, b] = *name.as_bytes()
        && a.is_ascii_alphabetic()
        && b.is_ascii_alphabetic()
    {
        return Some([a.to_ascii_uppercase(), b.to_ascii_uppercase()]);
    }
    COUNTRIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, code)| *code)
}

/// English short names as identity products print them (ISO 3166-1, with the common variants).
const COUNTRIES: &[(&str, [u8; 2])] = &[
    ("Afghanistan", *b"AF"),
    ("Albania", *b"AL"),
    ("Algeria", *b"DZ"),
    ("Andorra", *b"AD"),
    ("Angola", *b"AO"),
    ("Argentina", *b"AR"),
    ("Armenia", *b"AM"),
    ("Australia", *b"AU"),
    ("Austria", *b"AT"),
    ("Azerbaijan", *b"AZ"),
    ("Bahamas", *b"BS"),
    ("Bahrain", *b"BH"),
    ("Bangladesh", *b"BD"),
    ("Barbados", *b"BB"),
    ("Belarus", *b"BY"),
    ("Belgium", *b"BE"),
    ("Belize", *b"BZ"),
    ("Benin", *b"BJ"),
    ("Bolivia", *b"BO"),
    ("Bosnia and Herzegovina", *b"BA"),
    ("Botswana", *b"BW"),
    ("Brazil", *b"BR"),
    ("Brunei", *b"BN"),
    ("Bulgaria", *b"BG"),
    ("Burkina Faso", *b"BF"),
    ("Burundi", *b"BI"),
    ("Cambodia", *b"KH"),
    ("Cameroon", *b"CM"),
    ("Canada", *b"CA"),
    ("Chad", *b"TD"),
    ("Chile", *b"CL"),
    ("China", *b"CN"),
    ("Colombia", *b"CO"),
    ("Congo", *b"CG"),
    ("Costa Rica", *b"CR"),
    ("Croatia", *b"HR"),
    ("Cuba", *b"CU"),
    ("Cyprus", *b"CY"),
    ("Czechia", *b"CZ"),
    ("Czech Republic", *b"CZ"),
    ("Denmark", *b"DK"),
    ("Dominican Republic", *b"DO"),
    ("Ecuador", *b"EC"),
    ("Egypt", *b"EG"),
    ("El Salvador", *b"SV"),
    ("Estonia", *b"EE"),
    ("Ethiopia", *b"ET"),
    ("Fiji", *b"FJ"),
    ("Finland", *b"FI"),
    ("France", *b"FR"),
    ("Gabon", *b"GA"),
    ("Georgia", *b"GE"),
    ("Germany", *b"DE"),
    ("Ghana", *b"GH"),
    ("Greece", *b"GR"),
    ("Greenland", *b"GL"),
    ("Guatemala", *b"GT"),
    ("Guinea", *b"GN"),
    ("Haiti", *b"HT"),
    ("Honduras", *b"HN"),
    ("Hong Kong", *b"HK"),
    ("Hungary", *b"HU"),
    ("Iceland", *b"IS"),
    ("India", *b"IN"),
    ("Indonesia", *b"ID"),
    ("Iran", *b"IR"),
    ("Iran, Islamic Republic of", *b"IR"),
    ("Iraq", *b"IQ"),
    ("Ireland", *b"IE"),
    ("Israel", *b"IL"),
    ("Italy", *b"IT"),
    ("Ivory Coast", *b"CI"),
    ("Jamaica", *b"JM"),
    ("Japan", *b"JP"),
    ("Jordan", *b"JO"),
    ("Kazakhstan", *b"KZ"),
    ("Kenya", *b"KE"),
    ("Kuwait", *b"KW"),
    ("Kyrgyzstan", *b"KG"),
    ("Laos", *b"LA"),
    ("Latvia", *b"LV"),
    ("Lebanon", *b"LB"),
    ("Libya", *b"LY"),
    ("Liechtenstein", *b"LI"),
    ("Lithuania", *b"LT"),
    ("Luxembourg", *b"LU"),
    ("Macao", *b"MO"),
    ("Madagascar", *b"MG"),
    ("Malaysia", *b"MY"),
    ("Maldives", *b"MV"),
    ("Mali", *b"ML"),
    ("Malta", *b"MT"),
    ("Mauritius", *b"MU"),
    ("Mexico", *b"MX"),
    ("Moldova", *b"MD"),
    ("Monaco", *b"MC"),
    ("Mongolia", *b"MN"),
    ("Montenegro", *b"ME"),
    ("Morocco", *b"MA"),
    ("Mozambique", *b"MZ"),
    ("Myanmar", *b"MM"),
    ("Namibia", *b"NA"),
    ("Nepal", *b"NP"),
    ("Netherlands", *b"NL"),
    ("The Netherlands", *b"NL"),
    ("New Zealand", *b"NZ"),
    ("Nicaragua", *b"NI"),
    ("Niger", *b"NE"),
    ("Nigeria", *b"NG"),
    ("North Korea", *b"KP"),
    ("North Macedonia", *b"MK"),
    ("Norway", *b"NO"),
    ("Oman", *b"OM"),
    ("Pakistan", *b"PK"),
    ("Palestine", *b"PS"),
    ("Panama", *b"PA"),
    ("Paraguay", *b"PY"),
    ("Peru", *b"PE"),
    ("Philippines", *b"PH"),
    ("Poland", *b"PL"),
    ("Portugal", *b"PT"),
    ("Puerto Rico", *b"PR"),
    ("Qatar", *b"QA"),
    ("Romania", *b"RO"),
    ("Russia", *b"RU"),
    ("Russian Federation", *b"RU"),
    ("Rwanda", *b"RW"),
    ("Saudi Arabia", *b"SA"),
    ("Senegal", *b"SN"),
    ("Serbia", *b"RS"),
    ("Seychelles", *b"SC"),
    ("Singapore", *b"SG"),
    ("Slovakia", *b"SK"),
    ("Slovenia", *b"SI"),
    ("Somalia", *b"SO"),
    ("South Africa", *b"ZA"),
    ("South Korea", *b"KR"),
    ("Korea, Republic of", *b"KR"),
    ("Republic of Korea", *b"KR"),
    ("Spain", *b"ES"),
    ("Sri Lanka", *b"LK"),
    ("Sudan", *b"SD"),
    ("Sweden", *b"SE"),
    ("Switzerland", *b"CH"),
    ("Syria", *b"SY"),
    ("Taiwan", *b"TW"),
    ("Tajikistan", *b"TJ"),
    ("Tanzania", *b"TZ"),
    ("Thailand", *b"TH"),
    ("Togo", *b"TG"),
    ("Trinidad and Tobago", *b"TT"),
    ("Tunisia", *b"TN"),
    ("Turkey", *b"TR"),
    ("Türkiye", *b"TR"),
    ("Uganda", *b"UG"),
    ("Ukraine", *b"UA"),
    ("United Arab Emirates", *b"AE"),
    ("United Kingdom", *b"GB"),
    ("Great Britain", *b"GB"),
    ("United States", *b"US"),
    ("United States of America", *b"US"),
    ("Uruguay", *b"UY"),
    ("Uzbekistan", *b"UZ"),
    ("Venezuela", *b"VE"),
    ("Vietnam", *b"VN"),
    ("Viet Nam", *b"VN"),
    ("Yemen", *b"YE"),
    ("Zambia", *b"ZM"),
    ("Zimbabwe", *b"ZW"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_agree() {
        assert_eq!(country_code("United States"), Some(*b"US"));
        assert_eq!(country_code("us"), Some(*b"US"));
        assert_eq!(country_code("Atlantis"), None);
    }

    #[test]
    fn paris_to_new_york_is_about_5840_km() {
        let paris = Coordinates::new(48.8566, 2.3522).unwrap();
        let new_york = Coordinates::new(40.7128, -74.006).unwrap();
        assert!((paris.distance_km(new_york) - 5_837.0).abs() < 10.0);
    }

    #[test]
    fn null_island_is_unknown() {
        assert_eq!(Coordinates::new(0.0, 0.0), None);
    }
}
