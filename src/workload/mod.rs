//! Address and time -> workload: who owned an address at that moment.
//!
//! [`Metadata`] gathers what `kubectl` listings and the nodes' sidecars say of the cluster's
//! objects; [`Directory`] is the immutable table made of it, which every stage asks by address,
//! port and the packet's time. Names that DNS answers teach stay apart in [`DnsNames`]. Nothing
//! here looks at packets, and nothing asks a cluster.

mod capture;
mod change;
mod claim;
mod cluster;
mod directory;
mod dns;
mod external;
pub mod fields;
mod hold;
mod metadata;
mod objects;
mod owner;
mod resolve;
mod sidecar;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use capture::CaptureCounters;
pub use change::Change;
pub use claim::{Claim, Found, How};
pub use cluster::ClusterCounts;
pub use dns::DnsNames;
pub use external::is_private;
pub use fields::WorkloadRow;
pub use metadata::Metadata;
pub use resolve::Directory;
pub use sidecar::SidecarCounts;

/// Why a metadata file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error(
        "{}:{line}:{column}: {cause}; give the output of `{KUBECTL}` as it is",
        path.display()
    )]
    BrokenJson { path: PathBuf, line: usize, column: usize, cause: String },
    #[error("{}: holds no Kubernetes objects; give the output of `{KUBECTL}`", path.display())]
    NoObjects { path: PathBuf },
}

/// What `--cluster` wants.
const KUBECTL: &str =
    "kubectl get pods,services,endpointslices,nodes,replicasets,events -A -o json";
