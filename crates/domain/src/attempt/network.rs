use core::net::IpAddr;

/// A block of addresses that a client's address is in, used to recognise where an owner logs in from.
///
/// The *network* is an IPv4 /24 or an IPv6 /48: about one access point or site, so that an owner whose address is reassigned
/// is still recognised. The *exact address* is an IPv4 /32 or an IPv6 /64, of which one client can use every address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientNetwork(Prefix);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Prefix {
    V4([u8; 3]),
    V6([u8; 6]),
    ExactV4([u8; 4]),
    ExactV6([u8; 8]),
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

    /// The exact address. An IPv4 address that is written as an IPv6 one is an IPv4 address.
    pub const fn exact(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(Prefix::ExactV4(address.octets())),
            IpAddr::V6(address) => {
                let [prefix @ .., _, _, _, _, _, _, _, _] = address.octets();
                Self(Prefix::ExactV6(prefix))
            }
        }
    }

    /// The leading bytes: 3 or 4 of an IPv4 address, 6 or 8 of an IPv6 one. The length tells the kinds of blocks apart.
    pub const fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Prefix::V4(bytes) => bytes,
            Prefix::V6(bytes) => bytes,
            Prefix::ExactV4(bytes) => bytes,
            Prefix::ExactV6(bytes) => bytes,
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

    #[test]
    fn an_exact_address_is_an_ipv4_address_or_an_ipv6_slash_64() {
        let exact = |address: &str| ClientNetwork::exact(address.parse().unwrap());
        assert_eq!(exact("192.0.2.1").as_bytes(), [192, 0, 2, 1]);
        assert_eq!(exact("::ffff:192.0.2.1"), exact("192.0.2.1"));
        assert_ne!(exact("192.0.2.1"), exact("192.0.2.2"));
        assert_eq!(exact("2001:db8:7:1::1"), exact("2001:db8:7:1:ffff::2"));
        assert_ne!(exact("2001:db8:7:1::1"), exact("2001:db8:7:2::1"));
    }

    proptest::proptest! {
        #[test]
        fn no_two_kinds_of_blocks_have_the_same_bytes(one in proptest::prelude::any::<IpAddr>(), other in proptest::prelude::any::<IpAddr>()) {
            let (exact, wide) = (ClientNetwork::exact(one), ClientNetwork::of(other));
            proptest::prop_assert_ne!(exact.as_bytes(), wide.as_bytes());
            proptest::prop_assert!(exact.as_bytes().starts_with(ClientNetwork::of(one).as_bytes()));
        }
    }
}
