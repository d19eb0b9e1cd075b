//! Rotation on several instances over one store, with a clock that the test sets.

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use crate::common::{LEEWAY, NOW, claims, decode, master, parties, rules};
use doorward_domain::audit::{Event, EventKind};
use doorward_domain::clock::{ClockReading, ClockWatch};
use doorward_domain::key::PublishedKeys;
use doorward_domain::key::{KeyPolicy, KeyPurpose, SealedKey};
use doorward_domain::session::RefreshTokens;
use doorward_domain::session::{Generation, RefreshToken, Session};
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessClaims, AccessToken};
use doorward_domain::token::{AccessTokenSigner, AccessTokenVerifier};
use doorward_jwt::{Algorithm, Signer, Verifier};
use doorward_keys::{KeyRing, KeyRules, RefreshSealer};
use doorward_testkit::{MemoryStore, SeededEntropy, sample};

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn list(store: &MemoryStore, purpose: KeyPurpose) -> Vec<SealedKey> {
    store
        .snapshot::<_, StoreError>(|repositories| repositories.keys().list(purpose))
        .unwrap()
}

fn open(store: &MemoryStore, rules: KeyRules, now: Timestamp, seed: u64) -> Arc<KeyRing> {
    let entropy = SeededEntropy::new(seed);
    Arc::new(KeyRing::open(store, &master(1).into(), rules, now, &entropy).unwrap())
}

fn sign(ring: &Arc<KeyRing>, now: Timestamp) -> AccessToken {
    let claims = AccessClaims {
        issued_at: now.cut_to_seconds(),
        expires_at: now.cut_to_seconds() + seconds(900),
        ..claims()
    };
    Signer::new(Arc::clone(ring), parties()).sign(&claims).unwrap()
}

fn kid(token: &AccessToken) -> String {
    decode(token.expose()).0["kid"].as_str().unwrap().to_owned()
}

fn session(rotated_at: Timestamp) -> Session {
    Session {
        rotated_at,
        ..sample::session(1, sample::user(1).id)
    }
}

fn seal(ring: &Arc<KeyRing>, rotated_at: Timestamp) -> RefreshToken {
    RefreshSealer::new(Arc::clone(ring)).seal(&session(rotated_at), Generation::FIRST)
}

fn accepts(ring: &Arc<KeyRing>, token: &RefreshToken) -> bool {
    let sealer = RefreshSealer::new(Arc::clone(ring));
    let presented = sealer.open(token.expose()).unwrap();
    sealer.is_authentic(&presented, &session(NOW))
}

fn rotations(store: &MemoryStore) -> Vec<Event> {
    let mut events = store.events();
    events.retain(|event| event.kind == EventKind::KeyRotated);
    events
}

#[test]
fn concurrent_rotations_generate_one_key_of_each_purpose() {
    for round in 0..20 {
        let store = MemoryStore::new();
        let rings: Vec<_> = (0..3)
            .map(|ring| open(&store, rules(Algorithm::EdDsa), NOW, ring))
            .collect();
        let before = rotations(&store).len();
        let barrier = Barrier::new(3);
        let made: usize = std::thread::scope(|scope| {
            let instances: Vec<_> = rings
                .iter()
                .zip(0..)
                .map(|(ring, instance)| {
                    let (store, barrier) = (&store, &barrier);
                    scope.spawn(move || {
                        let entropy = SeededEntropy::new(round * 10 + instance + 100);
                        barrier.wait();
                        ring.rotate(store, NOW + seconds(60), &entropy).unwrap().len()
                    })
                })
                .collect();
            instances
                .into_iter()
                .map(|instance| instance.join().unwrap())
                .sum()
        });
        assert_eq!(made, 2, "one key of each purpose");
        for purpose in KeyPurpose::ALL {
            assert_eq!(list(&store, purpose).len(), 2);
        }
        assert_eq!(rotations(&store).len() - before, 2);
        for ring in &rings {
            ring.reload(&store).unwrap();
            assert_eq!(ring.key_set(), rings[0].key_set());
            assert_eq!(ring.key_set().matches("kid").count(), 2);
        }
    }
}

#[test]
fn a_new_key_is_published_before_it_is_used() {
    let store = MemoryStore::new();
    let ring = open(&store, rules(Algorithm::EdDsa), NOW, 1);
    let made_at = NOW + seconds(86_400);
    let made = ring.rotate(&store, made_at, &SeededEntropy::new(2)).unwrap();
    let new = made[0].id.as_str();
    assert!(ring.key_set().contains(new));
    assert_ne!(kid(&sign(&ring, made_at)), new);
    assert_ne!(kid(&sign(&ring, made_at + seconds(599))), new);
    assert_eq!(kid(&sign(&ring, made_at + seconds(600))), new);
    assert_eq!(ring.cache_life(), seconds(300));
    // With a clock that is set back, the first key is current again.
    assert_ne!(kid(&sign(&ring, NOW - seconds(1_000_000))), new);
    // Another request before it takes over makes no key, one after that does.
    let rotate = |after| {
        ring.rotate(&store, made_at + seconds(after), &SeededEntropy::new(after))
            .unwrap()
            .len()
    };
    assert_eq!((rotate(10), rotate(599), rotate(600)), (0, 0, 2));
}

#[test]
fn every_new_key_is_in_the_audit_log() {
    let store = MemoryStore::new();
    let ring = open(&store, rules(Algorithm::EdDsa), NOW, 1);
    let first = list(&store, KeyPurpose::AccessSigning)[0].id.clone();
    ring.rotate(&store, NOW, &SeededEntropy::new(2)).unwrap();
    let events = rotations(&store);
    assert_eq!(events.len(), 4);
    let detail = |event: &Event, name: &str| event.detail[name].clone();
    assert_eq!(detail(&events[0], "kid"), first.as_str());
    let details: Vec<_> = events
        .iter()
        .map(|event| ["purpose", "algorithm", "ordinal", "reason"].map(|name| detail(event, name)))
        .collect();
    assert_eq!(
        details,
        [
            ["access-signing", "EdDSA", "1", "first"],
            ["refresh-sealing", "HS256", "1", "first"],
            ["access-signing", "EdDSA", "2", "command"],
            ["refresh-sealing", "HS256", "2", "command"],
        ]
    );
}

#[test]
fn a_key_without_its_audit_event_is_not_stored() {
    let store = MemoryStore::new();
    let ring = open(&store, rules(Algorithm::EdDsa), NOW, 1);
    let (before, events) = (ring.key_set(), rotations(&store).len());
    let outage = StoreError::Unavailable("planted".to_owned());
    for statements in 0..6 {
        store.fail_after(statements, Some(outage.clone()));
        let failed = ring.rotate(&store, NOW, &SeededEntropy::new(2)).is_err();
        store.fail_after(0, None);
        let kept: usize = KeyPurpose::ALL
            .map(|purpose| list(&store, purpose).len())
            .iter()
            .sum();
        assert_eq!(
            rotations(&store).len() - events,
            kept - 2,
            "after {statements} statements"
        );
        if failed && kept == 2 {
            assert_eq!(ring.key_set(), before);
        }
    }
}

#[test]
fn a_retry_after_a_key_change_returns_the_same_token() {
    let store = MemoryStore::new();
    let ring = open(&store, rules(Algorithm::EdDsa), NOW, 1);
    ring.rotate(&store, NOW, &SeededEntropy::new(2)).unwrap();
    let take_over = NOW + seconds(600);
    // Rotated just before the change. The instance that answers the retry just after it uses the time of the rotation.
    let lost = seal(&ring, take_over - Duration::from_micros(1));
    let elsewhere = open(&store, rules(Algorithm::EdDsa), take_over + seconds(5), 3);
    assert_eq!(
        seal(&elsewhere, take_over - Duration::from_micros(1)).expose(),
        lost.expose()
    );
    assert_ne!(seal(&elsewhere, take_over).expose(), lost.expose());
    assert!(accepts(&elsewhere, &lost) && accepts(&ring, &seal(&elsewhere, take_over)));
}

#[test]
fn a_key_of_another_algorithm_takes_over_on_schedule() {
    let store = MemoryStore::new();
    let edwards = open(&store, rules(Algorithm::EdDsa), NOW, 1);
    let old = sign(&edwards, NOW);
    let restarted = NOW + seconds(60);
    let nist = open(&store, rules(Algorithm::Es256), restarted, 2);
    assert_eq!(list(&store, KeyPurpose::AccessSigning).len(), 2);
    assert_eq!(list(&store, KeyPurpose::RefreshSealing).len(), 1);
    let algorithm = |now| decode(sign(&nist, now).expose()).0["alg"].clone();
    assert_eq!(algorithm(restarted + seconds(599)), "EdDSA");
    assert_eq!(algorithm(restarted + seconds(600)), "ES256");
    let verifier = Verifier::new(Arc::clone(&nist), parties(), LEEWAY);
    assert!(verifier.verify(old.expose(), NOW + seconds(800)).is_ok());
    // A second start makes no further key. Changing the algorithm back makes one.
    open(&store, rules(Algorithm::Es256), restarted, 3);
    assert_eq!(list(&store, KeyPurpose::AccessSigning).len(), 2);
    let back = open(&store, rules(Algorithm::EdDsa), restarted + seconds(1), 4);
    assert_eq!(list(&store, KeyPurpose::AccessSigning).len(), 3);
    let token = sign(&back, restarted + seconds(601));
    assert_eq!(decode(token.expose()).0["alg"], "EdDSA");
    // An instance with the other configuration makes no key on schedule.
    nist.maintain(
        &store,
        ClockReading::trusted(restarted + seconds(2)),
        &SeededEntropy::new(5),
    )
    .unwrap();
    assert_eq!(list(&store, KeyPurpose::AccessSigning).len(), 3);
}

#[test]
fn no_key_is_deleted_while_the_clock_was_moved() {
    let store = MemoryStore::new();
    let ring = open(&store, rules(Algorithm::EdDsa), NOW, 1);
    ring.rotate(&store, NOW, &SeededEntropy::new(2)).unwrap();
    let ahead = NOW + seconds(40 * 86_400);
    let mut watch = ClockWatch::start(NOW, Duration::ZERO);
    let moved = watch.observe(ahead, seconds(1));
    let report = ring.maintain(&store, moved, &SeededEntropy::new(3)).unwrap();
    assert!(report.deleted.is_empty());
    let trusted = ClockReading::trusted(ahead);
    let report = ring.maintain(&store, trusted, &SeededEntropy::new(4)).unwrap();
    assert_eq!(report.deleted.len(), 2);
}

#[test]
fn a_key_is_deleted_once_all_its_tokens_have_expired() {
    let store = MemoryStore::new();
    let ring = open(&store, rules(Algorithm::EdDsa), NOW, 1);
    ring.rotate(&store, NOW, &SeededEntropy::new(2)).unwrap();
    let maintain = |after| {
        let report = ring
            .maintain(
                &store,
                ClockReading::trusted(NOW + seconds(after)),
                &SeededEntropy::new(3),
            )
            .unwrap();
        assert!(report.made.is_empty());
        report.deleted.iter().map(|key| key.purpose).collect::<Vec<_>>()
    };
    let signing_dead = 600 + 905 + 60;
    assert_eq!(maintain(signing_dead - 1), []);
    assert_eq!(ring.key_set().matches("kid").count(), 2);
    assert_eq!(maintain(signing_dead), [KeyPurpose::AccessSigning]);
    assert_eq!(ring.key_set().matches("kid").count(), 1);
    let sealing_dead = 600 + 30 * 86_400 + 60;
    assert_eq!(maintain(sealing_dead - 1), []);
    assert_eq!(maintain(sealing_dead), [KeyPurpose::RefreshSealing]);
    assert_eq!(maintain(sealing_dead + 1), []);
    // The ordinals of deleted keys are not reused.
    ring.rotate(&store, NOW + seconds(sealing_dead + 2), &SeededEntropy::new(4))
        .unwrap();
    for purpose in KeyPurpose::ALL {
        let ordinals: Vec<_> = list(&store, purpose).iter().map(|key| key.ordinal).collect();
        assert_eq!(ordinals, [2, 3]);
    }
}

/// An issued token.
enum Token {
    Access(AccessToken),
    Refresh(RefreshToken),
}

/// Another service, which fetches the key set as rarely as `cache_life` allows.
struct OtherService {
    verifier: Verifier,
    read_at: Timestamp,
}

/// Three instances that reload at different times, restart at intervals and rotate every minute; another service with a
/// cached key set; one clock. Every token of every instance is accepted by all until it expires, and no key is used before
/// all know it.
#[test]
fn no_live_token_is_rejected_during_rotations() {
    let rules = KeyRules {
        algorithm: Algorithm::EdDsa,
        policy: KeyPolicy {
            rotate_every: seconds(60),
            access_life: seconds(900) + LEEWAY,
            refresh_life: seconds(1_200),
        },
    };
    let store = MemoryStore::new();
    let mut rings: Vec<_> = (0..3).map(|ring| open(&store, rules, NOW, ring)).collect();
    let mut tokens: Vec<(Timestamp, Token)> = Vec::new();
    let mut signers = BTreeSet::new();
    let mut other_service: Option<OtherService> = None;
    let pause = rules.policy.pause().as_secs();
    for second in 0..1_800 {
        let now = NOW + seconds(second);
        for (index, offset) in (0..rings.len()).zip(0_u64..) {
            if second % pause == offset % pause {
                let entropy = SeededEntropy::new(second * 3 + offset + 10);
                rings[index]
                    .maintain(&store, ClockReading::trusted(now), &entropy)
                    .unwrap();
            }
        }
        if second % 97 == 0 {
            let index = usize::try_from(second / 97 % 3).unwrap();
            rings[index] = open(&store, rules, now, second + 100_000);
        }
        let cache = rules.policy.cache_life();
        if other_service
            .as_ref()
            .is_none_or(|cached| now.since(cached.read_at) >= cache)
        {
            let from = &rings[usize::try_from(second % 3).unwrap()];
            other_service = Some(OtherService {
                verifier: Verifier::from_key_set(&from.key_set(), parties(), LEEWAY).unwrap(),
                read_at: now,
            });
        }
        if second % 5 == 0 {
            let ring = &rings[usize::try_from(second / 5 % 3).unwrap()];
            let access = sign(ring, now);
            signers.insert(kid(&access));
            tokens.push((now + seconds(900) + LEEWAY - seconds(1), Token::Access(access)));
            tokens.push((now + seconds(1_200), Token::Refresh(seal(ring, now))));
        }
        tokens.retain(|(until, _)| *until >= now);
        // All tokens once a minute, the newest and the oldest each time.
        let recent = tokens.len().saturating_sub(2)..tokens.len();
        let looked_at = if second % 60 == 0 { 0..tokens.len() } else { recent };
        for (until, token) in tokens[looked_at].iter().chain(&tokens[..2.min(tokens.len())]) {
            let context = || format!("second {second}, to be accepted until {until:?}");
            for ring in &rings {
                match token {
                    Token::Access(token) => {
                        let verifier = Verifier::new(Arc::clone(ring), parties(), LEEWAY);
                        assert!(verifier.verify(token.expose(), now).is_ok(), "{}", context());
                    }
                    Token::Refresh(token) => assert!(accepts(ring, token), "{}", context()),
                }
            }
            if let (Token::Access(token), Some(other_service)) = (token, &other_service) {
                assert!(
                    other_service.verifier.verify(token.expose(), now).is_ok(),
                    "{}",
                    context()
                );
            }
        }
    }
    assert!(signers.len() >= 28, "{} keys in half an hour", signers.len());
    let kept = list(&store, KeyPurpose::AccessSigning).len();
    assert!((15..=19).contains(&kept), "{kept} keys are kept");
    assert_eq!(rotations(&store).len(), {
        let ordinal = |purpose| list(&store, purpose).last().unwrap().ordinal;
        usize::try_from(ordinal(KeyPurpose::AccessSigning) + ordinal(KeyPurpose::RefreshSealing)).unwrap()
    });
}

#[test]
fn an_instance_that_cannot_reach_the_store_keeps_its_keys() {
    let store = MemoryStore::new();
    let ring = open(&store, rules(Algorithm::EdDsa), NOW, 1);
    ring.rotate(&store, NOW, &SeededEntropy::new(2)).unwrap();
    let before = ring.key_set();
    store.fail_with(Some(StoreError::Unavailable("planted".to_owned())));
    let late = NOW + seconds(100 * 86_400);
    assert!(
        ring.maintain(&store, ClockReading::trusted(late), &SeededEntropy::new(3))
            .is_err()
    );
    assert_eq!(ring.key_set(), before);
    sign(&ring, late);
    store.fail_with(None);
    let report = ring
        .maintain(&store, ClockReading::trusted(late), &SeededEntropy::new(3))
        .unwrap();
    assert_eq!((report.made.len(), report.deleted.len()), (2, 2));
}
