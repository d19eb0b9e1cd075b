//! Rotation on several instances over one store, told by a clock that the test moves.

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use crate::common::{LEEWAY, NOW, claims, decode, master, parties, rules};
use doorward_domain::audit::{Event, EventKind};
use doorward_domain::ports::{
    AccessTokenSigner, AccessTokenVerifier, PublishedKeys, RefreshTokens, StoreError, Transactions,
};
use doorward_domain::time::Timestamp;
use doorward_domain::token::{
    AccessClaims, AccessToken, Generation, KeyPolicy, KeyPurpose, RefreshToken, SealedKey, Session,
};
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
fn of_three_instances_that_rotate_at_once_one_makes_the_key() {
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
    // A clock that is set back finds the first key again.
    assert_ne!(kid(&sign(&ring, NOW - seconds(1_000_000))), new);
    // Somebody who asks again before then gets this one, and after it another.
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
    let told: Vec<_> = events
        .iter()
        .map(|event| ["purpose", "algorithm", "ordinal", "reason"].map(|name| detail(event, name)))
        .collect();
    assert_eq!(
        told,
        [
            ["access-signing", "EdDSA", "1", "first"],
            ["refresh-sealing", "HS256", "1", "first"],
            ["access-signing", "EdDSA", "2", "command"],
            ["refresh-sealing", "HS256", "2", "command"],
        ]
    );
}

#[test]
fn a_key_that_cannot_be_told_of_is_not_made() {
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
fn a_retry_gets_the_same_token_though_another_key_took_over() {
    let store = MemoryStore::new();
    let ring = open(&store, rules(Algorithm::EdDsa), NOW, 1);
    ring.rotate(&store, NOW, &SeededEntropy::new(2)).unwrap();
    let take_over = NOW + seconds(600);
    // Rotated the moment before: an instance that answers the retry a moment after goes by the same time.
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
fn another_algorithm_takes_over_as_any_key_does() {
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
    // A second start makes no further key; the way back makes one.
    open(&store, rules(Algorithm::Es256), restarted, 3);
    assert_eq!(list(&store, KeyPurpose::AccessSigning).len(), 2);
    let back = open(&store, rules(Algorithm::EdDsa), restarted + seconds(1), 4);
    assert_eq!(list(&store, KeyPurpose::AccessSigning).len(), 3);
    let token = sign(&back, restarted + seconds(601));
    assert_eq!(decode(token.expose()).0["alg"], "EdDSA");
    // What an instance with the old configuration would do between looks at the store: nothing.
    nist.maintain(&store, restarted + seconds(2), &SeededEntropy::new(5))
        .unwrap();
    assert_eq!(list(&store, KeyPurpose::AccessSigning).len(), 3);
}

#[test]
fn a_key_is_forgotten_when_its_tokens_are_dead_and_no_sooner() {
    let store = MemoryStore::new();
    let ring = open(&store, rules(Algorithm::EdDsa), NOW, 1);
    ring.rotate(&store, NOW, &SeededEntropy::new(2)).unwrap();
    let maintain = |after| {
        let report = ring
            .maintain(&store, NOW + seconds(after), &SeededEntropy::new(3))
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
    // The places of those that are gone are not taken again.
    ring.rotate(&store, NOW + seconds(sealing_dead + 2), &SeededEntropy::new(4))
        .unwrap();
    for purpose in KeyPurpose::ALL {
        let ordinals: Vec<_> = list(&store, purpose).iter().map(|key| key.ordinal).collect();
        assert_eq!(ordinals, [2, 3]);
    }
}

/// A token that is out there, and until when it has to be accepted.
enum Token {
    Access(AccessToken),
    Refresh(RefreshToken),
}

/// A service that verifies by itself, and reads the key set as seldom as it may.
struct Elsewhere {
    verifier: Verifier,
    read_at: Timestamp,
}

/// Three instances that look at the store at different times, restart now and then, and rotate every minute; a service
/// elsewhere with a cache; a clock that all share. Whatever any instance hands out is accepted by everybody for as long
/// as it lives, and no key is used before all have seen it.
#[test]
fn no_live_token_is_refused_while_keys_come_and_go() {
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
    let mut elsewhere: Option<Elsewhere> = None;
    let pause = rules.policy.pause().as_secs();
    for second in 0..1_800 {
        let now = NOW + seconds(second);
        for (index, offset) in (0..rings.len()).zip(0_u64..) {
            if second % pause == offset % pause {
                let entropy = SeededEntropy::new(second * 3 + offset + 10);
                rings[index].maintain(&store, now, &entropy).unwrap();
            }
        }
        if second % 97 == 0 {
            let index = usize::try_from(second / 97 % 3).unwrap();
            rings[index] = open(&store, rules, now, second + 100_000);
        }
        let cache = rules.policy.cache_life();
        if elsewhere
            .as_ref()
            .is_none_or(|cached| now.since(cached.read_at) >= cache)
        {
            let from = &rings[usize::try_from(second % 3).unwrap()];
            elsewhere = Some(Elsewhere {
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
        // All of them now and then, the youngest and the oldest always.
        let recent = tokens.len().saturating_sub(2)..tokens.len();
        let looked_at = if second % 60 == 0 { 0..tokens.len() } else { recent };
        for (until, token) in tokens[looked_at].iter().chain(&tokens[..2.min(tokens.len())]) {
            let told = || format!("second {second}, to be accepted until {until:?}");
            for ring in &rings {
                match token {
                    Token::Access(token) => {
                        let verifier = Verifier::new(Arc::clone(ring), parties(), LEEWAY);
                        assert!(verifier.verify(token.expose(), now).is_ok(), "{}", told());
                    }
                    Token::Refresh(token) => assert!(accepts(ring, token), "{}", told()),
                }
            }
            if let (Token::Access(token), Some(elsewhere)) = (token, &elsewhere) {
                assert!(
                    elsewhere.verifier.verify(token.expose(), now).is_ok(),
                    "{}",
                    told()
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
fn an_instance_that_cannot_reach_the_store_goes_on_with_what_it_knows() {
    let store = MemoryStore::new();
    let ring = open(&store, rules(Algorithm::EdDsa), NOW, 1);
    ring.rotate(&store, NOW, &SeededEntropy::new(2)).unwrap();
    let before = ring.key_set();
    store.fail_with(Some(StoreError::Unavailable("planted".to_owned())));
    let late = NOW + seconds(100 * 86_400);
    assert!(ring.maintain(&store, late, &SeededEntropy::new(3)).is_err());
    assert_eq!(ring.key_set(), before);
    sign(&ring, late);
    store.fail_with(None);
    let report = ring.maintain(&store, late, &SeededEntropy::new(3)).unwrap();
    assert_eq!((report.made.len(), report.deleted.len()), (2, 2));
}
