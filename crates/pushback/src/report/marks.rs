//! The marks that a time line is drawn with: one a prompt, one a step of what followed.

use pushback_model::{EventKind, Factor, Span, Timestamp};

use super::view::TimelineItem;

/// A prompt that was answered is logged as sent and as answered; the two records are one prompt if
/// they are no further apart than this. Longer than any vendor lets a prompt live (Duo: 60 s, Okta:
/// 5 min, Entra: 60 s, voice and mail codes: 10 min).
const PROMPT_LIFE_MAX: Span = Span::minutes(10);

/// What a mark stands for. Each has its own shape, so colour is never needed to tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A prompt that nobody answered.
    Unanswered,
    /// A prompt answered with no.
    Denied,
    /// A prompt answered with "not me".
    Reported,
    /// A prompt answered with yes and the wrong number.
    Mismatched,
    /// A stranger's prompt that was approved.
    Approved,
    /// A session of a stranger.
    Session,
    /// A change that outlives the session.
    Change,
    /// Something that the subscriber did.
    Own,
    /// Anything else: a wrong password, a vendor's warning, a lockout.
    Other,
}

impl Mark {
    /// Every mark, in the order in which legends and lanes show them.
    pub const ALL: [Self; 9] = [
        Self::Unanswered,
        Self::Denied,
        Self::Reported,
        Self::Mismatched,
        Self::Approved,
        Self::Session,
        Self::Change,
        Self::Own,
        Self::Other,
    ];

    /// One character, one column wide.
    #[must_use]
    pub const fn glyph(self, ascii: bool) -> &'static str {
        match (self, ascii) {
            (Self::Unanswered, false) => "○",
            (Self::Unanswered, true) => "o",
            (Self::Denied, false) => "✕",
            (Self::Denied, true) => "x",
            (Self::Reported, false) => "⚑",
            (Self::Reported, true) => "!",
            (Self::Mismatched, false) => "≠",
            (Self::Mismatched, true) => "#",
            (Self::Approved, false) => "●",
            (Self::Approved, true) => "Y",
            (Self::Session, false) => "▸",
            (Self::Session, true) => ">",
            (Self::Change, false) => "◆",
            (Self::Change, true) => "+",
            (Self::Own, false) => "▫",
            (Self::Own, true) => "u",
            (Self::Other, false) => "·",
            (Self::Other, true) => ".",
        }
    }

    /// The word that goes with the shape.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::Denied => "denied",
            Self::Reported => "reported",
            Self::Mismatched => "wrong number",
            Self::Approved => "approved",
            Self::Session => "session",
            Self::Change => "change",
            Self::Own => "by the owner",
            Self::Other => "other",
        }
    }

    /// Whether it is a prompt.
    #[must_use]
    pub const fn is_prompt(self) -> bool {
        matches!(
            self,
            Self::Unanswered | Self::Denied | Self::Reported | Self::Mismatched | Self::Approved
        )
    }

    fn of(item: &TimelineItem) -> Self {
        match item.kind {
            EventKind::PromptSent | EventKind::PromptTimedOut => Self::Unanswered,
            // Nobody was asked.
            EventKind::PromptUndelivered => Self::Other,
            EventKind::PromptDenied => Self::Denied,
            EventKind::PromptReported | EventKind::PromptAnomalous => Self::Reported,
            EventKind::PromptMismatched => Self::Mismatched,
            _ if !item.foreign => Self::Own,
            EventKind::PromptApproved => Self::Approved,
            EventKind::SessionStarted
            | EventKind::SessionUsed
            | EventKind::SessionReused
            | EventKind::FactorVerified
            | EventKind::Bypassed => Self::Session,
            kind if kind.is_lasting_change() => Self::Change,
            _ => Self::Other,
        }
    }
}

/// A mark at its place in time, with the record that it was drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed<'a> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub mark: Mark,
    /// The record; for a prompt, the one with its outcome.
    pub item: &'a TimelineItem,
}

/// The marks of a story that is in the order of time.
///
/// A prompt that was logged as sent and again as answered is one mark, at the time of the answer:
/// an answer settles the latest open prompt of its factor, a time-out the earliest. A challenge that
/// was only demanded and a password that was only verified are no marks: the prompt after them is.
#[must_use]
pub fn place<'a>(story: &[&'a TimelineItem]) -> Vec<Placed<'a>> {
    let mut marks: Vec<Option<Placed<'a>>> = Vec::with_capacity(story.len());
    let mut open: Vec<usize> = Vec::new();
    for item in story {
        if matches!(item.kind, EventKind::ChallengeRequired | EventKind::PasswordVerified) {
            continue;
        }
        if item.kind == EventKind::PromptSent {
            open.push(marks.len());
        } else if item.kind.is_prompt_outcome() || item.kind == EventKind::PromptUndelivered {
            let settles = |&slot: &usize| {
                marks.get(slot).copied().flatten().is_some_and(|sent| {
                    item.at - sent.at <= PROMPT_LIFE_MAX && is_same_prompt(sent.item, item)
                })
            };
            let found = if item.kind == EventKind::PromptTimedOut {
                open.iter().position(settles)
            } else {
                open.iter().rposition(settles)
            };
            if let Some(found) = found {
                let slot = open.remove(found);
                if let Some(sent) = marks.get_mut(slot) {
                    *sent = None;
                }
            }
        }
        marks.push(Some(Placed { at: item.at, mark: Mark::of(item), item }));
    }
    marks.into_iter().flatten().collect()
}

fn is_same_prompt(sent: &TimelineItem, outcome: &TimelineItem) -> bool {
    sent.source == outcome.source
        && (sent.factor == outcome.factor
            || sent.factor == Factor::Unknown
            || outcome.factor == Factor::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::item;

    #[test]
    fn a_prompt_logged_as_sent_and_as_denied_is_one_mark() {
        let story = [
            item("2026-03-14T03:00:00Z", EventKind::PromptSent),
            item("2026-03-14T03:01:00Z", EventKind::PromptSent),
            item("2026-03-14T03:01:20Z", EventKind::PromptDenied),
        ];
        let marks: Vec<Mark> =
            place(&story.iter().collect::<Vec<_>>()).iter().map(|p| p.mark).collect();
        assert_eq!(marks, [Mark::Unanswered, Mark::Denied]);
    }

    #[test]
    fn an_answer_long_after_a_prompt_belongs_to_another_one() {
        let story = [
            item("2026-03-14T03:00:00Z", EventKind::PromptSent),
            item("2026-03-14T03:10:00.001Z", EventKind::PromptDenied),
        ];
        assert_eq!(place(&story.iter().collect::<Vec<_>>()).len(), 2);
    }

    #[test]
    fn what_the_owner_approves_is_not_drawn_as_a_strangers_approval() {
        let mut own = item("2026-03-14T03:00:00Z", EventKind::PromptApproved);
        own.foreign = false;
        assert_eq!(place(&[&own]).first().map(|p| p.mark), Some(Mark::Own));
    }

    #[test]
    fn every_glyph_is_one_column_and_its_own() {
        for ascii in [true, false] {
            let mut glyphs: Vec<&str> = Mark::ALL.iter().map(|m| m.glyph(ascii)).collect();
            assert!(glyphs.iter().all(|g| super::super::text::width(g) == 1));
            glyphs.sort_unstable();
            glyphs.dedup();
            assert_eq!(glyphs.len(), Mark::ALL.len());
        }
    }
}
