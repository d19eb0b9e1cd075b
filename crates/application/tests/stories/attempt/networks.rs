//! Addresses and networks that the owner has used: attempts from there have limits of their own.

use core::time::Duration;

use doorward_application::SetupTokenStatus;
use secrecy::ExposeSecret as _;

use crate::story_app::{HOME, NEW_PASSWORD, PASSWORD, StoryApp, WRONG, outcome};

const INVALID: &str = "InvalidCredentials";
const AWAY: &str = "203.0.113.7";
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn is_wait(outcome: &str) -> bool {
    outcome.starts_with("TooManyAttempts")
}

/// A world in which Ada has logged in from her network, and is locked for all others.
fn ada_under_attack() -> StoryApp {
    let world = StoryApp::new();
    world.user("ada");
    world.enter("ada");
    world.go_to(AWAY);
    world.exhaust("ada");
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
    world
}

#[test]
fn attempts_from_elsewhere_do_not_lock_a_known_network() {
    let world = ada_under_attack();
    // Another address of the same network, also written as an IPv6 address.
    for at_home in [HOME, "192.0.2.254", "::ffff:192.0.2.77"] {
        world.go_to(at_home);
        assert!(world.login("ada", PASSWORD).is_ok(), "{at_home}");
    }
    world.go_to("192.0.3.1");
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
    // Logins from the known network grant no further attempts to others.
    world.go_to(AWAY);
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
}

#[test]
fn a_known_network_has_a_limit_too() {
    let world = ada_under_attack();
    world.go_to(HOME);
    world.exhaust("ada");
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
}

#[test]
fn attempts_of_a_neighbour_do_not_lock_the_address_of_the_owner() {
    for (own, neighbour) in [
        (HOME, "192.0.2.99"),
        ("2001:db8:7:1::1", "2001:db8:7:2::1"),
        ("2001:db8:7:1:5::1", "2001:db8:7:ffff::9"),
    ] {
        let world = StoryApp::new();
        world.user("ada");
        world.go_to(own);
        world.enter("ada");
        world.go_to(neighbour);
        world.exhaust("ada");
        assert!(is_wait(&outcome(&world.login("ada", PASSWORD))), "{neighbour}");
        world.go_to(own);
        assert!(world.login("ada", PASSWORD).is_ok(), "{own}");
        // The neighbour did not use up what the account allows from elsewhere either.
        world.go_to(AWAY);
        assert!(world.login("ada", PASSWORD).is_ok(), "{AWAY}");
    }
}

#[test]
fn an_ipv6_client_is_known_by_its_slash_64() {
    let world = StoryApp::new();
    world.user("ada");
    world.go_to("2001:db8:7:1::1");
    world.enter("ada");
    world.go_to("2001:db8:7:2::1");
    world.exhaust("ada");
    world.go_to("2001:db8:7:1:ffff::2");
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn failures_at_the_address_of_the_owner_lock_neither_its_network_nor_the_account() {
    let world = StoryApp::new();
    world.user("ada");
    world.enter("ada");
    world.exhaust("ada");
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
    for place in ["192.0.2.2", AWAY] {
        world.go_to(place);
        assert!(world.login("ada", PASSWORD).is_ok(), "{place}");
    }
}

#[test]
fn registration_and_setup_make_address_and_network_known() {
    let world = StoryApp::new();
    let SetupTokenStatus::Made(token) = world.issue_setup_token(None).expect("an offer") else {
        panic!("no token");
    };
    world
        .complete_setup(token.expose_secret(), "root")
        .expect("an administrator");
    world.user("ada");
    for name in ["root", "ada"] {
        world.go_to(AWAY);
        world.exhaust(name);
        assert!(is_wait(&outcome(&world.login(name, PASSWORD))), "{name}");
        // The network of another address, which is known too.
        world.go_to("192.0.2.77");
        world.exhaust(name);
        world.go_to(HOME);
        assert!(world.login(name, PASSWORD).is_ok(), "{name}");
    }
}

#[test]
fn an_account_made_by_an_administrator_knows_no_network_of_theirs() {
    let world = StoryApp::new();
    world.admin("root");
    assert_eq!(world.networks_of("root"), 0);
    let root = world.enter("root");
    world.create_user(&root, "ada", &["user"]).expect("an account");
    assert_eq!(world.networks_of("ada"), 0);
}

#[test]
fn a_refused_registration_makes_no_network_known() {
    let world = StoryApp::new();
    world.user("ada");
    world.go_to(AWAY);
    assert!(world.register("ada").is_err());
    assert_eq!(world.networks_of("ada"), 2);
}

#[test]
fn a_network_that_was_recorded_without_an_address_stays_known() {
    let world = StoryApp::new();
    world.admin("ada");
    world.note_network_alone("ada");
    world.go_to(AWAY);
    world.exhaust("ada");
    world.go_to(HOME);
    assert!(world.login("ada", PASSWORD).is_ok());
    // The login recorded the address, although the network was recorded on the same day.
    world.go_to("192.0.2.77");
    world.exhaust("ada");
    world.go_to(HOME);
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn a_network_is_known_only_for_its_own_account() {
    let world = StoryApp::new();
    world.user("ada");
    world.enter("ada");
    // Eve registered in her own network.
    world.go_to("198.51.100.1");
    world.user("eve");
    world.go_to(AWAY);
    world.exhaust("eve");
    world.exhaust("nobody");
    world.go_to(HOME);
    for name in ["eve", "nobody"] {
        assert!(is_wait(&outcome(&world.login(name, PASSWORD))), "{name}");
    }
}

#[test]
fn a_login_makes_a_network_known_and_a_failure_or_refresh_does_not() {
    let world = StoryApp::new();
    world.user("ada");
    let phone = world.enter("ada");
    world.go_to(AWAY);
    assert_eq!(outcome(&world.login("ada", WRONG)), INVALID);
    assert!(world.refresh(&phone).is_ok());
    assert_eq!(world.networks_of("ada"), 2);
    assert!(world.login("ada", PASSWORD).is_ok());
    assert_eq!(world.networks_of("ada"), 4);
}

#[test]
fn changing_the_password_deletes_all_networks_except_the_current_one() {
    for (place, remain) in [(HOME, 2), ("192.0.2.77", 1), ("198.51.100.1", 0)] {
        let world = StoryApp::new();
        world.user("ada");
        let phone = world.enter("ada");
        // Another person knew the password too.
        world.go_to(AWAY);
        world.enter("ada");
        world.go_to(place);
        assert!(world.change_password(&phone, PASSWORD, NEW_PASSWORD).is_ok());
        assert_eq!(world.networks_of("ada"), remain, "{place}");
        // Attempts from elsewhere do not lock the owner's network, and the previous network is not known any more.
        world.go_to("203.0.113.200");
        world.exhaust("ada");
        world.go_to(AWAY);
        assert!(is_wait(&outcome(&world.login("ada", NEW_PASSWORD))));
        world.go_to(HOME);
        assert_eq!(world.login("ada", NEW_PASSWORD).is_ok(), remain > 0);
    }
}

#[test]
fn every_route_that_takes_the_password_uses_the_limit_of_its_network() {
    let world = StoryApp::new();
    world.user("ada");
    let phone = world.enter("ada");
    world.go_to(AWAY);
    world.exhaust("ada");
    assert!(is_wait(&outcome(&world.change_password(
        &phone,
        PASSWORD,
        NEW_PASSWORD
    ))));
    assert!(is_wait(&outcome(&world.delete_account(&phone, PASSWORD))));
    world.go_to(HOME);
    assert!(world.change_password(&phone, PASSWORD, NEW_PASSWORD).is_ok());
    assert!(world.delete_account(&phone, NEW_PASSWORD).is_ok());
}

#[test]
fn a_network_is_known_for_ninety_days_after_its_last_recorded_login() {
    for (days, is_known) in [(90, true), (91, false)] {
        let world = StoryApp::new();
        world.user("ada");
        world.enter("ada");
        // Within a day a login is not recorded again. Each login advances the clock by a second.
        world.wait(HOUR);
        world.enter("ada");
        world.wait(HOUR * (24 * days - 2));
        world.go_to(AWAY);
        world.exhaust("ada");
        world.go_to(HOME);
        assert_eq!(world.login("ada", PASSWORD).is_ok(), is_known, "{days}");
    }
    // A later login is recorded, and the network is known again.
    let world = StoryApp::new();
    world.user("ada");
    world.enter("ada");
    world.wait(DAY * 80);
    world.enter("ada");
    world.wait(DAY * 80);
    world.go_to(AWAY);
    world.exhaust("ada");
    world.go_to(HOME);
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn the_sixteen_most_recently_used_networks_are_known() {
    let world = StoryApp::new();
    world.user("ada");
    let place = |number: u32| format!("198.51.{number}.1");
    for number in 0..17 {
        world.go_to(&place(number));
        world.enter("ada");
    }
    assert_eq!(world.networks_of("ada"), 32);
    world.go_to(AWAY);
    world.exhaust("ada");
    world.go_to(&place(0));
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
    world.go_to(&place(1));
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn unlocking_resets_every_network() {
    let world = StoryApp::new();
    world.admin("root");
    let ada = world.user("ada");
    world.enter("ada");
    let root = world.enter("root");
    for place in [HOME, AWAY] {
        world.go_to(place);
        world.exhaust("ada");
    }
    world.unlock(&root, ada.id).expect("unlocked");
    for place in [HOME, AWAY] {
        world.go_to(place);
        assert!(world.login("ada", PASSWORD).is_ok(), "{place}");
    }
}

#[test]
fn deleting_an_account_deletes_its_networks() {
    let world = StoryApp::new();
    world.admin("root");
    let root = world.enter("root");
    world.user("ada");
    let ada = world.enter("ada");
    world.delete_account(&ada, PASSWORD).expect("deleted");
    assert_eq!(world.networks_of("ada"), 0);
    let eve = world.user("eve");
    world.enter("eve");
    world.delete_user(&root, eve.id).expect("deleted");
    assert_eq!((world.networks_of("eve"), world.networks_of("root")), (0, 2));
}

#[test]
fn setting_the_clock_back_does_not_keep_a_network_forever() {
    let world = StoryApp::new();
    world.user("ada");
    world.wait(DAY * 1000);
    world.enter("ada");
    world.clock.set(world.clock.now() - DAY * 1000);
    // Recorded again, with the current time.
    world.enter("ada");
    world.wait(DAY * 91);
    world.go_to(AWAY);
    world.exhaust("ada");
    world.go_to(HOME);
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
}

#[test]
fn frequent_logins_by_the_owner_grant_no_additional_attempts() {
    let world = StoryApp::new();
    world.user("ada");
    world.go_to(AWAY);
    let (mut wrong, begun) = (0, world.clock.now());
    while world.clock.now().since(begun) < DAY {
        // The owner's login from a new network each time resets the wait; then the free attempts follow.
        let hour = world.clock.now().since(begun).as_secs() / 3600;
        world.go_to(&format!("198.51.{hour}.1"));
        let _ = world.login("ada", PASSWORD);
        world.go_to(AWAY);
        while outcome(&world.login("ada", WRONG)) == INVALID {
            wrong += 1;
        }
        world.wait(Duration::from_hours(1));
    }
    assert_eq!(wrong, world.policies.attempts.daily);
}
