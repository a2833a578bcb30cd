//! The capture filter in tcpdump's syntax, pcap-filter(7): text -> a predicate on frames. The
//! meaning is libpcap's, with its corner cases: ports match in the first fragment of IPv4 and
//! right behind the IPv6 header, `vlan` and `mpls` move the headers for all that stands behind
//! them in the text, and a frame too short for a test that is made does not match.
//!
//! Where it differs: names of hosts and networks are refused, and so are words for other
//! networks (ATM, 802.11, SS7) and for what a capture file does not tell (`inbound`); services
//! come from a table; a filter that can match no packet is no error; frames of
//! LINKTYPE_NULL match in either byte order. Tests are made in the order of the text;
//! libpcap's optimizer may change it, which shows in frames cut inside a header only.
//!
//! It keeps no state and knows nothing of streams, workloads or KFL.

mod arithmetic;
mod ast;
mod compile;
mod error;
mod eval;
#[cfg(test)]
mod frames;
mod lex;
mod link;
mod names;
#[cfg(test)]
mod oracle;
mod parse;
mod qualified;
#[cfg(test)]
mod tests;
mod value;

pub use error::{FilterError, Span};

use std::fmt;
use std::sync::OnceLock;

use ast::Expr;
use eval::Program;
use link::Link;

/// A capture filter. It is compiled for a link type when the first frame of it comes.
///
/// ```
/// use pcapsule::packet::filter::Filter;
///
/// let filter = Filter::parse("ip[8] < 5").unwrap();
/// let frame = [0x45, 0, 0, 20, 0, 0, 0, 0, 4, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
/// assert!(filter.matches(101, &frame, 20));
/// assert!(Filter::parse("host example.com").is_err());
/// ```
#[derive(Debug, Clone)]
pub struct Filter {
    text: String,
    expr: Expr,
    programs: [OnceLock<Result<Program, FilterError>>; Link::COUNT],
}

impl Filter {
    /// Parses a filter; an empty one matches every frame. Errors tell the place: syntax, unknown
    /// names, values out of range, and what not even Ethernet has.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        let expr =
            parse::parse(text).map_err(|error| FilterError { text: text.to_string(), ..error })?;
        let filter = Filter { text: text.to_string(), expr, programs: Default::default() };
        match filter.program(Link::Ethernet) {
            Ok(_) => Ok(filter),
            Err(error) => Err(error.clone()),
        }
    }

    /// Whether the filter has a meaning for a link type (tcpdump.org/linktypes.html). Errors: an
    /// unknown link type, and words such as `vlan` for links that have none; no frame of such a
    /// link type matches.
    pub fn check(&self, link: u16) -> Result<(), FilterError> {
        let Some(link) = Link::new(link) else {
            return Err(FilterError {
                message: format!("capture filters do not know link type {link}"),
                help: None,
                span: 0..self.text.len(),
                text: self.text.clone(),
            });
        };
        self.program(link).as_ref().map(|_| ()).map_err(FilterError::clone)
    }

    /// Whether a frame matches: `frame` are its captured bytes, `wire_len` counts those on the
    /// wire.
    pub fn matches(&self, link: u16, frame: &[u8], wire_len: u32) -> bool {
        let program = Link::new(link).map(|link| self.program(link));
        matches!(program, Some(Ok(program)) if program.matches(frame, wire_len))
    }

    fn program(&self, link: Link) -> &Result<Program, FilterError> {
        let compiled = || {
            compile::compile(&self.expr, link)
                .map_err(|error| FilterError { text: self.text.clone(), ..error })
        };
        // Every link type has its place.
        #[allow(clippy::indexing_slicing)]
        self.programs[link as usize].get_or_init(compiled)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim())
    }
}
