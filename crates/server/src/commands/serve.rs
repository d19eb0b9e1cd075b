//! `doorward serve`: answers until told to stop.

use std::fmt::Display;
use std::sync::Arc;

use doorward_api::Api;
use doorward_application::{IssueSetupToken, SetupTokenStatus};
use doorward_domain::store::UnitOfWork;
use doorward_http::{Addresses, Stop};
use doorward_runtime::{Application, StartError};
use prometheus::Registry;
use secrecy::ExposeSecret;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::chores::Chores;
use crate::compose;
use crate::config::Settings;
use crate::failure::Failure;
use crate::first_start::{Listener, write_bound};
use crate::system::OsEntropy;
use crate::upkeep;

use super::print;

/// Serves with these settings.
pub fn serve(mut settings: Settings) -> Result<(), Failure> {
    let (ports, ring) = compose::ports(&mut settings)?;
    let store = Arc::clone(&ports.store);
    let policies = compose::policies(&settings);
    let lanes = compose::lanes(&settings);
    let http = compose::http(&settings);
    let ready = |addresses: Addresses| {
        issue_setup_token(&settings, &*store)?;
        write_bound(&settings.data_dir, Listener::Management, addresses.management)?;
        write_bound(&settings.data_dir, Listener::Public, addresses.public)?;
        tracing::info!(
            listen = %addresses.public,
            management_listen = %addresses.management,
            database = %settings.database.url,
            "serving"
        );
        Ok(())
    };
    let policy = compose::key_policy(&settings);
    let _chores = Chores::start(vec![
        upkeep::tending_keys(ring, Arc::clone(&store), policy.pause()),
        upkeep::sweeping(Arc::clone(&store), policy.access_life, settings.audit.retention),
    ])?;
    let registry = Registry::new();
    let application = Application::start(ports, policies, lanes, &registry).map_err(cannot_start)?;
    let served = doorward_http::serve(
        Arc::clone(&application),
        Arc::new(Api),
        http,
        registry,
        ready,
        stop_signal,
    );
    application.stop();
    served.map_err(cannot_serve)?;
    tracing::info!("stopped");
    Ok(())
}

/// Why the use cases could not be started.
fn cannot_start(error: StartError) -> Failure {
    match error {
        StartError::Store(error) => error.into(),
        error => cannot_serve(error),
    }
}

/// Why the server could not begin, or broke off.
fn cannot_serve(error: impl Display) -> Failure {
    Failure::other(format!("cannot serve: {error}"))
}

/// Makes sure that the first administrator can be made, and prints the token that was made for it, the one time it can be.
fn issue_setup_token(settings: &Settings, store: &dyn UnitOfWork) -> Result<(), Failure> {
    let offer = IssueSetupToken {
        store,
        entropy: &OsEntropy,
    }
    .execute(settings.setup_token.as_ref())
    .map_err(Failure::from)?;
    match offer {
        SetupTokenStatus::Closed => Ok(()),
        SetupTokenStatus::Configured => {
            tracing::info!(
                "there is no administrator yet: POST /v1/setup with the configured setup token makes one"
            );
            Ok(())
        }
        SetupTokenStatus::MadeBefore => {
            tracing::info!(
                "there is no administrator yet: the setup token was printed at the first start; `doorward setup-token` makes another"
            );
            Ok(())
        }
        // On standard output, which is for whoever started this, and not in the log, which others may read.
        SetupTokenStatus::Made(token) => print(&format!(
            "There is no administrator yet. POST /v1/setup makes one, with this token, which is shown only once:\n\nSetup token: {}\n",
            token.expose_secret()
        )),
    }
}

/// What stops the server. The signals are caught from the moment this is called.
fn stop_signal() -> impl Future<Output = Stop> {
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(|kind| signal(kind).ok());
    async move {
        let [terminate, interrupt] = signals;
        let name = tokio::select! {
            () = caught(terminate) => "SIGTERM",
            () = caught(interrupt) => "SIGINT",
        };
        tracing::info!(signal = name, "stopping: requests under way may finish");
        Stop::Gracefully
    }
}

/// Waits for a signal; for ever if it could not be asked for, and the system's default will end the process.
async fn caught(signal: Option<Signal>) {
    match signal {
        Some(mut signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
