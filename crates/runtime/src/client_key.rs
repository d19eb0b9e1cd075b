//! The keys under which a client's requests, jobs and connections are counted.

use std::net::IpAddr;

use ipnet::IpNet;

/// A network that counts as one client. `None` is all clients whose address is unknown.
pub type ClientKey = Option<IpNet>;

/// Returns the network that counts as one client, because one client can use all of its addresses: an IPv4 address, an
/// IPv6 /64.
pub fn client_key(address: IpAddr) -> IpNet {
    block(address, if address.is_ipv4() { 32 } else { 64 })
}

/// Returns the network that shares a lane with others as one: an IPv4 address, an IPv6 /48. An IPv6 site is given a /48 as
/// readily as a single address (RFC 6177), so that by /64 one site would count as 65,536 clients.
pub fn lane_key(address: IpAddr) -> IpNet {
    block(address, if address.is_ipv4() { 32 } else { 48 })
}

/// Returns the network of that prefix length which contains the address.
pub fn block(address: IpAddr, length: u8) -> IpNet {
    // A length that is invalid for the family stands for the whole address.
    IpNet::new(address, length).map_or_else(|_| address.into(), |network| network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_have_the_same_key() {
        let key = |address: &str| client_key(address.parse().unwrap()).to_string();
        assert_eq!(key("192.0.2.1"), "192.0.2.1/32");
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }

    #[test]
    fn an_ipv6_slash_48_shares_a_lane_as_one_client() {
        let key = |address: &str| lane_key(address.parse().unwrap()).to_string();
        assert_eq!(key("192.0.2.1"), "192.0.2.1/32");
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1::/48");
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:ffff::1"));
        assert_ne!(key("2001:db8:1::1"), key("2001:db8:2::1"));
    }
}
