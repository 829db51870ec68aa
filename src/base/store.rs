//! A base that is open: rows by a value of a column, through all layers.

use super::file::{self, Block, Cell, Look, Table};
use super::{Manifest, Trouble};
use crate::engine::{self, value::Word};
use crate::facts::Standing;
use crate::lang::program::{Const, Program, RelId, Relation};
use crate::proof::given::{Fetched, Source};
use crate::rulebook::Rulebook;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Columns of a file of facts behind those of the relation: where the row comes from.
pub(super) const ORIGIN: [(&str, Look); 4] =
    [("_file", Look::Text), ("_line", Look::Number), ("_shipped", Look::Number), ("_source", Look::Text)];

/// A given row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Values.
    pub values: Vec<Const>,
    /// Where it comes from.
    pub place: Standing,
}

/// What was fetched of one table by one value, or of all of it.
#[derive(Clone, Debug)]
struct Piece {
    by: Option<(usize, Const)>,
    rows: Arc<Vec<Row>>,
}

/// What was fetched of one table.
#[derive(Debug, Default)]
struct Pieces {
    all: Vec<Piece>,
    /// By column and text, the place of the piece.
    by_text: FxHashMap<(usize, Arc<str>), usize>,
    /// The piece that is all of the table.
    whole: Option<usize>,
    /// So many of them, the first, stand in the tables that were made last.
    stood: usize,
}

impl Pieces {
    fn push(&mut self, piece: Piece) {
        match &piece.by {
            None => self.whole = Some(self.all.len()),
            Some((c, Const::Symbol(text))) => drop(self.by_text.insert((*c, Arc::clone(text)), self.all.len())),
            Some(_) => {}
        }
        self.all.push(piece);
    }

    /// The piece that holds the rows with that value, or all rows.
    fn with(&self, by: &Option<(usize, Const)>) -> Option<&Piece> {
        let at = self.whole.or_else(|| match by {
            Some((c, Const::Symbol(text))) => self.by_text.get(&(*c, Arc::clone(text))).copied(),
            _ => self.all.iter().position(|p| p.by == *by),
        });
        at.map(|i| &self.all[i])
    }
}

/// Kinds of rows that a base holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Given facts.
    Facts,
    /// Conclusions.
    Conclusions,
}

impl Kind {
    /// Path in a layer of the rows that came with it.
    #[must_use]
    pub fn came(self, name: &str) -> String {
        match self {
            Self::Facts => format!("facts/{name}.arrow"),
            Self::Conclusions => format!("conclusions/{name}.arrow"),
        }
    }

    /// Path in a layer of the rows that went with it.
    #[must_use]
    pub fn went(self, name: &str) -> String {
        match self {
            Self::Facts => format!("facts-gone/{name}.arrow"),
            Self::Conclusions => format!("conclusions-gone/{name}.arrow"),
        }
    }
}

/// Takes a row: its block, its place in it, the kinds of its columns.
pub type Visit<'a> = &'a mut dyn FnMut(&Block, usize, &[Look]) -> Result<(), Trouble>;

/// Rows of a table that later layers took away.
#[derive(Debug)]
pub(super) struct Gone {
    width: usize,
    /// Their first values, in order.
    firsts: Vec<Const>,
    rows: FxHashSet<Vec<u8>>,
}

impl Gone {
    /// The rows of a block that are none of them.
    pub fn standing<'a>(&'a self, block: &'a Block) -> impl Iterator<Item = usize> + 'a {
        let touched = self.touches(block);
        (0..block.len()).filter(move |row| !touched || !self.rows.contains(&block.bytes(*row, self.width)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a row of a block can be one of them: rows lie in the order of their first values.
    fn touches(&self, block: &Block) -> bool {
        if self.rows.is_empty() || block.is_empty() || self.width == 0 {
            return !self.rows.is_empty();
        }
        let (low, high) = (block.get(0, 0), block.get(block.len() - 1, 0));
        let at = self.firsts.partition_point(|f| file::order(file::cell(f), low).is_lt());
        self.firsts.get(at).is_some_and(|f| file::order(file::cell(f), high).is_le())
    }
}

/// Path in a layer of the order of a table by another column.
#[must_use]
pub fn by(name: &str, column: &str) -> String {
    format!("by/{name}.{column}.arrow")
}

/// Files that are open, by layer and path.
type Open = FxHashMap<(usize, String), Arc<Table>>;

/// An open base.
#[derive(Debug)]
pub struct Base {
    dir: PathBuf,
    manifest: Manifest,
    /// By relation: its name, the names of its columns, and what rows of it lie in the base.
    relations: Vec<(String, Vec<String>, Option<Kind>)>,
    open: Arc<Mutex<Open>>,
    fetched: Mutex<BTreeMap<RelId, Pieces>>,
    news: AtomicBool,
    failed: Mutex<Option<Trouble>>,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The cells of a row as constants.
fn constants(block: &Block, row: usize, looks: &[Look]) -> Vec<Const> {
    looks.iter().enumerate().map(|(c, look)| file::constant(block.get(row, c), *look)).collect()
}

impl Base {
    /// Opens a base for a rulebook with that hash; with its conclusions, if they need not be explained.
    ///
    /// # Errors
    /// When it is no base, or made under another rulebook.
    pub fn open(dir: &Path, book: &Rulebook, conclusions: bool) -> Result<Self, Trouble> {
        let (manifest, rulebook) = (Manifest::read(dir)?, book.hash());
        if manifest.rulebook != rulebook {
            return Err(Trouble::OtherRules(manifest.rulebook, rulebook));
        }
        // A question may have relations of its own written.
        let kept = |r: &Relation| conclusions && book.outputs.contains(&r.name);
        Ok(Self::over(dir, &book.program, manifest, &kept))
    }

    /// A base as a manifest has it, with the conclusions of some relations.
    pub(super) fn over(dir: &Path, program: &Program, manifest: Manifest, kept: &dyn Fn(&Relation) -> bool) -> Self {
        let held = |r: &Relation| match manifest.indexed.contains_key(&r.name) {
            true => Some(Kind::Facts),
            false => kept(r).then_some(Kind::Conclusions),
        };
        let relation = |r: &Relation| (r.name.clone(), r.columns.iter().map(|c| c.name.clone()).collect(), held(r));
        Self {
            dir: dir.to_owned(),
            relations: program.relations.iter().map(relation).collect(),
            manifest,
            open: Arc::default(),
            fetched: Mutex::default(),
            news: AtomicBool::new(false),
            failed: Mutex::new(None),
        }
    }

    /// The same base of facts as if its tables mentioned these days, with the files and blocks that were read so far.
    pub(super) fn touching(&self, program: &Program, touched: Option<(i32, i32)>) -> Self {
        let manifest = Manifest { touched, ..self.manifest.clone() };
        Self { open: Arc::clone(&self.open), ..Self::over(&self.dir, program, manifest, &|_| false) }
    }

    /// What the base says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether rows of a table lie in the base.
    #[must_use]
    pub fn holds(&self, rel: RelId) -> bool {
        self.relations[rel.index()].2.is_some()
    }

    /// What rows of a relation lie in the base.
    #[must_use]
    pub fn kind(&self, rel: RelId) -> Option<Kind> {
        self.relations[rel.index()].2
    }

    /// Number of rows of a table, all layers together.
    fn size(&self, rel: RelId) -> u64 {
        let (name, _, kind) = &self.relations[rel.index()];
        kind.map_or(0, |k| self.manifest.rows(&k.came(name)))
    }

    /// A file of a layer, if the layer has it.
    pub(super) fn table(&self, layer: usize, path: &str) -> Result<Option<Arc<Table>>, Trouble> {
        let Some(entry) = self.manifest.layers[layer].files.get(path) else { return Ok(None) };
        let key = (layer, path.to_owned());
        if let Some(known) = lock(&self.open).get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let full = self.dir.join(&self.manifest.layers[layer].dir).join(path);
        let table = Arc::new(Table::open(&full, entry)?);
        lock(&self.open).insert(key, Arc::clone(&table));
        Ok(Some(table))
    }

    /// Calls for every row of a kind with that value in that column (the first, or an indexed one), in any order; rows that
    /// a later layer took away are left out.
    pub(super) fn visit(
        &self,
        kind: Kind,
        rel: RelId,
        column: usize,
        key: Cell<'_>,
        found: Visit<'_>,
    ) -> Result<(), Trouble> {
        let (name, columns, _) = &self.relations[rel.index()];
        for layer in 0..self.manifest.layers.len() {
            let Some(table) = self.table(layer, &kind.came(name))? else { continue };
            let width = columns.len();
            let mut one = |block: &Block, row: usize| -> Result<(), Trouble> {
                if self.gone_after(kind, name, layer, width, block, row)? {
                    return Ok(());
                }
                found(block, row, table.looks())
            };
            if column == 0 {
                table.with_key(key, &mut one)?;
                continue;
            }
            let path = by(name, &columns[column]);
            let Some(index) = self.table(layer, &path)? else { continue };
            let mut numbers: Vec<Word> = Vec::new();
            index.with_key(key, |block, row| {
                if let Cell::Word(n) = block.get(row, 1) {
                    numbers.push(n);
                }
                Ok(())
            })?;
            numbers.sort_unstable();
            for n in numbers {
                let (b, row) = (n as usize / file::BLOCK, n as usize % file::BLOCK);
                if b >= table.blocks() {
                    return Err(Trouble::Damaged(
                        self.dir.join(path),
                        "it leads to rows that are not there".to_owned(),
                    ));
                }
                one(&*table.block(b)?, row)?;
            }
        }
        Ok(())
    }

    /// Whether a row of a layer went with a later one.
    fn gone_after(
        &self,
        kind: Kind,
        name: &str,
        layer: usize,
        width: usize,
        block: &Block,
        row: usize,
    ) -> Result<bool, Trouble> {
        // The last layer that speaks of a row decides, and a row is added only where it is not there.
        for later in layer + 1..self.manifest.layers.len() {
            let Some(gone) = self.table(later, &kind.went(name))? else { continue };
            let mut hit = gone.width() == 0 || width == 0;
            if !hit {
                gone.with_key(block.get(row, 0), |b, r| {
                    hit |= (1..width).all(|c| file::order(b.get(r, c), block.get(row, c)).is_eq());
                    Ok(())
                })?;
            }
            if hit {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The files with the rows of a kind that came, layer after layer, each with the rows that a later layer took away.
    pub(super) fn layers(&self, kind: Kind, rel: RelId) -> Result<Vec<(Arc<Table>, Gone)>, Trouble> {
        let (name, columns, _) = &self.relations[rel.index()];
        let layers = self.manifest.layers.len();
        let mut out = Vec::new();
        for layer in 0..layers {
            let Some(table) = self.table(layer, &kind.came(name))? else { continue };
            let mut gone = Gone { width: columns.len(), firsts: Vec::new(), rows: FxHashSet::default() };
            for later in layer + 1..layers {
                let Some(t) = self.table(later, &kind.went(name))? else { continue };
                for b in 0..t.blocks() {
                    let block = t.fresh(b)?;
                    for r in 0..block.len() {
                        gone.rows.insert(block.bytes(r, columns.len()));
                        gone.firsts.extend(t.looks().first().map(|look| file::constant(block.get(r, 0), *look)));
                    }
                }
            }
            gone.firsts.sort_by(|a, b| file::order(file::cell(a), file::cell(b)));
            out.push((table, gone));
        }
        Ok(out)
    }

    /// Calls for every row of a kind, layer after layer, each in its order.
    ///
    /// # Errors
    /// When a file is not as it was written.
    pub fn all(&self, kind: Kind, rel: RelId, found: Visit<'_>) -> Result<(), Trouble> {
        for (table, gone) in self.layers(kind, rel)? {
            for b in 0..table.blocks() {
                let block = table.fresh(b)?;
                for row in gone.standing(&block) {
                    found(&block, row, table.looks())?;
                }
            }
        }
        Ok(())
    }

    /// Whether a row of a kind is there.
    pub(super) fn has(&self, kind: Kind, rel: RelId, row: &[Const]) -> Result<bool, Trouble> {
        let mut there = false;
        let Some(first) = row.first() else {
            self.all(kind, rel, &mut |_, _, _| {
                there = true;
                Ok(())
            })?;
            return Ok(there);
        };
        self.visit(kind, rel, 0, file::cell(first), &mut |block, r, _| {
            there |= row.iter().enumerate().all(|(c, v)| file::order(block.get(r, c), file::cell(v)).is_eq());
            Ok(())
        })?;
        Ok(there)
    }

    /// Whether a given row came with the rulebook; `width` is that of its relation.
    pub(super) fn shipped(block: &Block, row: usize, width: usize) -> bool {
        matches!(block.get(row, width + 2), Cell::Word(w) if crate::engine::value::to_number(w) > 0)
    }

    /// Whether a column says so.
    pub(super) fn tells_shipped(column: usize, width: usize) -> bool {
        column == width + 2
    }

    /// Given rows with that value in that column, or all.
    ///
    /// # Errors
    /// When a file is not as it was written.
    pub fn facts(&self, rel: RelId, by: Option<(usize, &Const)>) -> Result<Vec<Row>, Trouble> {
        let width = self.relations[rel.index()].1.len();
        let mut out = Vec::new();
        let mut names: FxHashMap<String, Arc<str>> = FxHashMap::default();
        let mut text = |cell: Cell<'_>| -> Arc<str> {
            match cell {
                Cell::Text(t) => match names.get(t) {
                    Some(known) => Arc::clone(known),
                    None => Arc::clone(names.entry(t.to_owned()).or_insert_with(|| Arc::from(t))),
                },
                Cell::Word(_) => Arc::from(""),
            }
        };
        let number = |cell: Cell<'_>| match cell {
            Cell::Word(w) => crate::engine::value::to_number(w).max(0) as u32,
            Cell::Text(_) => 0,
        };
        let mut take = |block: &Block, row: usize, looks: &[Look]| {
            let place = Standing {
                file: text(block.get(row, width)),
                line: number(block.get(row, width + 1)),
                shipped: Self::shipped(block, row, width),
                source: text(block.get(row, width + 3)),
            };
            out.push(Row { values: constants(block, row, &looks[..width]), place });
            Ok(())
        };
        match by {
            Some((column, key)) => self.visit(Kind::Facts, rel, column, file::cell(key), &mut take)?,
            None => self.all(Kind::Facts, rel, &mut take)?,
        }
        Ok(out)
    }

    /// Conclusions with that value in the first column, or all.
    ///
    /// # Errors
    /// When a file is not as it was written.
    pub fn conclusions(&self, rel: RelId, first: Option<&Const>) -> Result<Vec<Vec<Const>>, Trouble> {
        let mut out = Vec::new();
        let mut take = |block: &Block, row: usize, looks: &[Look]| {
            out.push(constants(block, row, looks));
            Ok(())
        };
        match first {
            Some(key) => self.visit(Kind::Conclusions, rel, 0, file::cell(key), &mut take)?,
            None => self.all(Kind::Conclusions, rel, &mut take)?,
        }
        Ok(out)
    }

    /// Rows that went with any layer.
    pub(super) fn went(&self, kind: Kind, rel: RelId) -> Result<Vec<Vec<Const>>, Trouble> {
        let mut out = Vec::new();
        for layer in 0..self.manifest.layers.len() {
            let Some(table) = self.table(layer, &kind.went(&self.relations[rel.index()].0))? else { continue };
            for b in 0..table.blocks() {
                let block = table.fresh(b)?;
                out.extend((0..block.len()).map(|r| constants(&block, r, table.looks())));
            }
        }
        Ok(out)
    }

    /// [`Source::fetch`] without a copy of the rows.
    pub fn pull(&self, rel: RelId, columns: &[usize], key: &[Const]) -> (Option<usize>, Arc<Vec<Row>>) {
        let best = if self.is_small(rel) { None } else { self.best(rel, columns) };
        let by = best.and_then(|c| Some((c, key.get(columns.iter().position(|x| *x == c)?)?.clone())));
        let known =
            lock(&self.fetched).get(&rel).and_then(|p| p.with(&by).map(|p| (p.by.clone(), Arc::clone(&p.rows))));
        let (by, rows) = known.unwrap_or_else(|| {
            let found = match self.relations[rel.index()].2 {
                Some(Kind::Conclusions) => self
                    .conclusions(rel, by.as_ref().map(|(_, v)| v))
                    .map(|rows| rows.into_iter().map(|values| Row { values, place: Standing::default() }).collect()),
                _ => self.facts(rel, by.as_ref().map(|(c, v)| (*c, v))),
            };
            let rows = found.unwrap_or_else(|e| {
                lock(&self.failed).get_or_insert(e);
                Vec::new()
            });
            let rows = Arc::new(rows);
            lock(&self.fetched).entry(rel).or_default().push(Piece { by: by.clone(), rows: Arc::clone(&rows) });
            self.news.store(true, Ordering::Relaxed);
            (by, rows)
        });
        (by.map(|b| b.0), rows)
    }

    /// Among bound columns the one by which rows are found: of those in whose order rows lie the one with most values.
    fn best(&self, rel: RelId, columns: &[usize]) -> Option<usize> {
        let name = &self.relations[rel.index()].0;
        let indexed = self.manifest.indexed.get(name).map_or(&[][..], Vec::as_slice);
        let usable = columns.iter().copied().filter(|c| *c == 0 || indexed.contains(c));
        usable.max_by_key(|c| (self.values(rel, *c), std::cmp::Reverse(*c)))
    }

    /// Whether a table is read whole when it is first asked.
    pub(super) fn is_small(&self, rel: RelId) -> bool {
        self.relations[rel.index()].1.is_empty() || self.size(rel) <= self.manifest.small
    }

    fn values(&self, rel: RelId, column: usize) -> u64 {
        let known = self.manifest.distinct.get(&self.relations[rel.index()].0);
        known.and_then(|d| d.get(column)).copied().unwrap_or(1).max(1)
    }

    /// By relation: whether the engine needs it for these, down to those that are settled.
    pub(super) fn behind(&self, program: &Program, wanted: &[RelId]) -> Vec<bool> {
        engine::needed_by(program, wanted, |id| !self.settles(program.rule(id).head))
    }

    /// Everything fetched so far of a table, each row once.
    pub fn resident(&self, rel: RelId) -> Vec<Row> {
        let fetched = lock(&self.fetched);
        let Some(pieces) = fetched.get(&rel) else { return Vec::new() };
        if let Some(whole) = pieces.with(&None) {
            return whole.rows.to_vec();
        }
        pieces.all.iter().flat_map(|p| p.rows.iter().cloned()).collect()
    }

    /// Says that all that was fetched so far stands in tables: a prover that begins with them has it, whoever fetches more.
    pub(super) fn stands(&self) {
        lock(&self.fetched).values_mut().for_each(|p| p.stood = p.all.len());
    }

    /// Whether anything was fetched since this was last asked: what was worked out without it has to be worked out again.
    pub fn took_news(&self) -> bool {
        self.news.swap(false, Ordering::Relaxed)
    }

    /// Whether anything was fetched since [`Base::took_news`] was last asked.
    #[must_use]
    pub fn has_news(&self) -> bool {
        self.news.load(Ordering::Relaxed)
    }

    /// Fetches something without making news of it.
    pub(super) fn quietly(&self, fetch: impl FnOnce()) {
        let before = self.has_news();
        fetch();
        self.news.store(before, Ordering::Relaxed);
    }

    /// What went wrong while rows were fetched.
    pub fn failure(&self) -> Option<Trouble> {
        lock(&self.failed).take()
    }
}

impl Source for Base {
    fn keeps(&self, rel: RelId) -> bool {
        self.holds(rel)
    }

    fn fetch(&self, rel: RelId, columns: &[usize], key: &[Const]) -> Fetched {
        let (by, rows) = self.pull(rel, columns, key);
        Fetched { by, rows: rows.iter().map(|r| r.values.clone()).collect() }
    }

    fn covered(&self, rel: RelId) -> Vec<Option<(usize, Const)>> {
        let known = lock(&self.fetched);
        known.get(&rel).map_or_else(Vec::new, |p| p.all[..p.stood].iter().map(|p| p.by.clone()).collect())
    }

    fn rows(&self, rel: RelId) -> u64 {
        self.size(rel)
    }

    fn settles(&self, rel: RelId) -> bool {
        self.relations[rel.index()].2 == Some(Kind::Conclusions)
    }

    fn distinct(&self, rel: RelId, column: usize) -> u64 {
        self.values(rel, column)
    }

    fn leading(&self, rel: RelId, columns: usize) -> u64 {
        let known = self.manifest.leading.get(&self.relations[rel.index()].0);
        known.and_then(|l| l.get(columns)).copied().unwrap_or(1).max(1)
    }
}
