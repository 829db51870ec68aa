//! Golden cases, loaded and evaluated once; each says whether it notices a change of the law.

use super::mutants::Changed;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use zhuize::bulk::{Request, load};
use zhuize::engine::limit::Options;
use zhuize::engine::store::{Database, Table};
use zhuize::engine::value::Word;
use zhuize::lang::date;
use zhuize::lang::program::{Const, Program, RelId, Relation};
use zhuize::rulebook::{RuleTree, Rulebook};

/// A relation of which the expectation holds all rows over some columns.
struct Pin {
    rel: RelId,
    columns: Vec<usize>,
    rows: Vec<Vec<Word>>,
}

pub struct Case {
    /// Folder of the rulebook it stands in.
    pub rulebook: String,
    given: Vec<Table>,
    whole: Database,
    pins: Vec<Pin>,
    /// Relations whose rows are defects of the data.
    constraints: Vec<RelId>,
    /// The same casebase with one provision displaced.
    displaced: Vec<Displaced>,
}

/// A casebase in which somebody found, in every case, that a superior rule displaces a provision.
struct Displaced {
    instrument: Word,
    basis: Word,
    /// `instrument cite`.
    name: String,
    /// Given facts and conclusions, found when they are needed.
    found: OnceLock<(Vec<Table>, Database)>,
}

/// Outputs that impose nothing on anybody: who may decide, who is not answerable, what does not apply; and allocation, which
/// leads to nothing unless `liable` takes it up.
const HARMLESS: [&str; 6] =
    ["not_applicable", "competent_body", "competence_gap", "not_competent", "not_liable", "allocated"];

/// Outputs that state a conclusion under a provision: relation, and its columns instrument, basis.
fn conclusions(program: &Program) -> Vec<(RelId, [usize; 2])> {
    let stated = |r: &Relation| !r.outputs.is_empty() && !HARMLESS.contains(&r.name.as_str());
    let rels = program.relations.iter().enumerate().filter(|(_, r)| stated(r));
    rels.filter_map(|(i, r)| {
        let at = |n: &str| r.columns.iter().position(|c| c.name == n);
        Some((RelId(i as u32), [at("instrument")?, at("basis")?]))
    })
    .collect()
}

impl Displaced {
    /// One for each provision under which the case concludes anything.
    fn all(program: &Program, whole: &Database) -> Vec<Self> {
        let mut found: BTreeSet<(Word, Word)> = BTreeSet::new();
        for (rel, [i, b]) in conclusions(program) {
            found.extend(whole.table(rel).rows().map(|r| (r[i], r[b])));
        }
        let name = |i, b| format!("{} {}", whole.symbols.resolve(i), whole.symbols.resolve(b));
        let displaced = |(instrument, basis)| {
            let name = name(instrument, basis);
            Self { instrument, basis, name, found: OnceLock::new() }
        };
        found.into_iter().map(displaced).collect()
    }

    fn found(&self, program: &Program, given: &[Table], whole: &Database) -> &(Vec<Table>, Database) {
        self.found.get_or_init(|| {
            let cases = whole.table(program.relation("cases").unwrap());
            let table = program.relation("assessments").unwrap();
            let mut db = Database { symbols: whole.symbols.clone(), tables: given.to_vec() };
            let blank = db.word(&Const::Symbol("".into()));
            let outcome = db.word(&Const::Symbol("displaced_by_superior_rule".into()));
            let mut rows = db.table(table).data().to_vec();
            for c in cases.rows() {
                rows.extend([c[0], blank, self.instrument, self.basis, outcome, blank, blank]);
            }
            db.tables[table.index()] = Table::from_rows(7, rows);
            let given = db.tables.clone();
            let (whole, _) = zhuize::engine::evaluate(program, db, &Options::single()).unwrap();
            (given, whole)
        })
    }

    /// Conclusions that the displaced provision leads to all the same.
    fn left(&self, program: &Program, now: &Database) -> Vec<RelId> {
        let mine = |r: &[Word], [i, b]: [usize; 2]| r[i] == self.instrument && r[b] == self.basis;
        let rels = conclusions(program).into_iter();
        rels.filter(|(rel, at)| now.table(*rel).rows().any(|r| mine(r, *at))).map(|(rel, _)| rel).collect()
    }
}

/// Rows of a table over columns, as a set.
fn project(table: &Table, columns: &[usize]) -> Vec<Vec<Word>> {
    let mut rows: Vec<Vec<Word>> = table.rows().map(|r| columns.iter().map(|c| r[*c]).collect()).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

impl Case {
    fn new(book: &Rulebook, folder: &Path) -> Self {
        let args = fs::read_to_string(folder.join("args")).unwrap_or_default();
        let args: Vec<&str> = args.lines().filter(|l| !l.is_empty()).collect();
        let as_of = match args[..] {
            [] => "2025-06-30",
            ["--as-of", day] => day,
            _ => panic!("{}: this test knows no such arguments: {args:?}", folder.display()),
        };
        let request = Request::new(folder.join("facts"), date::parse_iso(as_of).unwrap());
        let given = load(book, &request).unwrap_or_else(|t| panic!("{}: {t:?}", folder.display())).database;
        let tables = given.tables.clone();
        let (whole, _) = zhuize::engine::evaluate(&book.program, given, &Options::single()).unwrap();
        let mut pins = Vec::new();
        for e in fs::read_dir(folder.join("expect")).unwrap() {
            let path = e.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let written = |r: &Relation| !r.outputs.is_empty() && zhuize::report::table::file_name(r) == name;
            let rel = RelId(book.program.relations.iter().position(written).unwrap() as u32);
            let header = csv::Reader::from_path(&path).unwrap().headers().unwrap().clone();
            // A column that marks rows (`hypothetical`) is a relation of its own, which other cases pin.
            let of = |h: &str| book.program.rel(rel).columns.iter().position(|c| c.name == h);
            let columns: Vec<usize> = header.iter().filter_map(of).collect();
            assert!(columns.len() + 1 >= header.len(), "{}", path.display());
            let rows = project(whole.table(rel), &columns);
            pins.push(Pin { rel, columns, rows });
        }
        let constraint = |i: &u32| book.program.rel(RelId(*i)).notes.has("constraint");
        let constraints = (0..book.program.relations.len() as u32).filter(constraint).map(RelId).collect();
        let mut parts = folder.components().rev().map(|c| c.as_os_str().to_string_lossy().into_owned());
        let rulebook = parts.nth(2).unwrap_or_default();
        let displaced = Displaced::all(&book.program, &whole);
        Self { rulebook, given: tables, whole, pins, constraints, displaced }
    }

    /// Conclusions under provisions that are displaced: there should be none.
    pub fn in_spite(&self, program: &Program) -> (usize, Vec<String>) {
        let said = |d: &Displaced| {
            let left = d.left(program, &d.found(program, &self.given, &self.whole).1).into_iter();
            left.map(|r| format!("{}: {}", d.name, program.rel(r).name)).collect::<Vec<_>>()
        };
        (self.displaced.len(), self.displaced.iter().flat_map(said).collect())
    }

    /// Whether an expectation fails, a contradiction appears or the run breaks off.
    pub fn notices(&self, changed: &Changed) -> bool {
        let pins: Vec<&Pin> = self.pins.iter().filter(|p| changed.reach[p.rel.index()]).collect();
        let constraints: Vec<&RelId> = self.constraints.iter().filter(|r| changed.reach[r.index()]).collect();
        if pins.is_empty() && constraints.is_empty() {
            return false;
        }
        match changed.evaluate(&self.given, &self.whole) {
            None => true,
            Some(now) => {
                constraints.iter().any(|r| !now.table(**r).is_empty())
                    || pins.iter().any(|p| project(now.table(p.rel), &p.columns) != p.rows)
            }
        }
    }

    /// Whether the displaced provision (any one, if none is named) leads to a conclusion.
    pub fn notices_displaced(&self, program: &Program, changed: &Changed, which: Option<&str>) -> bool {
        let led = conclusions(program).iter().any(|(r, _)| changed.reach[r.index()]);
        self.displaced.iter().filter(|d| led && which.is_none_or(|w| w == d.name)).any(|d| {
            let (given, whole) = d.found(program, &self.given, &self.whole);
            changed.evaluate(given, whole).is_none_or(|now| !d.left(program, &now).is_empty())
        })
    }
}

impl Changed {
    /// What the changed part derives; `None` if the run breaks off.
    fn evaluate(&self, given: &[Table], whole: &Database) -> Option<Database> {
        let table = |i: usize| match (self.reach[i], self.read[i]) {
            (true, _) => given[i].clone(),
            (false, true) => whole.tables[i].clone(),
            (false, false) => Table::new(given[i].width()),
        };
        let database = Database { symbols: whole.symbols.clone(), tables: (0..given.len()).map(table).collect() };
        zhuize::engine::evaluate(&self.program, database, &Options::single()).ok().map(|(now, _)| now)
    }
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().filter_map(|e| e.ok().map(|e| e.path()));
    let mut out: Vec<PathBuf> = entries.filter(|p| p.join("expect").is_dir()).collect();
    out.sort();
    out
}

/// All golden cases of the built-in rulebooks, and those under `LAW_GOLDEN`.
pub fn all(program: &Program) -> Vec<Case> {
    let book = Rulebook::load(&RuleTree::embedded()).rulebook.expect("the built-in rules are sound");
    assert_eq!(book.program.rules.len(), program.rules.len());
    let mut dirs = Vec::new();
    let mut books: Vec<PathBuf> = fs::read_dir("rules").unwrap().map(|e| e.unwrap().path()).collect();
    books.sort();
    for b in books.iter().filter(|b| !b.ends_with("_template") && !b.ends_with("examples")) {
        dirs.extend(folders(&b.join("cases")));
    }
    if let Some(more) = std::env::var_os("LAW_GOLDEN") {
        let more = folders(Path::new(&more));
        assert!(!more.is_empty(), "LAW_GOLDEN holds no casebase");
        dirs.extend(more);
    }
    assert!(dirs.len() > 200, "the golden cases are there");
    dirs.iter().map(|d| Case::new(&book, d)).collect()
}
