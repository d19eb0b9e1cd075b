//! Refresh tokens: sealed, opened, and rejected when altered.

use crate::common::ring;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::id::SessionId;
use doorward_domain::session::RefreshTokens;
use doorward_domain::session::{Generation, Session, SessionKey};
use doorward_jwt::Algorithm;
use doorward_keys::RefreshSealer;
use doorward_testkit::sample;
use proptest::prelude::*;

fn sealer() -> RefreshSealer {
    RefreshSealer::new(ring(Algorithm::EdDsa, 1))
}

fn session(number: u32) -> Session {
    sample::session(number, sample::user(1).id)
}

/// Opens a token and checks it against a session.
fn belongs(sealer: &RefreshSealer, token: &str, session: &Session) -> bool {
    sealer
        .open(token)
        .is_some_and(|presented| sealer.is_authentic(&presented, session))
}

#[test]
fn a_token_has_the_documented_format() {
    let token = sealer().seal(&session(1), Generation::new(258));
    let encoded = token.expose().strip_prefix("dwr_").unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(encoded).unwrap();
    assert_eq!(token.expose().len(), 75);
    assert_eq!(bytes.len(), 53);
    assert_eq!(bytes[0], 1);
    assert_eq!(bytes[1..17], *session(1).id.as_bytes());
    assert_eq!(bytes[17..21], [0, 0, 1, 2]);
}

#[test]
fn a_tag_is_the_documented_hmac() {
    // The same tag, computed here from the key that the ring drew from its entropy.
    let store = doorward_testkit::MemoryStore::new();
    let constant = Constant(9);
    let master = doorward_keys::MasterKey::generate(&constant).into();
    let rules = crate::common::rules(Algorithm::EdDsa);
    let ring = doorward_keys::KeyRing::open(&store, &master, rules, crate::common::NOW, &constant).unwrap();
    let sealer = RefreshSealer::new(std::sync::Arc::new(ring));
    let session = session(1);
    let presented = sealer
        .open(sealer.seal(&session, Generation::new(3)).expose())
        .unwrap();
    let message = [
        b"doorward/v1/refresh-token",
        &session.key.expose()[..],
        session.id.as_bytes(),
        &[0, 0, 0, 3],
    ]
    .concat();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &[9; 32]);
    assert_eq!(presented.tag, aws_lc_rs::hmac::sign(&key, &message).as_ref());
}

struct Constant(u8);

impl doorward_domain::entropy::Entropy for Constant {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

#[test]
fn a_token_belongs_to_one_session_one_generation_and_one_deployment() {
    let sealer = sealer();
    let own = session(1);
    let token = sealer.seal(&own, Generation::new(5));
    assert!(belongs(&sealer, token.expose(), &own));

    let other_key = Session {
        key: SessionKey::from_bytes([8; 32]),
        ..own.clone()
    };
    assert!(!belongs(&sealer, token.expose(), &other_key));
    let other_id = Session {
        id: SessionId::from_bytes([8; 16]),
        ..own.clone()
    };
    assert!(!belongs(&sealer, token.expose(), &other_id));
    assert!(!belongs(&sealer, token.expose(), &session(2)));

    let elsewhere = RefreshSealer::new(ring(Algorithm::EdDsa, 2));
    assert!(!belongs(&elsewhere, token.expose(), &own));

    let mut presented = sealer.open(token.expose()).unwrap();
    presented.generation = Generation::new(6);
    assert!(!sealer.is_authentic(&presented, &own));
    presented.generation = Generation::new(5);
    presented.session_id = SessionId::from_bytes([8; 16]);
    assert!(!sealer.is_authentic(&presented, &own));
}

#[test]
fn other_fields_of_the_session_do_not_affect_the_token() {
    let sealer = sealer();
    let own = session(1);
    let later = Session {
        generation: Generation::new(9),
        last_used_at: crate::common::NOW,
        ip: None,
        ..own.clone()
    };
    assert_eq!(
        sealer.seal(&own, Generation::new(5)).expose(),
        sealer.seal(&later, Generation::new(5)).expose()
    );
}

#[test]
fn any_other_encoding_of_a_token_is_rejected() {
    let sealer = sealer();
    let token = sealer.seal(&session(1), Generation::FIRST).expose().to_owned();
    let encoded = token.strip_prefix("dwr_").unwrap();
    let last = token.chars().last().unwrap();
    // 53 bytes leave two bits of the last character unused: the three other characters with the same used bits.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.find(last).unwrap();
    let strays = (1..4).map(|stray| format!("{}{}", &token[..74], &alphabet[value + stray..=value + stray]));
    let others = [
        String::new(),
        "dwr_".to_owned(),
        encoded.to_owned(),
        format!("DWR_{encoded}"),
        format!("dwr-{encoded}"),
        format!("dwr_dwr_{encoded}"),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}="),
        format!("{token}A"),
        token[..74].to_owned(),
        // Whole bytes, but too few of them.
        token[..72].to_owned(),
        token[..40].to_owned(),
        format!("{}=", &token[..74]),
        format!("{}+", &token[..74]),
        format!("{}\n", &token[..74]),
        format!("{}\u{e9}", &token[..73]),
    ];
    for other in others.into_iter().chain(strays) {
        assert!(sealer.open(&other).is_none(), "{other:?}");
    }
}

#[test]
fn a_token_of_another_version_is_rejected() {
    let sealer = sealer();
    for version in [0_u8, 2, 255] {
        let token = format!(
            "dwr_{}",
            URL_SAFE_NO_PAD.encode([&[version][..], &[7; 52]].concat())
        );
        assert!(sealer.open(&token).is_none(), "{version}");
    }
    assert!(
        sealer
            .open(&format!(
                "dwr_{}",
                URL_SAFE_NO_PAD.encode([&[1][..], &[7; 52]].concat())
            ))
            .is_some()
    );
}

#[test]
fn debug_output_contains_neither_tokens_nor_keys() {
    let sealer = sealer();
    let token = sealer.seal(&session(1), Generation::FIRST);
    let presented = sealer.open(token.expose()).unwrap();
    let printed = format!("{token:?} {presented:?} {sealer:?}");
    assert!(!printed.contains(&token.expose()[40..]));
    assert!(
        !printed.contains(&format!("{}, {}", presented.tag[0], presented.tag[1])),
        "{printed}"
    );
}

proptest! {
    #[test]
    fn any_generation_survives_a_round_trip(number in any::<u32>(), session_number in 1_u32..50) {
        let sealer = sealer();
        let session = session(session_number);
        let token = sealer.seal(&session, Generation::new(number));
        let presented = sealer.open(token.expose()).unwrap();
        prop_assert_eq!(presented.session_id, session.id);
        prop_assert_eq!(presented.generation, Generation::new(number));
        prop_assert!(sealer.is_authentic(&presented, &session));
    }

    #[test]
    fn sealing_is_deterministic(number in any::<u32>()) {
        let session = session(1);
        let (one, same_keys) = (sealer(), sealer());
        let seal = |sealer: &RefreshSealer| sealer.seal(&session, Generation::new(number)).expose().to_owned();
        prop_assert_eq!(seal(&one), seal(&one));
        // An instance with the same keys seals the same.
        prop_assert_eq!(seal(&one), seal(&same_keys));
    }

    #[test]
    fn a_token_with_a_flipped_bit_is_rejected(bit in 0_usize..53 * 8) {
        let sealer = sealer();
        let session = session(1);
        let token = sealer.seal(&session, Generation::new(77));
        let mut bytes = URL_SAFE_NO_PAD.decode(&token.expose()[4..]).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let flipped = format!("dwr_{}", URL_SAFE_NO_PAD.encode(bytes));
        prop_assert!(!belongs(&sealer, &flipped, &session));
    }

    #[test]
    fn a_token_with_a_changed_character_is_rejected(position in 0_usize..75, byte in 0x20_u8..0x7f) {
        let sealer = sealer();
        let session = session(1);
        let token = sealer.seal(&session, Generation::new(77));
        let mut bytes = token.expose().as_bytes().to_vec();
        prop_assume!(bytes[position] != byte);
        bytes[position] = byte;
        prop_assert!(!belongs(&sealer, core::str::from_utf8(&bytes).unwrap(), &session));
    }

    #[test]
    fn opening_never_panics(text in any::<String>(), tail in "[A-Za-z0-9_=+/-]{0,80}") {
        let sealer = sealer();
        let _ = sealer.open(&text);
        let _ = sealer.open(&format!("dwr_{tail}"));
    }
}
