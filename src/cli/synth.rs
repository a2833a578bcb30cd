//! `pcapsule synth SCENARIO -o DIR`: a made-up capture with a known fault and its truth.

use std::path::PathBuf;

use crate::frame::made;
use crate::synth::{Scenario, builtin};

use super::args::Global;
use super::{Exit, output};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A built-in scenario's name or a scenario file; without one, lists what is built in
    scenario: Option<String>,
    /// Folder for the captures, cluster.json and truth.json
    #[arg(
        long,
        short,
        value_name = "DIR",
        required_unless_present = "list",
        requires = "scenario"
    )]
    output: Option<PathBuf>,
    /// List the built-in scenarios
    #[arg(long)]
    list: bool,
    /// Take another seed than the scenario's
    #[arg(long)]
    seed: Option<u64>,
    /// Write the frames of so many made-up calls instead, without packets, for benchmarks of
    /// questions: `query KFL --frames DIR`; the scenario is then `frames`
    #[arg(long, value_name = "N")]
    calls: Option<u64>,
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let (Some(name), Some(dir)) = (&args.scenario, &args.output) else {
        let list = builtin().into_iter().map(|(name, about)| format!("{name:<16} {about}\n"));
        output::print(&list.collect::<String>())?;
        return Ok(Exit::Ok);
    };
    if let Some(calls) = args.calls {
        anyhow::ensure!(
            name == "frames",
            "--calls makes calls of its own: write `synth frames --calls N -o DIR`"
        );
        made::write(dir, calls, args.seed.unwrap_or(1))?;
        if !global.quiet {
            output::print(&format!("written: {}; ask with --frames", dir.display()))?;
        }
        return Ok(Exit::Ok);
    }
    let mut scenario = Scenario::load(name)?;
    if let Some(seed) = args.seed {
        scenario.seed = seed;
    }
    scenario.generate(dir)?;
    if !global.quiet {
        output::print(&format!("written: {}", dir.display()))?;
    }
    Ok(Exit::Ok)
}
