use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::account::Roles;
use crate::client::ClientId;
use crate::id::{TokenId, UserId};
use crate::session::Authentication;

const LIFE: Duration = Duration::from_secs(905);
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn claims(session: u8, user: u8, version: u32) -> AccessClaims {
    AccessClaims {
        subject: UserId::from_bytes([user; 16]).into(),
        session_id: SessionId::from_bytes([session; 16]),
        token_id: TokenId::from_bytes([0; 16]),
        subject_version: SubjectVersion::new(version),
        roles: Roles::user(),
        email: None,
        email_verified: false,
        issued_at: NOW,
        expires_at: NOW,
        authentication: Some(Authentication::by_password(NOW)),
    }
}

fn session(transaction: u64, id: u8, at: Timestamp) -> Revocation {
    Revocation {
        transaction,
        at,
        revoked: Revoked::Session(SessionId::from_bytes([id; 16])),
    }
}

fn user(transaction: u64, id: u8, version: u32) -> Revocation {
    let revoked = Revoked::Subject {
        subject: UserId::from_bytes([id; 16]).into(),
        lowest_version: SubjectVersion::new(version),
    };
    Revocation {
        transaction,
        at: NOW,
        revoked,
    }
}

fn page(entries: &[Revocation], pending: &[u64]) -> LogPage {
    LogPage {
        entries: entries.to_vec(),
        pending: pending.to_vec(),
        horizon: 1000,
    }
}

fn add(list: &mut RevocationList, entries: &[Revocation]) {
    let position = list.position().clone();
    list.add_page(&position, &page(entries, &[]));
}

fn list_of(entries: &[Revocation]) -> RevocationList {
    let mut list = RevocationList::new(LIFE);
    add(&mut list, entries);
    list
}

fn digest(id: u8) -> RevocationDigest {
    RevocationDigest::of(&SessionId::from_bytes([id; 16]).to_string())
}

#[test]
fn a_session_is_revoked_by_its_id_and_a_user_up_to_a_version() {
    let list = list_of(&[session(1, 7, NOW), user(2, 8, 3)]);
    assert!(list.revokes(&claims(7, 1, 1)));
    assert!(!list.revokes(&claims(6, 1, 1)));
    assert!(list.revokes(&claims(1, 8, 2)));
    assert!(!list.revokes(&claims(1, 8, 3)));
}

#[test]
fn a_service_is_revoked_up_to_a_version_too() {
    let service = || Subject::Service(ClientId::parse("billing").expect("a client id"));
    let mut list = RevocationList::new(LIFE);
    let revoked = Revoked::Subject {
        subject: service(),
        lowest_version: SubjectVersion::new(3),
    };
    list.add_own(&revoked, NOW);
    let claims = |version| AccessClaims {
        subject: service(),
        authentication: None,
        ..claims(1, 1, version)
    };
    assert!(list.revokes(&claims(2)));
    assert!(!list.revokes(&claims(3)));
    let subjects = list.digests().subjects;
    // printf billing | openssl dgst -sha256 -binary | head -c 16 | base64
    assert_eq!(subjects[0].0.to_string(), "DJXH7OHOGpdQJ17xxtetaw");
    assert_eq!(subjects[0].1, SubjectVersion::new(3));
}

#[test]
fn the_lowest_valid_version_never_decreases() {
    let list = list_of(&[user(5, 8, 4), user(6, 8, 3)]);
    assert!(list.revokes(&claims(1, 8, 3)));
    assert_eq!(list.digests().subjects.len(), 1);
}

#[test]
fn entries_are_pruned_only_when_no_valid_token_can_be_revoked_by_them() {
    let mut list = list_of(&[session(1, 7, NOW), session(2, 8, NOW + Duration::from_secs(10))]);
    list.prune(NOW + LIFE);
    assert_eq!(list.len(), 2);
    list.prune(NOW + LIFE + Duration::from_micros(1));
    assert_eq!(list.len(), 1);
    list.prune(NOW + LIFE + Duration::from_secs(11));
    assert!(list.is_empty());
    assert_eq!(list.content(), RevocationList::new(LIFE).content());
    assert_eq!(list.position().latest(), 2);
    // Reading the last transaction again, to see that the log is the same, lists nothing.
    let changes = list.changes();
    add(&mut list, &[session(2, 8, NOW + Duration::from_secs(10))]);
    assert!(list.is_empty() && list.changes() == changes);
}

#[test]
fn entries_pruned_by_a_clock_that_was_ahead_are_listed_again() {
    let mut list = list_of(&[session(1, 7, NOW)]);
    list.prune(NOW + 2 * LIFE);
    assert!(list.is_empty());
    list.read_again();
    add(&mut list, &[session(1, 7, NOW)]);
    assert_eq!(list.len(), 1);
}

#[test]
fn a_position_returns_only_newer_entries() {
    let mut list = list_of(&[session(1, 7, NOW)]);
    let first = list.cursor();
    add(&mut list, &[session(1, 7, NOW), user(2, 8, 3)]);
    let newer = list.digests_after(&first).expect("a known position");
    assert_eq!((newer.sessions.len(), newer.subjects.len()), (0, 1));
    let none = list.digests_after(&list.cursor()).expect("a known position");
    assert_eq!(none, RevocationDigests::default());
}

#[test]
fn a_transaction_that_commits_late_is_newer_than_a_position_that_did_not_contain_it() {
    let mut list = RevocationList::new(LIFE);
    list.add_page(&LogPosition::start(), &page(&[session(9, 9, NOW)], &[5, 7, 20]));
    let cursor = list.cursor();
    assert_eq!(cursor.pending(), [5, 7]);
    let next = page(&[session(5, 5, NOW), session(9, 9, NOW)], &[7]);
    assert!(cursor.is_continued_by(&next));
    list.add_page(&cursor, &next);
    assert_eq!(list.position().pending(), [7]);
    let parsed = LogPosition::parse(&cursor.to_string()).expect("a position");
    let newer = list.digests_after(&parsed).expect("a known position");
    assert_eq!(newer.sessions, [digest(5)]);
}

#[test]
fn a_position_with_many_running_transactions_is_replaced_by_an_earlier_one() {
    let mut list = RevocationList::new(LIFE);
    let pending: Vec<u64> = (10..100).collect();
    let entries = [session(3, 3, NOW), session(9, 9, NOW), session(200, 20, NOW)];
    list.add_page(&LogPosition::start(), &page(&entries, &pending));
    let cursor = list.cursor();
    assert_eq!((cursor.latest(), cursor.pending()), (9, &[][..]));
    let newer = list.digests_after(&cursor).expect("a known position");
    assert_eq!(newer.sessions, [digest(20)]);
}

/// The text of a position, whether a list would publish it or not.
fn text_of(latest: u64, mark: u64, pending: &[u64]) -> String {
    let numbers = [latest, mark].into_iter().chain(pending.iter().copied());
    let bytes: Vec<u8> = numbers.flat_map(u64::to_be_bytes).collect();
    format!("r{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[test]
fn a_position_that_no_list_publishes_returns_the_whole_list() {
    let list = list_of(&[session(1, 7, NOW), session(2, 8, NOW)]);
    let position = list.cursor();
    let parse = |pending: &[u64]| {
        let text = text_of(position.latest(), position.mark(), pending);
        LogPosition::parse(&text).expect("a position")
    };
    assert_eq!(parse(&[]), position);
    let too_many: Vec<u64> = (0..100_000).map(|_| 1).collect();
    for pending in [&[1, 1][..], &[1, 0], &[2], &[0, 2], &[3], &too_many] {
        let position = parse(pending);
        assert!(position.is_start());
        assert_eq!(list.digests_after(&position), None);
    }
}

#[test]
fn a_published_position_names_at_most_sixteen_running_transactions_in_order() {
    for (running, is_named) in [(16, true), (17, false)] {
        let mut pending: Vec<u64> = (10..10 + running).rev().collect();
        pending.push(10);
        let mut list = RevocationList::new(LIFE);
        let entries = [session(9, 9, NOW), session(200, 20, NOW)];
        list.add_page(&LogPosition::start(), &page(&entries, &pending));
        let cursor = list.cursor();
        let named: Vec<u64> = (10..10 + running).filter(|_| is_named).collect();
        assert_eq!(cursor.pending(), named);
        assert_eq!(LogPosition::parse(&cursor.to_string()), Some(cursor));
    }
}

#[test]
fn a_position_of_another_log_or_of_the_future_is_unknown() {
    let list = list_of(&[session(1, 7, NOW), session(2, 8, NOW)]);
    let other = list_of(&[session(1, 7, NOW), session(2, 9, NOW)]);
    let ahead = list_of(&[session(3, 8, NOW)]);
    for position in [other.cursor(), ahead.cursor(), LogPosition::start()] {
        assert_eq!(list.digests_after(&position), None, "{position}");
    }
}

#[test]
fn a_page_without_the_last_entry_seen_belongs_to_another_log() {
    let seen = list_of(&[session(1, 7, NOW), session(4, 8, NOW)]).cursor();
    let same = page(&[session(4, 8, NOW), session(5, 9, NOW)], &[]);
    assert!(seen.is_continued_by(&same));
    for other in [
        page(&[], &[]),
        page(&[session(5, 9, NOW)], &[]),
        // The number of a lost transaction was assigned to another one.
        page(&[session(4, 9, NOW)], &[]),
        page(&[session(4, 8, NOW + Duration::from_micros(1))], &[]),
        // Copied into a database whose transactions have not come that far.
        LogPage {
            horizon: 3,
            ..same.clone()
        },
    ] {
        assert!(!seen.is_continued_by(&other), "{other:?}");
    }
    assert!(LogPosition::start().is_continued_by(&page(&[], &[])));
}

#[test]
fn an_entry_copied_from_another_database_does_not_hide_later_ones() {
    let mut list = RevocationList::new(LIFE);
    let copied = session(5000, 5, NOW);
    add(&mut list, &[session(1, 1, NOW), copied.clone()]);
    assert_eq!(list.position().latest(), 1);
    assert!(list.revokes(&claims(5, 0, 0)));
    let changes = list.changes();
    add(&mut list, &[session(1, 1, NOW), copied]);
    assert_eq!(list.changes(), changes);
}

#[test]
fn with_another_log_sessions_stay_revoked_and_versions_are_read_anew() {
    let mut list = list_of(&[session(1, 7, NOW), user(2, 8, 3)]);
    list.begin_another_log();
    add(&mut list, &[session(1, 6, NOW), user(2, 8, 2)]);
    assert!(list.revokes(&claims(7, 1, 1)) && list.revokes(&claims(6, 1, 1)));
    assert!(list.revokes(&claims(1, 8, 1)) && !list.revokes(&claims(1, 8, 2)));
    let mut same = RevocationList::new(LIFE);
    for revoked in [session(1, 7, NOW), session(1, 6, NOW), user(1, 8, 2)] {
        same.add_own(&revoked.revoked, NOW);
    }
    assert_eq!(list.content(), same.content());
}

#[test]
fn the_content_identifies_what_is_listed_in_any_order() {
    let entries = [session(1, 7, NOW), user(2, 8, 3), user(3, 8, 4)];
    let list = list_of(&entries);
    let reordered = list_of(&[user(1, 8, 4), session(2, 7, NOW)]);
    assert_eq!(list.content(), reordered.content());
    let different = list_of(&[user(1, 8, 5), session(2, 7, NOW)]);
    assert_ne!(list.content(), different.content());
    let mut own = RevocationList::new(LIFE);
    for entry in &entries {
        own.add_own(&entry.revoked, NOW);
    }
    assert_eq!(own.content(), list.content());
    // Read from the log later: nothing changes.
    let changes = own.changes();
    add(&mut own, &entries);
    assert_eq!((own.changes(), own.content()), (changes, list.content()));
}

#[test]
fn only_texts_of_positions_are_parsed() {
    for text in ["x", "-1", "\0", "1.5", "", "r", "rAAAA", "r1"] {
        assert_eq!(LogPosition::parse(text), None, "{text}");
    }
    // What releases before 0.2 published.
    assert_eq!(LogPosition::parse("1234"), Some(LogPosition::start()));
    assert_eq!(
        LogPosition::parse(&LogPosition::start().to_string()),
        Some(LogPosition::start())
    );
}
