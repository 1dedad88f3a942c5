use super::*;
use crate::report::samples::{self, Sample};

fn rendered(sample: &Sample) -> String {
    let mut out = Vec::new();
    write(&sample.report(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Writes the pages to look at: `cargo test -p pushback sample_pages`, then open
/// `target/report/*.html`.
#[test]
fn the_sample_pages_can_be_looked_at() {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        std::path::PathBuf::from,
    );
    let folder = target.join("report");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, sample) in [
        ("sample", samples::sample()),
        ("calm", samples::calm()),
        ("spray", samples::spray()),
        ("hostile", samples::under_attack()),
    ] {
        std::fs::write(folder.join(name).with_extension("html"), rendered(&sample)).unwrap();
        let mut ocsf = Vec::new();
        crate::report::ocsf::write(&sample.report(), "0.1.0", &mut ocsf).unwrap();
        std::fs::write(folder.join(name).with_extension("ocsf.jsonl"), ocsf).unwrap();
    }
}

#[test]
fn every_page_is_well_formed_and_every_id_is_its_own() {
    for sample in [samples::sample(), samples::calm(), samples::spray(), samples::under_attack()] {
        let page = rendered(&sample);
        let ids = check_well_formed(&page);
        let unique: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
    }
}

#[test]
fn every_link_leads_to_a_place_in_the_page() {
    for sample in [samples::sample(), samples::spray(), samples::under_attack()] {
        let page = rendered(&sample);
        let ids: BTreeSet<String> = check_well_formed(&page).into_iter().collect();
        for link in page.split("href=\"").skip(1) {
            let target = link.split('"').next().unwrap();
            let id = target.strip_prefix('#').expect("no link leaves the page");
            assert!(ids.contains(id), "{target}");
        }
    }
}

#[test]
fn no_hostile_text_survives_in_the_page() {
    let page = rendered(&samples::under_attack()).to_lowercase();
    for bad in ["<script", "<img", "javascript:", "http://", "https://", "src=x\"", " onerror=\""] {
        assert!(!page.contains(bad), "{bad}");
    }
    assert!(!page.replace('\n', "").chars().any(crate::report::text::is_hostile));
    // It is shown, as text.
    assert!(page.contains("&lt;script&gt;") || page.contains("&#60;script&#62;"));
}

#[test]
fn nothing_can_load_or_run() {
    let page = rendered(&samples::sample());
    assert!(page.contains("default-src 'none'"));
    for absent in
        ["<script", "<iframe", "<object", "<link", "url(", "@import", " src=", "javascript:"]
    {
        assert!(!page.contains(absent), "{absent}");
    }
}

#[test]
fn every_incident_is_in_the_page_even_past_the_limit_of_cards() {
    let mut sample = samples::sample();
    for n in 0..CARDS_MAX {
        let mut incident = samples::exposed();
        incident.id = format!("inc_{n}");
        sample.incidents.push(incident);
    }
    let page = rendered(&sample);
    assert_eq!(page.matches("<article").count(), CARDS_MAX);
    for incident in &sample.incidents {
        assert!(page.contains(&format!("id=\"{}\"", incident.id)), "{}", incident.id);
    }
}

#[test]
fn a_report_without_incidents_is_calm() {
    let page = rendered(&samples::calm());
    assert!(page.contains("Nobody was push-bombed"));
    assert!(!page.contains("Worst first"));
}

#[test]
fn the_order_of_the_input_does_not_matter() {
    let mut shuffled = samples::sample();
    shuffled.incidents.reverse();
    shuffled.findings.reverse();
    shuffled.timelines.values_mut().for_each(|story| story.reverse());
    assert!(rendered(&shuffled) == rendered(&samples::sample()));
}

/// A small strict reader: every element that opens closes in order, attributes are quoted, no stray
/// angle bracket or bare ampersand. Returns the ids.
fn check_well_formed(page: &str) -> Vec<String> {
    const VOID: [&str; 2] = ["meta", "col"];
    let mut ids = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = page.strip_prefix("<!doctype html>").expect("a document type");
    while let Some(at) = rest.find('<') {
        let (text, tail) = rest.split_at(at);
        assert!(
            !text.contains('>') || open.last().is_some_and(|t| t == "style"),
            "stray >: {text}"
        );
        for after in text.split('&').skip(1) {
            assert!(after.find(';').is_some_and(|end| end <= 6), "bare &: {after}");
        }
        let end = tag_end(tail);
        let tag = &tail[1..end];
        rest = &tail[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of order");
            continue;
        }
        let self_closing = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let name = tag.split_whitespace().next().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "element {name}");
        let mut attributes = tag[name.len()..].trim();
        while !attributes.is_empty() {
            let (key, value) = attributes.split_once("=\"").unwrap_or_else(|| panic!("{tag}"));
            assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "attribute {key}");
            let (value, more) = value.split_once('"').unwrap();
            assert!(!value.contains('<'), "{value}");
            if key == "id" {
                ids.push(value.to_owned());
            }
            attributes = more.trim();
        }
        if !self_closing && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty(), "{open:?}");
    ids
}

fn tag_end(tail: &str) -> usize {
    let mut quoted = false;
    tail.char_indices()
        .find(|(_, c)| {
            quoted ^= *c == '"';
            *c == '>' && !quoted
        })
        .expect("an unclosed tag")
        .0
}

#[test]
fn a_log_of_years_names_the_years_on_its_axis() {
    let mut sample = samples::sample();
    sample.read.first_at = Some(samples::at("2024-05-01T00:00:00Z"));
    let html = rendered(&sample);
    let picture = html.split("Incidents by stage and time").nth(1).unwrap();
    let picture = picture.split("</svg>").next().unwrap();
    for year in [">2025<", ">2026<"] {
        assert!(picture.contains(year), "{year}: {picture}");
    }
}
