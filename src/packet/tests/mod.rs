//! Frames made by hand, and the captures of others where they are at hand.

mod oracle;
