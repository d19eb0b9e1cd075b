//! What becomes of a property in an update.

/// Leave a property as it is, or make it something. (For a property that may be absent, `To(None)` makes it so.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes this.
    To(T),
}

impl<T> Patch<T> {
    /// The same change of something else.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::To(value) => Patch::To(f(value)),
        }
    }

    /// The same change, by reference.
    pub const fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Keep => Patch::Keep,
            Self::To(value) => Patch::To(value),
        }
    }

    /// Makes the change with `set`, if there is one, and says whether anything is different now.
    pub fn apply(self, set: impl FnOnce(T) -> bool) -> bool {
        match self {
            Self::Keep => false,
            Self::To(value) => set(value),
        }
    }
}
