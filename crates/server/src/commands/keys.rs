//! `doorward keys`: lists, rotates and reseals the keys that sign and seal tokens.

use doorward_application::{KeyEntry, ListKeys};
use doorward_domain::key::{KeyPurpose, SealedKey};
use doorward_domain::time::Timestamp;
use doorward_keys::KeyRing;

use crate::compose;
use crate::config::Settings;
use crate::data_dir;
use crate::exit::ExitError;
use crate::system::{OsEntropy, now};

use super::print;

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

/// Formats a time as RFC 3339, in UTC, in whole seconds.
fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.as_unix_seconds())
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

/// Formats rows as lines with aligned columns, two spaces apart.
fn aligned(rows: &[[String; 8]]) -> String {
    let mut widths = [0; 8];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(widths);
        let line: Vec<String> = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
        line.join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}
