//! How long a message's body is (RFC 9112 section 6) and reading it: bytes are counted and passed
//! by, never kept. What the body says is `snippet.rs`.

use memchr::memchr;

use super::parse::{LINE_BYTES_MAX, chunk_size, strip_line_end};

/// What a head says about the length of its body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Announced {
    pub length: Option<u64>,
    /// The last transfer coding is `chunked`.
    pub chunked: bool,
    /// The last transfer coding is another one.
    pub coded: bool,
    /// Contradicts itself: both kinds of length, or several that differ.
    pub ambiguous: bool,
}

/// A body that is being read.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// So many bytes are still to come.
    Length(u64),
    Chunked(Chunk),
    UntilEnd,
}

/// Where in a chunked body reading stands.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk {
    Size,
    /// So many bytes of the chunk are still to come.
    Data(u64),
    DataEnd,
    Trailer,
}

impl Body {
    /// A request without a length has no body; None then.
    pub fn of_request(announced: Announced) -> Option<Self> {
        match announced {
            Announced { chunked: true, .. } => Some(Body::Chunked(Chunk::Size)),
            Announced { length: Some(length @ 1..), .. } => Some(Body::Length(length)),
            _ => None,
        }
    }

    /// A response's body, where its status and its request's method allow one. Without a length
    /// it lasts until the connection ends.
    pub fn of_response(announced: Announced) -> Option<Self> {
        match announced {
            Announced { chunked: true, .. } => Some(Body::Chunked(Chunk::Size)),
            Announced { coded: true, .. } | Announced { length: None, .. } => Some(Body::UntilEnd),
            Announced { length: Some(0), .. } => None,
            Announced { length: Some(length), .. } => Some(Body::Length(length)),
        }
    }

    /// Reads as far as the bytes go.
    pub fn read(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Read {
        match self {
            Body::UntilEnd => {
                sink.data(bytes);
                Read { taken: bytes.len(), state: Progress::More }
            }
            Body::Length(left) => {
                let taken = take(left, bytes, sink);
                let state = if *left == 0 { Progress::Done } else { Progress::More };
                Read { taken, state }
            }
            Body::Chunked(chunk) => chunk.read(bytes, sink),
        }
    }

    /// `bytes` that were not captured passed.
    pub fn skip(&mut self, bytes: u64) -> Skip {
        match self {
            Body::UntilEnd => Skip::Inside(bytes),
            Body::Length(left) | Body::Chunked(Chunk::Data(left)) if bytes <= *left => {
                *left -= bytes;
                Skip::Inside(bytes)
            }
            Body::Length(left) => Skip::Past(*left),
            Body::Chunked(_) => Skip::Unknown,
        }
    }

    /// Whether every announced byte has come.
    pub fn is_whole(&self) -> bool {
        matches!(self, Body::UntilEnd | Body::Length(0))
    }
}

/// What lost bytes were.
#[derive(Debug, PartialEq, Eq)]
pub enum Skip {
    /// So many bytes of content; the body goes on behind them, or has just ended.
    Inside(u64),
    /// So many bytes of content, the body's last, and then bytes of later messages.
    Past(u64),
    /// Nobody knows.
    Unknown,
}

/// Receives what a body is made of.
pub trait Sink {
    /// Content, without the framing of chunks.
    fn data(&mut self, bytes: &[u8]);
    /// A trailer line without its end.
    fn trailer(&mut self, line: &[u8]);
}

#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    More,
    Done,
    /// No chunk where one should be.
    Bad,
}

/// How far reading came.
#[derive(Debug)]
pub struct Read {
    pub taken: usize,
    pub state: Progress,
}

/// Hands on as much as is left and there.
fn take(left: &mut u64, bytes: &[u8], sink: &mut impl Sink) -> usize {
    let wanted = usize::try_from(*left).unwrap_or(usize::MAX);
    let content = bytes.get(..wanted).unwrap_or(bytes);
    sink.data(content);
    *left -= content.len() as u64;
    content.len()
}

impl Chunk {
    fn read(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Read {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            if let Chunk::Data(left) = self {
                taken += take(left, rest, sink);
                if *left > 0 {
                    return Read { taken, state: Progress::More };
                }
                *self = Chunk::DataEnd;
                continue;
            }
            let Some(end) = memchr(b'\n', rest).map(|lf| lf + 1) else {
                let state = if self.may_end(rest) { Progress::More } else { Progress::Bad };
                return Read { taken, state };
            };
            let line = strip_line_end(rest.get(..end).unwrap_or_default());
            let state = self.line(line, sink);
            if state == Progress::Bad {
                return Read { taken, state };
            }
            taken += end;
            if state == Progress::Done {
                return Read { taken, state };
            }
        }
    }

    /// Whether bytes without a line end may get one that fits.
    fn may_end(&self, bytes: &[u8]) -> bool {
        match self {
            Chunk::DataEnd => b"\r".starts_with(bytes),
            Chunk::Size if !bytes.first().is_none_or(u8::is_ascii_hexdigit) => false,
            _ => bytes.len() < LINE_BYTES_MAX,
        }
    }

    fn line(&mut self, line: &[u8], sink: &mut impl Sink) -> Progress {
        *self = match self {
            Chunk::Size => match chunk_size(line) {
                Some(0) => Chunk::Trailer,
                Some(size) => Chunk::Data(size),
                None => return Progress::Bad,
            },
            Chunk::Data(_) | Chunk::DataEnd if line.is_empty() => Chunk::Size,
            Chunk::Data(_) | Chunk::DataEnd => return Progress::Bad,
            Chunk::Trailer if line.is_empty() => return Progress::Done,
            Chunk::Trailer => {
                sink.trailer(line);
                Chunk::Trailer
            }
        };
        Progress::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Vec<u8>, Vec<Vec<u8>>);

    impl Sink for Kept {
        fn data(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
        fn trailer(&mut self, line: &[u8]) {
            self.1.push(line.to_vec());
        }
    }

    const CHUNKED: &[u8] = b"4;ext=\"1\"\r\nWiki\r\n5\npedia\n0\r\nX-Sum: 1\r\n\r\nGET";

    #[test]
    fn chunks_in_any_cut() {
        let length = CHUNKED.len() - 3;
        for cut in 0..=length {
            let (mut body, mut kept) = (Body::Chunked(Chunk::Size), Kept::default());
            let first = body.read(&CHUNKED[..cut], &mut kept);
            let state = if cut == length { Progress::Done } else { Progress::More };
            assert_eq!(first.state, state, "cut at {cut}");
            if cut < length {
                let second = body.read(&CHUNKED[first.taken..], &mut kept);
                assert_eq!((first.taken + second.taken, second.state), (length, Progress::Done));
            }
            assert_eq!((kept.0, kept.1), (b"Wikipedia".to_vec(), vec![b"X-Sum: 1".to_vec()]));
        }
    }

    #[test]
    fn bad_chunks() {
        let smuggled =
            ["0x2\r\nab\r\n", "-2\r\n", "+2\r\n", "2 2\r\n", "\r\n", "fffffffffffffffff\r\n"];
        for bytes in ["zz\r\n", "2\r\nabc\r\n", "2\r\nabXX", "zz"].iter().chain(&smuggled) {
            let mut body = Body::Chunked(Chunk::Size);
            assert_eq!(
                body.read(bytes.as_bytes(), &mut Kept::default()).state,
                Progress::Bad,
                "{bytes}"
            );
        }
    }

    #[test]
    fn lost_bytes_are_subtracted_where_that_is_sure() {
        let mut body = Body::Length(10);
        assert_eq!(body.skip(4), Skip::Inside(4));
        assert_eq!(body, Body::Length(6));
        assert_eq!(body.skip(7), Skip::Past(6));
        assert_eq!(Body::Chunked(Chunk::Size).skip(1), Skip::Unknown);
        assert_eq!(Body::Chunked(Chunk::Data(5)).skip(6), Skip::Unknown);
        assert_eq!(Body::Chunked(Chunk::Data(5)).skip(5), Skip::Inside(5));
        assert_eq!(Body::UntilEnd.skip(5), Skip::Inside(5));
    }

    #[test]
    fn lengths() {
        let announced = Announced { length: Some(5), ..Announced::default() };
        assert_eq!(Body::of_request(announced), Some(Body::Length(5)));
        assert_eq!(Body::of_request(Announced::default()), None);
        assert_eq!(Body::of_response(Announced::default()), Some(Body::UntilEnd));
        let both = Announced { chunked: true, ..announced };
        assert_eq!(Body::of_response(both), Some(Body::Chunked(Chunk::Size)));
        let coded = Announced { coded: true, ..announced };
        assert_eq!(Body::of_response(coded), Some(Body::UntilEnd));
        assert_eq!(Body::of_request(coded), Some(Body::Length(5)));
    }
}
