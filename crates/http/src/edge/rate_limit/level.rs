//! Which networks of a client's address the throttle counts, and how much it allows each. Pure functions.

use std::net::IpAddr;
use std::num::NonZeroU32;

use doorward_runtime::block;
use ipnet::IpNet;

use super::Rate;

/// A size of networks that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    is_ipv4: bool,
    /// The prefix length of its networks.
    pub(super) prefix: u8,
    /// How many times the rate of a single client a network is allowed.
    factor: NonZeroU32,
    /// The prefix length of the networks that count as one when there are too many.
    larger_prefix: u8,
}

impl Level {
    const fn new(is_ipv4: bool, prefix: u8, factor: u32, larger_prefix: u8) -> Self {
        let factor = match NonZeroU32::new(factor) {
            Some(factor) => factor,
            None => NonZeroU32::MIN,
        };
        Self {
            is_ipv4,
            prefix,
            factor,
            larger_prefix,
        }
    }
}

/// The levels, narrow before wide.
///
/// An IPv4 address is one client. Of IPv6, a single client has a /64, a household usually a /56 and a site a /48 (RFC 6177),
/// and each may use all of it: a /56 is allowed four times the rate of a /64, a /48 sixteen times.
pub(super) const LEVELS: [Level; 4] = [
    Level::new(true, 32, 1, 16),
    Level::new(false, 64, 1, 48),
    Level::new(false, 56, 4, 40),
    Level::new(false, 48, 16, 32),
];

/// What a request is counted as on a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CountedAs {
    /// Not counted: the address is of the other family.
    Exempt,
    /// As this network.
    Network(IpNet),
    /// As one of all clients that are not counted separately.
    Together,
}

impl Level {
    /// What a request from that address is counted as. Those from unknown addresses are counted together, on the level of
    /// IPv4.
    pub(super) fn counted_as(self, client: Option<IpAddr>) -> CountedAs {
        match client {
            None if self.is_ipv4 => CountedAs::Together,
            Some(address) if address.is_ipv4() == self.is_ipv4 => {
                CountedAs::Network(block(address, self.prefix))
            }
            _ => CountedAs::Exempt,
        }
    }

    /// The larger network that counts as one when there are too many networks.
    pub(super) fn larger(self, counted_as: CountedAs) -> CountedAs {
        match counted_as {
            CountedAs::Network(network) => CountedAs::Network(block(network.addr(), self.larger_prefix)),
            other => other,
        }
    }

    /// The rate of a network, if this is that of a single client.
    pub(super) const fn rate(self, single: Rate) -> Rate {
        Rate {
            burst: single.burst.saturating_mul(self.factor),
            per_minute: single.per_minute.saturating_mul(self.factor),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(address: &str) -> Vec<String> {
        let client = address.parse().ok();
        LEVELS
            .iter()
            .filter_map(|level| match level.counted_as(client) {
                CountedAs::Exempt => None,
                CountedAs::Network(network) => Some(network.to_string()),
                CountedAs::Together => Some("together".to_owned()),
            })
            .collect()
    }

    #[test]
    fn an_ipv6_address_is_counted_by_three_networks_and_an_ipv4_address_by_itself() {
        assert_eq!(counted("192.0.2.1"), ["192.0.2.1/32"]);
        assert_eq!(
            counted("2001:db8:1:234::1"),
            ["2001:db8:1:234::/64", "2001:db8:1:200::/56", "2001:db8:1::/48"]
        );
        assert_eq!(counted("unknown"), ["together"]);
    }

    #[test]
    fn the_rate_rises_with_the_size_of_the_network() {
        let number = |number| NonZeroU32::new(number).unwrap();
        let single = Rate {
            burst: number(10),
            per_minute: number(20),
        };
        let rates = LEVELS.map(|level| {
            let rate = level.rate(single);
            (rate.burst.get(), rate.per_minute.get())
        });
        assert_eq!(rates, [(10, 20), (10, 20), (40, 80), (160, 320)]);
    }

    proptest! {
        #[test]
        fn a_larger_network_contains_the_network_it_replaces(address in any::<IpAddr>()) {
            for level in LEVELS {
                let CountedAs::Network(own) = level.counted_as(Some(address)) else { continue };
                prop_assert!(own.contains(&address));
                let CountedAs::Network(larger) = level.larger(CountedAs::Network(own)) else {
                    panic!("no network");
                };
                prop_assert!(larger.contains(&own) && larger.prefix_len() < own.prefix_len());
            }
        }
    }
}
