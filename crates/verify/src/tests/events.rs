//! What the detection engine reads of our own prompts, and the keys by which a second time is told.

use std::collections::BTreeSet;

use pushback_model::{EventKind, Factor, IdentityEvent, Source};

use super::*;

fn decided(world: &mut World, command: Command) -> Decision {
    let entropy = world.entropy();
    let decision = decide(&world.state, command, world.now, &entropy, &world.policy);
    world.state = decision.state.clone();
    decision
}

fn kinds(events: &[IdentityEvent<'_>]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}

#[test]
fn a_ring_is_a_prompt_that_was_sent_with_all_that_is_known_of_its_source() {
    let (mut world, _) = World::with_phone();
    let decision = decided(&mut world, Command::StartAttempt(attempt("a", None)));
    let [event] = &decision.events[..] else { panic!("{:?}", decision.events) };
    assert_eq!((event.source, event.kind), (Source::Pushback, EventKind::PromptSent));
    assert_eq!(event.factor, Factor::Push);
    assert_eq!(event.id, decision.audit[0].id.as_str());
    assert_eq!(event.subscriber.id, "alice@example.org");
    assert_eq!((&*event.requester.ip, event.requester.asn), ("203.0.113.7", 64_500));
    assert_eq!((&*event.transaction, &*event.app), ("a", "Wiki"));
}

#[test]
fn silence_after_a_ring_is_an_event_and_silence_after_a_quiet_prompt_is_none() {
    let (mut world, phone) = World::with_phone();
    let _ = decided(&mut world, Command::StartAttempt(attempt("rang", None)));
    world.forward(Span::seconds(90));
    let decision = decided(&mut world, Command::Tick);
    assert_eq!(kinds(&decision.events), [EventKind::PromptTimedOut]);

    let _ = world.start("denied", None);
    let _ = world.say(phone, Answer::Deny);
    let decision = decided(&mut world, Command::StartAttempt(attempt("quiet", None)));
    assert_eq!(kinds(&decision.events), [EventKind::ChallengeRequired]);
    world.forward(Span::seconds(90));
    assert_eq!(kinds(&decided(&mut world, Command::Tick).events), []);
}

#[test]
fn every_answer_is_the_event_that_a_vendor_would_log() {
    type Say = fn(&World) -> Answer;
    let answers: [(Say, &[EventKind]); 3] = [
        (World::right, &[EventKind::PromptApproved]),
        (|_| Answer::Deny, &[EventKind::PromptDenied]),
        (
            |_| Answer::Report(Notes::default()),
            &[EventKind::PromptReported, EventKind::PromptReported, EventKind::LockedOut],
        ),
    ];
    for (say, expected) in answers {
        let (mut world, phone) = World::with_phone();
        world.prompted("a", None);
        let context = world.state.shown_at(world.now).unwrap();
        let (prompt, shown) = (context.prompt, context.canonical_bytes());
        let answer = say(&world);
        let answer = PhoneAnswer::signature_verified(alice(), phone, prompt, shown, home(), answer);
        let decision = decided(&mut world, Command::AnswerPrompt(answer));
        assert_eq!(kinds(&decision.events), expected);
    }
}

#[test]
fn keys_are_the_same_for_the_same_decision_and_never_come_twice() {
    let (mut world, _) = World::with_phone();
    let mut seen = BTreeSet::new();
    for n in 0..20 {
        let twin =
            decided(&mut world.clone(), Command::StartAttempt(attempt(&n.to_string(), None)));
        let decision = decided(&mut world, Command::StartAttempt(attempt(&n.to_string(), None)));
        assert_eq!(decision.effects, twin.effects);
        assert_eq!(decision.audit, twin.audit);
        let effects = decision.effects.iter().map(|effect| effect.key.as_str());
        let audit = decision.audit.iter().map(|entry| entry.id.as_str());
        for key in effects.chain(audit) {
            assert!(seen.insert(key.to_owned()), "{key} came twice");
        }
        world.forward(Span::seconds(100));
    }
}
