//! All settings, as the command line declares them: what they are called, what they are now and where that came from. What README's
//! page of settings says is made from this, too.

use std::fmt::Write;

use clap::{Arg, ArgMatches, Command, parser::ValueSource};

/// A setting, and the file that may hold it.
struct Setting<'a> {
    argument: &'a Arg,
    file: Option<&'a Arg>,
    /// The command that alone reads it.
    only: Option<String>,
}

/// What is set is shown, but for secrets.
const SECRET: &str = "(secret)";

impl Setting<'_> {
    fn name(&self) -> String {
        name(self.argument)
    }

    fn default(&self) -> String {
        let values = self.argument.get_default_values().iter();
        values.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(",")
    }
}

/// The environment variable of an argument.
fn name(argument: &Arg) -> String {
    argument.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn flag(argument: &Arg) -> String {
    argument.get_long().map(|long| format!("--{long}")).unwrap_or_default()
}

/// Every setting of the command line, those of single commands last. One that a file may hold as well is one setting.
fn settings(command: &Command) -> Vec<Setting<'_>> {
    let mut found = Vec::new();
    collect(command, None, &mut found);
    let files: Vec<&Arg> = found.iter().map(|(argument, _)| *argument).filter(|argument| name(argument).ends_with("_FILE")).collect();
    let file_of = |argument: &Arg| files.iter().copied().find(|file| name(file) == format!("{}_FILE", name(argument)));
    let held: Vec<String> = found.iter().filter_map(|(argument, _)| file_of(argument).map(name)).collect();
    let whole = found.iter().filter(|(argument, _)| !held.contains(&name(argument)));
    whole.map(|(argument, only)| Setting { argument, file: file_of(argument), only: only.clone() }).collect()
}

fn collect<'a>(command: &'a Command, only: Option<&str>, found: &mut Vec<(&'a Arg, Option<String>)>) {
    let own = command.get_arguments().filter(|argument| argument.get_env().is_some() && (only.is_none() || !argument.is_global_set()));
    found.extend(own.map(|argument| (argument, only.map(str::to_owned))));
    for sub in command.get_subcommands() {
        let path = only.map_or_else(|| sub.get_name().to_owned(), |parent| format!("{parent} {}", sub.get_name()));
        collect(sub, Some(&path), found);
    }
}

/// What each setting is now, in columns: name, flag, value, where it came from, default.
pub fn present(command: &Command, matches: &ArgMatches) -> String {
    let mut rows = vec![["SETTING", "FLAG", "VALUE", "FROM", "DEFAULT"].map(str::to_owned)];
    for setting in settings(command).iter().filter(|setting| setting.only.is_none()) {
        let (mut value, mut from) = now(setting.argument, matches);
        if let Some(file) = setting.file {
            let (path, told_by) = now(file, matches);
            if told_by != "default" && !path.is_empty() {
                (value, from) = (SECRET.to_owned(), format!("{path}, by {told_by}"));
            }
        }
        if setting.argument.is_hide_set() && from == "default" {
            continue;
        }
        if value.is_empty() {
            (value, from) = ("-".to_owned(), "not set".to_owned());
        }
        rows.push([setting.name(), flag(setting.argument), value, from, setting.default()]);
    }
    let widths: [usize; 5] = std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default());
    let line = |row: &[String; 5]| {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The value of an argument, and where it came from.
fn now(argument: &Arg, matches: &ArgMatches) -> (String, String) {
    let id = argument.get_id().as_str();
    let raw = matches.get_raw(id).into_iter().flatten();
    let value = raw.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(",");
    let from = match matches.value_source(id) {
        Some(ValueSource::CommandLine) => flag(argument),
        Some(ValueSource::EnvVariable) => name(argument),
        _ => "default".to_owned(),
    };
    let secret = argument.is_hide_env_values_set() && !value.is_empty();
    (if secret { SECRET.to_owned() } else { value }, from)
}

/// A page for people, in Markdown.
pub fn page(command: &Command) -> String {
    let mut page = "| Variable | Flag | Default | Meaning |\n|---|---|---|---|\n".to_owned();
    for setting in settings(command).iter().filter(|setting| !setting.argument.is_hide_set()) {
        let argument = setting.argument;
        let (mut names, mut flags) = (format!("`{}`", setting.name()), format!("`{}`", flag(argument)));
        if let Some(file) = setting.file {
            names = format!("{names}, `{}`", name(file));
            flags = format!("{flags}, `{}`", flag(file));
        }
        let default = match setting.default() {
            default if default.is_empty() => String::new(),
            default => format!("`{default}`"),
        };
        let only = setting.only.as_ref().map(|command| format!(" (`hale {command}` alone)")).unwrap_or_default();
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
        // Writing to a text does not fail.
        _ = writeln!(page, "| {names} | {flags} | {default} | {help}{only} |");
    }
    page.trim_end().to_owned()
}
