//! IEEE 802.11 data frames, bare or behind radiotap (radiotap.org) or PPI headers. Frames that the
//! radio encrypted stay closed.

use super::super::walk::{Next, Peeled};
use super::super::{Rest, Undecoded};
use super::ethernet;

/// Radiotap flag: the 802.11 header is padded to a multiple of four.
const DATA_PAD: u8 = 0x20;

/// Per-packet information: version, flags, length, link type, all little-endian.
pub(super) fn ppi(rest: Rest) -> Peeled {
    let [_, _, l0, l1, d0, d1, ..] = *rest.head::<8>("PPI header")?;
    let len = usize::from(u16::from_le_bytes([l0, l1]));
    if len < 8 {
        return Err(Undecoded::Malformed("PPI header"));
    }
    let link = u16::from_le_bytes([d0, d1]);
    // PPI in PPI would never end well, and nothing writes it.
    if link == 192 {
        return Err(Undecoded::LinkType(link));
    }
    Ok((Next::Link(link), rest.behind(len, "PPI header")?))
}

pub(super) fn radiotap(rest: Rest) -> Peeled {
    let [_, _, l0, l1, ..] = *rest.head::<8>("radiotap header")?;
    let len = usize::from(u16::from_le_bytes([l0, l1]));
    if len < 8 {
        return Err(Undecoded::Malformed("radiotap header"));
    }
    let behind = rest.behind(len, "radiotap header")?;
    let header = rest.bytes.get(..len).unwrap_or(&[]);
    data(behind, radiotap_flags(header).is_some_and(|flags| flags & DATA_PAD != 0))
}

/// The flags field: the second one, behind the words that say which fields there are and the
/// time stamp (8 bytes, aligned), where there is one.
fn radiotap_flags(header: &[u8]) -> Option<u8> {
    let words = header.get(4..)?.chunks_exact(4).filter_map(|w| <[u8; 4]>::try_from(w).ok());
    let present = words.clone().next().map(u32::from_le_bytes)?;
    if present & 2 == 0 {
        return None;
    }
    let more = words.map(u32::from_le_bytes).take_while(|word| word >> 31 == 1).count();
    let start = 8 + 4 * more;
    let at = if present & 1 == 1 { start.next_multiple_of(8) + 8 } else { start };
    header.get(at).copied()
}

pub(super) fn ieee80211(rest: Rest) -> Peeled {
    data(rest, false)
}

/// A data frame: addresses by direction, quality of service, LLC.
fn data(rest: Rest, padded: bool) -> Peeled {
    let [kind, flags] = *rest.head::<2>("802.11 header")?;
    if kind & 0x0c != 0x08 {
        return Err(Undecoded::NoPacket("802.11 management or control frame"));
    }
    if kind & 0x40 != 0 {
        return Err(Undecoded::NoPacket("802.11 frame without data"));
    }
    if flags & 0x40 != 0 {
        return Err(Undecoded::NoPacket("802.11 frame, encrypted"));
    }
    let qos = kind & 0x80 != 0;
    // Both direction bits: a fourth address. With quality of service, the order bit: HT control.
    let four = if flags & 3 == 3 { 30 } else { 24 };
    let len = four + if qos { 2 } else { 0 } + if qos && flags & 0x80 != 0 { 4 } else { 0 };
    let aggregate = qos && rest.bytes.get(four).is_some_and(|control| control & 0x80 != 0);
    let len = if padded { usize::next_multiple_of(len, 4) } else { len };
    let rest = rest.behind(len, "802.11 header")?;
    // An aggregate's first frame stands for all: addresses and a length before LLC.
    ethernet::llc(if aggregate { rest.behind(14, "802.11 aggregate")? } else { rest })
}
