//! `doorward migrate` and `doorward setup-token`.

use doorward_application::IssueSetupToken;
use secrecy::ExposeSecret;

use crate::compose;
use crate::config::Settings;
use crate::data_dir;
use crate::exit::ExitError;
use crate::system::OsEntropy;

use super::print;

/// Migrates the schema.
pub fn migrate(mut settings: Settings) -> Result<(), ExitError> {
    prepare(&mut settings)?;
    let applied = doorward_persistence::migrate(&settings.database.url)?;
    if applied.is_empty() {
        return print("the schema is up to date");
    }
    print(&format!("applied: {}", applied.join(", ")))
}

/// Creates and prints a new setup token, which replaces the previous one.
pub fn setup_token(mut settings: Settings) -> Result<(), ExitError> {
    prepare(&mut settings)?;
    let store = compose::database(&settings)?;
    let token = IssueSetupToken {
        store: &*store,
        entropy: &OsEntropy,
    }
    .replace()
    .map_err(ExitError::from)?
    .ok_or_else(|| ExitError::other("setup is closed: an administrator has been created before"))?;
    print(token.expose_secret())
}

/// Creates the data directory and the master key, which must exist before the database.
fn prepare(settings: &mut Settings) -> Result<(), ExitError> {
    data_dir::prepare(settings)?;
    data_dir::master_key(settings).map(drop)
}
