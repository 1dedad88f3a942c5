//! What a person will really read, kept as snapshots; and the laws that hold for every format.

use super::samples::{self, Sample};
use super::terminal::{self, Options};
use super::text::{self, is_hostile};
use super::{explain, marks};

fn terminal(sample: &Sample, options: Options) -> String {
    let mut out = Vec::new();
    terminal::write(&sample.report(), options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn at_width(width: usize) -> Options {
    Options { width, ..Options::default() }
}

fn explained(is_whole: bool, terminal: Options) -> String {
    let sample = samples::sample();
    let incident = samples::foothold();
    let story = sample.report().timeline(&incident);
    let text = r#"{"uuid":"evt-51","published":"2026-03-14T03:02:11.000Z","eventType":"system.push.send_factor_verify_push","actor":{"id":"00u1alice","alternateId":"alice@example.org","displayName":"Alice A\u001b[31m"},"client":{"ipAddress":"203.0.113.7","userAgent":{"rawUserAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"}},"outcome":{"result":"SUCCESS"}}"#;
    let records: Vec<explain::Record<'_>> = story
        .iter()
        .enumerate()
        .map(|(i, item)| explain::Record {
            item,
            raw: if i == 3 { b"" } else { text.as_bytes() },
            used: &[],
        })
        .collect();
    let mut out = Vec::new();
    explain::write(&incident, &records, explain::Options { terminal, is_whole }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_report_on_a_wide_terminal() {
    insta::assert_snapshot!(terminal(&samples::sample(), at_width(100)));
}

#[test]
fn the_report_on_a_narrow_terminal_in_ascii() {
    let options = Options { ascii: true, ..at_width(60) };
    insta::assert_snapshot!(terminal(&samples::sample(), options));
}

#[test]
fn a_report_without_incidents_is_calm_and_says_what_was_looked_at() {
    insta::assert_snapshot!(terminal(&samples::calm(), at_width(80)));
}

#[test]
fn a_spray_is_one_block_and_a_few_lines() {
    let options = Options { limit: Some(3), ..at_width(80) };
    insta::assert_snapshot!(terminal(&samples::spray(), options));
}

#[test]
fn an_explanation_shows_each_record_beside_the_terms_that_rest_on_it() {
    insta::assert_snapshot!(explained(false, at_width(90)));
}

#[test]
fn the_whole_record_is_shown_when_asked_for() {
    let text = explained(true, at_width(70));
    assert!(!text.contains("--raw"));
    assert_eq!(text.matches("\"SUCCESS\"").count(), 9);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for sample in [samples::sample(), samples::calm(), samples::spray(), samples::under_attack()] {
        for width in [40, 52, 60, 61, 72, 80, 89, 90, 100, 120] {
            for ascii in [true, false] {
                let options = Options { ascii, ..at_width(width) };
                for line in terminal(&sample, options).lines() {
                    assert!(text::width(line) <= width, "{width}: {line}");
                }
            }
        }
    }
    for is_whole in [false, true] {
        for width in [40, 60] {
            for line in explained(is_whole, at_width(width)).lines() {
                assert!(text::width(line) <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn a_terminal_narrower_or_wider_than_the_layout_gets_the_nearest_one() {
    assert_eq!(
        terminal(&samples::sample(), at_width(1)),
        terminal(&samples::sample(), at_width(40))
    );
    assert_eq!(
        terminal(&samples::sample(), at_width(900)),
        terminal(&samples::sample(), at_width(120))
    );
}

#[test]
fn nothing_in_a_record_reaches_the_terminal_as_a_command() {
    let sample = samples::under_attack();
    let plain = terminal(&sample, at_width(100));
    assert!(!plain.replace('\n', "").chars().any(is_hostile));
    let explained = explained(true, at_width(100));
    assert!(!explained.replace('\n', "").chars().any(is_hostile));
}

#[test]
fn colour_adds_only_colour() {
    let sample = samples::sample();
    let coloured = terminal(&sample, Options { colour: true, ..at_width(100) });
    assert!(coloured.contains("\x1b["));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, terminal(&sample, at_width(100)));
}

#[test]
fn ascii_drawing_needs_no_other_characters() {
    let options = Options { ascii: true, ..at_width(100) };
    assert!(terminal(&samples::sample(), options).is_ascii());
}

#[test]
fn the_order_of_the_input_does_not_matter() {
    let sample = samples::sample();
    let mut shuffled = samples::sample();
    shuffled.incidents.reverse();
    shuffled.findings.reverse();
    shuffled.timelines.values_mut().for_each(|story| story.reverse());
    assert_eq!(terminal(&shuffled, at_width(100)), terminal(&sample, at_width(100)));
}

#[test]
fn every_prompt_of_the_sample_is_drawn_once() {
    let sample = samples::sample();
    let report = sample.report();
    for incident in report.worst_first() {
        let marks = marks::place(&report.timeline(incident));
        let drawn = marks.iter().filter(|placed| placed.mark.is_prompt()).count();
        assert_eq!(drawn, incident.prompts.sent as usize, "{}", incident.id);
    }
}
