//! Scenario -> captures with a known fault: one segment per node as the collector would have
//! written it, `cluster.json` with the Kubernetes objects, and `truth.json` with what happened and
//! exact counts. For demos, tests and benches; it reads no traffic and shares no parser with the
//! analysis. The same scenario and seed give the same bytes on every machine.

mod call;
mod check;
mod cluster;
mod dns;
mod error;
mod flow;
mod host;
mod http;
mod lookup;
mod network;
mod pool;
mod random;
mod record;
mod redis;
pub mod scenario;
mod serve;
mod sim;
mod system;
mod tally;
mod tcp;
mod truth;
mod wire;

pub use error::SynthError;
pub use scenario::Scenario;
pub use truth::*;

use std::path::Path;

/// Scenarios that come with the program: name and file.
const BUILTIN: [(&str, &str); 2] = [
    ("healthy", include_str!("scenarios/healthy.yaml")),
    ("redis-oom", include_str!("scenarios/redis-oom.yaml")),
];

/// Name and description of each scenario that comes with the program.
pub fn builtin() -> Vec<(&'static str, String)> {
    let describe = |&(name, text)| Some((name, Scenario::parse(name, text).ok()?.description));
    BUILTIN.iter().filter_map(describe).collect()
}

impl Scenario {
    /// The built-in scenario of that name, else the scenario file at that path.
    pub fn load(name_or_path: &str) -> Result<Self, SynthError> {
        if let Some((name, text)) = BUILTIN.iter().find(|(name, _)| *name == name_or_path) {
            return Scenario::parse(name, text);
        }
        let text = std::fs::read_to_string(name_or_path).map_err(|source| SynthError::Read {
            file: name_or_path.into(),
            builtin: BUILTIN.map(|(name, _)| name).join(", "),
            source,
        })?;
        Scenario::parse(name_or_path, &text)
    }

    /// Reads a scenario and checks that it holds together; `file` is its name in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, SynthError> {
        let scenario: Scenario =
            serde_yaml::from_str(text).map_err(|source| SynthError::yaml(file, source))?;
        system::System::build(&scenario)
            .map_err(|source| SynthError::invalid(file, Some(text), source))?;
        Ok(scenario)
    }

    /// Plays the scenario into `directory`, which may hold an earlier result but no other capture:
    /// `<node>/if-cbr0/<UTC of the first packet>.pcap.zst`, `cluster.json` and `truth.json`.
    pub fn generate(&self, directory: &Path) -> Result<Truth, SynthError> {
        let system = system::System::build(self)
            .map_err(|source| SynthError::invalid(&self.name, None, source))?;
        clear(&system, directory)?;
        std::fs::create_dir_all(directory)
            .map_err(|source| SynthError::write(directory, source))?;
        let (record, captured) = sim::Simulation::new(&system, directory).run()?;
        let truth = tally::truth(&system, &record, &captured);
        write_json(&directory.join("cluster.json"), &cluster::cluster(&system))?;
        write_json(&directory.join("truth.json"), &truth)?;
        Ok(truth)
    }
}

/// Removes the segments of an earlier result; captures without a `truth.json` are someone's own.
fn clear(system: &system::System<'_>, directory: &Path) -> Result<(), SynthError> {
    for node in &system.scenario.nodes {
        let vantage = directory.join(&node.name).join(network::VANTAGE);
        if !vantage.exists() {
            continue;
        }
        if !directory.join("truth.json").exists() {
            return Err(SynthError::Occupied { path: vantage });
        }
        std::fs::remove_dir_all(&vantage).map_err(|source| SynthError::write(&vantage, source))?;
    }
    Ok(())
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), SynthError> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from);
    text.and_then(|text| std::fs::write(path, text + "\n"))
        .map_err(|source| SynthError::write(path, source))
}

#[cfg(test)]
mod tests;
