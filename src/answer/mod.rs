//! Frames -> answers to what people ask: which entries match, who talked to whom and how well, who
//! was who, what one call said, and what the capture cannot show. Answers are plain data: how they
//! are written is `cli/`, what they mean for an incident is `incident/`.

pub mod call;
pub mod doctor;
pub mod entries;
pub mod flows;
pub mod map;
pub mod payload;
mod peaks;
pub mod peers;
mod quantiles;
pub mod sql;
pub mod stats;
pub mod who;
