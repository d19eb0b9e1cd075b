//! The limits: what the same machine does when there is nothing of Doorward's around it.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use doorward_password::Argon2Params;

use crate::Outcome;
use crate::clock::Watch;
use crate::database::{Kind, Plain};
use crate::stats::number;
use crate::world::{PASSWORD, World};

/// Does something on so many threads until the time is up, and answers how often a second it was done.
fn repeat<S: Send>(
    states: Vec<S>,
    duration: Duration,
    act: impl Fn(&mut S) -> Outcome<()> + Sync,
) -> Outcome<f64> {
    let watch = Watch::start();
    let act = &act;
    let counts: Vec<Outcome<u64>> = thread::scope(|scope| {
        let threads: Vec<_> = states
            .into_iter()
            .map(|mut state| {
                scope.spawn(move || {
                    let mut count = 0;
                    while watch.elapsed() < duration {
                        act(&mut state)?;
                        count += 1;
                    }
                    Ok(count)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())))
            .collect()
    });
    let mut total = 0;
    for count in counts {
        total += count?;
    }
    Ok(number(total) / watch.elapsed().as_secs_f64())
}

/// Hashes a second on all cores with Doorward's parameters, each thread in memory of its own that it keeps and does not
/// clear.
pub(crate) struct Argon2Alone {
    argon2: Argon2<'static>,
    memories: Vec<Vec<Block>>,
}

impl Argon2Alone {
    pub(crate) fn new(cores: usize) -> Outcome<Self> {
        let Argon2Params {
            memory_kib,
            iterations,
            parallelism,
        } = Argon2Params::default();
        let params = Params::new(memory_kib, iterations, parallelism, None)?;
        let memory = vec![Block::new(); params.block_count()];
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            memories: vec![memory; cores],
        })
    }

    pub(crate) fn measure(&mut self, duration: Duration) -> Outcome<f64> {
        let argon2 = &self.argon2;
        repeat(self.memories.iter_mut().collect(), duration, |memory| {
            let (password, salt) = (PASSWORD.as_bytes(), b"sixteen bytes ok");
            argon2.hash_password_into_with_memory(password, salt, &mut [0; 32], memory)?;
            Ok(())
        })
    }
}

/// Ed25519 verifications a second, on one core.
pub(crate) fn ed25519(duration: Duration) -> Outcome<f64> {
    let pair = Ed25519KeyPair::generate()?;
    // As long as the signed part of an access token.
    let message = [b'm'; 480];
    let signature = pair.sign(&message);
    let key = ParsedPublicKey::new(&ED25519, pair.public_key().as_ref())?;
    repeat(vec![()], duration, |()| {
        Ok(key.verify_sig(&message, signature.as_ref())?)
    })
}

/// Conditional updates of single sessions, each in a transaction that is committed: the one thing a refresh cannot do
/// without.
pub(crate) struct BareUpdates {
    lines: Vec<Line>,
    /// Of SQLite, where one writes at a time: whoever waited for its lock instead would sleep, and sleep too long.
    turns: Option<Mutex<()>>,
}

/// A connection, and the session that is updated on it.
struct Line {
    connection: Plain,
    session: String,
    generation: u32,
}

impl BareUpdates {
    /// Each connection has a session of its own, from session `first` on. PostgreSQL keeps the statement prepared.
    pub(crate) fn connect(world: &World, connections: u64, first: u64) -> Outcome<Self> {
        let line = |number| {
            let mut connection = Plain::connect(&world.url)?;
            if connection.kind() == Kind::Postgres {
                connection.execute(
                    "PREPARE rotate (TEXT, BIGINT) AS UPDATE sessions SET generation = $2 + 1, rotated_at = rotated_at + 1, \
                     last_used_at = last_used_at + 1 WHERE id = $1 AND generation = $2 AND ended_at IS NULL",
                )?;
            }
            Ok(Line {
                connection,
                session: world.session_id(number)?.to_string(),
                generation: 0,
            })
        };
        let lines: Vec<_> = (first..first + connections).map(line).collect::<Outcome<_>>()?;
        let is_sqlite = lines.iter().any(|line| line.connection.kind() == Kind::Sqlite);
        let turns = is_sqlite.then(Mutex::default);
        Ok(Self { lines, turns })
    }

    pub(crate) fn measure(&mut self, duration: Duration) -> Outcome<f64> {
        let turns = &self.turns;
        repeat(self.lines.iter_mut().collect(), duration, |line| {
            let _turn = turns
                .as_ref()
                .map(|turns| turns.lock().unwrap_or_else(PoisonError::into_inner));
            line.update()
        })
    }
}

impl Line {
    fn update(&mut self) -> Outcome<()> {
        let Self {
            connection,
            session,
            generation,
        } = self;
        match connection.kind() {
            Kind::Sqlite => {
                connection.execute("BEGIN IMMEDIATE")?;
                connection.execute(&format!(
                    "UPDATE sessions SET generation = {generation} + 1, rotated_at = rotated_at + 1, \
                     last_used_at = last_used_at + 1 WHERE id = '{session}' AND generation = {generation} AND ended_at IS NULL"
                ))?;
            }
            Kind::Postgres => {
                connection.execute("BEGIN")?;
                connection.execute(&format!("EXECUTE rotate ('{session}', {generation})"))?;
            }
        }
        connection.execute("COMMIT")?;
        *generation += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Place;

    #[test]
    fn bare_updates_take() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::sqlite(folder.path());
        let world = World::make(&place.url, 1, 2, 0).unwrap();
        let mut updates = BareUpdates::connect(&world, 1, 2).unwrap();
        for _ in 0..3 {
            updates.lines[0].update().unwrap();
        }
        let session = world.session_id(2).unwrap();
        let generation = format!("SELECT generation AS answer FROM sessions WHERE id = '{session}'");
        assert_eq!(
            Plain::connect(&place.url).unwrap().number(&generation).unwrap(),
            3
        );
    }

    #[test]
    fn an_error_on_a_thread_is_an_error() {
        assert!(repeat(vec![1, 2], Duration::from_secs(60), |_| Err("planted".into())).is_err());
    }
}
