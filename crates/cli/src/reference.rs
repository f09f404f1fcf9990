//! The reference of the command line as Markdown.

use crate::arguments::Arguments;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;

/// `docs/cli.md`, made from what the parser knows.
pub fn reference() -> String {
    let mut command = Arguments::command();
    command.build();
    let mut page = String::from(
        "# Command line\n\n<!-- Made by `tracklet docs-reference cli`; a test keeps it equal. -->\n\n\
         Data goes to stdout; progress (on a terminal), the summary, warnings and errors go to stderr. \
         `NO_COLOR` is respected.\n\n\
         | exit code | meaning |\n|---|---|\n| 0 | done |\n| 1 | ran, but lines or files of the input are damaged, or a test failed |\n\
         | 2 | could not run; nothing was published |\n\
         | 3 | ran, but the tables that were made break an invariant: they are kept, and nothing was published |\n",
    );
    page.push_str("\n## Options of every command\n\n");
    for argument in command.get_arguments().filter(|argument| argument.is_global_set()) {
        option(&mut page, argument);
    }
    for name in ["help", "version"] {
        if let Some(argument) = command.get_arguments().find(|argument| argument.get_id() == name) {
            option(&mut page, argument);
        }
    }
    let subcommands = |parent: &Command| -> Vec<Command> {
        parent
            .get_subcommands()
            .filter(|child| !child.is_hide_set() && child.get_name() != "help")
            .cloned()
            .collect()
    };
    for child in subcommands(&command) {
        section(&mut page, &child);
        for grandchild in subcommands(&child) {
            section(&mut page, &grandchild);
        }
    }
    page
}

fn section(page: &mut String, command: &Command) {
    let usage = command.clone().render_usage().to_string();
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let _ =
        write!(page, "\n## `{name}`\n\n{about}\n\n```text\n{}\n```\n\n", usage.trim_start_matches("Usage: "));
    for argument in
        command.get_arguments().filter(|argument| !argument.is_global_set() && argument.get_id() != "help")
    {
        option(page, argument);
    }
    if let Some(after) = command.get_after_help() {
        let _ = write!(page, "\n```text\n{after}\n```\n");
    }
}

fn option(page: &mut String, argument: &Arg) {
    let names: Vec<String> = argument
        .get_short()
        .map(|short| format!("-{short}"))
        .into_iter()
        .chain(argument.get_long().map(|long| format!("--{long}")))
        .collect();
    let takes_value = argument.get_action().takes_values();
    let value = argument.get_value_names().filter(|_| takes_value).and_then(|names| names.first());
    let shown = match (names.is_empty(), value) {
        (true, _) => value.map_or(argument.get_id().as_str(), |value| value.as_str()).to_owned(),
        (false, None) => names.join(", "),
        (false, Some(value)) => format!("{} <{value}>", names.join(", ")),
    };
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let _ = write!(page, "- `{shown}`: {help}");
    let choices = argument.get_possible_values();
    if takes_value && !choices.is_empty() {
        let choices: Vec<String> = choices.iter().map(|choice| format!("`{}`", choice.get_name())).collect();
        let _ = write!(page, "; one of {}", choices.join(", "));
    }
    if let Some(default) = argument.get_default_values().first().filter(|_| takes_value) {
        let _ = write!(page, " [default: `{}`]", default.to_string_lossy());
    }
    page.push('\n');
}
