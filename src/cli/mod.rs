//! The command line: clap types and glue, one file per command. What a command finds is decided
//! below; here arguments become calls, results become text, and errors become exit codes.

mod args;
mod check;
mod dissect;
mod exit;
mod fields;
mod load;
mod output;
mod query;
mod report;
mod rules;
mod synth;
mod time;
mod triage;

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
    /// One screen: what broke, when, where it started, what cannot be seen (also: inputs alone)
    Triage(triage::Args),
    /// Write the incident report as Markdown, HTML and JSON
    Report(report::Args),
    /// Print the calls and connections that match a KFL filter
    Query(query::Args),
    /// Evaluate rules; exit code 1 when one fires
    Check(check::Args),
    /// List and check rules
    Rules(rules::Args),
    /// List the fields that filters can ask for
    Fields(fields::Args),
    /// Make a capture with a known fault
    Synth(synth::Args),
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
        Some(Command::Check(args)) => check::run(&cli.global, args),
        Some(Command::Rules(args)) => rules::run(&cli.global, args),
        Some(Command::Fields(args)) => fields::run(&cli.global, args),
        Some(Command::Synth(args)) => synth::run(&cli.global, args),
        None if cli.triage.is_empty() => help(),
        None => triage::run(&cli.global, &cli.triage),
    };
    result.unwrap_or_else(|error| exit::report(&error))
}
