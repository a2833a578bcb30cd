//! What can be wrong with a capture file as a file. Odd packets inside are anomalies instead.

use std::path::PathBuf;

/// Names the file, the cause and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("{path}: no such file or directory; check the path", path = .path.display())]
    Missing { path: PathBuf },
    #[error("{path}: cannot be read: {source}; check its permissions", path = .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}: the file is empty; was the capture still being written, or the disk full?", path = .path.display())]
    Empty { path: PathBuf },
    #[error("{path}: is {what}, not a packet capture; {remedy}", path = .path.display())]
    NotCapture { path: PathBuf, what: &'static str, remedy: &'static str },
    #[error("{path}: holds no capture files (pcap or pcapng, plain, .gz or .zst); name the folder that does", path = .path.display())]
    NoCaptures { path: PathBuf },
}
