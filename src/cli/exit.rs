//! Exit codes, decided in one place.

use std::process::{ExitCode, Termination};

use crate::capture::CaptureError;
use crate::frame::FrameError;
use crate::replay::ReplayError;

/// How a run ends. 1 and 4 come from `check` and `compare`, 1 also from failed verifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Ok = 0,
    /// Findings at or above `--fail-on`, or regressions.
    Findings = 1,
    /// Usage, configuration, rule, filter, or output that cannot be written.
    Usage = 2,
    /// Nothing to work on: no packets in the window, or files that cannot be read.
    Input = 3,
    /// Coverage or sample too small to tell.
    Inconclusive = 4,
    Interrupted = 130,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// Input that holds no packets where packets are needed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoPackets(pub String);

/// Prints an error in one line and tells the exit code. A closed pipe is success.
pub fn report(error: &anyhow::Error) -> Exit {
    let exit = classify(error);
    if !matches!(exit, Exit::Ok | Exit::Interrupted) {
        eprintln!("pcapsule: {error:#}");
    }
    exit
}

fn classify(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::BrokenPipe
        {
            return Exit::Ok;
        }
        if cause.is::<CaptureError>() || cause.is::<NoPackets>() {
            return Exit::Input;
        }
        match cause.downcast_ref::<ReplayError>() {
            Some(ReplayError::Interrupted) => return Exit::Interrupted,
            Some(ReplayError::Capture(_)) => return Exit::Input,
            _ => {}
        }
        match cause.downcast_ref::<FrameError>() {
            Some(FrameError::Capture(_)) => return Exit::Input,
            Some(FrameError::Replay(ReplayError::Interrupted)) => return Exit::Interrupted,
            Some(FrameError::Replay(ReplayError::Capture(_))) => return Exit::Input,
            _ => {}
        }
    }
    Exit::Usage
}
