//! Opens a capture file: finds out by content how it is compressed and which format is inside.

use std::fs::File;
use std::io::{Chain, Cursor, Read};
use std::path::Path;

use super::CaptureError;
use super::frames::{Frames, Next};

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
    pub source: Source,
}

/// Where decompressed bytes come from.
pub(super) enum Source {
    /// In pieces of any size.
    Stream(Box<dyn Read + Send>),
    /// In the frames of a zstd file; these bytes come first.
    Frames(Vec<u8>, Frames),
}

/// Opens `path`, whatever its name. Of a file that is to be read `whole`, the frames of zstd are
/// decompressed in parallel, where there are threads for it; else no more than is asked for.
pub(super) fn open(path: &Path, whole: bool) -> Result<Opened, CaptureError> {
    let unreadable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => CaptureError::Missing { path: path.into() },
        _ => CaptureError::Unreadable { path: path.into(), source },
    };
    let (magic, file) = peek(File::open(path).map_err(unreadable)?).map_err(unreadable)?;
    let plain: Box<dyn Read + Send> = match magic {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18]
            if whole && rayon::current_num_threads() > 1 =>
        {
            let mut frames = Frames::new(Box::new(file));
            let mut bytes = Vec::new();
            match frames.next(&mut bytes) {
                Next::Content => {
                    let format = format(path, head(&bytes))?;
                    return Ok(Opened { format, source: Source::Frames(bytes, frames) });
                }
                Next::Stream(rest) => unpack(rest).map_err(unreadable)?,
                Next::End => Box::new(std::io::empty()),
            }
        }
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            unpack(Box::new(file)).map_err(unreadable)?
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

/// Decompresses the zstd frames of `file` as a stream.
pub(super) fn unpack(file: Box<dyn Read + Send>) -> std::io::Result<Box<dyn Read + Send>> {
    let mut decoder = zstd::stream::read::Decoder::new(file)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(Box::new(decoder))
}

/// A source whose first bytes were read and are given again.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// Reads four bytes and puts them back in front.
fn peek<R: Read>(mut source: R) -> std::io::Result<([u8; 4], Whole<R>)> {
    let mut bytes = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut bytes)?;
    Ok((head(&bytes), Cursor::new(bytes).chain(source)))
}

/// The first four bytes; zeros where there are fewer.
fn head(bytes: &[u8]) -> [u8; 4] {
    let mut magic = [0; 4];
    for (to, from) in magic.iter_mut().zip(bytes) {
        *to = *from;
    }
    magic
}

fn finish(
    path: &Path,
    magic: [u8; 4],
    bytes: Box<dyn Read + Send>,
) -> Result<Opened, CaptureError> {
    Ok(Opened { format: format(path, magic)?, source: Source::Stream(bytes) })
}

/// The format that a file's first bytes tell.
fn format(path: &Path, magic: [u8; 4]) -> Result<Format, CaptureError> {
    let not_capture = |what, remedy| CaptureError::NotCapture { path: path.into(), what, remedy };
    Err(match magic {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0xa1, 0xb2, 0xc3, 0xd4] => return Ok(Format::Pcap),
        [0x4d, 0x3c, 0xb2, 0xa1] | [0xa1, 0xb2, 0x3c, 0x4d] => return Ok(Format::Pcap),
        [0x34, 0xcd, 0xb2, 0xa1] => return Ok(Format::Pcap),
        [0x0a, 0x0d, 0x0d, 0x0a] => return Ok(Format::PcapNg),
        [0, 0, 0, 0] => CaptureError::Empty { path: path.into() },
        [b'P', b'K', 3 | 5, _] => not_capture("a ZIP archive", "unpack it first"),
        [b'7', b'z', 0xbc, 0xaf] => not_capture("a 7z archive", "unpack it first"),
        [b'B', b'Z', b'h', _] => not_capture("bzip2", "unpack it with bunzip2 first"),
        [0xfd, b'7', b'z', b'X'] => not_capture("xz", "unpack it with unxz first"),
        [b'a', b'g', b'e', b'-'] | [b'-', b'-', b'-', b'-'] => {
            not_capture("an encrypted or armoured file", "decrypt it first")
        }
        [0x84..=0x85 | 0x8c, ..] => not_capture("an OpenPGP file", "decrypt it first"),
        _ => not_capture("of an unknown format", "pcap and pcapng, plain, .gz or .zst, are read"),
    })
}
