//! Enumerations whose values are named by words, in the database, in metrics and in the API.

/// Defines an enumeration with a word for each value: `ALL` and `as_str` follow from the list.
macro_rules! word_enum {
    (
        $(#[$enum_doc:meta])* $name:ident;
        $($(#[$doc:meta])* $variant:ident = $word:literal,)*
    ) => {
        $(#[$enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// All values, in the order of their definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it, wherever it is stored, published, logged or counted.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}
pub(crate) use word_enum;

/// The one of `all` with that word; `None` for any other text.
pub(crate) fn named<T: Copy>(all: &[T], word_of: impl Fn(T) -> &'static str, word: &str) -> Option<T> {
    all.iter().copied().find(|one| word_of(*one) == word)
}
