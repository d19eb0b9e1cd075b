use argon2::PasswordHasher as _;
use argon2::PasswordVerifier as _;
use proptest::prelude::*;

use super::*;
use crate::memory;

const CHEAP: Argon2Params = Argon2Params {
    memory_kib: 1024,
    iterations: 1,
    parallelism: 1,
};

/// `password` under the salt `somesalt`, from the test vectors of the reference implementation.
const REFERENCE: &str =
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

struct Salted(u8);

impl Entropy for Salted {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

fn password(text: &str) -> PlainPassword {
    PlainPassword::new(&text.into())
}

fn hasher(params: Argon2Params) -> Argon2Hasher {
    Argon2Hasher::new(params, Peppers::default()).unwrap()
}

fn peppered(params: Argon2Params, byte: u8) -> Argon2Hasher {
    with_peppers(params, Some(byte), None)
}

/// A hasher with these bytes as its current and its previous pepper.
fn with_peppers(params: Argon2Params, current: Option<u8>, previous: Option<u8>) -> Argon2Hasher {
    let pepper = |byte: Option<u8>| byte.map(|byte| Pepper::new(vec![byte; 16]).unwrap());
    let peppers = Peppers {
        current: pepper(current),
        previous: pepper(previous),
    };
    Argon2Hasher::new(params, peppers).unwrap()
}

#[test]
fn a_digest_with_the_previous_pepper_verifies_and_is_outdated() {
    let before = peppered(CHEAP, 1)
        .hash(&password("correct horse"), &Salted(1))
        .unwrap();
    let verify = |current, previous| {
        let hasher = with_peppers(CHEAP, current, previous);
        hasher.verify(&password("correct horse"), &before).unwrap()
    };
    assert_eq!(verify(Some(1), None), Verification::Match { outdated: false });
    assert_eq!(verify(Some(1), Some(2)), Verification::Match { outdated: false });
    assert_eq!(verify(Some(2), Some(1)), Verification::Match { outdated: true });
    assert_eq!(verify(None, Some(1)), Verification::Match { outdated: true });
    for (current, previous) in [(None, None), (Some(2), None), (None, Some(2)), (Some(2), Some(3))] {
        assert_eq!(verify(current, previous), Verification::Unusable);
    }
    let both = with_peppers(CHEAP, Some(2), Some(1));
    assert_eq!(
        both.verify(&password("wrong"), &before).unwrap(),
        Verification::Mismatch
    );
    let after = both.hash(&password("correct horse"), &Salted(1)).unwrap();
    let only_new = peppered(CHEAP, 2);
    assert_eq!(
        only_new.verify(&password("correct horse"), &after).unwrap(),
        Verification::Match { outdated: false }
    );
    assert_eq!(both.pepper_ids().current, only_new.pepper_ids().current);
    assert_eq!(
        both.pepper_ids().previous,
        peppered(CHEAP, 1).pepper_ids().current
    );
}

fn digest(phc: &str) -> PasswordDigest {
    PasswordDigest::new(phc.to_owned())
}

#[test]
fn a_digest_of_the_reference_implementation_verifies() {
    let hasher = hasher(Argon2Params::default());
    let of = |text| hasher.verify(&password(text), &digest(REFERENCE)).unwrap();
    assert_eq!(of("password"), Verification::Match { outdated: false });
    assert_eq!(of("Password"), Verification::Mismatch);
}

#[test]
fn several_lanes_and_other_lengths_verify() {
    let params = Params::new(256, 1, 2, Some(64)).unwrap();
    let long = Argon2::from(params)
        .hash_password_with_salt(b"password", b"somesalt")
        .unwrap()
        .to_string();
    // The first two are from the test vectors of the reference implementation.
    for phc in [
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        &long,
    ] {
        let outcome = hasher(CHEAP).verify(&password("password"), &digest(phc)).unwrap();
        assert_eq!(outcome, Verification::Match { outdated: true }, "{phc}");
    }
}

#[test]
fn a_digest_is_a_phc_string_with_the_configured_parameters() {
    let hasher = hasher(Argon2Params {
        memory_kib: 1024,
        iterations: 2,
        parallelism: 3,
    });
    let made = hasher.hash(&password("correct horse"), &Salted(9)).unwrap();
    assert!(
        made.expose()
            .starts_with("$argon2id$v=19$m=1024,t=2,p=3$CQkJCQkJCQkJCQkJCQkJCQ$"),
        "{}",
        made.expose()
    );
    // Verified with the argon2 crate's own verifier.
    assert!(
        Argon2::default()
            .verify_password(b"correct horse", made.expose())
            .is_ok()
    );
}

#[test]
fn equal_passwords_have_different_digests() {
    let hasher = hasher(CHEAP);
    let one = hasher.hash(&password("correct horse"), &Salted(1)).unwrap();
    let other = hasher.hash(&password("correct horse"), &Salted(2)).unwrap();
    assert_ne!(one.expose(), other.expose());
}

#[test]
fn every_character_of_a_long_password_counts() {
    let hasher = hasher(CHEAP);
    let long: String = ('a'..='z').cycle().take(99).chain(['Z']).collect();
    let made = hasher.hash(&password(&long), &Salted(1)).unwrap();
    let cut: String = long.chars().take(72).collect();
    let others = [
        cut,
        long.chars().take(99).collect(),
        long.replace('Z', "Y"),
        long.to_lowercase(),
        long.to_uppercase(),
        format!("{long} "),
        format!(" {long}"),
        format!("{long}\0"),
        String::new(),
    ];
    for other in others {
        assert_eq!(
            hasher.verify(&password(&other), &made).unwrap(),
            Verification::Mismatch,
            "{other:?}"
        );
    }
    assert_eq!(
        hasher.verify(&password(&long), &made).unwrap(),
        Verification::Match { outdated: false }
    );
}

#[test]
fn a_digest_that_needs_4_gib_is_rejected_before_anything_is_allocated() {
    let hasher = hasher(CHEAP);
    hasher.verify_nothing(&password("x")).unwrap();
    let before = memory::held();
    for params in [
        "m=4194304,t=1,p=1",
        "m=4294967295,t=4294967295,p=16777215",
        "m=1024,t=4294967295,p=1",
    ] {
        let costly = REFERENCE.replace("m=65536,t=2,p=1", params);
        let (outcome, work) = work::of(|| hasher.verify(&password("password"), &digest(&costly)));
        assert_eq!(outcome, Ok(Verification::Unusable), "{params}");
        assert_eq!(work, CHEAP.work(), "{params}");
        assert_eq!(memory::held(), before, "{params}");
    }
}

#[test]
fn memory_of_a_costlier_digest_is_freed() {
    let hasher = hasher(CHEAP);
    assert!(matches!(
        hasher.verify(&password("password"), &digest(REFERENCE)),
        Ok(Verification::Match { .. })
    ));
    assert_eq!(memory::held(), 1024);
}

#[test]
fn a_weaker_digest_is_outdated_and_a_stronger_one_is_not() {
    let text = password("correct horse");
    let strong = Argon2Params {
        memory_kib: 2048,
        iterations: 2,
        parallelism: 1,
    };
    let weak_digest = hasher(CHEAP).hash(&text, &Salted(1)).unwrap();
    let strong_digest = hasher(strong).hash(&text, &Salted(1)).unwrap();
    let outdated = Ok(Verification::Match { outdated: true });
    let current = Ok(Verification::Match { outdated: false });
    assert_eq!(hasher(strong).verify(&text, &weak_digest), outdated);
    assert_eq!(hasher(CHEAP).verify(&text, &strong_digest), current);
    assert_eq!(hasher(strong).verify(&text, &strong_digest), current);
}

#[test]
fn a_wrong_password_costs_the_same_with_and_without_an_account() {
    let text = password("correct horse");
    for configured in [
        CHEAP,
        Argon2Params {
            memory_kib: 2048,
            iterations: 2,
            parallelism: 1,
        },
        Argon2Params {
            memory_kib: 3000,
            iterations: 3,
            parallelism: 4,
        },
    ] {
        let hasher = hasher(configured);
        let (_, nothing) = work::of(|| hasher.verify_nothing(&text));
        let own = hasher.hash(&password("another"), &Salted(1)).unwrap();
        let old = self::hasher(CHEAP)
            .hash(&password("another"), &Salted(1))
            .unwrap();
        let cheapest =
            digest("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4");
        for stored in [
            own,
            old,
            cheapest,
            digest(""),
            digest("garbage"),
            digest(&REFERENCE.replace("id", "i")),
        ] {
            let (_, work) = work::of(|| hasher.verify(&text, &stored).unwrap());
            let slack = u64::from(configured.iterations);
            assert!(
                work.abs_diff(nothing) < slack.max(8),
                "{work} against {nothing}: {}",
                stored.expose()
            );
        }
    }
}

#[test]
fn a_pepper_changes_the_hash_and_its_id_is_in_the_digest() {
    let text = password("correct horse");
    let plain = hasher(CHEAP).hash(&text, &Salted(1)).unwrap();
    let with_pepper = peppered(CHEAP, 7).hash(&text, &Salted(1)).unwrap();
    assert!(with_pepper.expose().contains(",keyid="));
    let hash_of = |digest: &PasswordDigest| digest.expose().rsplit('$').next().map(str::to_owned);
    assert_ne!(hash_of(&plain), hash_of(&with_pepper));

    let current = Ok(Verification::Match { outdated: false });
    assert_eq!(peppered(CHEAP, 7).verify(&text, &with_pepper), current);
    assert_eq!(
        peppered(CHEAP, 7).verify(&password("wrong"), &with_pepper),
        Ok(Verification::Mismatch)
    );
    assert_eq!(
        peppered(CHEAP, 7).verify(&text, &plain),
        Ok(Verification::Match { outdated: true })
    );
    assert_eq!(
        peppered(CHEAP, 7).verify(&password("wrong"), &plain),
        Ok(Verification::Mismatch)
    );
    assert_eq!(
        peppered(CHEAP, 8).verify(&text, &with_pepper),
        Ok(Verification::Unusable)
    );
    assert_eq!(
        hasher(CHEAP).verify(&text, &with_pepper),
        Ok(Verification::Unusable)
    );
    // Without its id a peppered hash is verified without the pepper, and does not match.
    let without_id = with_pepper.expose().split(",keyid=").next().unwrap().to_owned() + "$";
    let without_id = without_id + with_pepper.expose().splitn(5, '$').nth(4).unwrap();
    assert_eq!(
        peppered(CHEAP, 7).verify(&text, &digest(&without_id)),
        Ok(Verification::Mismatch)
    );
}

#[test]
fn debug_output_does_not_contain_the_pepper() {
    let printed = format!("{:?}", peppered(CHEAP, 77));
    assert!(!printed.contains("77, 77"), "{printed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_password_verifies_and_no_other_does(text in "\\PC{0,40}", other in "\\PC{0,40}", salt in any::<u8>()) {
        let hasher = hasher(CHEAP);
        let (text, other) = (password(&text), password(&other));
        let made = hasher.hash(&text, &Salted(salt)).unwrap();
        prop_assert_eq!(hasher.verify(&text, &made), Ok(Verification::Match { outdated: false }));
        let same = text.expose() == other.expose();
        prop_assert_eq!(hasher.verify(&other, &made) == Ok(Verification::Mismatch), !same);
    }

    #[test]
    fn a_damaged_digest_never_matches(position in 0_usize..98, byte in 0x21_u8..0x7f) {
        let hasher = hasher(CHEAP);
        let text = password("correct horse");
        let made = hasher.hash(&text, &Salted(1)).unwrap();
        let mut damaged = made.expose().as_bytes().to_vec();
        let position = position % damaged.len();
        prop_assume!(damaged[position] != byte);
        damaged[position] = byte;
        let damaged = digest(core::str::from_utf8(&damaged).unwrap());
        let outcome = hasher.verify(&text, &damaged).unwrap();
        prop_assert!(!matches!(outcome, Verification::Match { .. }), "{}", damaged.expose());
    }
}
