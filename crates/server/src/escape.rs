//! Escapes untrusted text for log lines and terminals.
//!
//! An e-mail address or a user agent with a line feed could forge a log line; one with an escape sequence could control the
//! terminal of the person who reads the log. All output goes through here.

use core::fmt::{self, Write};

/// Whether a character could end a line, control a terminal or change the order in which a line is displayed: the control
/// characters C0, DEL and C1, the line and paragraph separators, and the directional overrides and isolates.
pub const fn is_unsafe(character: char) -> bool {
    matches!(character,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Displays the text with every [unsafe](is_unsafe) character escaped as in a Rust literal: `\n`, `\u{1b}`.
pub const fn escape(text: &str) -> Escaped<'_> {
    Escaped(text)
}

/// See [`escape`].
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        EscapingWriter(f).write_str(self.0)
    }
}

/// A writer that escapes what is written through it, for formatting a value directly into a line.
#[derive(Debug)]
pub struct EscapingWriter<W>(
    /// The writer of the escaped text.
    pub W,
);

impl<W: Write> Write for EscapingWriter<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, character)) = rest.char_indices().find(|(_, character)| is_unsafe(*character)) {
            let (safe, from) = rest.split_at(at);
            write!(self.0, "{safe}{}", character.escape_default())?;
            rest = from.split_at(character.len_utf8()).1;
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_are_escaped() {
        let hostile = "a\r\nb\x1b[31mc\u{9b}31m\x7f\0\u{85}\u{2028}\u{202e}d";
        let escaped = escape(hostile).to_string();
        assert!(!escaped.contains(is_unsafe), "{escaped:?}");
        assert!(
            escaped.starts_with(r"a\r\nb\u{1b}[31mc\u{9b}31m\u{7f}\u{0}"),
            "{escaped}"
        );
        assert!(escaped.ends_with('d'));
    }

    #[test]
    fn ordinary_text_of_any_script_stays_as_it_is() {
        for text in ["", "plain", "Zoë 日本 עברית 🦀", r"C:\new"] {
            assert_eq!(escape(text).to_string(), text);
        }
    }
}
