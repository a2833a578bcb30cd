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

/// Last labels that are of the public's names rather than of namespaces.
const PUBLIC: &[&str] = &[
    "ai", "app", "biz", "cloud", "co", "com", "dev", "edu", "gov", "info", "internal", "io", "net",
    "org",
];

/// The name that was meant by `name`, so that all names which a resolver makes of one question are
/// one lookup: without the search list of a cluster. Of `a.b.c.svc.cluster.local` nobody can be
/// sure: it is `a.b` asked for in namespace `c`, unless `c` is the end of a public name.
pub fn lookup(name: &str) -> Text {
    let Some(own) = name.strip_suffix(".cluster.local") else { return name.into() };
    let Some(own) = own.strip_suffix(".svc") else {
        return if suffix(name, NXDOMAIN).is_empty() { name.into() } else { own.into() };
    };
    let Some((meant, last)) = own.rsplit_once('.') else { return own.into() };
    let labels = own.split('.').count();
    let has_namespace = labels > 3 || (labels == 3 && !PUBLIC.contains(&last));
    if has_namespace && !own.starts_with('_') { meant.into() } else { own.into() }
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

    #[test]
    fn names_of_one_question_are_one_lookup() {
        for (meant, namespace) in
            [("api.example.com", "shop"), ("example.com", "shop"), ("redis.prod", "shop")]
        {
            let zone = "svc.cluster.local";
            assert_eq!(lookup(&format!("{meant}.{namespace}.{zone}")), meant);
            assert_eq!(lookup(&format!("{meant}.{zone}")), meant);
            assert_eq!(lookup(&format!("{meant}.cluster.local")), meant);
            assert_eq!(lookup(meant), meant);
        }
        for (name, expected) in [
            ("redis.svc.cluster.local", "redis"),
            ("_http._tcp.web.prod.svc.cluster.local", "_http._tcp.web.prod"),
            ("10-0-0-1.prod.pod.cluster.local", "10-0-0-1.prod.pod.cluster.local"),
            ("", ""),
        ] {
            assert_eq!(lookup(name), expected, "{name}");
        }
    }
}
