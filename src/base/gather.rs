//! Whole tables of a base, read by threads.
//!
//! Blocks are taken in groups of a fixed size. A thread turns those of a group into words over texts of the group's own; the texts
//! of some groups are then interned at once, in the order of the groups, so that ids do not depend on the threads.

use super::Trouble;
use super::file::{self, Cell, Table};
use super::store::{Base, Gone, Kind};
use crate::engine::store::{self, Database};
use crate::engine::symbol::{self, Symbols, Tag};
use crate::engine::value::Word;
use crate::lang::program::{Arg, Const, Literal, Prim, Program, RelId};
use crate::proof::given::Source;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Blocks of a group.
const GROUP: usize = 8;
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

/// Some blocks of a file.
struct Group {
    table: Arc<Table>,
    blocks: Range<usize>,
    /// Rows that a later layer took away.
    gone: Arc<Gone>,
}

/// What is taken of a table.
struct Pick<'a> {
    width: usize,
    /// Columns whose value has to be one of these.
    among: Vec<(usize, &'a [Const])>,
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

impl Pick<'_> {
    fn gather(&self, group: &Group) -> Result<Gathered, Trouble> {
        let mut out = Gathered { rows: Vec::new(), texts: Symbols::default(), met: Vec::new(), own: 0 };
        for b in group.blocks.clone() {
            let block = group.table.fresh(b)?;
            let mut kept: Vec<usize> = group.gone.standing(&block).collect();
            for (i, (c, among)) in self.among.iter().enumerate() {
                kept.retain(|r| {
                    let cell = block.get(*r, *c);
                    let hit = among.iter().position(|v| file::order(cell, file::cell(v)).is_eq()).map(|v| (i, v));
                    out.met.extend(hit.filter(|h| !out.met.contains(h)));
                    hit.is_some()
                });
            }
            if self.facts {
                out.own += kept.iter().filter(|r| !Base::shipped(&block, **r, self.width)).count();
            }
            let from = out.rows.len();
            out.rows.resize(from + kept.len() * self.width, 0);
            for c in (0..self.width).filter(|c| !self.unread[*c]) {
                let words = out.rows[from..].iter_mut().skip(c).step_by(self.width);
                // Most cells of a column say what the cell above says.
                let mut above = ("", 0);
                for (word, r) in words.zip(&kept) {
                    *word = match block.get(*r, c) {
                        Cell::Word(w) => w,
                        Cell::Text(t) if t == above.0 => above.1,
                        Cell::Text(t) => {
                            above = (t, out.texts.intern(t));
                            above.1
                        }
                    };
                }
            }
        }
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

    /// Puts the rows of a relation into its table, by the threads of the current pool; given what is read of it, only those
    /// that a rule can match, and unread columns blank. Gives the number of rows that the rulebook did not bring.
    pub(super) fn fill(
        &self,
        program: &Program,
        rel: RelId,
        db: &mut Database,
        part: Option<&[Use]>,
    ) -> Result<usize, Trouble> {
        let relation = program.rel(rel);
        let width = relation.arity();
        let kind = self.kind(rel).unwrap_or(Kind::Facts);
        let among = part.iter().flat_map(|p| p.iter().enumerate());
        let pick = Pick {
            width,
            among: among.filter_map(|(c, u)| if let Use::One(a) = u { Some((c, &a[..])) } else { None }).collect(),
            unread: (0..width).map(|c| part.is_some_and(|p| matches!(p[c], Use::Unread))).collect(),
            facts: kind == Kind::Facts,
        };
        let text: Vec<bool> = relation.columns.iter().map(|c| c.prim == Prim::Symbol).collect();
        let (mut rows, mut own) = (Vec::new(), 0);
        for groups in self.groups(kind, rel)?.chunks(AT_ONCE) {
            let found: Vec<Result<Gathered, Trouble>> = groups.par_iter().map(|g| pick.gather(g)).collect();
            let mut found = found.into_iter().collect::<Result<Vec<Gathered>, Trouble>>()?;
            // Whoever asks is told of texts that stand nowhere.
            for (i, v) in found.iter().flat_map(|g| &g.met) {
                db.word(&pick.among[*i].1[*v]);
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
