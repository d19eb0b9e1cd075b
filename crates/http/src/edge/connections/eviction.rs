//! Which connections to close when there are almost too many.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use ipnet::IpNet;

/// A connection without an active request.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdleConnection {
    pub(super) number: u64,
    /// Its client.
    pub(super) network: IpNet,
    /// Since when it has been idle, in milliseconds since the server started.
    pub(super) since: u64,
}

/// Chooses up to `count` connections to close and returns their numbers. Each is the longest idle one of the client that has
/// the most connections left; `connections_of` is how many a client has, idle or not.
pub(super) fn choose(
    idle: impl IntoIterator<Item = IdleConnection>,
    connections_of: impl Fn(&IpNet) -> usize,
    count: usize,
) -> Vec<u64> {
    let mut by_client: BTreeMap<IpNet, BinaryHeap<Reverse<(u64, u64)>>> = BTreeMap::new();
    for connection in idle {
        let longest_first = by_client.entry(connection.network).or_default();
        longest_first.push(Reverse((connection.since, connection.number)));
    }
    // Of clients with as many connections, the one with the longest idle connection comes first.
    let mut clients: BinaryHeap<_> = by_client
        .iter()
        .filter_map(|(network, idle)| Some((connections_of(network), idle.peek().copied()?, *network)))
        .collect();
    let mut chosen = Vec::new();
    while chosen.len() < count
        && let Some((connections, Reverse((_, number)), network)) = clients.pop()
    {
        chosen.push(number);
        let next = by_client.get_mut(&network).and_then(|idle| {
            idle.pop();
            idle.peek().copied()
        });
        clients.extend(next.map(|next| (connections.saturating_sub(1), next, network)));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(number: u64, client: &str, since: u64) -> IdleConnection {
        IdleConnection {
            number,
            network: client.parse().unwrap(),
            since,
        }
    }

    #[test]
    fn the_longest_idle_connection_of_the_client_with_the_most_is_closed_first() {
        let [one, two] = ["192.0.2.1/32", "2001:db8::/48"];
        let idle = [
            idle(1, one, 10),
            idle(2, two, 50),
            idle(3, two, 30),
            idle(4, two, 40),
        ];
        // The first client has two more connections that are busy.
        let connections_of = |network: &IpNet| if network.to_string() == one { 3 } else { 4 };
        let chosen = |count| choose(idle, connections_of, count);
        assert!(chosen(0).is_empty());
        assert_eq!(chosen(1), [3]);
        // Now both have three, and the first client's has been idle for longest; then the other one has more again.
        assert_eq!(chosen(3), [3, 1, 4]);
        assert_eq!(chosen(9), [3, 1, 4, 2]);
    }

    #[test]
    fn among_equal_clients_the_longest_idle_connection_is_closed_first() {
        let idle = (0..200).map(|n| idle(n, &format!("192.0.2.{n}/32"), 1000 - n));
        assert_eq!(choose(idle, |_| 1, 3), [199, 198, 197]);
    }
}
