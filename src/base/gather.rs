//! Whole tables of a base, read by threads.
//!
//! Blocks are taken in groups of a fixed size. A thread turns those of a group into words over texts of the group's own; the texts
//! of some groups are then interned at once, in the order of the groups, so that ids do not depend on the threads.

use super::Trouble;
use super::file::{self, Block, Cell, Table};
use super::store::{Base, Gone, Kind};
use crate::engine::store::{self, Database};
use crate::engine::symbol::{self, Symbols, Tag};
use crate::engine::value::Word;
use crate::lang::program::{Arg, Atom, Const, Literal, Prim, Program, RelId, Relation, Rule};
use crate::proof::given::Source;
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Blocks of a group.
const GROUP: usize = 8;
/// Texts of a coded column for each of which something is kept.
const FEW: usize = 4096;
/// Groups whose texts are interned at once.
const AT_ONCE: usize = 16;

/// How rules use a column of a relation.
#[derive(Clone, Debug)]
pub(super) enum Use {
    /// No rule looks at it.
    Unread,
    /// Every rule wants one of these values.
    One(Vec<Const>),
    /// Otherwise.
    Any,
}

/// What of a relation is read.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    /// By column.
    pub uses: &'a [Use],
    /// Columns whose value has to be one that stands elsewhere.
    pub joined: &'a [(usize, Wanted)],
}

/// A column of which every use wants a value that stands elsewhere.
pub(super) struct Join<'p> {
    column: usize,
    /// Whether its values are texts.
    texts: bool,
    /// For every use: atoms with which it is joined, and the column of these.
    from: Vec<Vec<(&'p Atom, usize)>>,
}

/// Some blocks of a file.
struct Group {
    table: Arc<Table>,
    blocks: Range<usize>,
    /// Rows that a later layer took away.
    gone: Arc<Gone>,
}

/// Values that a column of a row has to have.
pub(super) enum Wanted {
    /// Texts, by id; most others are told from them by their tags alone.
    Texts(Vec<bool>, Likely),
    /// Other values.
    Words(FxHashSet<Word>),
}

/// A set of tags that may seem to have some more: one bit for all tags of one hash. It is small enough to be near.
pub(super) struct Likely {
    bits: Vec<u64>,
    shift: u32,
}

impl Likely {
    /// No tags, with room for so many.
    fn new(n: usize) -> Self {
        let bits = (n * 16).next_power_of_two().max(64);
        Self { bits: vec![0; bits / 64], shift: 64 - bits.trailing_zeros() }
    }

    fn place(&self, tag: Tag) -> (usize, u64) {
        let hash = symbol::spread(tag) >> self.shift;
        (hash as usize / 64, 1 << (hash % 64))
    }

    fn insert(&mut self, tag: Tag) {
        let (word, bit) = self.place(tag);
        self.bits[word] |= bit;
    }

    fn has(&self, tag: Tag) -> bool {
        let (word, bit) = self.place(tag);
        self.bits[word] & bit != 0
    }
}

impl Wanted {
    /// These texts.
    pub fn texts<'t>(texts: impl Iterator<Item = &'t str>, symbols: &mut Symbols) -> Self {
        let ids: Vec<u32> = texts.map(|t| symbols.intern(t)).collect();
        let mut marked = vec![false; symbols.len()];
        ids.into_iter().for_each(|id| marked[id as usize] = true);
        Self::marked(marked, symbols)
    }

    /// The texts whose ids are marked.
    fn marked(marked: Vec<bool>, symbols: &Symbols) -> Self {
        let mut likely = Likely::new(marked.iter().filter(|m| **m).count());
        for id in (0..marked.len()).filter(|id| marked[*id]) {
            likely.insert(symbol::tag(symbols.resolve(id as u32)));
        }
        Self::Texts(marked, likely)
    }

    /// Whether there is no such value.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Texts(texts, _) => !texts.contains(&true),
            Self::Words(words) => words.is_empty(),
        }
    }

    fn has(&self, cell: Cell<'_>, symbols: &Symbols) -> bool {
        match (self, cell) {
            (Self::Texts(texts, likely), Cell::Text(t)) => {
                likely.has(symbol::tag(t)) && symbols.get(t).is_some_and(|id| texts.get(id as usize) == Some(&true))
            }
            (Self::Words(words), Cell::Word(w)) => words.contains(&w),
            _ => false,
        }
    }
}

/// What was found for each text of a coded column, as far as it was asked.
#[derive(Clone)]
struct Memo<T>(Vec<Option<T>>);

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Memo<T> {
    /// What is found for a cell; for a text of a column with few texts it is found once.
    fn of<'b>(&mut self, block: &'b Block, row: usize, column: usize, find: impl FnOnce(Cell<'b>) -> T) -> T {
        let find = || find(block.get(row, column));
        match block.code(row, column) {
            Some((code, texts)) if texts <= FEW => {
                if self.0.is_empty() {
                    self.0.resize(texts, None);
                }
                *self.0[code].get_or_insert_with(find)
            }
            _ => find(),
        }
    }
}

/// What is taken of a table.
pub(super) struct Pick<'a> {
    width: usize,
    /// Columns whose value has to be one of these.
    among: Vec<(usize, &'a [Const])>,
    /// Columns whose value has to be one that stands elsewhere.
    joined: &'a [(usize, Wanted)],
    unread: Vec<bool>,
    /// Rows of the rulebook are told from others.
    facts: bool,
}

/// Rows of a group.
struct Gathered {
    /// Words; texts by their number among those of the group.
    rows: Vec<Word>,
    texts: Symbols,
    /// Values of [`Pick::among`] that some row has.
    met: Vec<(usize, usize)>,
    /// Rows that the rulebook did not bring.
    own: usize,
}

/// What was found of the texts of coded columns, in blocks of one file.
pub(super) struct Seen {
    hits: Vec<Memo<Option<usize>>>,
    had: Vec<Memo<bool>>,
    ids: Vec<Memo<Word>>,
    /// Values of [`Pick::among`] that some row has.
    pub met: Vec<(usize, usize)>,
}

impl<'a> Pick<'a> {
    /// What of a relation that is used so is taken, where further columns have to hold what stands elsewhere.
    pub fn new(relation: &Relation, uses: Option<&'a [Use]>, joined: &'a [(usize, Wanted)], facts: bool) -> Self {
        let among = uses.iter().flat_map(|p| p.iter().enumerate());
        Self {
            width: relation.arity(),
            among: among.filter_map(|(c, u)| if let Use::One(a) = u { Some((c, &a[..])) } else { None }).collect(),
            joined,
            unread: (0..relation.arity()).map(|c| uses.is_some_and(|p| matches!(p[c], Use::Unread))).collect(),
            facts,
        }
    }

    /// Nothing was found yet.
    pub fn seen(&self) -> Seen {
        Seen {
            hits: vec![Memo::default(); self.among.len()],
            had: vec![Memo::default(); self.joined.len()],
            ids: vec![Memo::default(); self.width],
            met: Vec::new(),
        }
    }

    /// The value that was [met](Seen::met).
    pub fn value(&self, (i, v): (usize, usize)) -> &'a Const {
        &self.among[i].1[v]
    }

    /// Whether every row is taken.
    pub fn takes_all(&self) -> bool {
        self.among.is_empty() && self.joined.is_empty()
    }

    /// Leaves those of these rows of a block that are taken.
    pub fn keep(&self, block: &Block, rows: &mut Vec<usize>, symbols: &Symbols, seen: &mut Seen) {
        for (i, (c, among)) in self.among.iter().enumerate() {
            let find = |cell| among.iter().position(|v| cell == file::cell(v));
            rows.retain(|r| {
                let hit = seen.hits[i].of(block, *r, *c, find).map(|v| (i, v));
                seen.met.extend(hit.filter(|h| !seen.met.contains(h)));
                hit.is_some()
            });
        }
        for ((c, wanted), had) in self.joined.iter().zip(&mut seen.had) {
            // Rows of a case stand together.
            let mut above = None;
            rows.retain(|r| {
                had.of(block, *r, *c, |cell| {
                    let known = above.filter(|(a, _)| *a == cell);
                    let has = known.map_or_else(|| wanted.has(cell, symbols), |(_, has)| has);
                    above = Some((cell, has));
                    has
                })
            });
        }
    }

    /// Adds the words of some rows of a block.
    pub fn words(&self, block: &Block, rows: &[usize], texts: &mut Symbols, seen: &mut Seen, out: &mut Vec<Word>) {
        let from = out.len();
        out.resize(from + rows.len() * self.width, 0);
        for c in (0..self.width).filter(|c| !self.unread[*c]) {
            let words = out[from..].iter_mut().skip(c).step_by(self.width);
            // Most cells of a column say what the cell above says.
            let mut above = ("", 0);
            for (word, r) in words.zip(rows) {
                *word = seen.ids[c].of(block, *r, c, |cell| match cell {
                    Cell::Word(w) => w,
                    Cell::Text(t) if t == above.0 => above.1,
                    Cell::Text(t) => {
                        above = (t, texts.intern(t));
                        above.1
                    }
                });
            }
        }
    }

    fn gather(&self, group: &Group, symbols: &Symbols) -> Result<Gathered, Trouble> {
        let mut out = Gathered { rows: Vec::new(), texts: Symbols::default(), met: Vec::new(), own: 0 };
        let mut seen = self.seen();
        // Rows that went are known by all that they say.
        let own = |c: &usize| *c < self.width && (!group.gone.is_empty() || !self.unread[*c]);
        let read = |c: &usize| own(c) || (self.facts && Base::tells_shipped(*c, self.width));
        let columns = group.table.columns((0..group.table.width()).filter(read).collect());
        for b in group.blocks.clone() {
            let block = group.table.some(b, &columns)?;
            let mut kept: Vec<usize> = group.gone.standing(&block).collect();
            self.keep(&block, &mut kept, symbols, &mut seen);
            if self.facts {
                out.own += kept.iter().filter(|r| !Base::shipped(&block, **r, self.width)).count();
            }
            self.words(&block, &kept, &mut out.texts, &mut seen, &mut out.rows);
        }
        out.met = seen.met;
        Ok(out)
    }
}

impl Base {
    /// What of a relation the rules for the relations behind a question read.
    pub(super) fn read(&self, program: &Program, rel: RelId, behind: &[bool]) -> Vec<Use> {
        let rules = program.rules.iter().filter(|r| behind[r.head.index()] && !self.settles(r.head));
        let mut uses: Vec<Option<Use>> = vec![None; program.rel(rel).arity()];
        for literal in rules.flat_map(|r| &r.body).filter(|l| l.relation() == Some(rel)) {
            let args = match literal {
                Literal::Atom(a) | Literal::Not(a) => &a.args[..],
                _ => &[],
            };
            for (c, of) in uses.iter_mut().enumerate() {
                *of = Some(match (of.take(), args.get(c)) {
                    (None | Some(Use::Unread), Some(Arg::Wild)) => Use::Unread,
                    (None, Some(Arg::Const(c))) => Use::One(vec![c.clone()]),
                    (Some(Use::One(mut among)), Some(Arg::Const(c))) => {
                        if !among.contains(c) {
                            among.push(c.clone());
                        }
                        Use::One(among)
                    }
                    _ => Use::Any,
                });
            }
        }
        uses.into_iter().map(|u| u.unwrap_or(Use::Any)).collect()
    }

    /// What is taken of relations that are read whole, in the order in which they are best read: the rows of a short table say
    /// which of a long one can be joined with them.
    pub(super) fn order(&self, program: &Program, rels: &[RelId], behind: &[bool]) -> Vec<(RelId, Vec<Use>)> {
        let read = |rel: &RelId| (*rel, self.read(program, *rel, behind));
        let mut out: Vec<(RelId, Vec<Use>)> = rels.iter().map(read).collect();
        out.sort_by_key(|(rel, _)| (self.rows(*rel), *rel));
        out
    }

    /// Columns of a relation of which all rules want values that stand in a column of a relation that is here: what else there
    /// is can be joined with nothing.
    pub(super) fn joins<'p>(&self, program: &'p Program, rel: RelId, behind: &[bool], here: &[bool]) -> Vec<Join<'p>> {
        let run = |r: &&Rule| behind[r.head.index()] && !self.settles(r.head);
        // Rows of the text and of rules come later.
        let whole = |rel: RelId| {
            here[rel.index()]
                && !program.facts.iter().any(|f| f.rel == rel)
                && !program.rules.iter().any(|r| r.head == rel && !self.settles(rel))
        };
        let join = |column: usize| -> Option<Join<'p>> {
            let mut from: Vec<Vec<(&Atom, usize)>> = Vec::new();
            for rule in program.rules.iter().filter(run) {
                for literal in rule.body.iter().filter(|l| l.relation() == Some(rel)) {
                    let (Literal::Atom(a) | Literal::Not(a)) = literal else { return None };
                    let Some(Arg::Var(v)) = a.args.get(column) else { return None };
                    let others = rule.body.iter().filter_map(|l| match l {
                        Literal::Atom(b) if b.rel != rel && whole(b.rel) => {
                            b.args.iter().position(|x| *x == Arg::Var(*v)).map(|at| (b, at))
                        }
                        _ => None,
                    });
                    from.push(others.collect());
                }
            }
            let texts = program.rel(rel).columns[column].prim == Prim::Symbol;
            (!from.is_empty() && from.iter().all(|f| !f.is_empty())).then_some(Join { column, texts, from })
        };
        (0..program.rel(rel).arity()).filter_map(join).collect()
    }

    /// Groups of the blocks of a table, through all layers.
    fn groups(&self, kind: Kind, rel: RelId) -> Result<Vec<Group>, Trouble> {
        let mut out = Vec::new();
        for (table, gone) in self.layers(kind, rel)? {
            let gone = Arc::new(gone);
            for from in (0..table.blocks()).step_by(GROUP) {
                let blocks = from..table.blocks().min(from + GROUP);
                out.push(Group { table: Arc::clone(&table), blocks, gone: Arc::clone(&gone) });
            }
        }
        Ok(out)
    }

    /// Puts the rows of a relation into its table, by the threads of the current pool; given what is read of it and what it is
    /// joined with, only those that a rule can match, and unread columns blank. Gives the number of rows that the rulebook did
    /// not bring.
    pub(super) fn fill(
        &self,
        program: &Program,
        rel: RelId,
        db: &mut Database,
        part: Option<Part<'_>>,
    ) -> Result<usize, Trouble> {
        let relation = program.rel(rel);
        let width = relation.arity();
        let kind = self.kind(rel).unwrap_or(Kind::Facts);
        let (uses, joined) = part.map_or((None, &[][..]), |p| (Some(p.uses), p.joined));
        let pick = Pick::new(relation, uses, joined, kind == Kind::Facts);
        let text: Vec<bool> = relation.columns.iter().map(|c| c.prim == Prim::Symbol).collect();
        let (mut rows, mut own) = (Vec::new(), 0);
        for groups in self.groups(kind, rel)?.chunks(AT_ONCE) {
            let found: Vec<Result<Gathered, Trouble>> =
                groups.par_iter().map(|g| pick.gather(g, &db.symbols)).collect();
            let mut found = found.into_iter().collect::<Result<Vec<Gathered>, Trouble>>()?;
            // Whoever asks is told of texts that stand nowhere.
            for met in found.iter().flat_map(|g| &g.met) {
                db.word(pick.value(*met));
            }
            let lists: Vec<(Vec<Tag>, Vec<Cow<'_, str>>)> = found
                .par_iter()
                .map(|g| {
                    let all = || (0..g.texts.len() as u32).map(|id| g.texts.resolve(id));
                    (all().map(symbol::tag).collect(), all().map(Cow::Borrowed).collect())
                })
                .collect();
            let lists: Vec<symbol::Tagged<'_>> = lists.iter().map(|(tags, texts)| (&tags[..], &texts[..])).collect();
            let ids = db.symbols.extend(&lists);
            found.par_iter_mut().zip(ids).for_each(|(g, ids)| {
                for row in g.rows.chunks_exact_mut(width.max(1)) {
                    for (word, _) in row.iter_mut().zip(&text).filter(|(_, text)| **text) {
                        *word = ids[*word as usize];
                    }
                }
            });
            for g in &found {
                rows.extend_from_slice(&g.rows);
                own += g.own;
            }
        }
        db.tables[rel.index()] = store::Table::from_rows(width, rows);
        Ok(own)
    }
}

impl Join<'_> {
    /// The column, and the values that stand where they have to; `None` when these are more rows than so many.
    pub fn wanted(&self, db: &Database, most: usize) -> Option<(usize, Wanted)> {
        let rows = |(b, _): &(&Atom, usize)| db.table(b.rel).len();
        let from: Vec<(&Atom, usize)> = self.from.iter().filter_map(|f| f.iter().copied().min_by_key(rows)).collect();
        if from.iter().map(rows).sum::<usize>() > most {
            return None;
        }
        Some((self.column, stand(&from, self.texts, db)))
    }
}

/// The values that stand in these columns of tables that are here, in rows that agree with the constants of the atom.
fn stand(from: &[(&Atom, usize)], texts: bool, db: &Database) -> Wanted {
    let mut words: FxHashSet<Word> = FxHashSet::default();
    let mut marked = vec![false; if texts { db.symbols.len() } else { 0 }];
    for (atom, at) in from {
        let constant = |(c, a): (usize, &Arg)| match a {
            Arg::Const(v) => Some((c, db.known_word(v))),
            _ => None,
        };
        let constants: Vec<(usize, Option<Word>)> = atom.args.iter().enumerate().filter_map(constant).collect();
        let fits = |row: &&[Word]| constants.iter().all(|(c, w)| Some(row[*c]) == *w);
        for row in db.table(atom.rel).rows().filter(fits) {
            if texts {
                marked[row[*at] as usize] = true;
            } else {
                words.insert(row[*at]);
            }
        }
    }
    if !texts {
        return Wanted::Words(words);
    }
    Wanted::marked(marked, &db.symbols)
}
