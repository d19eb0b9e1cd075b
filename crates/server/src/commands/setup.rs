//! `doorward migrate` and `doorward setup-token`.

use doorward_application::IssueSetupToken;
use secrecy::ExposeSecret;

use crate::compose;
use crate::config::Settings;
use crate::data_dir;
use crate::exit::ExitError;
use crate::system::OsEntropy;

use super::print;

/// Brings the schema up to date.
pub fn migrate(mut settings: Settings) -> Result<(), ExitError> {
    prepare(&mut settings)?;
    let applied = doorward_persistence::migrate(&settings.database.url)?;
    if applied.is_empty() {
        return print("the schema is up to date");
    }
    print(&format!("applied: {}", applied.join(", ")))
}

/// Makes a new setup token in the place of the last and prints it.
pub fn setup_token(mut settings: Settings) -> Result<(), ExitError> {
    prepare(&mut settings)?;
    let store = compose::database(&settings)?;
    let token = IssueSetupToken {
        store: &*store,
        entropy: &OsEntropy,
    }
    .replace()
    .map_err(ExitError::from)?
    .ok_or_else(|| ExitError::other("setup is closed: there has been an administrator"))?;
    print(token.expose_secret())
}

/// What comes before a database: its directory, and its key.
fn prepare(settings: &mut Settings) -> Result<(), ExitError> {
    data_dir::create(&settings.data_dir)?;
    data_dir::master_key(settings).map(drop)
}
