//! What libpcap answers, for tests: `tcpdump -ddd` compiles a filter, and the classic BPF machine
//! here runs its code (McCanne and Jacobson, "The BSD Packet Filter", 1993).

use std::fs;
use std::path::Path;
use std::process::Command;

/// One instruction.
struct Code {
    code: u16,
    yes: u8,
    no: u8,
    k: u32,
}

/// A filter that libpcap compiled.
pub struct Bpf(Vec<Code>);

/// Whether `tcpdump` can be run.
pub fn is_there() -> bool {
    Command::new("tcpdump").arg("--version").output().is_ok_and(|done| done.status.success())
}

/// An empty capture, since tcpdump compiles for the link type of a file.
pub fn write_capture(path: &Path, link: u16) {
    let mut bytes = Vec::new();
    bytes.extend(0xa1b2_c3d4u32.to_le_bytes());
    bytes.extend(2u16.to_le_bytes());
    bytes.extend(4u16.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(262_144u32.to_le_bytes());
    bytes.extend(u32::from(link).to_le_bytes());
    fs::write(path, bytes).unwrap();
}

impl Bpf {
    /// Compiles a filter as libpcap does; none if it refuses.
    pub fn compile(capture: &Path, text: &str, optimized: bool) -> Option<Bpf> {
        let mut command = Command::new("tcpdump");
        command.arg("-r").arg(capture).arg("-ddd");
        if !optimized {
            command.arg("-O");
        }
        let done = command.arg("--").arg(text).output().unwrap();
        if !done.status.success() {
            return None;
        }
        let lines = String::from_utf8(done.stdout).unwrap();
        Some(Bpf(lines.lines().skip(1).map(Code::parse).collect()))
    }

    /// Whether the filter accepts a frame.
    pub fn matches(&self, frame: &[u8], wire_len: u32) -> bool {
        let (mut a, mut x, mut memory, mut at) = (0u32, 0u32, [0u32; 16], 0usize);
        for _ in 0..100_000 {
            let Code { code, yes, no, k } = self.0[at];
            at += 1;
            let operand = if code & 8 == 0 { k } else { x };
            let load = |base: u32| load(frame, u64::from(base) + u64::from(k), code);
            match code & 7 {
                0 | 1 => {
                    let Some(value) = (match code & 0xe0 {
                        0x00 => Some(k),
                        0x20 => load(0),
                        0x40 => load(x),
                        0x60 => Some(memory[k as usize]),
                        0x80 => Some(wire_len),
                        0xa0 => load(0).map(|byte| (byte & 15) * 4),
                        _ => panic!("code {code}"),
                    }) else {
                        return false;
                    };
                    *if code & 7 == 0 { &mut a } else { &mut x } = value;
                }
                2 => memory[k as usize] = a,
                3 => memory[k as usize] = x,
                4 => match calculate(code, a, operand) {
                    Some(value) => a = value,
                    None => return false,
                },
                5 => {
                    let holds = match code & 0xf0 {
                        0x00 => {
                            at = at.wrapping_add_signed(k as i32 as isize);
                            continue;
                        }
                        0x10 => a == operand,
                        0x20 => a > operand,
                        0x30 => a >= operand,
                        _ => a & operand != 0,
                    };
                    at += usize::from(if holds { yes } else { no });
                }
                6 => return k != 0,
                _ if code & 0xf8 == 0 => x = a,
                _ => a = x,
            }
        }
        false
    }
}

impl Code {
    fn parse(line: &str) -> Code {
        let numbers: Vec<u32> = line.split(' ').map(|n| n.parse().unwrap()).collect();
        let [code, yes, no, k] = numbers[..] else { panic!("{line}") };
        Code { code: code as u16, yes: yes as u8, no: no as u8, k }
    }
}

fn load(frame: &[u8], at: u64, code: u16) -> Option<u32> {
    let bytes = frame.get(usize::try_from(at).ok()?..)?;
    Some(match code & 0x18 {
        0x00 => u32::from_be_bytes(*bytes.first_chunk()?),
        0x08 => u32::from(u16::from_be_bytes(*bytes.first_chunk()?)),
        _ => u32::from(*bytes.first()?),
    })
}

fn calculate(code: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match code & 0xf0 {
        0x00 => a.wrapping_add(operand),
        0x10 => a.wrapping_sub(operand),
        0x20 => a.wrapping_mul(operand),
        0x30 => a.checked_div(operand)?,
        0x40 => a | operand,
        0x50 => a & operand,
        0x60 => a.checked_shl(operand).unwrap_or(0),
        0x70 => a.checked_shr(operand).unwrap_or(0),
        0x80 => a.wrapping_neg(),
        0x90 => a.checked_rem(operand)?,
        _ => a ^ operand,
    })
}
