//! Short texts that came from outside and will be shown to people.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest a [`Text`] gets, in bytes of UTF-8. Enough for an application's name or a browser
/// with its version; a phone shows no more in one line.
pub const TEXT_BYTES_MAX: usize = 64;

/// A text fit to be shown on a phone: one line, no control or direction characters, bounded.
///
/// What does not fit is cut, what cannot be shown becomes a blank. Cleaning a clean text changes
/// nothing, so that a signed context stays what was signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// Cleans a text from outside.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        let mut clean = String::with_capacity(raw.len().min(TEXT_BYTES_MAX));
        for c in raw.trim().chars() {
            let c = if steers(c) { ' ' } else { c };
            if clean.len() + c.len_utf8() > TEXT_BYTES_MAX {
                break;
            }
            clean.push(c);
        }
        Self(clean.trim().to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

// SECURITY: a browser's name is the attacker's to choose; a character that turns the direction of
// writing around could make "attacker.example" read as something else on the phone. Guarded by
// `a_text_cannot_steer_the_screen_it_is_shown_on`.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{61c}' | '\u{ad}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl From<String> for Text {
    fn from(raw: String) -> Self {
        Self::new(&raw)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_cannot_steer_the_screen_it_is_shown_on() {
        assert_eq!(Text::new("a\u{202e}b\nc\u{1b}[2J").as_str(), "a b c [2J");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(Text::new(&"x".repeat(64)).as_str().len(), 64);
        assert_eq!(Text::new(&"x".repeat(65)).as_str().len(), 64);
        assert_eq!(Text::new(&"é".repeat(33)).as_str().len(), 64);
        assert_eq!(Text::new(&format!("x{}", "é".repeat(33))).as_str().len(), 63);
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(raw in "\\PC{0,80}|.{0,80}") {
            let once = Text::new(&raw);
            prop_assert_eq!(Text::new(once.as_str()), once);
        }
    }
}
