//! The command line: clap types and glue, one file per command. What a command finds is decided
//! below; here arguments become calls, results become text, and errors become exit codes.

mod args;
mod call;
mod check;
mod compare;
mod completions;
mod conns;
mod dissect;
mod doctor;
mod exit;
mod export;
mod fields;
mod flows;
mod load;
mod map;
mod output;
mod query;
mod report;
mod rules;
mod sheet;
mod stats;
mod synth;
mod time;
mod triage;
mod who;

use clap::{Parser, Subcommand};

pub use exit::Exit;

use args::Global;

/// Offline forensics of Kubernetes packet captures.
#[derive(Debug, Parser)]
#[command(name = "pcapsule", version, subcommand_precedence_over_arg = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    triage: triage::Args,
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One screen: what broke, when, where it started (also: inputs alone)
    Triage(triage::Args),
    /// Write the incident report as Markdown, HTML and JSON
    Report(report::Args),
    /// Print the calls and connections that match a KFL filter
    Query(query::Args),
    /// Show one call whole: headers, bodies, timing, connection, trace, packets
    Call(call::Args),
    /// Rate, errors, duration and saturation per group and stretch of time
    Stats(stats::Args),
    /// Draw who called whom: errors and latency of each dependency
    Map(map::Args),
    /// List connections, with what TCP tells of their health
    Conns(conns::Args),
    /// Sum connections up by their peers: who talks to whom, how much, how well
    Flows(flows::Args),
    /// List pods, services, nodes and what is outside: who was who, when
    Workloads(who::Args),
    /// List addresses and who had them, when
    Ips(who::Args),
    /// Say what is wrong with a capture as evidence, and what mends it
    Doctor(doctor::Args),
    /// Copy the packets of a scope into one capture file
    Export(export::Args),
    /// Evaluate rules; exit code 1 when one fires
    Check(check::Args),
    /// Compare with a run that was good; exit code 1 when something got worse
    Compare(compare::Args),
    /// List and check rules
    Rules(rules::Args),
    /// List the fields that filters can ask for
    Fields(fields::Args),
    /// Make a capture with a known fault
    Synth(synth::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Build the frames of a capture and print what they hold
    Dissect(dissect::Args),
}

/// Called with nothing at all: says what there is.
fn help() -> anyhow::Result<Exit> {
    use clap::CommandFactory;
    Cli::command().print_help()?;
    Ok(Exit::Usage)
}

/// Runs the program with the process's arguments.
pub fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let help = !error.use_stderr();
            let _ = error.print();
            return if help { Exit::Ok } else { Exit::Usage };
        }
    };
    args::apply_threads(cli.global.threads);
    load::catch_interrupt();
    let result = match &cli.command {
        Some(Command::Triage(args)) => triage::run(&cli.global, args),
        Some(Command::Report(args)) => report::run(&cli.global, args),
        Some(Command::Dissect(args)) => dissect::run(&cli.global, args),
        Some(Command::Query(args)) => query::run(&cli.global, args),
        Some(Command::Conns(args)) => conns::run(&cli.global, args),
        Some(Command::Flows(args)) => flows::run(&cli.global, args),
        Some(Command::Call(args)) => call::run(&cli.global, args),
        Some(Command::Stats(args)) => stats::run(&cli.global, args),
        Some(Command::Map(args)) => map::run(&cli.global, args),
        Some(Command::Workloads(args)) => who::run_workloads(&cli.global, args),
        Some(Command::Ips(args)) => who::run_ips(&cli.global, args),
        Some(Command::Completions(args)) => completions::run(&cli.global, args),
        Some(Command::Doctor(args)) => doctor::run(&cli.global, args),
        Some(Command::Export(args)) => export::run(&cli.global, args),
        Some(Command::Check(args)) => check::run(&cli.global, args),
        Some(Command::Compare(args)) => compare::run(&cli.global, args),
        Some(Command::Rules(args)) => rules::run(&cli.global, args),
        Some(Command::Fields(args)) => fields::run(&cli.global, args),
        Some(Command::Synth(args)) => synth::run(&cli.global, args),
        None if cli.triage.is_empty() => help(),
        None => triage::run(&cli.global, &cli.triage),
    };
    result.unwrap_or_else(|error| exit::report(&error))
}
