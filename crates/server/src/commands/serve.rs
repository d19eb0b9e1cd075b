//! `doorward serve`: runs the server until it is stopped.

use std::fmt::Display;
use std::sync::Arc;

use doorward_api::Api;
use doorward_application::{IssueSetupToken, SetupTokenStatus};
use doorward_domain::store::UnitOfWork;
use doorward_http::{Addresses, Stop, StopRequests};
use doorward_runtime::{Application, JobHandler, MailDelivery, Scheduler, StartError};
use prometheus::Registry;
use secrecy::ExposeSecret;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::compose;
use crate::config::Settings;
use crate::data_dir::{Listener, write_bound};
use crate::exit::ExitError;
use crate::logging;
use crate::maintenance::{self, DeleteExpiredHandler};
use crate::system::OsEntropy;

use super::print;

/// Runs the server.
pub fn serve(mut settings: Settings) -> Result<(), ExitError> {
    log_sizes(&settings);
    let (ports, ring, database) = compose::ports(&mut settings)?;
    let store = Arc::clone(&ports.store);
    let policies = compose::policies(&settings);
    let mailer = compose::mailer(&mut settings)?;
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
    logging::register_metrics(&registry)?;
    let entropy = Arc::clone(&ports.entropy);
    let application = Application::start(ports, policies, lanes, &registry).map_err(cannot_start)?;
    let mut tasks = vec![
        maintenance::rotate_keys(ring, application.store(), application.clock(), policy.pause()),
        maintenance::schedule_deletion(application.store()),
        maintenance::number_revocations(Arc::clone(&database)),
    ];
    let delete_expired = DeleteExpiredHandler {
        store: application.store(),
        clock: application.clock(),
        revocation_life: policy.access_life,
        event_life: settings.audit.retention,
    };
    let mut handlers: Vec<Arc<dyn JobHandler>> = vec![Arc::new(delete_expired)];
    if let Some(mailer) = mailer {
        let delivery = MailDelivery::new(
            application.store(),
            mailer,
            Arc::clone(&entropy),
            application.clock(),
            compose::mail_delivery(&settings),
            &registry,
        )
        .map_err(cannot_start)?;
        tasks.push(delivery.count_mails());
        handlers.push(Arc::new(delivery));
    }
    let _scheduler = Scheduler::start(tasks, &entropy).map_err(ExitError::other_error)?;
    let jobs = application
        .start_jobs(handlers, &registry)
        .map_err(cannot_start)?;
    let served = doorward_http::serve(
        Arc::clone(&application),
        Arc::new(Api::new(&settings.server.base_path, settings.docs)),
        http,
        registry,
        ready,
        stop_signals,
    );
    // The summary first: it would be lost with the process, and a job would not.
    application.stop();
    jobs.stop();
    maintenance::number_last_revocations(&database);
    served.map_err(cannot_serve)?;
    tracing::info!("stopped");
    Ok(())
}

/// Logs how much is done at once, and what the defaults were derived from.
fn log_sizes(settings: &Settings) {
    let resources = &settings.resources;
    tracing::info!(
        lane_workers = settings.lane.workers,
        database_connections = settings.database.max_connections,
        client_connections = settings.server.connections.most,
        cores = resources.cores,
        memory = resources.memory.as_ref().map(tracing::field::display),
        "sized by the processors and the memory that this process may use, unless configured"
    );
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

/// The signals that stop the server, caught from the time of this call.
///
/// SIGTERM comes from the process manager, and load balancers must notice first. SIGINT comes from a terminal, where
/// nobody wants to wait; so does SIGHUP, unless it was ignored when the process started (`nohup`).
fn stop_signals() -> Signals {
    let hangup = (!hangup_is_ignored()).then(SignalKind::hangup);
    let [terminate, interrupt, hangup] = [
        Some(SignalKind::terminate()),
        Some(SignalKind::interrupt()),
        hangup,
    ]
    .map(|kind| signal(kind?).ok());
    Signals {
        terminate,
        interrupt,
        hangup,
    }
}

/// Whether this process ignores SIGHUP. Only known on Linux; catching the signal changes it.
fn hangup_is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        // The lowest bit is that of signal 1, SIGHUP.
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .is_some_and(|mask| mask & 1 == 1)
    })
}

/// Caught signals; `None` for one that has its default effect.
struct Signals {
    terminate: Option<Signal>,
    interrupt: Option<Signal>,
    hangup: Option<Signal>,
}

impl StopRequests for Signals {
    async fn next(&mut self) -> Stop {
        let (signal, stop) = tokio::select! {
            () = caught(&mut self.terminate) => ("SIGTERM", Stop::Announced),
            () = caught(&mut self.interrupt) => ("SIGINT", Stop::Immediate),
            () = caught(&mut self.hangup) => ("SIGHUP", Stop::Immediate),
        };
        tracing::info!(signal, "stopping, waiting for running requests to finish");
        stop
    }
}

/// Waits for a signal. Never completes if the signal is not caught.
async fn caught(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
