//! Which addresses may be connected to. The classes follow the IANA special-purpose registries (RFC 6890 and its
//! successors); whatever is not ordinary global unicast is refused unless the operator allows a range.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// Why an address is not an ordinary one on the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// `0.0.0.0/8`, `::`: this host, this network.
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    Loopback,
    /// RFC 1918 networks and IPv6 unique local addresses.
    Private,
    /// `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// An address at which clouds serve instance metadata and credentials.
    Metadata,
    /// `100.64.0.0/10`, shared by carriers (RFC 6598).
    CarrierNat,
    /// Networks for benchmarks (RFC 2544, RFC 5180).
    Benchmark,
    /// Networks for documentation.
    Documentation,
    /// Multicast, both families.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// Everything else that is reserved, or not assigned for global unicast.
    Reserved,
    /// An IPv4 address behind a NAT64 prefix (RFC 6052, RFC 8215).
    Nat64,
    /// 6to4, which carries an IPv4 address (RFC 3056), and its relays.
    SixToFour,
    /// Teredo, which carries an IPv4 address (RFC 4380).
    Teredo,
    /// `::ffff:0:0/96` and the older IPv4-compatible form.
    V4InV6,
}

impl AddressClass {
    /// A stable name, as used in errors and in the vector files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Metadata => "metadata",
            Self::CarrierNat => "carrier-nat",
            Self::Benchmark => "benchmark",
            Self::Documentation => "documentation",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Reserved => "reserved",
            Self::Nat64 => "nat64",
            Self::SixToFour => "6to4",
            Self::Teredo => "teredo",
            Self::V4InV6 => "ipv4-in-ipv6",
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The special class of an address, or `None` for ordinary global unicast.
#[must_use]
pub fn classify(address: IpAddr) -> Option<AddressClass> {
    match address {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn classify_v4(address: Ipv4Addr) -> Option<AddressClass> {
    use AddressClass as C;
    let class = match address.octets() {
        // The well-known metadata addresses first: they hide in other classes, and one is an ordinary public address.
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [100, 100, 100, 200]
        | [192, 0, 0, 192]
        | [168, 63, 129, 16] => C::Metadata,
        [0, ..] => C::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => C::Private,
        [100, 64..=127, ..] => C::CarrierNat,
        [127, ..] => C::Loopback,
        [169, 254, ..] => C::LinkLocal,
        [192, 88, 99, _] => C::SixToFour,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => C::Documentation,
        // Protocol assignments, AS112 and automatic multicast tunnelling.
        [192, 0, 0, _] | [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] => C::Reserved,
        [198, 18..=19, ..] => C::Benchmark,
        [224..=239, ..] => C::Multicast,
        [255, 255, 255, 255] => C::Broadcast,
        [240..=255, ..] => C::Reserved,
        _ => return None,
    };
    Some(class)
}

fn classify_v6(address: Ipv6Addr) -> Option<AddressClass> {
    use AddressClass as C;
    let class = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => C::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => C::Loopback,
        [0, 0, 0, 0, 0, 0xffff | 0, ..] => C::V4InV6,
        // IPv4-translated (RFC 2765), the form that SIIT boxes understand.
        [0, 0, 0, 0, 0xffff, 0, ..] => C::V4InV6,
        [0x64, 0xff9b, 0 | 1, ..] => C::Nat64,
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254 | 0x23] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => C::Metadata,
        [0xfc00..=0xfdff, ..] => C::Private,
        [0xfe80..=0xfebf, ..] => C::LinkLocal,
        [0xff00..=0xffff, ..] => C::Multicast,
        [0x2001, 0, ..] => C::Teredo,
        [0x2001, 2, 0, ..] => C::Benchmark,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => C::Documentation,
        [0x2001, 1..=0x1ff, ..] => C::Reserved,
        [0x2002, ..] => C::SixToFour,
        [0x2000..=0x3fff, ..] => return None,
        // Outside 2000::/3 nothing is assigned for global unicast.
        _ => C::Reserved,
    };
    Some(class)
}

/// The IPv4 address that a transition address leads to, if it is one.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bytes = address.octets();
    match (classify_v6(address)?, bytes) {
        (AddressClass::SixToFour, [_, _, a, b, c, d, ..]) => Some(Ipv4Addr::new(a, b, c, d)),
        // Teredo carries the client's address inverted in its last four bytes.
        (AddressClass::Teredo, [.., a, b, c, d]) => Some(Ipv4Addr::new(!a, !b, !c, !d)),
        (AddressClass::Nat64 | AddressClass::V4InV6, [.., a, b, c, d]) => Some(Ipv4Addr::new(a, b, c, d)),
        _ => None,
    }
}

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    network: IpAddr,
    bits: u8,
}

/// A text that is not an address range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address range: write an address, or a network like `10.1.0.0/16` or `fd12::/32`")]
pub struct ParseRangeError(String);

impl AddressRange {
    /// Whether the address lies in the range. The families are kept apart: an IPv4 range never matches an IPv6 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32_u32.saturating_sub(u32::from(self.bits));
                (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128_u32.saturating_sub(u32::from(self.bits));
                (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for AddressRange {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseRangeError(text.chars().take(60).collect());
        let (network, bits) = match text.split_once('/') {
            Some((network, bits)) => (network, Some(bits.parse::<u8>().map_err(|_| refused())?)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| refused())?;
        let widest = if network.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(widest);
        if bits > widest { Err(refused()) } else { Ok(Self { network, bits }) }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.bits)
    }
}

impl serde::Serialize for AddressRange {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for AddressRange {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What the operator allows beyond the public internet.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    allowed: Vec<AddressRange>,
}

impl AddressPolicy {
    /// A policy that allows the public internet and these ranges.
    #[must_use]
    pub const fn new(allowed: Vec<AddressRange>) -> Self {
        Self { allowed }
    }

    /// Whether the operator named a range that holds this address. An address that carries another one inside (NAT64,
    /// 6to4, Teredo, IPv4-mapped) counts only if the inner one may be reached as well.
    #[must_use]
    pub fn is_named(&self, address: IpAddr) -> bool {
        let inner = match address {
            IpAddr::V6(v6) => embedded_v4(v6),
            IpAddr::V4(_) => None,
        };
        self.allowed.iter().any(|range| range.contains(address))
            && inner.is_none_or(|v4| self.check(IpAddr::V4(v4)).is_ok())
    }

    /// Checks one address.
    ///
    /// # Errors
    /// Its special class, when it has one and the operator did not allow it.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressClass> {
        match classify(address) {
            Some(class) if !self.is_named(address) => Err(class),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(ranges: &[&str]) -> AddressPolicy {
        AddressPolicy::new(ranges.iter().map(|r| r.parse().unwrap()).collect())
    }

    #[test]
    fn eg_1_every_address_of_the_vector_file_has_its_class() {
        let file = include_str!("../tests/vectors/addresses.txt");
        let mut checked = 0;
        for line in file.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let (address, expected) = line.split_once(char::is_whitespace).unwrap();
            let class = classify(address.parse().unwrap()).map_or("public", AddressClass::name);
            assert_eq!(class, expected.trim(), "{address}");
            checked += 1;
        }
        assert!(checked > 80, "the vector file is there: {checked}");
    }

    #[test]
    fn eg_1_only_the_named_range_opens() {
        let policy = policy(&["127.0.0.0/8", "10.1.2.3"]);
        assert_eq!(policy.check("127.8.9.1".parse().unwrap()), Ok(()));
        assert_eq!(policy.check("10.1.2.3".parse().unwrap()), Ok(()));
        assert_eq!(policy.check("10.1.2.4".parse().unwrap()), Err(AddressClass::Private));
        assert_eq!(policy.check("::1".parse().unwrap()), Err(AddressClass::Loopback));
        assert_eq!(policy.check("::ffff:127.0.0.1".parse().unwrap()), Err(AddressClass::V4InV6));
        assert_eq!(policy.check("8.8.8.8".parse().unwrap()), Ok(()));
        assert!(!policy.is_named("8.8.8.8".parse().unwrap()), "public is allowed, not named");
    }

    #[test]
    fn eg_1_an_allowed_nat64_prefix_does_not_open_what_lies_behind() {
        let policy = policy(&["64:ff9b::/96"]);
        assert_eq!(policy.check("64:ff9b::8.8.8.8".parse().unwrap()), Ok(()));
        assert_eq!(policy.check("64:ff9b::127.0.0.1".parse().unwrap()), Err(AddressClass::Nat64));
        assert_eq!(policy.check("64:ff9b::a9fe:a9fe".parse().unwrap()), Err(AddressClass::Nat64));
    }

    #[test]
    fn ranges_are_read_and_written() {
        for text in ["10.0.0.0/8", "fd00::/8", "0.0.0.0/0", "::/0", "1.2.3.4/32"] {
            assert_eq!(text.parse::<AddressRange>().unwrap().to_string(), text);
        }
        for text in ["", "10", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "host/8", "10.0.0.0/8/8"] {
            assert!(text.parse::<AddressRange>().is_err(), "{text}");
        }
        assert!("0.0.0.0/0".parse::<AddressRange>().unwrap().contains("255.1.2.3".parse().unwrap()));
    }
}
