//! Addresses that no metadata names: their ids, which come from the address alone so that threads
//! and runs agree without talking to each other, and their rows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::claim::{Found, How};
use super::fields::WorkloadRow;
use crate::field::{Text, ToCompactString};

/// IPv6 ids lie below this; those of IPv4 go down to -2^32.
const IPV6_BASE: i64 = -(1 << 33);

/// Bits of the address's hash in an IPv6 id.
const IPV6_HASH_BITS: u32 = 62;

/// Instance metadata services of the large clouds (AWS, Azure, GCP over IPv4; AWS over IPv6;
/// Alibaba Cloud).
const METADATA_SERVICES: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// The answer for an address without metadata; always the same for the same address.
pub(super) fn external(ip: IpAddr) -> Found {
    let how = match is_private(ip) && special_name(ip).is_none() {
        true => How::Unresolved,
        false => How::Address,
    };
    Found { id: external_id(ip), how }
}

/// IPv4: `-(1 + address)`. IPv6: from a hash, below every IPv4 id.
pub(super) fn external_id(ip: IpAddr) -> i64 {
    match ip {
        IpAddr::V4(ip) => -(1 + i64::from(u32::from(ip))),
        IpAddr::V6(ip) => {
            let hash = *blake3::hash(&ip.octets()).as_bytes();
            let [a, b, c, d, e, f, g, h, ..] = hash;
            let bits = i64::from_le_bytes([a, b, c, d, e, f, g, h]) & ((1 << IPV6_HASH_BITS) - 1);
            IPV6_BASE - 1 - bits
        }
    }
}

/// The row of an address without metadata.
pub(super) fn external_row(id: i64, ip: IpAddr) -> WorkloadRow {
    let address = ip.to_compact_string();
    WorkloadRow {
        id,
        kind: Text::const_new("external"),
        name: special_name(ip).map_or_else(|| address.clone(), Text::const_new),
        ip: address,
        how: Text::const_new(external(ip).how.name()),
        ..WorkloadRow::default()
    }
    .with_display()
}

/// Addresses that mean the same everywhere.
fn special_name(ip: IpAddr) -> Option<&'static str> {
    if ip.is_loopback() {
        return Some("loopback");
    }
    if METADATA_SERVICES.contains(&ip) {
        return Some("metadata service");
    }
    if ip.is_multicast() {
        return Some("multicast");
    }
    (ip == IpAddr::V4(Ipv4Addr::BROADCAST)).then_some("broadcast")
}

/// Whether an address is not of the Internet: RFC 1918, 4193, 6598 and link-local.
pub fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn ids_are_negative_apart_and_stable() {
        assert_eq!(external_id(ip("0.0.0.0")), -1);
        assert_eq!(external_id(ip("203.0.113.10")), -3_405_803_787);
        assert_eq!(external_id(ip("255.255.255.255")), -(1 << 32));
        let six = external_id(ip("2001:db8::1"));
        assert!(six < IPV6_BASE && six != external_id(ip("2001:db8::2")));
        assert_eq!(six, external_id(ip("2001:db8:0:0::1")));
    }

    #[test]
    fn rows_tell_public_private_and_special() {
        let row = |text| external_row(external_id(ip(text)), ip(text));
        assert_eq!(
            (&*row("203.0.113.10").name, &*row("203.0.113.10").how),
            ("203.0.113.10", "address")
        );
        assert_eq!((&*row("10.9.9.9").kind, &*row("10.9.9.9").how), ("external", "unresolved"));
        assert_eq!(row("169.254.169.254").name, "metadata service");
        assert_eq!(row("fd00:ec2::254").name, "metadata service");
        assert_eq!(row("::1").name, "loopback");
        assert!(is_private(ip("100.64.0.1")) && !is_private(ip("100.128.0.1")));
        assert!(is_private(ip("fe80::1")) && !is_private(ip("2001:db8::1")));
    }
}
