//! The table of open connections, and by which networks they are counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ipnet::IpNet;

use super::Connection;
use super::eviction::IdleConnection;

/// How many times as many connections as one IPv6 /64 a /48 may have.
const PER_NETWORK: usize = 4;

/// The open connections.
#[derive(Default)]
pub(super) struct Open {
    last_number: u64,
    pub(super) all: HashMap<u64, Arc<Connection>>,
    /// The number of connections of each client, and of each larger network.
    by_network: HashMap<IpNet, usize>,
    /// The number of connections that have been shut down and are still in `all`.
    pub(super) closing: usize,
}

/// The networks by which the connections of a client are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    /// The client: an IPv4 address, an IPv6 /64.
    own: IpNet,
    /// The IPv6 /48, or the IPv4 address again.
    larger: IpNet,
}

impl Client {
    /// The client at this address, which is in canonical form.
    pub(super) fn of(address: IpAddr) -> Self {
        let network = |length| {
            let length = if address.is_ipv4() { 32 } else { length };
            IpNet::new(address, length).map_or(IpNet::from(address), |network| network.trunc())
        };
        Self {
            own: network(64),
            larger: network(48),
        }
    }

    /// The networks, each once.
    fn networks(self) -> impl Iterator<Item = IpNet> {
        [Some(self.own), (self.larger != self.own).then_some(self.larger)]
            .into_iter()
            .flatten()
    }
}

impl Open {
    /// The number of connections of a client or larger network.
    pub(super) fn of(&self, network: &IpNet) -> usize {
        self.by_network.get(network).copied().unwrap_or_default()
    }

    /// Whether the client may have another connection.
    pub(super) fn has_room(&self, client: Client, most: usize) -> bool {
        self.of(&client.own) < most && self.of(&client.larger) < most.saturating_mul(PER_NETWORK)
    }

    /// Adds a connection and returns its number.
    pub(super) fn add(&mut self, connection: Arc<Connection>) -> u64 {
        for network in connection.client.into_iter().flat_map(Client::networks) {
            *self.by_network.entry(network).or_default() += 1;
        }
        self.last_number += 1;
        self.all.insert(self.last_number, connection);
        self.last_number
    }

    pub(super) fn remove(&mut self, number: u64) {
        let Some(connection) = self.all.remove(&number) else {
            return;
        };
        self.closing -= usize::from(connection.is_closing.load(Ordering::Relaxed));
        for network in connection.client.into_iter().flat_map(Client::networks) {
            if let Some(count) = self.by_network.get_mut(&network) {
                *count -= 1;
                if *count == 0 {
                    self.by_network.remove(&network);
                }
            }
        }
    }

    /// The idle connections that may be closed to make room for the last one: not those of trusted proxies, which forward many
    /// clients.
    pub(super) fn idle(&self) -> impl Iterator<Item = IdleConnection> {
        let others = self.all.iter().filter(|(number, _)| **number != self.last_number);
        others.filter_map(|(number, connection)| {
            Some(IdleConnection {
                number: *number,
                network: connection.client?.larger,
                since: connection.idle_since()?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Client {
        Client::of(address.parse().unwrap())
    }

    fn networks(address: &str) -> Vec<String> {
        client(address)
            .networks()
            .map(|network| network.to_string())
            .collect()
    }

    #[test]
    fn an_ipv6_client_is_counted_by_64_and_by_48() {
        assert_eq!(networks("192.0.2.1"), ["192.0.2.1/32"]);
        let both = ["2001:db8:1:2::/64", "2001:db8:1::/48"];
        assert_eq!(networks("2001:db8:1:2:3:4:5:6"), both);
    }

    #[test]
    fn a_48_may_have_four_times_as_many_connections_as_a_64() {
        let mut open = Open::default();
        let mut count = |address: &str, most: usize| {
            let client = client(address);
            let has_room = open.has_room(client, most);
            if has_room {
                for network in client.networks() {
                    *open.by_network.entry(network).or_default() += 1;
                }
            }
            has_room
        };
        for subnet in 0..4 {
            let address = format!("2001:db8:1:{subnet}::1");
            assert!(count(&address, 2) && count(&address, 2) && !count(&address, 2));
        }
        assert!(!count("2001:db8:1:4::1", 2));
        assert!(count("2001:db8:2::1", 2));
        assert!(count("192.0.2.1", 2));
    }
}
