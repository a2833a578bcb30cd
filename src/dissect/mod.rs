//! Streams and datagrams -> messages. This file is the table of protocols: a protocol is its own
//! folder and two lines here. What pairs messages into calls is `call/`.

mod protocol;

pub use protocol::*;

/// Every protocol, in the order in which probes are asked.
pub static PROTOCOLS: &[&Protocol] = &[];

/// The protocol called `name` in summaries.
pub fn protocol(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().copied().find(|p| p.name == name)
}
