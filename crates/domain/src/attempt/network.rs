use core::net::IpAddr;

/// The network that a client's address belongs to, for recognising where an owner logs in from: an IPv4 /24 or an IPv6
/// /48, which is about what one access point or one site has, so that an address that is handed out anew is still known.
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

    /// Its leading bytes: 3 of an IPv4 network, 6 of an IPv6 one, so that the two are never the same.
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
    fn an_ipv4_network_is_a_24_and_an_ipv6_network_a_48() {
        assert_eq!(network("192.0.2.1"), network("192.0.2.255"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8:7::1"), network("2001:db8:7:ffff::2"));
        assert_ne!(network("2001:db8:7::1"), network("2001:db8:8::1"));
    }

    #[test]
    fn an_ipv4_address_is_one_in_every_spelling() {
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.200"));
        assert_eq!(network("192.0.2.1").as_bytes(), [192, 0, 2]);
        assert_eq!(network("2001:db8:7::1").as_bytes(), [0x20, 1, 0x0d, 0xb8, 0, 7]);
    }
}
