//! Golden cases, loaded and evaluated once; each says whether it notices a change of the law.

use super::mutants::Changed;
use std::fs;
use std::path::{Path, PathBuf};
use zhuize::bulk::{Request, load};
use zhuize::engine::limit::Options;
use zhuize::engine::store::{Database, Table};
use zhuize::engine::value::Word;
use zhuize::lang::date;
use zhuize::lang::program::{Program, RelId, Relation};
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
        let request = Request {
            facts: folder.join("facts"),
            as_of: date::parse_iso(as_of).unwrap(),
            skip_bad_rows: false,
            set: Vec::new(),
            origins: false,
            encoding: None,
            threads: 1,
        };
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
        Self { rulebook, given: tables, whole, pins, constraints }
    }

    /// Whether an expectation fails, a contradiction appears or the run breaks off.
    pub fn notices(&self, changed: &Changed) -> bool {
        let pins: Vec<&Pin> = self.pins.iter().filter(|p| changed.reach[p.rel.index()]).collect();
        let constraints: Vec<&RelId> = self.constraints.iter().filter(|r| changed.reach[r.index()]).collect();
        if pins.is_empty() && constraints.is_empty() {
            return false;
        }
        let table = |i: usize| match (changed.reach[i], changed.read[i]) {
            (true, _) => self.given[i].clone(),
            (false, true) => self.whole.tables[i].clone(),
            (false, false) => Table::new(self.given[i].width()),
        };
        let tables = (0..self.given.len()).map(table).collect();
        let database = Database { symbols: self.whole.symbols.clone(), tables };
        match zhuize::engine::evaluate(&changed.program, database, &Options::single()) {
            Err(_) => true,
            Ok((now, _)) => {
                constraints.iter().any(|r| !now.table(**r).is_empty())
                    || pins.iter().any(|p| project(now.table(p.rel), &p.columns) != p.rows)
            }
        }
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
