//! The key under which a client's requests and connections are counted.

use std::net::IpAddr;

use ipnet::IpNet;

/// The network that counts as one client. `None` is all clients whose address is unknown.
pub type ClientKey = Option<IpNet>;

/// Returns the network that counts as one client, because one client can use all of its addresses: an IPv4 address, an
/// IPv6 /64.
pub fn client_key(address: IpAddr) -> IpNet {
    let length = if address.is_ipv4() { 32 } else { 64 };
    // The length is valid for the family, so the fallback is never used.
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
}
