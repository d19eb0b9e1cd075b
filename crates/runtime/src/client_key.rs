//! What a client is counted under.

use std::net::IpAddr;

use ipnet::IpNet;

/// Names a client where clients are counted: a network whose addresses are one client's to choose from. `None` is everybody
/// whose address is unknown.
pub type ClientKey = Option<IpNet>;

/// The network that counts as one client: an IPv4 address, an IPv6 /64.
pub fn client_key(address: IpAddr) -> IpNet {
    let length = if address.is_ipv4() { 32 } else { 64 };
    // A length of 32 or 64 fits its family, so the address itself is never needed.
    IpNet::new(address, length).map_or_else(|_| address.into(), |network| network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_have_many_keys() {
        let key = |address: &str| client_key(address.parse().unwrap()).to_string();
        assert_eq!(key("192.0.2.1"), "192.0.2.1/32");
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }
}
