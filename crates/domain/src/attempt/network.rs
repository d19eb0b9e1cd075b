use core::net::IpAddr;

/// The network of a client's address, used to recognise the networks that an owner logs in from: an IPv4 /24 or an IPv6
/// /48. That is about one access point or site, so an owner whose address is reassigned is still recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientNetwork(Prefix);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Prefix {
    V4([u8; 3]),
    V6([u8; 6]),
}

impl ClientNetwork {
    /// The network of an address. An IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`) is an IPv4 address.
    pub const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [network @ .., _] = address.octets();
                Self(Prefix::V4(network))
            }
            IpAddr::V6(address) => {
                let [network @ .., _, _, _, _, _, _, _, _, _, _] = address.octets();
                Self(Prefix::V6(network))
            }
        }
    }

    /// The leading bytes: 3 of an IPv4 network, 6 of an IPv6 one, so that no IPv4 network equals an IPv6 one.
    pub const fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Prefix::V4(bytes) => bytes,
            Prefix::V6(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> ClientNetwork {
        ClientNetwork::of(address.parse().unwrap())
    }

    #[test]
    fn an_ipv4_network_is_a_slash_24_and_an_ipv6_network_a_slash_48() {
        assert_eq!(network("192.0.2.1"), network("192.0.2.255"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8:7::1"), network("2001:db8:7:ffff::2"));
        assert_ne!(network("2001:db8:7::1"), network("2001:db8:8::1"));
    }

    #[test]
    fn an_ipv4_mapped_ipv6_address_has_the_network_of_the_ipv4_address() {
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.200"));
        assert_eq!(network("192.0.2.1").as_bytes(), [192, 0, 2]);
        assert_eq!(network("2001:db8:7::1").as_bytes(), [0x20, 1, 0x0d, 0xb8, 0, 7]);
    }
}
