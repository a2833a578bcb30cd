//! Address ranges for `cidr(ip, "10.0.0.0/8")`.

use std::net::IpAddr;

/// A range of addresses of one IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8` or a single address. Bits beyond the prefix are ignored.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().ok()?;
        let width = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        (bits <= width).then_some(Network { base, bits })
    }

    /// Whether the address is in the range; text that is no address never is.
    pub fn contains(&self, address: &str) -> bool {
        match (self.base, address.parse::<IpAddr>().map(|a| a.to_canonical())) {
            (IpAddr::V4(base), Ok(IpAddr::V4(address))) => {
                same_prefix(base.to_bits().into(), address.to_bits().into(), 32 - self.bits)
            }
            (IpAddr::V6(base), Ok(IpAddr::V6(address))) => {
                same_prefix(base.to_bits(), address.to_bits(), 128 - self.bits)
            }
            _ => false,
        }
    }
}

fn same_prefix(a: u128, b: u128, host_bits: u32) -> bool {
    (a ^ b).checked_shr(host_bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains_addresses_of_its_range_and_version() {
        for (range, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3/32", "10.1.2.4", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("fd00::/8", "fd12:3456::1", true),
            ("::/0", "fe80::1", true),
            ("2001:db8::/33", "2001:db8:8000::", false),
            ("10.0.0.0/8", "", false),
            ("10.0.0.0/8", "api.example.com", false),
        ] {
            assert_eq!(
                Network::parse(range).unwrap().contains(address),
                inside,
                "{address} {range}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_range() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1", "10.0.0.0/"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
