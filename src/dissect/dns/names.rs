//! Numbers of the IANA "DNS Parameters" registry -> their names.

use crate::field::{Text, format_compact};

const TYPES: &[(u16, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (11, "WKS"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (18, "AFSDB"),
    (24, "SIG"),
    (25, "KEY"),
    (28, "AAAA"),
    (29, "LOC"),
    (33, "SRV"),
    (35, "NAPTR"),
    (36, "KX"),
    (37, "CERT"),
    (39, "DNAME"),
    (41, "OPT"),
    (42, "APL"),
    (43, "DS"),
    (44, "SSHFP"),
    (45, "IPSECKEY"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (49, "DHCID"),
    (50, "NSEC3"),
    (51, "NSEC3PARAM"),
    (52, "TLSA"),
    (53, "SMIMEA"),
    (55, "HIP"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (61, "OPENPGPKEY"),
    (62, "CSYNC"),
    (63, "ZONEMD"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (108, "EUI48"),
    (109, "EUI64"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (253, "MAILB"),
    (254, "MAILA"),
    (255, "ANY"),
    (256, "URI"),
    (257, "CAA"),
    (32768, "TA"),
    (32769, "DLV"),
];

const RCODES: &[(u16, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
    (11, "DSOTYPENI"),
    (16, "BADVERS"),
    (17, "BADKEY"),
    (18, "BADTIME"),
    (19, "BADMODE"),
    (20, "BADNAME"),
    (21, "BADALG"),
    (22, "BADTRUNC"),
    (23, "BADCOOKIE"),
];

const OPCODES: &[(u16, &str)] =
    &[(0, "QUERY"), (1, "IQUERY"), (2, "STATUS"), (4, "NOTIFY"), (5, "UPDATE"), (6, "DSO")];

fn known(table: &[(u16, &'static str)], number: u16) -> Option<Text> {
    let at = table.binary_search_by_key(&number, |&(number, _)| number).ok()?;
    table.get(at).map(|&(_, name)| Text::const_new(name))
}

/// `A`, or `TYPE1234` (RFC 3597 section 5) where there is no name.
pub fn record_type(number: u16) -> Text {
    known(TYPES, number).unwrap_or_else(|| format_compact!("TYPE{number}"))
}

pub fn rcode(number: u16) -> Text {
    known(RCODES, number).unwrap_or_else(|| format_compact!("RCODE{number}"))
}

pub fn opcode(number: u16) -> Text {
    known(OPCODES, number).unwrap_or_else(|| format_compact!("OPCODE{number}"))
}

pub fn is_opcode(number: u16) -> bool {
    OPCODES.iter().any(|&(known, _)| known == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        for table in [TYPES, RCODES, OPCODES] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0));
        }
        assert_eq!((record_type(257), record_type(300)), ("CAA".into(), "TYPE300".into()));
        assert_eq!((rcode(16), rcode(12)), ("BADVERS".into(), "RCODE12".into()));
        assert_eq!((opcode(5), opcode(3)), ("UPDATE".into(), "OPCODE3".into()));
    }
}
