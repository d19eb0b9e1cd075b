//! Estimates password strength with zxcvbn.

use doorward_domain::password::PlainPassword;
use doorward_domain::password::{StrengthEstimate, StrengthEstimator};
use zxcvbn::Score;
use zxcvbn::matching::patterns::{DictionaryPattern, MatchPattern};

/// How many characters of a password zxcvbn gets.
const WINDOW: usize = 40;

/// How many characters it gets of a password with many different [`SUBSTITUTES`].
const SHORT_WINDOW: usize = 12;

/// The punctuation marks that zxcvbn treats as substitutes for letters ("l33t"), besides most digits.
const SUBSTITUTES: &str = "@({[<!|$+%";

/// The number of different substitutes from which the short window applies.
const MANY_SUBSTITUTES: usize = 4;

/// Estimates by common password patterns: words, names, dates, keyboard sequences (zxcvbn).
///
/// zxcvbn tries every combination of the letters that punctuation marks and digits may substitute, each in more than
/// quadratic time: for 100 crafted characters it takes more than a second, sixty times as long as a hash. So it only gets
/// the beginning of the password: 40 characters, or 12 if these 40 contain four or more different substitutes, which
/// costs at most about one hash. A password with a strong beginning does not become weaker with length. A password that
/// only becomes strong after the window is rejected, which is the safe side.
#[derive(Debug, Clone, Copy, Default)]
pub struct ZxcvbnEstimator;

impl StrengthEstimator for ZxcvbnEstimator {
    fn estimate(&self, password: &PlainPassword, known: &[&str]) -> StrengthEstimate {
        let estimate = zxcvbn::zxcvbn(beginning(password.expose()), known);
        let common = match estimate.sequence() {
            [only] if only.i == 0 && only.j.saturating_add(1) == password.code_points() => {
                match &only.pattern {
                    MatchPattern::Dictionary(word) if is_on_the_password_list(word) => {
                        let as_listed = !word.reversed && !word.l33t;
                        as_listed || estimate.score() == Score::Zero
                    }
                    _ => false,
                }
            }
            _ => false,
        };
        StrengthEstimate {
            score: estimate.score().into(),
            common,
        }
    }
}

/// The beginning of a password that can be estimated in bounded time.
fn beginning(password: &str) -> &str {
    let window = first(password, WINDOW);
    let substitutes = SUBSTITUTES.chars().filter(|mark| window.contains(*mark)).count();
    if substitutes < MANY_SUBSTITUTES {
        window
    } else {
        first(window, SHORT_WINDOW)
    }
}

/// The first `count` characters.
fn first(text: &str, count: usize) -> &str {
    text.char_indices()
        .nth(count)
        .map_or(text, |(end, _)| text.split_at(end).0)
}

/// Whether the word is from zxcvbn's list of passwords, not from its lists of names and words. The crate does not export
/// the enum for comparison, but its default is the list of passwords.
fn is_on_the_password_list(word: &DictionaryPattern) -> bool {
    word.dictionary_name == DictionaryPattern::default().dictionary_name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn estimate(password: &str, known: &[&str]) -> StrengthEstimate {
        ZxcvbnEstimator.estimate(&PlainPassword::new(&password.into()), known)
    }

    #[test]
    fn the_most_frequent_passwords_and_simple_variants_are_common() {
        for password in [
            "password", "Password", "PASSWORD", "p@ssw0rd", "drowssap", "iloveyou", "trustno1", "letmein",
            "qwerty",
        ] {
            let estimate = estimate(password, &[]);
            assert!(estimate.common, "{password}: {estimate:?}");
            assert!(estimate.score < 2, "{password}: {estimate:?}");
        }
    }

    #[test]
    fn variants_of_a_less_frequent_password_are_not_common() {
        let listed = estimate("superman1", &[]);
        assert_eq!((listed.score, listed.common), (1, true));
        for changed in ["1namrepus", "m3t@ll1c@"] {
            let changed = estimate(changed, &[]);
            assert_eq!((changed.score, changed.common), (1, false));
        }
    }

    #[test]
    fn ordinary_words_and_longer_passwords_are_not_common() {
        for password in [
            "password-gooseberry-lantern",
            "mississippi",
            "christopher hates passwords",
            "",
            "5h9Xq!pZ",
        ] {
            assert!(!estimate(password, &[]).common, "{password}");
        }
    }

    #[test]
    fn weak_passwords_score_low_and_strong_ones_high() {
        for (password, low, high) in [
            ("aaaaaaaa", 0, 0),
            ("12345678", 0, 0),
            ("abcdefgh", 0, 1),
            ("correct horse battery staple", 4, 4),
            ("vJ9#qLw2!xTz", 4, 4),
        ] {
            let score = estimate(password, &[]).score;
            assert!((low..=high).contains(&score), "{password}: {score}");
        }
    }

    #[test]
    fn data_of_the_account_lowers_the_score() {
        assert!(
            estimate("gooseberrylantern", &[]).score
                > estimate("gooseberrylantern", &["gooseberrylantern"]).score
        );
    }

    #[test]
    fn only_the_beginning_of_a_password_is_estimated() {
        assert_eq!(beginning(&"é".repeat(256)), "é".repeat(40));
        assert_eq!(beginning("short"), "short");
        assert_eq!(
            beginning("correct horse: $5 (or more)! staple, battery"),
            "correct horse: $5 (or more)! staple, bat"
        );
        assert_eq!(
            beginning("c0rrect h@rse: $5 (or more)! staple, battery"),
            "c0rrect h@rs"
        );
        let estimate = estimate(&("a".repeat(40) + "vJ9#qLw2!xTz"), &[]);
        assert!(estimate.score < 2, "{estimate:?}");
        assert!(!estimate.common);
    }

    #[test]
    fn a_listed_password_with_something_after_it_is_not_common() {
        // Also when the rest is beyond the window.
        assert!(!estimate(&("a".repeat(40) + "!"), &[]).common);
        assert!(!estimate("p@ssw0rd and then some", &[]).common);
    }

    proptest! {
        #[test]
        fn estimating_never_panics(password in "\\PC{0,60}", other in any::<String>(), known in "\\PC{0,12}") {
            prop_assert!(estimate(&password, &[&known]).score <= 4);
            prop_assert!(estimate(&other, &[&known]).score <= 4);
        }
    }
}
