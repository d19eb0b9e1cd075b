//! The change of one property in an update.

/// Whether an update leaves a property unchanged or sets it. (`To(None)` removes an optional property.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The property is unchanged.
    #[default]
    Keep,
    /// The property is set to this value.
    To(T),
}

impl<T> Patch<T> {
    /// Converts the value, if there is one.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::To(value) => Patch::To(f(value)),
        }
    }

    /// Borrows the value, if there is one.
    pub const fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Keep => Patch::Keep,
            Self::To(value) => Patch::To(value),
        }
    }

    /// Applies the change with `set`, if there is one. Returns what `set` returned: whether the property changed.
    pub fn apply(self, set: impl FnOnce(T) -> bool) -> bool {
        match self {
            Self::Keep => false,
            Self::To(value) => set(value),
        }
    }
}
