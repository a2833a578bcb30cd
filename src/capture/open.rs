//! Opens a capture file: finds out by content how it is compressed and which format is inside.

use std::fs::File;
use std::io::{Chain, Cursor, Read};
use std::path::Path;

use super::CaptureError;

/// Bytes of zstd history that a file may demand of us: 2^27 = 128 MiB, zstd's own default.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// File format by its first four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Pcap,
    PcapNg,
}

/// A capture's decompressed bytes from the start.
pub(super) struct Opened {
    pub format: Format,
    pub bytes: Box<dyn Read + Send>,
}

/// Opens `path`, whatever its name.
pub(super) fn open(path: &Path) -> Result<Opened, CaptureError> {
    let unreadable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => CaptureError::Missing { path: path.into() },
        _ => CaptureError::Unreadable { path: path.into(), source },
    };
    let (magic, file) = peek(File::open(path).map_err(unreadable)?).map_err(unreadable)?;
    let plain: Box<dyn Read + Send> = match magic {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            zstd(file).map_err(unreadable)?
        }
        _ => return finish(path, magic, Box::new(file)),
    };
    // A compressed file cut in its first block has no readable byte: that is an empty capture.
    let (magic, bytes) = peek(plain).map_err(|_| CaptureError::NotCapture {
        path: path.into(),
        what: "a compressed file cut or damaged at its start",
        remedy: "copy it again from where it was captured",
    })?;
    finish(path, magic, Box::new(bytes))
}

fn zstd(file: impl Read + Send + 'static) -> std::io::Result<Box<dyn Read + Send>> {
    let mut decoder = zstd::stream::read::Decoder::new(file)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(Box::new(decoder))
}

/// A source whose first bytes were read and are given again.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// Reads four bytes and puts them back in front.
fn peek<R: Read>(mut source: R) -> std::io::Result<([u8; 4], Whole<R>)> {
    let mut head = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut head)?;
    let mut magic = [0; 4];
    for (to, from) in magic.iter_mut().zip(&head) {
        *to = *from;
    }
    Ok((magic, Cursor::new(head).chain(source)))
}

fn finish(
    path: &Path,
    magic: [u8; 4],
    bytes: Box<dyn Read + Send>,
) -> Result<Opened, CaptureError> {
    let not_capture = |what, remedy| CaptureError::NotCapture { path: path.into(), what, remedy };
    let format = match magic {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0xa1, 0xb2, 0xc3, 0xd4] => Format::Pcap,
        [0x4d, 0x3c, 0xb2, 0xa1] | [0xa1, 0xb2, 0x3c, 0x4d] => Format::Pcap,
        [0x34, 0xcd, 0xb2, 0xa1] => Format::Pcap,
        [0x0a, 0x0d, 0x0d, 0x0a] => Format::PcapNg,
        [0, 0, 0, 0] => return Err(CaptureError::Empty { path: path.into() }),
        [b'P', b'K', 3 | 5, _] => return Err(not_capture("a ZIP archive", "unpack it first")),
        [b'7', b'z', 0xbc, 0xaf] => return Err(not_capture("a 7z archive", "unpack it first")),
        [b'B', b'Z', b'h', _] => return Err(not_capture("bzip2", "unpack it with bunzip2 first")),
        [0xfd, b'7', b'z', b'X'] => return Err(not_capture("xz", "unpack it with unxz first")),
        [b'a', b'g', b'e', b'-'] | [b'-', b'-', b'-', b'-'] => {
            return Err(not_capture("an encrypted or armoured file", "decrypt it first"));
        }
        [0x84..=0x85 | 0x8c, ..] => return Err(not_capture("an OpenPGP file", "decrypt it first")),
        _ => {
            return Err(not_capture(
                "of an unknown format",
                "pcap and pcapng, plain, .gz or .zst, are read",
            ));
        }
    };
    Ok(Opened { format, bytes })
}
