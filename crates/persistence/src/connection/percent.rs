use crate::error::InvalidDatabaseUrl;

/// Decodes percent-encoding. The result is UTF-8 without NUL, which neither a path nor a parameter can contain.
pub(super) fn percent_decode(text: &str) -> Result<String, InvalidDatabaseUrl> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = bytes
            .next()
            .and_then(hex_digit)
            .zip(bytes.next().and_then(hex_digit));
        let (high, low) =
            digits.ok_or_else(|| InvalidDatabaseUrl::because("a `%` is not followed by two hex digits"))?;
        decoded.push(high << 4 | low);
    }
    match String::from_utf8(decoded) {
        Ok(decoded) if !decoded.contains('\0') => Ok(decoded),
        _ => Err(InvalidDatabaseUrl::because(
            "it is not UTF-8 or contains a NUL character",
        )),
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}
