//! The limits: the same essential work without Doorward, on the same machine.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use doorward_password::Argon2Params;

use crate::BenchResult;
use crate::bench_data::{BenchData, PASSWORD};
use crate::clock::Watch;
use crate::database::{Kind, PlainConnection};
use crate::stats::number;

/// Runs a task repeatedly for `duration` on one thread per state, and returns the rate per second.
fn repeat<S: Send>(
    states: Vec<S>,
    duration: Duration,
    act: impl Fn(&mut S) -> BenchResult<()> + Sync,
) -> BenchResult<f64> {
    let watch = Watch::start();
    let act = &act;
    let counts: Vec<BenchResult<u64>> = thread::scope(|scope| {
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

/// argon2 on all cores with Doorward's parameters; each thread reuses its memory without clearing it.
pub(crate) struct Argon2Alone {
    argon2: Argon2<'static>,
    memories: Vec<Vec<Block>>,
}

impl Argon2Alone {
    pub(crate) fn new(cores: usize) -> BenchResult<Self> {
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

    pub(crate) fn measure(&mut self, duration: Duration) -> BenchResult<f64> {
        let argon2 = &self.argon2;
        repeat(self.memories.iter_mut().collect(), duration, |memory| {
            let (password, salt) = (PASSWORD.as_bytes(), b"sixteen bytes ok");
            argon2.hash_password_into_with_memory(password, salt, &mut [0; 32], memory)?;
            Ok(())
        })
    }
}

/// Ed25519 verifications per second on one core.
pub(crate) fn ed25519(duration: Duration) -> BenchResult<f64> {
    let pair = Ed25519KeyPair::generate()?;
    // The length of the signed part of an access token.
    let message = [b'm'; 480];
    let signature = pair.sign(&message);
    let key = ParsedPublicKey::new(&ED25519, pair.public_key().as_ref())?;
    repeat(vec![()], duration, |()| {
        Ok(key.verify_sig(&message, signature.as_ref())?)
    })
}

/// Conditional updates of single sessions, each committed in its own transaction: the minimum that a refresh needs.
pub(crate) struct BareUpdates {
    clients: Vec<UpdateClient>,
    /// For SQLite, which allows one writer: waiting for its file lock would sleep for too long.
    write_lock: Option<Mutex<()>>,
}

/// A connection and the session that it updates.
struct UpdateClient {
    connection: PlainConnection,
    session: String,
    generation: u32,
}

impl BareUpdates {
    /// Opens connections, each with a session of its own, from session `first` on. PostgreSQL uses a prepared statement.
    pub(crate) fn connect(data: &BenchData, connections: u64, first: u64) -> BenchResult<Self> {
        let client = |number| {
            let mut connection = PlainConnection::connect(&data.url)?;
            if connection.kind() == Kind::Postgres {
                connection.execute(
                    "PREPARE rotate (TEXT, BIGINT) AS UPDATE sessions SET generation = $2 + 1, rotated_at = rotated_at + 1, \
                     last_used_at = last_used_at + 1 WHERE id = $1 AND generation = $2 AND ended_at IS NULL",
                )?;
            }
            Ok(UpdateClient {
                connection,
                session: data.session_id(number)?.to_string(),
                generation: 0,
            })
        };
        let clients: Vec<_> = (first..first + connections)
            .map(client)
            .collect::<BenchResult<_>>()?;
        let is_sqlite = clients
            .iter()
            .any(|client| client.connection.kind() == Kind::Sqlite);
        let write_lock = is_sqlite.then(Mutex::default);
        Ok(Self { clients, write_lock })
    }

    pub(crate) fn measure(&mut self, duration: Duration) -> BenchResult<f64> {
        let write_lock = &self.write_lock;
        repeat(self.clients.iter_mut().collect(), duration, |client| {
            let _guard = write_lock
                .as_ref()
                .map(|write_lock| write_lock.lock().unwrap_or_else(PoisonError::into_inner));
            client.update()
        })
    }
}

impl UpdateClient {
    fn update(&mut self) -> BenchResult<()> {
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
    use crate::database::BenchDatabase;

    #[test]
    fn bare_updates_change_the_session() {
        let folder = tempfile::tempdir().unwrap();
        let database = BenchDatabase::sqlite(folder.path());
        let data = BenchData::create(&database.url, 1, 2, 0).unwrap();
        let mut updates = BareUpdates::connect(&data, 1, 2).unwrap();
        for _ in 0..3 {
            updates.clients[0].update().unwrap();
        }
        let session = data.session_id(2).unwrap();
        let generation = format!("SELECT generation AS value FROM sessions WHERE id = '{session}'");
        assert_eq!(
            PlainConnection::connect(&database.url)
                .unwrap()
                .number(&generation)
                .unwrap(),
            3
        );
    }

    #[test]
    fn an_error_on_a_thread_is_returned() {
        assert!(repeat(vec![1, 2], Duration::from_secs(60), |_| Err("planted".into())).is_err());
    }
}
