//! What bounds a run, and what it says when a bound is met.

use super::functor::Fault;
use crate::lang::program::{Program, Span};
use std::time::{Duration, Instant};

/// Bounds and means of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads to use; 0 means as many as the machine has.
    pub threads: usize,
    /// Most rows that one relation may hold.
    pub max_rows: usize,
    /// Most rounds of one recursive stratum.
    pub max_rounds: usize,
    /// Most memory for tables, indexes and intermediate rows together, in bytes.
    pub max_bytes: usize,
    /// Relations wanted by the caller; `None` keeps all. What no wanted relation needs is not evaluated.
    pub wanted: Option<Vec<crate::lang::program::RelId>>,
    /// By relation: whether its rows are to be explained. Which rules gave each is then found out, and with a finished shard a
    /// whole relation is at hand, whether or not a rule reads it there.
    pub givers: Option<std::sync::Arc<Vec<bool>>>,
    /// By rule: whether it runs; `None` runs all. For those who evaluate a program in parts ([`shards`](super::shards)).
    pub rules: Option<std::sync::Arc<Vec<bool>>>,
    /// Relations that this run only reads, in the place of their tables; they do not come back with its result.
    pub common: Option<std::sync::Arc<super::index::Common>>,
    /// What is read for the sake of `wanted`, where it is known already: for those who evaluate a program in parts.
    pub read: Option<std::sync::Arc<super::unread::Read>>,
    /// When the run must be over; `None` lets it take its time.
    pub until: Option<Deadline>,
    /// Bytes of tables that shards keep from pass to pass; beyond them they derive again.
    pub kept_bytes: usize,
    /// The tables hold the facts of the program's text already.
    pub complete: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: 0,
            max_rows: 500_000_000,
            max_rounds: 10_000_000,
            max_bytes: usize::MAX,
            wanted: None,
            givers: None,
            rules: None,
            common: None,
            read: None,
            until: None,
            kept_bytes: 3 << 29,
            complete: false,
        }
    }
}

/// A time by which something must be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    at: Instant,
    seconds: u64,
}

impl Deadline {
    /// So many seconds from now; 0 sets none.
    #[must_use]
    pub fn after(seconds: u64) -> Option<Self> {
        let at = Instant::now().checked_add(Duration::from_secs(seconds))?;
        (seconds > 0).then_some(Self { at, seconds })
    }

    /// Whether it has passed.
    #[must_use]
    pub fn passed(self) -> bool {
        Instant::now() >= self.at
    }

    /// Seconds that were given.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.seconds
    }
}

impl Options {
    /// One thread, all relations, the default bounds.
    #[must_use]
    pub fn single() -> Self {
        Self { threads: 1, ..Self::default() }
    }
}

/// A stated limit of a run, with a stable code of the range `E07xx`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// A functor or constraint of a rule has no value.
    #[error("{fault}")]
    Fault {
        /// What happened, with the values.
        fault: Fault,
        /// The literal or rule.
        span: Span,
        /// `file:line` of it.
        place: String,
    },
    /// A relation grew beyond the bound.
    #[error("the relation {relation} has more than {bound} rows; does a rule count without end?")]
    Rows {
        /// Name.
        relation: String,
        /// The bound.
        bound: usize,
        /// The rule that filled it.
        span: Span,
        /// `file:line` of it.
        place: String,
    },
    /// A recursive stratum did not come to rest.
    #[error("the relations {relations} still grow after {bound} rounds; does a rule count without end?")]
    Rounds {
        /// Names of the stratum's relations.
        relations: String,
        /// The bound.
        bound: usize,
        /// A rule of the stratum.
        span: Span,
        /// `file:line` of it.
        place: String,
    },
    /// The tables need more memory than allowed.
    #[error("the run needs more than {bound} bytes for its tables")]
    Memory {
        /// The bound.
        bound: usize,
        /// The rule at which it was met.
        span: Span,
        /// `file:line` of it.
        place: String,
    },
    /// The run took longer than allowed.
    #[error(
        "the run is not over after {seconds} seconds; does a rule match rows that have nothing to do with each other?"
    )]
    Time {
        /// The bound.
        seconds: u64,
        /// The rule at which it was met.
        span: Span,
        /// `file:line` of it.
        place: String,
    },
    /// The program or database is not one that `lang::compile` and `Database::new` give.
    #[error("internal: {what}")]
    Internal {
        /// What does not fit.
        what: String,
    },
}

impl Limit {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fault { fault, .. } => match fault {
                Fault::Overflow { .. } => "E0701",
                Fault::DivisionByZero { .. } => "E0702",
                Fault::NotANumber { .. } => "E0703",
                Fault::BadPattern { .. } => "E0704",
                Fault::TooLong { .. } => "E0708",
                Fault::Undefined { .. } => "E0709",
            },
            Self::Rows { .. } => "E0705",
            Self::Rounds { .. } => "E0706",
            Self::Memory { .. } => "E0707",
            Self::Time { .. } => "E0711",
            Self::Internal { .. } => "E0709",
        }
    }

    /// `file:line` in the rules, if it has a place.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        match self {
            Self::Fault { place, .. }
            | Self::Rows { place, .. }
            | Self::Rounds { place, .. }
            | Self::Memory { place, .. }
            | Self::Time { place, .. } => Some(place),
            Self::Internal { .. } => None,
        }
    }

    /// A fault at a place of a program.
    #[must_use]
    pub fn fault(program: &Program, span: Span, fault: Fault) -> Self {
        Self::Fault { fault, span, place: program.place(span) }
    }
}
