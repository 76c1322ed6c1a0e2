//! Which addresses are anybody's, and which are somebody's own network.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use reqwest::Url;

/// A range of addresses, `10.0.0.0/8` or `fd00::/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u32,
}

/// Why a text is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a range of addresses such as 10.0.0.0/8")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (first, bits) = text.split_once('/').ok_or(NotANetwork)?;
        let first: IpAddr = first.parse().map_err(|_| NotANetwork)?;
        let bits: u32 = bits.parse().map_err(|_| NotANetwork)?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let network = Self { first, bits };
        // Bits beyond the prefix are a slip of whoever wrote them.
        if bits > most || prefix(first, bits) != whole(first) {
            return Err(NotANetwork);
        }
        Ok(network)
    }
}

impl Network {
    /// Whether an address is in it; an IPv4 address written as IPv6 too.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4()
            && prefix(address, self.bits) == prefix(self.first, self.bits)
    }
}

/// An address as a number, its first bit the highest.
fn whole(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn prefix(address: IpAddr, bits: u32) -> u128 {
    let mask = u128::MAX.checked_shl(128 - bits).unwrap_or_default();
    whole(address) & mask
}

/// The address that a URL's host is, when it is no name.
#[must_use]
pub fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse().ok()
}

/// Whether an address is one that anybody on the internet may have: not private, not this
/// machine's, not a special one (IANA's registries of special-purpose addresses; RFC 6890).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match a {
        // "This network"; private; loopback; multicast, reserved and broadcast.
        0 | 10 | 127 | 224..=255 => true,
        // Shared by carriers (RFC 6598).
        100 => (64..128).contains(&b),
        // Link-local.
        169 => b == 254,
        // Private.
        172 => (16..32).contains(&b),
        // Protocol assignments and documentation; 6to4 relays; private.
        192 => matches!((b, c), (0, 0 | 2) | (88, 99) | (168, _)),
        // Benchmarks; documentation.
        198 => matches!((b, c), (18 | 19, _) | (51, 100)),
        203 => (b, c) == (0, 113),
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Only 2000::/3 is given out; of it, what holds an IPv4 address is as that one, and
    // 2001::/23 and two more are special.
    match segments {
        // Translation (RFC 6052) and 6to4 hold IPv4 addresses.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            is_public_v4(embedded(high, low))
        }
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn addresses_that_anybody_may_have_are_public() {
        for address in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn what_is_private_special_or_this_machines_is_not() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn a_network_holds_its_own_addresses_and_no_others() {
        let network = |text: &str| text.parse::<Network>();
        let holds =
            |net: &str, address: &str| network(net).unwrap().contains(address.parse().unwrap());
        assert!(holds("10.2.0.0/16", "10.2.255.255"));
        assert!(!holds("10.2.0.0/16", "10.3.0.0"));
        assert!(holds("127.0.0.1/32", "::ffff:127.0.0.1"));
        assert!(!holds("127.0.0.1/32", "127.0.0.2"));
        assert!(holds("fd00::/8", "fdff::1"));
        assert!(!holds("fd00::/8", "fc00::1"));
        assert!(holds("0.0.0.0/0", "9.9.9.9"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(holds("::/0", "::1"));
        for bad in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.1.0.0/8",
            "::/129",
            "a/8",
            "10.0.0.0/-1",
        ] {
            assert_eq!(network(bad), Err(NotANetwork), "{bad}");
        }
    }
}
