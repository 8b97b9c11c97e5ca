//! The exit codes: a contract with scripts, the same for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything asked for was done, or is healthy.
    Ok,
    /// 1: the operation failed.
    Failed,
    /// 2: the command line is wrong or incomplete.
    Usage,
    /// 3: everything could be checked, and something is not healthy.
    Unhealthy,
    /// 4: something could not be checked.
    Unchecked,
    /// 5: the plan has changes, and that was asked.
    Changes,
    /// 6: a deadline passed.
    Timeout,
    /// 7: someone else holds what was to be changed.
    Conflict,
    /// 130: interrupted from the keyboard.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unhealthy => 3,
            Self::Unchecked => 4,
            Self::Changes => 5,
            Self::Timeout => 6,
            Self::Conflict => 7,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
