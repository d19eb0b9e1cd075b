//! Behind PgBouncer, which gives a connection of the server to whoever needs one.

use std::thread;

use crate::harness::database::{Database, MASTER_KEY};
use crate::harness::pgbouncer::PgBouncer;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, login};

/// Fewer connections to the server than Doorward has to the pooler, so that they are shared.
const SHARED: &str = "default_pool_size = 3\nmax_client_conn = 200\nquery_wait_timeout = 10";

fn service_behind(lines: &str) -> Option<(Service, PgBouncer)> {
    let database = Database::postgres()?;
    let bouncer = PgBouncer::before(database.test_database().url(), lines)?;
    let service = Launch::on(&database)
        .env("DOORWARD_DATABASE__URL", bouncer.url())
        .env("DOORWARD_KEYS__MASTER_KEY", MASTER_KEY)
        .env("DOORWARD_THROTTLE__ENABLED", "false")
        .start();
    Some((service, bouncer))
}

fn use_all_features(lines: &str) {
    let Some((service, _bouncer)) = service_behind(lines) else {
        return;
    };
    let admin = service.admin();
    let users: Vec<_> = (0..4)
        .map(|number| service.new_user(&format!("user{number}")))
        .collect();
    thread::scope(|scope| {
        for mut user in users {
            let (client, admin) = (service.client(), &admin);
            scope.spawn(move || {
                let other = user.login_again();
                for _ in 0..20 {
                    user.refresh();
                    user.client().get("/v1/account").ok(200);
                    admin.client().get(&user.path()).ok(200);
                }
                login(&client, &user.email, "a wrong password").problem(401, "invalid-credentials");
                let session = format!("/v1/account/sessions/{}", other.session());
                user.client().delete(&session).is_empty(204);
                other.try_refresh().problem(401, "invalid-refresh-token");
                user.logout();
                client
                    .with_token(&user.access())
                    .get("/v1/auth/me")
                    .problem(401, "invalid-token");
                login(&client, &user.email, PASSWORD).ok(200);
            });
        }
    });
    admin.client().get("/v1/audit?limit=100").ok(200);
    service.management().get("/health/ready").ok(200);
    let rotated = service.run(&["keys", "rotate"], "");
    assert_eq!(rotated.status, 0, "{rotated:?}");
    let log = service.log();
    assert!(!log.contains("prepared statement"), "{log}");
}

#[test]
fn doorward_runs_behind_pgbouncer_in_transaction_mode() {
    use_all_features(&format!("pool_mode = transaction\n{SHARED}"));
}

/// Startup options are dropped instead of refused.
#[test]
fn doorward_runs_behind_pgbouncer_that_ignores_startup_options() {
    use_all_features(&format!(
        "pool_mode = transaction\nignore_startup_parameters = options,extra_float_digits\n{SHARED}"
    ));
}

#[test]
fn doorward_runs_behind_pgbouncer_in_session_mode() {
    use_all_features("pool_mode = session\ndefault_pool_size = 50\nmax_client_conn = 200");
}
