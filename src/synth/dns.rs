//! DNS questions and answers of cluster names -> bytes (RFC 1035), and the names that a resolver
//! tries (resolv.conf(5)).

use std::net::Ipv4Addr;

pub const A: u16 = 1;
pub const AAAA: u16 = 28;
const SOA: u16 = 6;
const TTL_S: u32 = 30;

/// What the server knows of a name.
#[derive(Debug, Clone, Copy)]
pub enum Answer<'a> {
    Addresses(&'a [Ipv4Addr]),
    /// The name exists, without records of this type.
    NoData,
    NxDomain,
    ServFail,
}

impl Answer<'_> {
    pub fn rcode(&self) -> (u8, &'static str) {
        match self {
            Answer::Addresses(_) | Answer::NoData => (0, "NOERROR"),
            Answer::NxDomain => (3, "NXDOMAIN"),
            Answer::ServFail => (2, "SERVFAIL"),
        }
    }
}

/// The names to ask for in turn: with fewer than `ndots` dots the search domains come first.
pub fn search_list(name: &str, namespace: &str, ndots: usize) -> Vec<String> {
    let domains = [&format!("{namespace}.svc.cluster.local"), "svc.cluster.local", "cluster.local"];
    let mut names: Vec<String> = domains.iter().map(|domain| format!("{name}.{domain}")).collect();
    let dots = name.bytes().filter(|b| *b == b'.').count();
    let position = if dots < ndots { names.len() } else { 0 };
    names.insert(position, name.into());
    names
}

pub fn query(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut bytes = header(id, 0x0100, 0, 0); // recursion desired
    question(&mut bytes, name, kind);
    bytes
}

/// As CoreDNS answers: authoritative for the cluster's zone, whose SOA comes with denials.
pub fn response(id: u16, name: &str, kind: u16, answer: Answer<'_>) -> Vec<u8> {
    let cluster = name.ends_with("cluster.local");
    let authority = matches!(answer, Answer::NoData | Answer::NxDomain);
    let addresses = match answer {
        Answer::Addresses(addresses) => addresses,
        _ => &[],
    };
    let authoritative = if cluster && answer.rcode().0 != 2 { 0x0400 } else { 0 };
    let flags = 0x8180 | authoritative | u16::from(answer.rcode().0);
    let mut bytes = header(id, flags, addresses.len() as u16, u16::from(authority));
    question(&mut bytes, name, kind);
    for address in addresses {
        record(&mut bytes, &[0xc0, 12], A, &address.octets()); // pointer to the question
    }
    if authority {
        soa(&mut bytes, if cluster { "cluster.local" } else { "com" });
    }
    bytes
}

fn header(id: u16, flags: u16, answers: u16, authorities: u16) -> Vec<u8> {
    [id, flags, 1, answers, authorities, 0].iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn question(bytes: &mut Vec<u8>, name: &str, kind: u16) {
    bytes.extend(labels(name));
    bytes.extend(kind.to_be_bytes());
    bytes.extend(1_u16.to_be_bytes()); // IN
}

fn record(bytes: &mut Vec<u8>, owner: &[u8], kind: u16, data: &[u8]) {
    bytes.extend(owner);
    bytes.extend(kind.to_be_bytes());
    bytes.extend(1_u16.to_be_bytes());
    bytes.extend(TTL_S.to_be_bytes());
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
}

fn soa(bytes: &mut Vec<u8>, zone: &str) {
    let mut data = labels(&format!("ns.dns.{zone}"));
    data.extend(labels(&format!("hostmaster.{zone}")));
    for number in [1_795_000_000_u32, 7200, 1800, 86_400, TTL_S] {
        data.extend(number.to_be_bytes());
    }
    record(bytes, &labels(zone), SOA, &data);
}

fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_domains_come_before_or_after() {
        let names = search_list("cart", "shop", 5);
        assert_eq!(names[0], "cart.shop.svc.cluster.local");
        assert_eq!(names[3], "cart");
        assert_eq!(search_list("api.stripe.com", "shop", 5)[3], "api.stripe.com");
        assert_eq!(search_list("api.stripe.com", "shop", 2)[0], "api.stripe.com");
    }

    #[test]
    fn answer_bytes() {
        let address = [Ipv4Addr::new(10, 244, 0, 10)];
        let bytes = response(0x1234, "a.b", A, Answer::Addresses(&address));
        let expected = [
            0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, // id, flags, counts
            1, b'a', 1, b'b', 0, 0, 1, 0, 1, // question
            0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 244, 0, 10, // A record
        ];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn denials_carry_the_zone() {
        let bytes = response(1, "x.cluster.local", AAAA, Answer::NoData);
        assert_eq!(bytes[2..4], [0x85, 0x80]);
        assert_eq!(bytes[8..10], [0, 1]);
        let bytes = response(1, "x.cluster.local", A, Answer::NxDomain);
        assert_eq!(bytes[3] & 15, 3);
    }
}
