//! Names with the search list of a pod behind them. With `ndots:5`, as Kubernetes sets it, a
//! resolver asks for `api.example.com.shop.svc.cluster.local`, then `....svc.cluster.local` and
//! `....cluster.local`, before it asks for what was meant: lookups that fail by design.

use crate::field::Text;

/// Return code of a name that does not exist.
const NXDOMAIN: u16 = 3;

/// The suffix of the search list that stands behind a name, where its labels tell so; empty for
/// the names that a cluster's DNS has (`service.namespace.svc.cluster.local` and, in headless
/// services, one label more).
pub fn suffix(name: &str, rcode: u16) -> Text {
    let Some(own) = name.strip_suffix(".cluster.local") else { return Text::default() };
    let Some(own) = own.strip_suffix(".svc") else {
        let is_pod = own.ends_with(".pod") || matches!(own, "svc" | "pod");
        return if is_pod { Text::default() } else { Text::const_new("cluster.local") };
    };
    let namespace = own.rsplit('.').next().unwrap_or_default();
    let is_port = own.starts_with('_'); // SRV: `_port._proto.service.namespace`
    match own.split('.').count() {
        _ if is_port => Text::default(),
        4.. => crate::field::format_compact!("{namespace}.svc.cluster.local"),
        3 if rcode == NXDOMAIN => Text::const_new("svc.cluster.local"),
        _ => Text::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_their_suffixes() {
        for (name, rcode, expected) in [
            ("api.example.com.shop.svc.cluster.local", 3, "shop.svc.cluster.local"),
            ("api.example.com.svc.cluster.local", 3, "svc.cluster.local"),
            ("api.example.com.cluster.local", 3, "cluster.local"),
            ("redis.prod.svc.cluster.local", 0, ""),
            ("gone.prod.svc.cluster.local", 3, ""),
            ("redis-0.redis.prod.svc.cluster.local", 0, ""),
            ("_http._tcp.web.prod.svc.cluster.local", 0, ""),
            ("10-0-0-1.prod.pod.cluster.local", 0, ""),
            ("api.example.com", 3, ""),
            ("", 3, ""),
        ] {
            assert_eq!(suffix(name, rcode), expected, "{name}");
        }
    }
}
