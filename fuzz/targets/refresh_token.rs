//! Refresh tokens that nobody sealed.
#![no_main]

use core::time::Duration;
use std::sync::{Arc, LazyLock};

use doorward_domain::session::RefreshTokens;
use doorward_domain::time::Timestamp;
use doorward_domain::key::KeyPolicy;
use doorward_jwt::Algorithm;
use doorward_keys::{KeyRing, KeyRules, MasterKey, RefreshSealer};
use doorward_testkit::{MemoryStore, SeededEntropy};
use libfuzzer_sys::fuzz_target;

static SEALER: LazyLock<RefreshSealer> = LazyLock::new(|| {
    let policy = KeyPolicy {
        rotate_every: Duration::from_secs(7_776_000),
        access_life: Duration::from_secs(905),
        refresh_life: Duration::from_secs(2_592_000),
    };
    let (now, entropy) = (Timestamp::from_unix_seconds(1_700_000_000), SeededEntropy::new(1));
    let rules = KeyRules {
        algorithm: Algorithm::EdDsa,
        policy,
    };
    let master = MasterKey::generate(&entropy).into();
    let ring = KeyRing::open(&MemoryStore::new(), &master, rules, now, &entropy);
    RefreshSealer::new(Arc::new(ring.expect("a ring in memory")))
});

fuzz_target!(|presented: &str| {
    let open = |token: &str| {
        let opened = SEALER.open(token)?;
        Some((opened.session_id, opened.generation, opened.tag))
    };
    let Some(opened) = open(presented) else { return };
    assert!(presented.starts_with("dwr_"));
    // A token has one spelling: changing its last character makes it another token, or none.
    let stem = &presented[..presented.len() - 1];
    for last in ['A', 'B', 'g', '_', '-', '='] {
        let other = format!("{stem}{last}");
        assert!(other == presented || open(&other) != Some(opened));
    }
});
