/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RegistrationMode {
    /// Anyone, by registering.
    #[default]
    Open,
    /// Administrators and operators only.
    Closed,
}
