//! Values of one line from outside: environment variables, flags, files and standard input.

/// The byte order mark, which some editors and shells write before UTF-8 text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Removes a byte order mark from the start of a text.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// Removes what is not part of a value of one line: a byte order mark before it, and one line ending after it.
pub fn one_line(text: &str) -> &str {
    let text = without_mark(text);
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Whether a value has more than one line.
pub fn has_line_break(value: &str) -> bool {
    value.contains(['\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_before_and_one_line_ending_after_are_not_part_of_a_value() {
        for (text, line) in [
            ("", ""),
            ("token", "token"),
            ("token\n", "token"),
            ("token\r\n", "token"),
            ("token\r", "token"),
            ("\u{feff}token\n", "token"),
            ("\u{feff}", ""),
            ("\n", ""),
            // White space is part of a value, and so is everything inside it.
            (" token \n", " token "),
            ("token\n\n", "token\n"),
            ("to\u{feff}ken", "to\u{feff}ken"),
        ] {
            assert_eq!(one_line(text), line, "{text:?}");
        }
    }
}
