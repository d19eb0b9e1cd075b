//! `doorward serve`: runs the server until it is stopped.

use std::fmt::Display;
use std::sync::Arc;

use doorward_api::Api;
use doorward_application::{IssueSetupToken, SetupTokenStatus};
use doorward_domain::store::UnitOfWork;
use doorward_http::Addresses;
use doorward_runtime::{Application, Scheduler, StartError};
use prometheus::Registry;
use secrecy::ExposeSecret;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::compose;
use crate::config::Settings;
use crate::data_dir::{Listener, write_bound};
use crate::exit::ExitError;
use crate::maintenance::{self, DeleteExpiredHandler};
use crate::system::OsEntropy;

use super::print;

/// Runs the server.
pub fn serve(mut settings: Settings) -> Result<(), ExitError> {
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
    let policy = settings.keys.rules.policy;
    let registry = Registry::new();
    let entropy = Arc::clone(&ports.entropy);
    let application = Application::start(ports, policies, lanes, &registry).map_err(cannot_start)?;
    let tasks = vec![
        maintenance::rotate_keys(ring, application.store(), policy.pause()),
        maintenance::schedule_deletion(application.store()),
    ];
    let _scheduler = Scheduler::start(tasks, &entropy).map_err(ExitError::other_error)?;
    let delete_expired = DeleteExpiredHandler {
        store: application.store(),
        revocation_life: policy.access_life,
        event_life: settings.audit.retention,
    };
    let jobs = application
        .start_jobs(vec![Arc::new(delete_expired)], &registry)
        .map_err(cannot_start)?;
    let served = doorward_http::serve(
        Arc::clone(&application),
        Arc::new(Api),
        http,
        registry,
        ready,
        stop_signal,
    );
    // The summary first: it would be lost with the process, and a job would not.
    application.stop();
    jobs.stop();
    served.map_err(cannot_serve)?;
    tracing::info!("stopped");
    Ok(())
}

/// The error for use cases that could not be started.
fn cannot_start(error: StartError) -> ExitError {
    match error {
        StartError::Store(error) => error.into(),
        error => cannot_serve(error),
    }
}

/// The error for a server that could not start or has failed.
fn cannot_serve(error: impl Display) -> ExitError {
    ExitError::other(format!("cannot serve: {error}"))
}

/// Issues a setup token if there is no administrator, and prints it. It is shown only once.
fn issue_setup_token(settings: &Settings, store: &dyn UnitOfWork) -> Result<(), ExitError> {
    let status = IssueSetupToken {
        store,
        entropy: &OsEntropy,
    }
    .execute(settings.setup_token.as_ref())
    .map_err(ExitError::from)?;
    match status {
        SetupTokenStatus::Closed => Ok(()),
        SetupTokenStatus::Configured => {
            tracing::info!(
                "no administrator yet, waiting for POST /v1/setup with the configured setup token"
            );
            Ok(())
        }
        SetupTokenStatus::MadeBefore => {
            tracing::info!(
                "no administrator yet, waiting for POST /v1/setup with the setup token that was printed at the first start; `doorward setup-token` replaces it"
            );
            Ok(())
        }
        // On standard output, for the operator who started the server, and not in the log, which others may read.
        SetupTokenStatus::Made(token) => print(&format!(
            "There is no administrator yet. POST /v1/setup creates one with this token, which is shown only once:\n\nSetup token: {}\n",
            token.expose_secret()
        )),
    }
}

/// Returns a future that completes on SIGTERM or SIGINT. The signals are caught from the time of this call.
fn stop_signal() -> impl Future<Output = ()> {
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(|kind| signal(kind).ok());
    async move {
        let [terminate, interrupt] = signals;
        let name = tokio::select! {
            () = caught(terminate) => "SIGTERM",
            () = caught(interrupt) => "SIGINT",
        };
        tracing::info!(signal = name, "stopping, waiting for running requests to finish");
    }
}

/// Waits for a signal. Never completes if the signal could not be caught; then it ends the process by default.
async fn caught(signal: Option<Signal>) {
    match signal {
        Some(mut signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
