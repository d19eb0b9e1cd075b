//! How hard a password is to guess.

use doorward_domain::password::PlainPassword;
use doorward_domain::password::{StrengthEstimate, StrengthEstimator};
use zxcvbn::Score;
use zxcvbn::matching::patterns::{DictionaryPattern, MatchPattern};

/// How many characters are looked at.
const WINDOW: usize = 40;

/// How many are looked at in a password that is rich in [`MARKS`].
const RICH_WINDOW: usize = 12;

/// The punctuation marks that zxcvbn takes for letters, beside most digits.
const MARKS: &str = "@({[<!|$+%";

/// From how many different marks a password is rich in them.
const RICH: usize = 4;

/// Estimates by the patterns that people make passwords of: words, names, dates, keyboard walks (zxcvbn).
///
/// zxcvbn tries every combination of the letters that marks and digits may stand for, each in time that grows with more
/// than the square of the length: left to itself it takes more than a second over 100 well-chosen characters, sixty
/// times as long as hashing them. So it is shown a beginning of the password only: 40 characters, or 12 if those 40 hold
/// four or more different marks, which costs no more than about one hash. A password whose beginning is hard to guess
/// is not easier for being longer; one that only becomes hard to guess after that is refused, which errs on the right
/// side.
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

/// As much of a password as can be looked at in bounded time.
fn beginning(password: &str) -> &str {
    let window = first(password, WINDOW);
    let marks = MARKS.chars().filter(|mark| window.contains(*mark)).count();
    if marks < RICH {
        window
    } else {
        first(window, RICH_WINDOW)
    }
}

/// The first `count` characters.
fn first(text: &str, count: usize) -> &str {
    text.char_indices()
        .nth(count)
        .map_or(text, |(end, _)| text.split_at(end).0)
}

/// Whether the word is from the list of passwords and not from one of names or ordinary words. The crate does not
/// export the type that says so; its default is the list of passwords.
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
    fn the_passwords_that_are_tried_first_are_common() {
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
    fn a_password_far_down_the_list_is_common_only_as_it_stands_there() {
        let listed = estimate("superman1", &[]);
        assert_eq!((listed.score, listed.common), (1, true));
        for changed in ["1namrepus", "m3t@ll1c@"] {
            let changed = estimate(changed, &[]);
            assert_eq!((changed.score, changed.common), (1, false));
        }
    }

    #[test]
    fn what_merely_contains_one_or_is_an_ordinary_word_is_not() {
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
    fn scores_tell_weak_from_strong() {
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
    fn what_is_known_of_the_account_counts_as_guessable() {
        assert!(
            estimate("gooseberrylantern", &[]).score
                > estimate("gooseberrylantern", &["gooseberrylantern"]).score
        );
    }

    #[test]
    fn no_more_than_a_beginning_is_looked_at() {
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
        // Also when what comes after it is beyond what is looked at.
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
