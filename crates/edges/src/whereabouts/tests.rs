use pushback_verify::Text;
use serde_json::json;

use super::*;

#[test]
fn an_address_has_the_network_and_place_of_its_tables() {
    let folder = tempfile::tempdir().unwrap();
    let places = table(
        6,
        &json!({"country": {"iso_code": "FR"}, "city": {"names": {"en": "Paris"}},
        "location": {"latitude": 48.8566, "longitude": 2.3522, "accuracy_radius": 20}}),
    );
    let networks = table(
        6,
        &json!({"autonomous_system_number": 64_500,
        "autonomous_system_organization": "Example Net"}),
    );
    let tables = Tables {
        places: Some(put(folder.path(), "city.mmdb", &places)),
        networks: Some(put(folder.path(), "asn.mmdb", &networks)),
        hosting: Some(put(folder.path(), "hosting.txt", b"203.0.113.128/25\n")),
    };
    let atlas = Atlas::open(&tables).unwrap();

    let found = atlas.look_up(ip("203.0.113.7")).unwrap();
    let place = found.place.unwrap();
    assert_eq!(place.country, Text::new("FR"));
    assert_eq!(place.city, Some(Text::new("Paris")));
    assert_eq!(place.point.unwrap().radius_km, 20);
    let network = Network { asn: 64_500, name: Text::new("Example Net"), is_hosting: false };
    assert_eq!(found.network, Some(network));

    let hosted = atlas.look_up(ip("203.0.113.200")).unwrap();
    assert!(hosted.network.unwrap().is_hosting);
    assert_eq!(atlas.look_up(ip("::ffff:203.0.113.7")).unwrap().place.unwrap(), place);
    // Only the upper half of all addresses is in the table.
    assert_eq!(atlas.look_up(ip("9.9.9.9")).unwrap(), Whereabouts::default());
}

#[test]
fn one_table_may_tell_both() {
    let folder = tempfile::tempdir().unwrap();
    let lite = json!({"country": "France", "country_code": "FR", "asn": "AS14061", "as_name": "D"});
    let path = put(folder.path(), "lite.mmdb", &table(4, &lite));
    let tables = Tables { places: Some(path.clone()), networks: Some(path), hosting: None };
    let found = Atlas::open(&tables).unwrap().look_up(ip("203.0.113.7")).unwrap();
    assert_eq!(found.place.unwrap().country, Text::new("FR"));
    assert!(found.network.unwrap().is_hosting);
}

#[test]
fn a_local_address_and_one_that_no_table_knows_are_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), "c.mmdb", &table(4, &json!({"country": {"iso_code": "FR"}})));
    let tables = Tables { places: Some(path), ..Tables::default() };
    let atlas = Atlas::open(&tables).unwrap();
    // In the table's half, but local; beyond an IPv4 table; in its other half.
    for nowhere in ["192.168.1.1", "169.254.1.1", "224.0.0.1", "fd00::1", "2001:db8::1", "9.9.9.9"]
    {
        assert_eq!(atlas.look_up(ip(nowhere)).unwrap(), Whereabouts::default(), "{nowhere}");
    }
    assert_eq!(Atlas::default().look_up(ip("203.0.113.7")).unwrap(), Whereabouts::default());
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.mmdb");
    let text = put(folder.path(), "text.mmdb", b"not a table");
    let whole = table(4, &json!({"country": {"iso_code": "FR"}}));
    let cut = put(folder.path(), "cut.mmdb", &whole[..whole.len() - 30]);
    for path in [missing, text, cut] {
        let tables = Tables { networks: Some(path.clone()), ..Tables::default() };
        let error = Atlas::open(&tables).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
    let list = put(folder.path(), "list.txt", b"AS64500\nexample.org\n");
    let tables = Tables { hosting: Some(list), ..Tables::default() };
    let error = Atlas::open(&tables).unwrap_err().to_string();
    assert!(error.contains("list.txt, line 2: "), "{error}");
}

#[test]
fn a_table_that_is_damaged_inside_is_an_error_and_not_an_unknown_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = table(4, &json!({"country": {"iso_code": "FR"}}));
    // The record: a pointer to far away instead of a map.
    bytes[NODES_BYTES + 16..NODES_BYTES + 18].copy_from_slice(&[0x27, 0xff]);
    let path = put(folder.path(), "bent.mmdb", &bytes);
    let tables = Tables { places: Some(path), ..Tables::default() };
    let error = Atlas::open(&tables).unwrap().look_up(ip("203.0.113.7")).unwrap_err();
    assert!(error.to_string().contains("bent.mmdb"), "{error}");
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// One node of two records of 24 bits, for a table of IPv4.
const NODES_BYTES: usize = 6;

/// A table (MaxMind DB format 2.0) that gives one record to every IPv4 address of the upper half,
/// 128.0.0.0/1, and nothing to any other.
fn table(ip_version: u16, record: &Value) -> Vec<u8> {
    // IPv4 lives in ::/96 of a table of IPv6: 96 nodes that only know the way to the left.
    let nodes: u32 = if ip_version == 6 { 97 } else { 1 };
    let nothing = nodes;
    let the_record = nodes + 16;
    let mut bytes = Vec::new();
    for node in 0..nodes {
        let (left, right) =
            if node + 1 == nodes { (nothing, the_record) } else { (node + 1, nothing) };
        bytes.extend_from_slice(&left.to_be_bytes()[1..]);
        bytes.extend_from_slice(&right.to_be_bytes()[1..]);
    }
    bytes.extend_from_slice(&[0; 16]);
    put_value(&mut bytes, record);
    bytes.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    put_value(
        &mut bytes,
        &json!({"binary_format_major_version": 2, "binary_format_minor_version": 0,
            "build_epoch": 1_800_000_000, "database_type": "Test", "description": {"en": "Test"},
            "ip_version": ip_version, "languages": ["en"], "node_count": nodes, "record_size": 24}),
    );
    bytes
}

/// The data section's encoding of a value: a control byte with type and size, then the bytes.
fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => {
            put_control(out, 2, text.len());
            out.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) if number.is_f64() => {
            put_control(out, 3, 8);
            out.extend_from_slice(&number.as_f64().unwrap().to_be_bytes());
        }
        Value::Object(map) => {
            put_control(out, 7, map.len());
            for (key, value) in map {
                put_value(out, &Value::String(key.clone()));
                match (value.as_u64(), key.as_str()) {
                    // Whole numbers have a type for each width, and the reader is strict about its own.
                    (Some(number), "build_epoch") => put_number(out, 9, number),
                    (Some(number), "node_count" | "autonomous_system_number") => {
                        put_number(out, 6, number);
                    }
                    (Some(number), _) => put_number(out, 5, number),
                    (None, _) => put_value(out, value),
                }
            }
        }
        Value::Array(list) => {
            put_control(out, 11, list.len());
            list.iter().for_each(|value| put_value(out, value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => panic!("no table here holds {value}"),
    }
}

fn put_number(out: &mut Vec<u8>, kind: u8, number: u64) {
    let bytes = number.to_be_bytes();
    let used = bytes.iter().skip_while(|byte| **byte == 0);
    put_control(out, kind, used.clone().count());
    out.extend(used);
}

fn put_control(out: &mut Vec<u8>, kind: u8, size: usize) {
    let (size, longer) = if size < 29 { (size as u8, None) } else { (29, Some((size - 29) as u8)) };
    // Types past 7 are written in a byte of their own.
    if kind <= 7 {
        out.push(kind << 5 | size);
    } else {
        out.extend_from_slice(&[size, kind - 7]);
    }
    out.extend(longer);
}
