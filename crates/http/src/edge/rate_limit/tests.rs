use std::net::{Ipv4Addr, Ipv6Addr};

use prometheus::Registry;

use super::*;

fn limits_of(per_minute: u32) -> Limits {
    let rate = Rate {
        burst: NonZeroU32::MIN,
        per_minute: NonZeroU32::new(per_minute).unwrap(),
    };
    let metrics = Metrics::new(Registry::new()).unwrap();
    limits(Class::General, rate, &Arc::new(Notify::new()), &metrics)
}

/// Whether every level allows a request, asked in order as the middlewares do.
fn allows(limits: &Limits, address: impl Into<IpAddr>) -> bool {
    let address = address.into();
    limits.levels.iter().all(|limit| {
        let key = limit.bound.admit(limit.level, Some(address));
        key == CountedAs::Exempt || limit.governor.limiter().check_key(&key).is_ok()
    })
}

fn v4(number: u32) -> Ipv4Addr {
    number.into()
}

/// An address of `2001:db8::/32`, in these 16 bits of the /48 and of the /64.
fn v6(site: u16, subnet: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, site, subnet, 0, 0, 0, 1)
}

#[test]
fn the_networks_of_an_ipv6_site_share_its_rates() {
    let limits = limits_of(1);
    // Four /64 of one /56.
    let allowed = (0..=0xff)
        .filter(|subnet| allows(&limits, v6(1, *subnet)))
        .count();
    assert_eq!(allowed, 4);
    // Sixteen of one /48, these included.
    let rest = (0x100..=u16::MAX)
        .filter(|subnet| allows(&limits, v6(1, *subnet)))
        .count();
    assert_eq!(allowed + rest, 16);
    assert!(allows(&limits, v6(2, 0)));
    assert!(allows(&limits, v4(1)));
}

#[test]
fn what_a_client_is_refused_is_not_taken_from_its_neighbours() {
    let limits = limits_of(1);
    assert!(allows(&limits, v6(1, 0)));
    for _ in 0..100 {
        assert!(!allows(&limits, v6(1, 0)));
    }
    for subnet in 1..4 {
        assert!(allows(&limits, v6(1, subnet)));
    }
}

#[test]
fn a_million_clients_use_bounded_memory_and_are_evicted() {
    // One request per second: the burst of the first clients is available again after a while.
    let limits = limits_of(60);
    let [ipv4, ..] = &limits.levels;
    let mut most_keys = 0;
    for number in 0..1_000_000 {
        allows(&limits, v4(number * 977));
        if number % 10_000 == 0 {
            most_keys = most_keys.max(ipv4.governor.limiter().len());
        }
    }
    assert!((MAX_KEYS..=2 * MAX_KEYS + 1).contains(&most_keys), "{most_keys}");
    std::thread::sleep(Duration::from_millis(2200));
    limits.evict_idle(Class::General);
    assert_eq!(ipv4.governor.limiter().len(), 0);
    // Clients have keys of their own again.
    let address = Some(v4(1).into());
    assert_eq!(
        ipv4.bound.admit(ipv4.level, address),
        ipv4.level.counted_as(address)
    );
}

#[test]
fn with_too_many_clients_each_is_allowed_less_and_never_more() {
    let limits = limits_of(1);
    let [ipv4, ..] = &limits.levels;
    for number in 0..u32::try_from(MAX_KEYS).unwrap() {
        assert!(allows(&limits, v4(number)));
    }
    // No key can be evicted yet.
    limits.evict_idle(Class::General);
    // The addresses of a new network share one rate.
    assert!(allows(&limits, v4(0xC000_0201)));
    assert!(!allows(&limits, v4(0xC000_0202)));
    assert!(allows(&limits, v4(0xC001_0201)));
    // After as many requests again without an eviction, all new clients share one rate.
    ipv4.bound.keys.store(2 * MAX_KEYS, Ordering::Relaxed);
    assert!(allows(&limits, v4(0xC002_0201)));
    assert!(!allows(&limits, v4(0xC003_0201)));
    // IPv6 clients are not affected.
    for subnet in 0..4 {
        assert!(allows(&limits, v6(1, subnet)));
    }
}

#[test]
fn too_many_ipv6_clients_do_not_change_how_ipv4_clients_are_counted() {
    let limits = limits_of(1);
    for site in 0..=u16::MAX {
        for subnet in [0, 0x100] {
            allows(&limits, v6(site, subnet));
        }
    }
    let [_, slash_64, ..] = &limits.levels;
    assert!(slash_64.bound.keys.load(Ordering::Relaxed) > MAX_KEYS);
    for number in 0..4 {
        assert!(allows(&limits, v4(0xC000_0200 + number)));
    }
}

#[test]
fn many_requests_of_few_clients_do_not_use_up_the_keys() {
    let limits = limits_of(60);
    for _ in 0..MAX_KEYS {
        allows(&limits, v4(1));
    }
    limits.evict_idle(Class::General);
    assert!(allows(&limits, v4(2)));
    assert!(allows(&limits, v4(3)));
    let [ipv4, ..] = &limits.levels;
    assert!(ipv4.bound.keys.load(Ordering::Relaxed) <= 3);
}
