//! Digests whose cost differs from the configured one.

use crate::harness::database::{Database, on_both_databases};
use crate::harness::measure::memory;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, login};

on_both_databases!(login_rehashes_a_cheap_digest_and_rejects_an_excessive_one,);

fn login_rehashes_a_cheap_digest_and_rejects_an_excessive_one(database: &Database) {
    let weak = Service::on(database);
    let grace = weak.new_user("grace");
    let with_cost = |memory: u32| {
        let like = format!("password_digest LIKE '$argon2id$v=19$m={memory},t=1,p=1$%'");
        let sql = format!("SELECT count(*) AS answer FROM users WHERE {like}");
        database.test_database().number(&sql)
    };
    assert_eq!((with_cost(1024), with_cost(2048)), (1, 0));
    drop(weak);

    let strong = Launch::on(database)
        .set("password.argon2.memory_kib", "2048")
        .start();
    login(&strong.client(), &grace.email, "a wrong password").problem(401, "invalid-credentials");
    assert_eq!((with_cost(1024), with_cost(2048)), (1, 0));
    login(&strong.client(), &grace.email, PASSWORD).ok(200);
    assert_eq!((with_cost(1024), with_cost(2048)), (0, 1));
    login(&strong.client(), &grace.email, PASSWORD).ok(200);

    let cost = "replace(password_digest, '$m=2048,', '$m=4194304,')";
    let planted = database
        .test_database()
        .execute(&format!("UPDATE users SET password_digest = {cost}"));
    assert_eq!(planted, 1);
    login(&strong.client(), &grace.email, PASSWORD).problem(401, "invalid-credentials");
    assert!(memory(strong.id(), "VmHWM").is_none_or(|peak| peak < 512 * 1024));
}
