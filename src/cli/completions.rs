//! `pcapsule completions SHELL`: completion of commands, options and, where a field is wanted, of
//! the catalogue's names.

use clap::builder::PossibleValuesParser;
use clap::{CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};

use crate::catalogue::catalogue;

use super::args::Global;
use super::{Cli, Exit, output};

/// Options that take names of fields.
const FIELDS: [&str; 4] = ["filter", "columns", "by", "sort"];

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  source <(pcapsule completions bash)
  pcapsule completions zsh > \"${fpath[1]}/_pcapsule\"
  pcapsule completions fish > ~/.config/fish/completions/pcapsule.fish")]
pub struct Args {
    /// The shell to complete in
    #[arg(value_enum)]
    shell: ShellArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ShellArg {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

pub fn run(_: &Global, args: &Args) -> anyhow::Result<Exit> {
    let shell = match args.shell {
        ShellArg::Bash => Shell::Bash,
        ShellArg::Zsh => Shell::Zsh,
        ShellArg::Fish => Shell::Fish,
        ShellArg::Elvish => Shell::Elvish,
        ShellArg::Powershell => Shell::PowerShell,
    };
    let mut script = Vec::new();
    generate(shell, &mut with_fields(Cli::command()), "pcapsule", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}

/// The program with the catalogue's names as the values of what takes fields, for the script only:
/// such a value may also be a filter or have a minus in front.
fn with_fields(mut command: clap::Command) -> clap::Command {
    let names: Vec<&str> = catalogue().iter().map(|field| field.name).collect();
    let commands: Vec<String> =
        command.get_subcommands().map(|sub| sub.get_name().to_string()).collect();
    for name in commands {
        command = command.mut_subcommand(name, |sub| {
            let ids: Vec<String> =
                sub.get_arguments().map(|arg| arg.get_id().to_string()).collect();
            ids.into_iter().filter(|id| FIELDS.contains(&id.as_str())).fold(sub, |sub, id| {
                sub.mut_arg(id, |arg| arg.value_parser(PossibleValuesParser::new(&names)))
            })
        });
    }
    command
}
