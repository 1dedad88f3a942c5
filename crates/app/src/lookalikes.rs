//! Names that people cannot tell apart on a small screen.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// What is left of a name when everything is gone that people do not see: two names with the same are
/// taken for one. Empty if there is nothing to see.
///
/// Compatibility forms, case, accents, widths of blanks and single letters that look like a Latin one
/// are folded. Pairs of letters ("rn" for "m"), letters of other scripts among themselves and words that
/// only mean the same are not.
// SECURITY: the phone shows an application by its name alone, so that a twin's prompts would pass for the
// application's. Guarded by `a_name_that_looks_like_another_applications_is_refused`.
pub(crate) fn skeleton(name: &str) -> String {
    let small = name.nfkd().flat_map(char::to_lowercase).nfkd();
    let seen: String = small.filter(|c| !is_unseen(*c)).map(alike).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Marks over and under a letter, and fillers without a shape.
fn is_unseen(c: char) -> bool {
    is_combining_mark(c) || matches!(c, '\u{115f}' | '\u{1160}')
}

/// The Latin letter, or the one sign of its kind, that a small letter or its capital looks like.
const fn alike(c: char) -> char {
    match c {
        '0' | 'о' | 'ο' | 'օ' => 'o',
        '1' | 'i' | '|' | 'ı' | 'і' | 'ӏ' | 'ι' => 'l',
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'һ' | 'н' | 'η' => 'h',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' | 'μ' => 'm',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'ѵ' | 'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'ү' | 'υ' => 'y',
        'ζ' => 'z',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' | '`' => '\'',
        // A pattern of dots without dots.
        '\u{2800}' => ' ',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_the_same_is_the_same() {
        for name in [
            "payroll",
            "  PAYROLL ",
            "Ｐayroll",
            "𝐏ayroll",
            "Pаyroll",
            "Рayroll",
            "Payro11",
            "Payr0ll",
            "PayroIl",
            "Páyroll",
            "Payroll\u{3164}",
            "Pay\u{fe0f}roll",
            "Payroll\u{2800}",
        ] {
            assert_eq!(skeleton(name), skeleton("Payroll"), "{name:?}");
        }
        assert_eq!(skeleton("Time  –\u{a0}sheets"), skeleton("time - sheets"));
        assert_eq!(skeleton("\u{3164}\u{301}"), "");
    }

    #[test]
    fn what_looks_different_is_not_the_same() {
        for name in ["Payroll 2", "Pay roll", "Payrolls", "Wiki", "給与", ""] {
            assert_ne!(skeleton(name), skeleton("Payroll"), "{name:?}");
        }
        assert_ne!(skeleton("給与"), skeleton("経費"));
    }
}
