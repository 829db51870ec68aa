//! Ways a command ends badly, with their exit codes.

use std::io;

/// Why a command did not end well. Findings that were already printed carry no text.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A check failed: exit code 1.
    #[error("a check failed")]
    Negative,
    /// Arguments that make no sense together: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The rulebook is wrong; the findings were printed: exit code 3.
    #[error("the rulebook has errors")]
    Rules,
    /// The rulebook folder cannot be read: exit code 3.
    #[error("{0}")]
    RulesUnreadable(String),
    /// The data are wrong; the findings were printed: exit code 4.
    #[error("the data have errors")]
    Data,
    /// The data cannot be read: exit code 4.
    #[error("{0}")]
    DataUnreadable(String),
    /// A stated limit was reached or something broke: exit code 5.
    #[error("{0}")]
    Limit(String),
    /// Rows were looked up that were not there at the beginning: the command has to begin again.
    #[error("again")]
    Again,
    /// Writing results failed: exit code 5, or 0 for a broken pipe.
    #[error("E0710: cannot write: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Negative => 1,
            Self::Usage(_) => 2,
            Self::Rules | Self::RulesUnreadable(_) => 3,
            Self::Data | Self::DataUnreadable(_) => 4,
            Self::Limit(_) | Self::Output(_) | Self::Again => 5,
        }
    }

    /// What is still to be printed.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Negative | Self::Rules | Self::Data => None,
            other => Some(other.to_string()),
        }
    }
}
