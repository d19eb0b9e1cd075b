//! Token types.

/// The media type with which a header may prefix its type (RFC 7515, section 4.1.9).
const APPLICATION: &str = "application/";

/// What kind of JWT a token is: `typ` in its header (RFC 8725, section 3.11).
///
/// All tokens of an issuer are signed with the same keys. The type, which is signed too, keeps a token of one kind from
/// being accepted as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenType(&'static str);

impl TokenType {
    /// An access token (RFC 9068, section 2.1).
    pub const ACCESS: Self = Self("at+jwt");

    /// The type of this name: a media type without `application/`.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name, as written into headers.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether `typ` in the header of a token means this type: ignoring case, with or without `application/`.
    pub(crate) fn is_named(self, typ: &str) -> bool {
        let prefix = typ.get(..APPLICATION.len());
        let name = match prefix {
            Some(prefix) if prefix.eq_ignore_ascii_case(APPLICATION) => typ.get(prefix.len()..),
            _ => Some(typ),
        };
        name.is_some_and(|name| name.eq_ignore_ascii_case(self.0))
    }
}
