//! A run over a whole casebase: load, evaluate, look for contradictions.

mod constraint;
pub mod memory;
pub mod patterns;
pub mod scenario;
mod shape;
pub mod similar;

pub use constraint::{Contradiction, Row};

use crate::engine::store::Database;
use crate::engine::{self, limit::Limit};
use crate::facts::{self, LoadOptions, Loaded, Sources};
use crate::rulebook::Rulebook;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What to run.
#[derive(Clone, Debug)]
pub struct Request {
    /// Folder of the casebase.
    pub facts: PathBuf,
    /// The day on which the question is asked, as a day number.
    pub as_of: i32,
    /// Leave out bad rows instead of refusing.
    pub skip_bad_rows: bool,
    /// Options set for this run: name, value.
    pub set: Vec<(String, String)>,
    /// Keep the origin of every row (explanations need it).
    pub origins: bool,
    /// Encoding of the tables; found out if `None`.
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// Threads; 0 = as many as the machine has.
    pub threads: usize,
}

/// What a run must not do without being told.
#[derive(Debug)]
pub enum Trouble {
    /// The tables have defects.
    Defects(Box<Loaded>),
    /// The rulebook's annotations of tables are wrong.
    Schema(Vec<crate::lang::diagnostic::Diagnostic>),
    /// The tables contradict themselves.
    Contradictions(Vec<Contradiction>),
    /// A stated limit.
    Limit(Limit),
}

/// Stages of a run, for those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading and checking tables.
    Load,
    /// Deriving.
    Evaluate,
    /// Looking for contradictions.
    Check,
}

/// A finished run.
#[derive(Debug)]
pub struct Run {
    /// What was loaded; its `database` has been given away to `database`.
    pub loaded: Loaded,
    /// Given facts and conclusions.
    pub database: Database,
    /// What the engine has to say of its work.
    pub profile: engine::Profile,
    /// Time of loading, of evaluating, and of finding proof skeletons.
    pub times: (Duration, Duration, Duration),
}

/// Loads a casebase with the rulebook's shipped tables and the options of the request.
///
/// # Errors
/// Defects of the tables, unless they may be skipped.
pub fn load(book: &Rulebook, request: &Request) -> Result<Loaded, Trouble> {
    let mut shipped: Vec<(String, Arc<str>)> =
        book.shipped.iter().map(|s| (s.path.clone(), Arc::from(s.text.as_str()))).collect();
    if !request.set.is_empty() {
        let mut text = csv::Writer::from_writer(Vec::new());
        let rows = std::iter::once(["option", "value"]).map(|r| r.map(str::to_owned));
        for row in rows.chain(request.set.iter().map(|(o, v)| [o.clone(), v.clone()])) {
            text.write_record(&row).expect("a vector takes every record");
        }
        let bytes = text.into_inner().expect("a vector takes every record");
        shipped.push(("option_set.csv".to_owned(), Arc::from(String::from_utf8_lossy(&bytes).as_ref())));
    }
    let sources = Sources { folder: Some(request.facts.clone()), shipped };
    let mut options = LoadOptions::new(request.as_of);
    options.skip_bad_rows = request.skip_bad_rows;
    options.origins = request.origins;
    options.encoding = request.encoding;
    let loaded = facts::load(&book.program, &book.codes, &sources, &options);
    if !loaded.diagnostics.is_empty() {
        return Err(Trouble::Schema(loaded.diagnostics));
    }
    if loaded.defects.is_empty() { Ok(loaded) } else { Err(Trouble::Defects(Box::new(loaded))) }
}

/// Runs the rulebook over a casebase.
///
/// # Errors
/// Defects or contradictions of the tables, or a limit of the engine.
pub fn run(book: &Rulebook, request: &Request, mut watch: impl FnMut(Stage)) -> Result<Run, Trouble> {
    watch(Stage::Load);
    let start = Instant::now();
    let mut loaded = load(book, request)?;
    let load_time = start.elapsed();
    watch(Stage::Evaluate);
    let start = Instant::now();
    let options = engine::limit::Options {
        threads: request.threads,
        max_bytes: memory::bound(),
        ..engine::limit::Options::default()
    };
    let given = std::mem::take(&mut loaded.database);
    let (database, profile) = engine::evaluate(&book.program, given, &options).map_err(Trouble::Limit)?;
    let evaluate_time = start.elapsed();
    watch(Stage::Check);
    if constraint::any(&book.program, &database) {
        // The rows are looked up in a second reading: a sound casebase pays nothing for the question.
        let again = load(book, &Request { origins: true, ..request.clone() })?;
        let found = constraint::contradictions(book, &again.database, &database, &again.origins);
        return Err(Trouble::Contradictions(found));
    }
    Ok(Run { loaded, database, profile, times: (load_time, evaluate_time, Duration::ZERO) })
}
