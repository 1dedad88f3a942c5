//! The same records give the same bytes, however they arrive.

use std::io::Write as _;

use crate::run::{file, folder, lines, logs, pushback_fed, scan_json};

/// A fixed shuffle: sorted by a hash that has nothing to do with the content's order.
fn shuffled(lines: &[String]) -> Vec<String> {
    let mut keyed: Vec<(u64, &String)> = (0_u64..)
        .zip(lines)
        .map(|(n, line)| ((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29), line))
        .collect();
    keyed.sort();
    keyed.into_iter().map(|(_, line)| line.clone()).collect()
}

#[test]
fn order_repetition_and_wrapping_change_no_byte_of_the_result() {
    for vendor in ["okta_oie", "entra_m365", "duo", "pingid"] {
        let lines = lines(&logs(vendor));
        let expected = scan_json(&logs(vendor)).out;
        assert!(!expected.is_empty());
        let joined = lines.join("\n");
        let reversed: Vec<String> = lines.iter().rev().cloned().collect();
        let batches: Vec<String> =
            lines.chunks(3).map(|some| format!("{{\"records\":[{}]}}", some.join(","))).collect();
        let copies = [
            ("one file", joined.clone()),
            ("shuffled", shuffled(&lines).join("\n")),
            ("newest first", reversed.join("\r\n")),
            ("twice", format!("{joined}\n{joined}\n")),
            ("an array", format!("[\n{}\n]", lines.join(",\n"))),
            ("batches", batches.join("\n")),
        ];
        for (how, text) in copies {
            let path = file(&format!("order-{vendor}-{}", how.replace(' ', "-")), text);
            assert!(scan_json(&path).out == expected, "{vendor}, {how}: another result");
        }
        let fed = pushback_fed(&["scan", "-", "--format", "json"], joined.as_bytes());
        assert!(fed.out == expected, "{vendor}, standard input: another result");
    }
}

#[test]
fn a_compressed_log_gives_the_same_as_a_plain_one() {
    let joined = lines(&logs("duo")).join("\n");
    let path = folder("order-gz").join("duo.json.gz");
    let file = std::fs::File::create(&path).unwrap();
    let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    out.write_all(joined.as_bytes()).unwrap();
    out.finish().unwrap();
    assert_eq!(scan_json(&path).out, scan_json(&logs("duo")).out);
}

#[test]
fn the_number_of_threads_changes_no_byte_of_the_result() {
    let logs = logs("entra_m365");
    let path = logs.to_str().unwrap();
    let one = crate::run::pushback(["scan", path, "--format", "json", "--threads", "1"]);
    let many = crate::run::pushback(["scan", path, "--format", "json", "--threads", "7"]);
    assert_eq!(one.out, many.out);
}
