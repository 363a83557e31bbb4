//! Exit codes, as cron jobs rely on them.

use std::process::ExitCode;

use crate::base::error::Error;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Done, and findings at or above `--fail-on` exist.
    Findings,
    /// Usage, configuration or rules are wrong; nothing was started.
    Usage,
    /// Failed.
    Failed,
    /// Done, but some inputs could not be read or more records than allowed were rejected.
    Incomplete,
    /// The lake is locked by another run.
    Locked,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Failed => 3,
            Exit::Incomplete => 4,
            Exit::Locked => 5,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(e: Exit) -> Self {
        ExitCode::from(e.code())
    }
}

impl From<&Error> for Exit {
    fn from(e: &Error) -> Self {
        match e {
            Error::Usage(_) => Exit::Usage,
            Error::Locked { .. } => Exit::Locked,
            Error::Interrupted => Exit::Interrupted,
            _ => Exit::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_contract() {
        let all = [
            (Exit::Done, 0),
            (Exit::Findings, 1),
            (Exit::Usage, 2),
            (Exit::Failed, 3),
            (Exit::Incomplete, 4),
            (Exit::Locked, 5),
            (Exit::Interrupted, 130),
        ];
        for (exit, code) in all {
            assert_eq!(exit.code(), code);
        }
        assert_eq!(Exit::from(&Error::Usage(String::new())), Exit::Usage);
    }
}
