//! Streams and datagrams -> messages. This file is the table of protocols: a protocol is its own
//! folder and two lines here. What pairs messages into calls is `call/`.

pub mod amqp;
mod base64;
pub mod dns;
mod framed;
mod framer;
pub mod graphql;
pub mod grpc;
mod http;
pub mod http1;
pub mod http2;
pub mod http3;
pub mod icmp;
pub mod kafka;
pub mod memcached;
pub mod mongodb;
pub mod mysql;
pub mod nats;
mod operation;
pub mod postgresql;
mod protocol;
pub mod proxy;
pub mod quic;
pub mod redis;
mod secret;
mod snappy;
pub mod socks;
mod sql;
mod text;
pub mod tls;
mod trace;
mod unread;
pub mod ws;

pub use operation::endpoint;
pub use protocol::*;
pub use secret::Secrets;

/// Every protocol, in the order in which probes are asked.
pub static PROTOCOLS: &[&Protocol] = &[
    &http1::PROTOCOL,
    &http2::PROTOCOL,
    &grpc::PROTOCOL,
    &ws::PROTOCOL,
    &graphql::HTTP1,
    &graphql::HTTP2,
    &tls::PROTOCOL,
    &quic::PROTOCOL,
    &http3::PROTOCOL,
    &dns::MDNS,
    &dns::LLMNR,
    &proxy::PROTOCOL,
    &socks::PROTOCOL,
    &dns::PROTOCOL,
    &icmp::PROTOCOL,
    &redis::PROTOCOL,
    &postgresql::PROTOCOL,
    &mysql::PROTOCOL,
    &kafka::PROTOCOL,
    &mongodb::PROTOCOL,
    &memcached::PROTOCOL,
    &nats::PROTOCOL,
    &amqp::PROTOCOL,
];

/// The protocol called `name` in summaries.
pub fn protocol(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().copied().find(|p| p.name == name)
}

#[cfg(test)]
mod tests;
