//! Kubernetes metadata that is damaged or made up: what can be read is, the rest is counted or an
//! error with its place, and every address can be asked for.

use std::path::Path;

use bolero::check;
use pcapsule::limits::Limits;
use pcapsule::workload::{Directory, Metadata};

use crate::edit::{Edit, edited};
use crate::samples::texts;

/// A sidecar of a pod's life.
const SIDECAR: &str = r#"{"ts":"2026-11-20T14:15:00.000000001Z","op":"upsert","kind":"Pod","object":{"metadata":{"name":"cart-1","namespace":"shop","uid":"u-1","labels":{"app":"cart"},"ownerReferences":[{"kind":"ReplicaSet","name":"cart-77","controller":true}]},"spec":{"nodeName":"node-a"},"status":{"podIP":"10.244.0.11","podIPs":[{"ip":"10.244.0.11"},{"ip":"fd00::11"}]}}}
{"ts":"2026-11-20T14:15:01Z","op":"counters","kind":"Capture","received":100,"dropped":3}
{"ts":"2026-11-20T14:15:02Z","op":"upsert","kind":"Service","object":{"metadata":{"name":"cart","namespace":"shop"},"spec":{"clusterIP":"10.96.0.7","clusterIPs":["10.96.0.7"],"ports":[{"port":80,"nodePort":30080,"targetPort":8080,"protocol":"TCP"}],"selector":{"app":"cart"}}}}
{"ts":"2026-11-20T14:15:09.5Z","op":"delete","kind":"Pod","object":{"metadata":{"name":"cart-1","namespace":"shop","uid":"u-1"}}}
"#;

/// Asks the directory for addresses in and out of its data, at times in and out of it.
fn ask(metadata: Metadata) {
    let directory = Directory::build(metadata);
    for ip in ["10.244.0.11", "10.96.0.7", "fd00::11", "0.0.0.0", "255.255.255.255", "::"] {
        for ts_ns in [i64::MIN, 0, 1_795_184_101_000_000_000, i64::MAX] {
            for port in [0, 80, 8080, 30080, 65535] {
                let _ = directory.resolve(ip.parse().unwrap(), port, ts_ns);
            }
        }
    }
}

#[test]
fn listings() {
    let sample = texts("fixtures", "cluster.json").remove(0);
    let sample: String = sample.chars().take(6000).collect();
    check!().with_type::<Vec<Edit>>().with_iterations(1500).for_each(|edits| {
        let bytes = edited(sample.as_bytes(), edits);
        let mut metadata = Metadata::default();
        if let Err(error) = metadata.read_cluster_from(&bytes[..], Path::new("cluster.json")) {
            assert!(error.to_string().starts_with("cluster.json:"), "{error}");
        }
        ask(metadata);
    });
}

#[test]
fn sidecars() {
    check!().with_type::<Vec<Edit>>().with_iterations(3000).for_each(|edits| {
        let bytes = edited(SIDECAR.as_bytes(), edits);
        let mut metadata = Metadata::default();
        metadata.read_sidecar_from("node", &bytes[..], &Limits::default());
        ask(metadata);
    });
}
