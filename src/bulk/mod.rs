//! A run over a whole casebase: load, evaluate, look for contradictions.

pub mod behind;
mod constraint;
pub mod hashing;
pub mod memory;
pub mod patterns;
pub mod scenario;
mod shape;
pub mod similar;

pub(crate) use constraint::contradictions as violated;
pub use constraint::{Contradiction, Row};

use crate::engine::partition::{self, Partition};
use crate::engine::store::Database;
use crate::engine::{self, Options, limit::Limit, shards};
use crate::facts::{self, LoadOptions, Loaded, Sources};
use crate::lang::program::RelId;
use crate::rulebook::Rulebook;
use patterns::{Pattern, Patterns};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A casebase that is not a folder of tables.
pub trait Prepared: std::fmt::Debug + Send + Sync {
    /// What a load of its tables would give.
    ///
    /// # Errors
    /// Why not.
    fn load(&self, book: &Rulebook, request: &Request) -> Result<Loaded, Trouble>;
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Request {
    /// Folder of the casebase.
    pub facts: PathBuf,
    /// Where its tables lie, if not as files in the folder.
    pub prepared: Option<Arc<dyn Prepared>>,
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
    /// Most memory that the process may use, in bytes.
    pub memory: Option<u64>,
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
    /// The memory allowed does not do.
    Memory(memory::Refused),
    /// A prepared casebase cannot be read.
    Prepared(Unreadable),
}

/// Why a prepared casebase cannot be read, with a stable code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// It may be read another time.
    pub passing: bool,
}

impl Request {
    /// All of a casebase on that day, on one thread, with nothing set and no origins.
    #[must_use]
    pub fn new(facts: impl Into<PathBuf>, as_of: i32) -> Self {
        Self {
            facts: facts.into(),
            prepared: None,
            as_of,
            skip_bad_rows: false,
            set: Vec::new(),
            origins: false,
            encoding: None,
            threads: 1,
            memory: None,
        }
    }
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
    /// So many pieces are done.
    Piece {
        /// Finished pieces.
        done: usize,
        /// All pieces, about.
        of: usize,
    },
}

/// A finished run.
#[derive(Debug)]
pub struct Run {
    /// What was loaded; its `database` has been given away to `database`.
    pub loaded: Loaded,
    /// Given facts and conclusions; without those of relations that were taken piece by piece.
    pub database: Database,
    /// By relation: whether its rows were taken piece by piece.
    pub taken: Vec<bool>,
    /// What the engine has to say of its work.
    pub profile: engine::Profile,
    /// Time of loading, of evaluating, and of finding proof skeletons (the last is in the second, and is that of all threads).
    pub times: (Duration, Duration, Duration),
    /// The relation whose proof skeletons were wanted, with them, most frequent first.
    pub patterns: Option<(RelId, Vec<Pattern>)>,
}

/// Loads a casebase with the rulebook's shipped tables and the options of the request.
///
/// # Errors
/// Defects of the tables, unless they may be skipped.
pub fn load(book: &Rulebook, request: &Request) -> Result<Loaded, Trouble> {
    load_as(book, request, false)
}

/// The tables that come with a rulebook, and one of the options set.
#[must_use]
pub fn shipped(book: &Rulebook, set: &[(String, String)]) -> Vec<(String, Arc<str>)> {
    let mut shipped: Vec<(String, Arc<str>)> =
        book.shipped.iter().map(|s| (s.path.clone(), Arc::from(s.text.as_str()))).collect();
    if !set.is_empty() {
        let mut text = csv::Writer::from_writer(Vec::new());
        let rows = std::iter::once(["option", "value"]).map(|r| r.map(str::to_owned));
        for row in rows.chain(set.iter().map(|(o, v)| [o.clone(), v.clone()])) {
            text.write_record(&row).expect("a vector takes every record");
        }
        let bytes = text.into_inner().expect("a vector takes every record");
        shipped.push(("option_set.csv".to_owned(), Arc::from(String::from_utf8_lossy(&bytes).as_ref())));
    }
    shipped
}

fn load_as(book: &Rulebook, request: &Request, ordered: bool) -> Result<Loaded, Trouble> {
    memory::before(&request.facts, request.memory).map_err(Trouble::Memory)?;
    let work = || match &request.prepared {
        Some(prepared) => prepared.load(book, request),
        None => load_tables(book, request, ordered),
    };
    let loaded = engine::on_threads(request.threads, work).map_err(Trouble::Limit)??;
    memory::kept(request.memory).map_err(Trouble::Memory)?;
    Ok(loaded)
}

fn load_tables(book: &Rulebook, request: &Request, ordered: bool) -> Result<Loaded, Trouble> {
    let shipped = shipped(book, &request.set);
    let sources = Sources { folder: Some(request.facts.clone()), shipped };
    let mut options = LoadOptions::new(request.as_of);
    options.skip_bad_rows = request.skip_bad_rows;
    options.origins = request.origins;
    options.encoding = request.encoding;
    options.ordered = ordered;
    let loaded = facts::load(&book.program, &book.codes, &sources, &options);
    if !loaded.diagnostics.is_empty() {
        return Err(Trouble::Schema(loaded.diagnostics));
    }
    if !loaded.defects.is_empty() {
        return Err(Trouble::Defects(Box::new(loaded)));
    }
    Ok(loaded)
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
    let options = memory::options(request);
    let given = std::mem::take(&mut loaded.database);
    let (database, profile) = engine::evaluate(&book.program, given, &options).map_err(Trouble::Limit)?;
    let evaluate_time = start.elapsed();
    watch(Stage::Check);
    if constraint::any(&book.program, &database, |_| true) {
        return Err(contradictions(book, request));
    }
    let taken = vec![false; database.tables.len()];
    let times = (load_time, evaluate_time, Duration::ZERO);
    Ok(Run { loaded, database, taken, profile, times, patterns: None })
}

/// What contradicts itself, looked up in a second reading: a sound casebase pays nothing for the question.
fn contradictions(book: &Rulebook, request: &Request) -> Trouble {
    let again = match load(book, &Request { origins: true, ..request.clone() }) {
        Ok(again) => again,
        Err(trouble) => return trouble,
    };
    let relations = book.program.relations.iter().enumerate();
    let wanted = relations.filter(|(_, r)| r.notes.has("constraint")).map(|(i, _)| RelId(i as u32)).collect();
    let options = Options { wanted: Some(wanted), ..memory::options(request) };
    match engine::evaluate(&book.program, again.database.clone(), &options) {
        Err(limit) => Trouble::Limit(limit),
        Ok((database, _)) => {
            Trouble::Contradictions(constraint::contradictions(book, &again.database, &database, &again.origins))
        }
    }
}

/// What is to be done after a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    On,
    /// Derive the conclusions again from the first piece on: they must be written in another way.
    Again,
    /// End the run.
    Stop,
}

/// What a piece of a run holds.
#[derive(Debug)]
pub struct Piece<'a> {
    /// Its conclusions.
    pub database: &'a Database,
    /// By relation: whether its rows are in the piece. The others come with the result of the run.
    pub here: &'a [bool],
    /// By relation: the column in which stands what no other piece holds.
    pub keys: &'a [Option<usize>],
}

/// Conclusions put in a form that can be kept, on the thread that derived them.
type Put<'a, P> = &'a (dyn Fn(&Piece<'_>) -> P + Sync);

struct Pieces<'a, P> {
    book: &'a Rulebook,
    put: Put<'a, P>,
    here: Vec<bool>,
    keys: Vec<Option<usize>>,
    patterns: Option<&'a Patterns<'a>>,
    threads: usize,
    /// Nanoseconds spent on proof skeletons.
    spent: AtomicU64,
}

impl<P> Pieces<'_, P> {
    fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }
}

impl<P: Send> shards::Sink for Pieces<'_, P> {
    /// `None` where the tables contradict themselves.
    type Piece = Option<(P, Result<patterns::Found, Limit>)>;

    fn piece(&self, shard: &mut Database, givers: &shards::Every) -> Self::Piece {
        if constraint::any(&self.book.program, shard, |_| true) {
            return None;
        }
        let put = (self.put)(&Piece { database: shard, here: &self.here, keys: &self.keys });
        let start = Instant::now();
        let found = self.patterns.map_or_else(|| Ok(patterns::Found::new()), |p| p.find(shard, givers, self.threads));
        self.spent.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        Some((put, found))
    }
}

/// How a run goes about it.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// So many shards; by the size of the casebase if 0.
    pub shards: usize,
    /// Find these proof skeletons as well.
    pub patterns: Option<patterns::Wanted>,
}

/// Runs the rulebook over a casebase, shard by shard. What is kept of each piece goes to `take` in the order of the cases;
/// see [`Next`].
///
/// # Errors
/// Defects or contradictions of the tables, or a limit of the engine.
pub fn stream<P: Send>(
    book: &Rulebook,
    request: &Request,
    how: &How,
    mut watch: impl FnMut(Stage),
    put: Put<'_, P>,
    mut take: impl FnMut(P) -> Next,
) -> Result<Run, Trouble> {
    let program = &book.program;
    watch(Stage::Load);
    let start = Instant::now();
    let mut loaded = load_as(book, request, true)?;
    let load_time = start.elapsed();
    watch(Stage::Evaluate);
    let start = Instant::now();
    let mut options = memory::options(request);
    let mut database = std::mem::take(&mut loaded.database);
    database.add_program_facts(program);
    options.complete = true;
    // What is written, counted or looked at; all else only as far as that needs it.
    let noted = ["constraint", "mark", "summary", "verdict"];
    let relations = program.relations.iter().enumerate();
    let patterns = how.patterns.as_ref().map(|w| Patterns::new(book, w));
    let shaped = |i: usize| patterns.as_ref().is_some_and(|p| p.needed[i]);
    let asked = relations.filter(|(i, r)| !r.outputs.is_empty() || noted.iter().any(|n| r.notes.has(n)) || shaped(*i));
    options.wanted = Some(asked.map(|(i, _)| RelId(i as u32)).collect());
    options.givers = patterns.as_ref().map(|p| Arc::new(p.needed.clone()));
    let rows: Vec<usize> = database.tables.iter().map(engine::store::Table::len).collect();
    let n = if how.shards > 0 { how.shards } else { shards::suitable(rows.iter().sum()) };
    let partition = if n > 1 { partition::choose(program, &rows) } else { None };
    // What marks the rows of all pieces must be in all of them.
    let marks =
        |p: &Partition| program.relations.iter().zip(&p.columns).all(|(r, c)| c.is_some() || !r.notes.has("mark"));
    // A skeleton is found in one piece: all rows of what it is about must be there.
    let apart = |p: &Partition| patterns.as_ref().is_none_or(|s| s.key == Some(p.key));
    let partition = partition.filter(marks).filter(apart);
    let mut found = patterns::Found::new();
    let Some(mut partition) = partition else {
        let (mut database, profile) = engine::evaluate(program, database, &options).map_err(Trouble::Limit)?;
        memory::kept(request.memory).map_err(Trouble::Memory)?;
        let evaluate_time = start.elapsed();
        watch(Stage::Check);
        let all = vec![true; database.tables.len()];
        let keys = vec![Some(0); all.len()];
        let (patterns, threads) = (patterns.as_ref(), request.threads);
        let pieces = Pieces { book, put, here: all.clone(), keys, patterns, threads, spent: AtomicU64::new(0) };
        loop {
            let Some((piece, more)) = shards::Sink::piece(&pieces, &mut database, &profile.givers) else {
                return Err(contradictions(book, request));
            };
            found = more.map_err(Trouble::Limit)?;
            if take(piece) != Next::Again {
                break;
            }
        }
        let times = (load_time, evaluate_time, pieces.spent());
        let patterns = patterns.map(|p| p.ranked(found));
        return Ok(Run { loaded, database, taken: all, profile, times, patterns });
    };
    // A relation whose rows do not begin with the key is written when all of it is there, with the marks of its rows.
    let apart: Vec<bool> = partition.columns.iter().map(|c| *c == Some(0)).collect();
    let late = program.relations.iter().enumerate().filter(|(i, r)| {
        partition.columns[*i]
            .is_some_and(|c| c > 0 && !(r.outputs.is_empty() && r.notes.0.is_empty()) || r.notes.has("mark"))
    });
    let late: Vec<RelId> = late.map(|(i, _)| RelId(i as u32)).collect();
    partition.keep(&late);
    let (here, keys, patterns) = (apart.clone(), partition.columns.clone(), patterns.as_ref());
    let pieces = Pieces { book, put, here, keys, patterns, threads: 1, spent: AtomicU64::new(0) };
    let mut sound = true;
    let mut failed = None;
    let mut refused = None;
    loop {
        let mut again = false;
        let mut pieces_done = 0;
        found.clear();
        let done = shards::evaluate(program, database, &partition, n, &options, &pieces, |piece| {
            let Some((piece, more)) = piece else {
                sound = false;
                return ControlFlow::Break(());
            };
            match more {
                Ok(more) => patterns::join(&mut found, more),
                Err(limit) => {
                    failed = Some(limit);
                    return ControlFlow::Break(());
                }
            }
            pieces_done += 1;
            refused = memory::kept(request.memory).err();
            if refused.is_some() {
                return ControlFlow::Break(());
            }
            watch(Stage::Piece { done: pieces_done, of: n });
            match take(piece) {
                Next::On => ControlFlow::Continue(()),
                next => {
                    again = next == Next::Again;
                    ControlFlow::Break(())
                }
            }
        });
        let (back, profile) = done.map_err(Trouble::Limit)?;
        if let Some(limit) = failed {
            return Err(Trouble::Limit(limit));
        }
        if let Some(refused) = refused {
            return Err(Trouble::Memory(refused));
        }
        if !sound || constraint::any(program, &back, |r| !apart[r.index()]) {
            drop(back);
            return Err(contradictions(book, request));
        }
        if !again {
            let times = (load_time, start.elapsed(), pieces.spent());
            let patterns = patterns.map(|p| p.ranked(found));
            return Ok(Run { loaded, database: back, taken: apart, profile, times, patterns });
        }
        database = back;
    }
}
