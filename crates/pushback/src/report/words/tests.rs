//! What a person reads, said in full.

use pushback_model::PromptCounts;

use super::*;
use crate::report::samples;

#[test]
fn what_did_not_fit_is_said() {
    let read = samples::read();
    assert!(!records(&read).contains("left out"));
    let full = ReadSummary { left_out: 7, doubts_dropped: 1, sources_dropped: 1, ..read };
    let words = records(&full);
    assert!(words.contains("7 records left out"), "{words}");
    assert!(words.contains("colleagues excuse nothing"), "{words}");
    assert!(words.contains("a spray may look smaller"), "{words}");
}

#[test]
fn a_foothold_says_when_it_was_approved_and_what_was_changed() {
    assert_eq!(
        headline(&samples::foothold()),
        "approved a stranger's prompt at 03:12 after 7 prompts; the stranger then bound a new \
         authenticator, made a mail rule, and 1 more",
    );
}

#[test]
fn a_single_silent_prompt_reads_as_one() {
    assert_eq!(headline(&samples::exposed()), "got one unexpected prompt at 14:05, unanswered");
}

#[test]
fn a_newcomer_whom_nobody_announced_is_no_stranger_yet() {
    let mut newcomer = samples::reset();
    newcomer.stage = Stage::Exposed;
    newcomer.after_approval.retain(|after| after.kind == EventKind::FactorEnrolled);
    let words = headline(&newcomer);
    assert_eq!(words, "an account that was never used before bound a new authenticator");
}

#[test]
fn who_is_locked_out_has_guessed_and_holds_no_password() {
    let mut guessed = samples::exposed();
    guessed.prompts = PromptCounts::default();
    let term = |kind: &'static str| Evidence { kind: kind.into(), ..guessed.evidence[0].clone() };
    let locked = Incident { evidence: vec![term("lockout")], ..guessed.clone() };
    assert!(headline(&locked).starts_with("somebody guessed at the password until"));
    let both = vec![term("lockout"), term("demand_unmet")];
    let had_it = Incident { evidence: both, ..guessed.clone() };
    assert!(headline(&had_it).starts_with("a stranger signs in with the password"));
}

#[test]
fn a_bombing_counts_each_outcome() {
    assert_eq!(
        headline(&samples::bombing()),
        "got 24 unexpected prompts within 18m 30s, 21 unanswered, 2 denied, 1 reported as not theirs",
    );
}

#[test]
fn a_reset_without_any_prompt_does_not_claim_an_approval() {
    assert_eq!(
        headline(&samples::reset()),
        "without any prompt a stranger got the authenticators reset and bound a new authenticator",
    );
}

#[test]
fn an_approval_on_a_later_day_says_which() {
    let mut late = samples::approved();
    late.approved_at = Some(late.started_at + Span::days(2));
    let day = date(late.started_at + Span::days(2));
    assert!(headline(&late).contains(&format!(" on {day}")), "{}", headline(&late));
    late.approved_at = Some(late.started_at);
    assert!(!headline(&late).contains(" on "), "{}", headline(&late));
}

#[test]
fn an_approval_of_the_owners_own_is_not_passed_over_in_silence() {
    let mut bombing = samples::bombing();
    bombing.prompts = PromptCounts { sent: 7, unanswered: 6, approved: 1, ..Default::default() };
    let words = headline(&bombing);
    assert!(words.ends_with("6 unanswered, one approved, judged the owner's own"), "{words}");
}

#[test]
fn what_came_before_the_approval_is_not_told_as_what_followed() {
    let mut foothold = samples::foothold();
    let approved_at = foothold.approved_at.unwrap();
    for after in &mut foothold.after_approval {
        if after.kind == EventKind::FactorEnrolled {
            after.at = approved_at - Span::minutes(5);
        }
    }
    let mut session = foothold.after_approval.first().unwrap().clone();
    session.kind = EventKind::SessionStarted;
    session.at = approved_at - Span::minutes(1);
    assert!(!is_before_approval(&foothold, &session), "it is the sign-in that was approved");
    let words = headline(&foothold);
    assert!(
        words.contains("; before that the stranger bound a new authenticator, then "),
        "{words}"
    );
    for after in &mut foothold.after_approval {
        after.at = approved_at - Span::minutes(5);
    }
    let words = headline(&foothold);
    assert!(
        words.contains("; before that the stranger ") && !words.contains("stranger then"),
        "{words}"
    );
}

#[test]
fn a_verdict_speaks_of_prompts_only_where_there_were_some() {
    let mut quiet = samples::reset();
    quiet.stage = Stage::Exposed;
    quiet.prompts = PromptCounts::default();
    let sample = samples::Sample { incidents: vec![quiet.clone()], ..samples::sample() };
    let words = verdict(&sample.report());
    assert_eq!(words, "Nobody let a stranger in, but one account needs a look.");
    let sample = samples::Sample { incidents: vec![quiet, samples::bombing()], ..sample };
    assert!(verdict(&sample.report()).contains("one person got unexpected prompts"));
}

#[test]
fn codes_and_commas_of_vendors_become_words() {
    let step = |kind, what: &str| After {
        kind,
        at: samples::at("2026-03-14T03:12:40Z"),
        event: String::new(),
        what: what.to_owned(),
    };
    let consent = step(EventKind::ConsentGranted, ", scope Mail.Read");
    assert_eq!(after(&consent), "gave an application access: scope Mail.Read");
    let session = step(EventKind::SessionUsed, "remembered_device");
    assert_eq!(after(&session), "used the session: remembered device");
    let bound = step(EventKind::FactorEnrolled, "factor enrolled");
    assert_eq!(after(&bound), "bound a new authenticator");
}

#[test]
fn prompts_of_records_without_an_address_are_counted() {
    let mut bombing = samples::bombing();
    assert_eq!(without_address(&bombing), None);
    bombing.prompts.sent += 1;
    assert_eq!(without_address(&bombing).as_deref(), Some("and 1 prompt with no address"));
}
