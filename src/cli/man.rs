//! `coldtrail man`: manual pages, from the same definitions as `--help`.

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::{Args, ManArgs};
use super::exit::Exit;
use super::print;
use crate::base::error::{Error, Result};

/// Runs the command.
pub fn run(args: &ManArgs) -> Result<Exit> {
    let Some(dir) = &args.dir else {
        print(&page(Args::command())?);
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, "cannot make the folder", e))?;
    let mut open = vec![(String::from("coldtrail"), Args::command())];
    while let Some((name, command)) = open.pop() {
        for sub in command.get_subcommands() {
            open.push((format!("{name}-{}", sub.get_name()), sub.clone()));
        }
        let path = dir.join(format!("{name}.1"));
        // `Command::name` wants text that lives as long as the program.
        let named = command.display_name(name);
        std::fs::write(&path, page(named)?).map_err(|e| Error::io(&path, "cannot write the page", e))?;
    }
    eprintln!("written to {}", dir.display());
    Ok(Exit::Done)
}

fn page(command: Command) -> Result<String> {
    let mut out = Vec::new();
    let done = Man::new(command).render(&mut out);
    done.map_err(|e| Error::Internal(format!("cannot write the manual page: {e}")))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}
