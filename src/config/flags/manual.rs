//! Shell completions and the manual page, both made from the definitions of the flags.

use std::io::{self, Write};

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Flags, command};

impl Flags {
    /// A script that completes the command line in this shell.
    pub fn completions(shell: Shell) -> Vec<u8> {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Flags::command_line(), "shardgate", &mut script);
        script
    }

    /// The page of the manual, as roff: first the gateway and its flags, then each command.
    pub fn man() -> Vec<u8> {
        let mut page = Vec::new();
        // A vector takes whatever is written to it.
        let _written = write_man(&mut page);
        page
    }

    fn command_line() -> Command {
        let mut all = command::whole();
        all.build();
        all
    }
}

fn write_man(page: &mut Vec<u8>) -> io::Result<()> {
    let all = Flags::command_line();
    let commands: Vec<Command> = all.get_subcommands().flat_map(leaves).cloned().collect();
    let man = Man::new(all).title("shardgate").section("1").manual("shardgate");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    writeln!(page, ".SH COMMANDS")?;
    for command in commands {
        write_command(command, page)?;
    }
    Ok(())
}

/// The commands that can be given: those that have none below them.
fn leaves(command: &Command) -> Vec<&Command> {
    if command.has_subcommands() {
        command.get_subcommands().flat_map(leaves).collect()
    } else {
        vec![command]
    }
}

/// One command, under a heading of its own: what would be sections of a page are paragraphs here.
fn write_command(command: Command, page: &mut Vec<u8>) -> io::Result<()> {
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    writeln!(page, ".SS \"{name}\"")?;
    let man = Man::new(command);
    let mut sections = Vec::new();
    man.render_description_section(&mut sections)?;
    man.render_synopsis_section(&mut sections)?;
    man.render_options_section(&mut sections)?;
    for line in sections.split_inclusive(|byte| *byte == b'\n') {
        let is_heading = line.starts_with(b".SH ");
        page.write_all(if is_heading { b".PP\n" } else { line })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_flag_and_every_command() {
        let page = String::from_utf8(Flags::man()).expect("it is text").replace("\\-", "-");
        let all = Flags::command_line();
        let mut flags = 0;
        for command in std::iter::once(&all).chain(all.get_subcommands().flat_map(leaves)) {
            for flag in command.get_arguments().filter(|flag| !flag.is_hide_set()) {
                if let Some(long) = flag.get_long() {
                    assert!(page.contains(&format!("--{long}")), "{long}");
                    flags += 1;
                }
            }
        }
        assert!(flags > 30, "{flags}");
        for name in ["shardgate store check", "shardgate check web-config", "shardgate man"] {
            assert!(page.contains(&format!(".SS \"{name}\"\n")), "{name}");
        }
        assert_eq!(page.matches(".SH OPTIONS").count(), 1);
    }

    #[test]
    fn completions_know_flags_and_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(Flags::completions(shell)).expect("it is text");
            for word in ["persistence.file", "healthcheck", "web-config", "timeout"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
