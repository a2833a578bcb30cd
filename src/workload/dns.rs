//! Names that DNS answers gave to addresses, kept beside the metadata: they come from traffic,
//! are bounded, and name what the metadata does not.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::fields::WorkloadRow;
use crate::field::Text;

/// The first name that each address was known by. What is kept does not depend on the order of
/// learning: the earliest name wins, and over the limit the highest addresses go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsNames {
    names: BTreeMap<IpAddr, (i64, Text)>,
    names_max: usize,
    is_truncated: bool,
}

impl DnsNames {
    /// `names_max`: `Limits::dns_names_max`.
    pub fn new(names_max: usize) -> Self {
        DnsNames { names: BTreeMap::new(), names_max, is_truncated: false }
    }

    /// Takes note that at `ts_ns` an answer gave `ip` for `name` (the name that was asked for).
    pub fn learn(&mut self, ts_ns: i64, ip: IpAddr, name: &str) {
        let name = Text::from(name.trim_end_matches('.'));
        if name.is_empty() || ip.is_unspecified() || ip.is_loopback() {
            return;
        }
        let first = (ts_ns, name);
        let known = self.names.entry(ip.to_canonical()).or_insert_with(|| first.clone());
        if first < *known {
            *known = first;
        }
        if self.names.len() > self.names_max {
            self.names.pop_last();
            self.is_truncated = true;
        }
    }

    /// Takes over what another shard learnt.
    pub fn merge(&mut self, other: &DnsNames) {
        for (&ip, (ts_ns, name)) in &other.names {
            self.learn(*ts_ns, ip, name);
        }
        self.is_truncated |= other.is_truncated;
    }

    pub fn get(&self, ip: IpAddr) -> Option<&str> {
        self.names.get(&ip.to_canonical()).map(|(_, name)| name.as_str())
    }

    /// Whether addresses were learnt that could not be kept.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Fills in the row's DNS name; it also becomes the name of a row that has none but its
    /// address.
    pub fn apply(&self, row: &mut WorkloadRow) {
        let Some(name) = row.ip.parse().ok().and_then(|ip| self.get(ip)) else { return };
        row.dns = Text::from(name);
        if row.name == row.ip {
            row.name = row.dns.clone();
        }
        row.display = row.display_name().clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [203, 0, 113, last].into()
    }

    #[test]
    fn the_earliest_name_wins_in_any_order() {
        let mut there = DnsNames::new(8);
        there.learn(20, ip(1), "late.example.");
        there.learn(10, ip(1), "early.example.");
        let mut back = DnsNames::new(8);
        back.learn(10, ip(1), "early.example.");
        back.merge(&there);
        assert_eq!(
            (there.get(ip(1)), back.get(ip(1))),
            (Some("early.example"), Some("early.example"))
        );
    }

    #[test]
    fn what_is_kept_over_the_limit_does_not_depend_on_order() {
        let learn = |order: &[u8]| {
            let mut names = DnsNames::new(2);
            for &last in order {
                names.learn(0, ip(last), "x.example");
            }
            (names.get(ip(1)).is_some(), names.get(ip(2)).is_some(), names.get(ip(3)).is_some())
        };
        assert_eq!(learn(&[3, 2, 1, 3]), (true, true, false));
        assert_eq!(learn(&[1, 2, 3]), (true, true, false));
    }

    #[test]
    fn names_externals_only() {
        let mut names = DnsNames::new(8);
        names.learn(0, ip(1), "api.example.com.");
        let mut row = WorkloadRow {
            name: "203.0.113.1".into(),
            ip: "203.0.113.1".into(),
            ..Default::default()
        };
        names.apply(&mut row);
        assert_eq!((row.name.as_str(), row.dns.as_str()), ("api.example.com", "api.example.com"));
        assert_eq!(row.display, "api.example.com");
        let mut pod =
            WorkloadRow { name: "cart-0".into(), ip: "203.0.113.1".into(), ..Default::default() };
        names.apply(&mut pod);
        assert_eq!((pod.name.as_str(), pod.dns.as_str()), ("cart-0", "api.example.com"));
    }
}
