//! E-mail addresses: which are accepted, and when two of them identify the same account.

use core::fmt;

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization;

/// The longest address accepted, in octets of UTF-8 (RFC 5321 as corrected by erratum 1690).
const MAX_OCTETS: usize = 254;

/// Why a text is not accepted as an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// More than 254 octets.
    #[error("an e-mail address has at most {MAX_OCTETS} octets")]
    TooLong,
    /// Not `local@domain` in the grammar of RFC 5321 and RFC 6531, or one of the forms refused: quoted local parts,
    /// comments, address literals, lists, display names, control characters, white space.
    #[error("this is not an e-mail address")]
    Malformed,
    /// The local part has characters that Unicode takes for variants of others (NFKC, UAX #15), such as full-width letters or
    /// ligatures. Only new addresses are refused for this.
    #[error("the part before the @ has a variant of another character, such as a full-width letter")]
    VariantCharacter,
}

impl InvalidEmail {
    /// The broken rule as a stable machine-readable word, for problem details.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::Malformed => "malformed",
            Self::VariantCharacter => "variant-character",
        }
    }
}

/// The one form of an address by which accounts are compared: Unicode NFC, the domain in lower-case ASCII (IDNA), the
/// local part case-folded. Two addresses with equal canonical forms are the same account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalEmail(String);

impl CanonicalEmail {
    /// The canonical form as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address: shown as its owner typed it, compared by its canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    typed: String,
    canonical: CanonicalEmail,
}

impl Email {
    /// Parses an address as typed. Nothing is trimmed: white space makes an address malformed.
    pub fn parse(typed: &str) -> Result<Self, InvalidEmail> {
        if typed.len() > MAX_OCTETS {
            return Err(InvalidEmail::TooLong);
        }
        let normalised: String = typed.nfc().collect();
        if normalised
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || is_invisible(c))
        {
            return Err(InvalidEmail::Malformed);
        }
        let (local, domain) = normalised.rsplit_once('@').ok_or(InvalidEmail::Malformed)?;
        if local.contains(['"', '(', ')', ',', ';', '<', '>', '\\', '@']) {
            return Err(InvalidEmail::Malformed);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_unspecific| InvalidEmail::Malformed)?;
        let canonical = format!("{}@{domain}", fold(local));
        let options = Options::default()
            .with_no_minimum_sub_domains()
            .without_display_text()
            .without_domain_literal();
        if EmailAddress::parse_with_options(&canonical, options).is_err() {
            return Err(InvalidEmail::Malformed);
        }
        if canonical.len() > MAX_OCTETS {
            return Err(InvalidEmail::TooLong);
        }
        Ok(Self {
            typed: typed.to_owned(),
            canonical: CanonicalEmail(canonical),
        })
    }

    /// Parses an address that an account is about to get. Refuses more than [`parse`](Self::parse), which reads stored addresses
    /// and looks accounts up: a local part whose NFKC differs from its NFC, so that no account has an address that looks like
    /// that of another one but is not equal to it.
    pub fn parse_new(typed: &str) -> Result<Self, InvalidEmail> {
        let email = Self::parse(typed)?;
        let local = typed.rsplit_once('@').map_or("", |(local, _)| local);
        if local.nfkc().eq(local.nfc()) {
            Ok(email)
        } else {
            Err(InvalidEmail::VariantCharacter)
        }
    }

    /// The address as its owner typed it.
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The form by which accounts are compared.
    pub fn canonical(&self) -> &CanonicalEmail {
        &self.canonical
    }

    /// The part before the `@`, in canonical form.
    pub fn local_part(&self) -> &str {
        self.canonical.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// The part after the `@`, in canonical form.
    pub fn domain(&self) -> &str {
        self.canonical.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

/// Folds case as Unicode defines caseless matching, so that `ß` equals `SS` and both small sigmas are equal.
fn fold(local: &str) -> String {
    let folded = unicase::UniCase::unicode(local).to_folded_case();
    folded.nfc().collect()
}

/// Invisible characters and those that change the direction of text: two accounts must not differ by them alone.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(typed: &str) -> String {
        Email::parse(typed).expect(typed).canonical().as_str().to_owned()
    }

    #[test]
    fn spellings_of_one_address_have_one_canonical_form() {
        let spellings = [
            "rené@bücher.example",
            "RENÉ@BÜCHER.EXAMPLE",
            "rene\u{301}@bu\u{308}cher.example",
            "René@xn--bcher-kva.example",
            "rené@ｂüｃｈｅｒ．ｅｘａｍｐｌｅ",
        ];
        for spelling in spellings {
            assert_eq!(canonical(spelling), "rené@xn--bcher-kva.example", "{spelling}");
        }
    }

    #[test]
    fn an_address_is_displayed_as_typed() {
        assert_eq!(
            Email::parse("Ada@Example.COM").unwrap().as_typed(),
            "Ada@Example.COM"
        );
    }

    #[test]
    fn ordinary_addresses_are_accepted() {
        for typed in [
            "a@b.co",
            "first.last+tag@sub.example.org",
            "o'brien@example.ie",
            "root@localhost",
            "用户@例子.广告",
        ] {
            assert!(Email::parse(typed).is_ok(), "{typed}");
        }
    }

    #[test]
    fn malformed_addresses_are_rejected() {
        let long = format!("{}@example.org", "a".repeat(250));
        for typed in [
            "",
            "@",
            "a@",
            "@b.c",
            "plain",
            "a b@c.de",
            " a@b.co",
            "a@b.co ",
            "a@b.co\n",
            "a@b\0.co",
            "a\0@b.co",
            "\"a\"@b.co",
            "\"a b\"@b.co",
            "a(comment)@b.co",
            "a@b.co,c@d.co",
            "a@b.co;c@d.co",
            "A <a@b.co>",
            "<a@b.co>",
            "a@@b.co",
            "a@b@c.co",
            ".a@b.co",
            "a.@b.co",
            "a..b@c.co",
            "a@b..co",
            "a@.b.co",
            "a@-b.co",
            "a@[127.0.0.1]",
            "a\u{200b}@b.co",
            "a\u{202e}@b.co",
            "a@b\r\nX: y.co",
            "a@exa_mple.org",
        ] {
            assert_eq!(Email::parse(typed), Err(InvalidEmail::Malformed), "{typed:?}");
        }
        assert_eq!(Email::parse(&long), Err(InvalidEmail::TooLong));
    }

    #[test]
    fn variants_of_characters_are_rejected_in_new_addresses_only() {
        for typed in [
            "ａlice@example.org",
            "ALICＥ@example.org",
            "oﬃce@example.org",
            "alice²@example.org",
            "ªlice@example.org",
            "𝐚lice@example.org",
            "ſam@example.org",
        ] {
            assert_eq!(
                Email::parse_new(typed),
                Err(InvalidEmail::VariantCharacter),
                "{typed}"
            );
            assert!(Email::parse(typed).is_ok(), "{typed}");
        }
        for typed in [
            "alice@example.org",
            "rené@example.org",
            "rene\u{301}@example.org",
            "straße@example.org",
            "用户@例子.广告",
            // Full-width letters of the domain are those of the same domain.
            "alice@ｅxample．org",
        ] {
            assert_eq!(Email::parse_new(typed), Email::parse(typed), "{typed}");
        }
        assert_eq!(Email::parse_new("a b@c.de"), Err(InvalidEmail::Malformed));
    }

    proptest! {
        #[test]
        fn no_two_new_addresses_have_different_canonical_forms_and_one_compatibility_form(
            one in "[aAeEkKsS\u{e9}ａＡｅªⅳ²ﬁﬃſß\u{212a}\u{301}\u{345}\u{3c9}\u{2126}]{1,4}",
            other in "[aAeEkKsS\u{e9}ａＡｅªⅳ²ﬁﬃſß\u{212a}\u{301}\u{345}\u{3c9}\u{2126}]{1,4}",
        ) {
            let parse = |local: &str| Email::parse_new(&format!("{local}@example.org"));
            if let (Ok(one), Ok(other)) = (parse(&one), parse(&other)) {
                let compatible = |email: &Email| email.canonical().as_str().nfkc().collect::<String>();
                prop_assert_eq!(one.canonical() == other.canonical(), compatible(&one) == compatible(&other));
            }
        }

        #[test]
        fn parsing_never_panics(typed in any::<String>()) {
            let _ = Email::parse(&typed);
        }

        #[test]
        fn canonicalising_twice_changes_nothing(local in "[\\p{L}0-9!#$%&'*+/=?^_`{|}~-]{1,12}", domain in "[a-zA-Z]{1,8}\\.[a-z]{2,5}") {
            let Ok(email) = Email::parse(&format!("{local}@{domain}")) else { return Ok(()) };
            let again = Email::parse(email.canonical().as_str());
            prop_assert_eq!(again.map(|e| e.canonical().clone()), Ok(email.canonical().clone()));
        }

        #[test]
        fn addresses_that_differ_in_case_are_one_account(local in "[a-zA-Z0-9._-]{0,6}[a-z]", domain in "[a-zA-Z]{1,8}\\.[a-z]{2,5}") {
            let typed = format!("{local}@{domain}");
            let lower = Email::parse(&typed.to_lowercase()).map(|e| e.canonical().clone());
            let upper = Email::parse(&typed.to_uppercase()).map(|e| e.canonical().clone());
            prop_assert_eq!(lower, upper);
        }
    }
}
