//! `doorward keys`: lists, rotates and reseals the keys that sign and seal tokens.

use doorward_application::{KeyEntry, ListKeys};
use doorward_domain::key::{KeyPurpose, SealedKey};
use doorward_keys::KeyRing;

use crate::compose;
use crate::config::Settings;
use crate::data_dir;
use crate::exit::ExitError;
use crate::system::{OsEntropy, now};

use super::print;
use super::table::{aligned, time};

/// The header of the list.
const HEAD: [&str; 8] = [
    "KID",
    "PURPOSE",
    "ALGORITHM",
    "ORDINAL",
    "STATE",
    "CREATED",
    "FIRST USE",
    "KEPT UNTIL",
];

/// Lists the keys.
pub fn list(mut settings: Settings) -> Result<(), ExitError> {
    data_dir::prepare(&settings)?;
    // No key is opened here, but the database must not be created before its master key.
    compose::master_keys(&mut settings)?;
    let store = compose::database(&settings)?;
    let keys = ListKeys {
        store: &*store,
        policy: &settings.keys.rules.policy,
    };
    let keys = keys.execute(now())?;
    let rows: Vec<_> = core::iter::once(HEAD.map(str::to_owned))
        .chain(keys.into_iter().map(row))
        .collect();
    print(&aligned(&rows))
}

/// Creates the next key of each purpose.
pub fn rotate(mut settings: Settings) -> Result<(), ExitError> {
    data_dir::prepare(&settings)?;
    let masters = compose::master_keys(&mut settings)?;
    let store = compose::database(&settings)?;
    let rules = settings.keys.rules;
    let ring = KeyRing::open(&*store, &masters, rules, now(), &OsEntropy)?;
    let made = ring.rotate(&*store, now(), &OsEntropy)?;
    let keys = ListKeys {
        store: &*store,
        policy: &rules.policy,
    };
    let keys = keys.execute(now())?;
    let newest = KeyPurpose::ALL
        .iter()
        .filter_map(|purpose| keys.iter().rfind(|key| key.purpose == *purpose));
    let lines: Vec<_> = newest.map(|key| announcement(key, &made)).collect();
    print(&lines.join("\n"))
}

/// Seals every key with the current master key.
pub fn reseal(mut settings: Settings) -> Result<(), ExitError> {
    data_dir::prepare(&settings)?;
    let masters = compose::master_keys(&mut settings)?;
    let store = compose::database(&settings)?;
    let report = doorward_keys::reseal(&*store, &masters, &OsEntropy)?;
    print(&format!(
        "{} keys resealed with keys.master_key, {} already sealed with it",
        report.resealed, report.unchanged
    ))
}

/// Describes the newest key of a purpose.
fn announcement(key: &KeyEntry, made: &[SealedKey]) -> String {
    let is_new = made.iter().any(|made| made.id == key.id);
    format!(
        "{}: {} ({}) {} at {}",
        key.purpose.as_str(),
        key.id.as_str(),
        key.algorithm,
        if is_new {
            "created, first use"
        } else {
            "exists already, first use"
        },
        time(key.first_use)
    )
}

fn row(key: KeyEntry) -> [String; 8] {
    [
        key.id.as_str().to_owned(),
        key.purpose.as_str().to_owned(),
        key.algorithm,
        key.ordinal.to_string(),
        key.state.as_str().to_owned(),
        time(key.created_at),
        time(key.first_use),
        key.kept_until.map_or_else(|| "-".to_owned(), time),
    ]
}
