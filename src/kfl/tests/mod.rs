//! KFL as a whole: what it accepts, what it says of entries, and how it complains.

mod conformance;
mod examples;
mod foreign;
mod oracle;
mod printing;
mod semantics;

use super::testing::{Fake, catalogue};
use super::{Checked, Fault, KflError, Verdict};

fn check(text: &str) -> Result<Checked, KflError> {
    super::check(&catalogue(), text)
}

fn verdict(text: &str, entry: &Fake) -> Verdict {
    check(text).unwrap_or_else(|e| panic!("{e}")).verdict(entry)
}

/// What a filter says of an entry without any field.
fn on_nothing(text: &str) -> Verdict {
    verdict(text, &Fake::call("", []))
}

fn matches(text: &str, entry: &Fake) -> bool {
    verdict(text, entry) == Verdict::Match
}

fn fault(fault: Fault) -> Verdict {
    Verdict::Error(fault)
}
