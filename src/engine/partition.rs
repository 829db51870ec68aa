//! Which rules can be evaluated shard by shard, found from the program alone.
//!
//! A declared type is taken as the key. A relation with a column of that type is *parted*: its rows go with the shard of
//! their key. Every other relation is *whole*: all shards see all of it. A rule is local when it has a parted atom and all its
//! parted atoms, negated ones and aggregates included, and its head have one variable in their key columns: it then finds in
//! each shard just what it would find there at once. Other rules run over the rows of all shards put together, between two passes over the
//! shards; so do whole relations that parted ones lead to. The number of passes is the number of such exchanges, plus one.

use crate::lang::program::{Arg, Functor, Literal, Program, RelId, Rule, RuleId, Term, TypeId, VarId};
use std::collections::BTreeSet;

/// Where a rule runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the shards, in every pass from this one on.
    Shard(usize),
    /// In the shards, in this pass alone: its head is whole, and complete after it.
    Emit(usize),
    /// Over the rows of all shards, before this pass.
    Between(usize),
}

/// How a program falls apart by a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The type of the key.
    pub key: TypeId,
    /// By relation: the key column of a parted relation.
    pub columns: Vec<Option<usize>>,
    /// By relation: the pass from which on a shard has all rows of it.
    pub levels: Vec<usize>,
    /// By rule.
    pub places: Vec<Place>,
    /// By pass: relations whose rows of all shards are put together after it.
    pub gathered: Vec<BTreeSet<RelId>>,
}

impl Partition {
    /// Number of passes over the shards.
    #[must_use]
    pub fn passes(&self) -> usize {
        self.gathered.len()
    }

    /// Has the rows of all shards of these parted relations put together as well.
    pub fn keep(&mut self, relations: &[RelId]) {
        for rel in relations {
            self.gather(self.levels[rel.index()], *rel);
        }
    }

    /// Rules that run over all rows together.
    #[must_use]
    pub fn between(&self) -> usize {
        self.places.iter().filter(|p| matches!(p, Place::Between(_))).count()
    }
}

/// The best partition for tables of these sizes (rows by relation): the key by which most rows part and most rules are
/// local. `None` when no key lets at least half of the rows part and nine of ten rules that read parted relations be local.
#[must_use]
pub fn choose(program: &Program, rows: &[usize]) -> Option<Partition> {
    if program.rules.iter().any(asks_for_identity) {
        return None;
    }
    // A key that a functor makes may come behind all given ones.
    let makes_key =
        |p: &Partition| program.rules.iter().any(|r| p.columns[r.head.index()].is_some_and(|c| is_made(r, &r.args[c])));
    let mut types: BTreeSet<TypeId> = BTreeSet::new();
    for (r, _) in program.relations.iter().zip(rows).filter(|(_, n)| **n > 0) {
        types.extend(r.columns.iter().map(|c| c.ty).filter(|t| program.types[t.index()].span.is_some()));
    }
    let total: usize = rows.iter().sum();
    let mut best: Option<(usize, Partition)> = None;
    for key in types {
        let p = by_key(program, key);
        let parted: usize = p.columns.iter().zip(rows).filter(|(c, _)| c.is_some()).map(|(_, n)| *n).sum();
        let reads = |r: &Rule| r.reads().any(|r| p.columns[r.index()].is_some());
        let readers = program.rules.iter().filter(|r| reads(r)).count();
        let good = parted * 2 >= total && p.between() * 10 <= readers && !makes_key(&p);
        if good && best.as_ref().is_none_or(|(n, _)| parted > *n) {
            best = Some((parted, p));
        }
    }
    best.map(|(_, p)| p)
}

/// `ord` gives a number that differs from shard to shard.
fn asks_for_identity(rule: &Rule) -> bool {
    fn within(t: &Term) -> bool {
        match t {
            Term::Apply { op, args, .. } => *op == Functor::Ord || args.iter().any(within),
            _ => false,
        }
    }
    rule.args.iter().any(within)
        || rule.body.iter().any(|l| match l {
            Literal::Compare { left, right, .. } => within(left) || within(right),
            Literal::Range { from, to, step, .. } => within(from) || within(to) || step.as_ref().is_some_and(within),
            _ => false,
        })
}

/// Whether no row holds the value of a head term.
fn is_made(rule: &Rule, term: &Term) -> bool {
    match term {
        Term::Const(_) => false,
        Term::Apply { .. } => true,
        Term::Var(v) => !rule.body.iter().any(|l| matches!(l, Literal::Atom(a) if a.args.contains(&Arg::Var(*v)))),
    }
}

/// How a program falls apart by a given key.
#[must_use]
pub fn by_key(program: &Program, key: TypeId) -> Partition {
    let columns: Vec<Option<usize>> =
        program.relations.iter().map(|r| r.columns.iter().position(|c| c.ty == key)).collect();
    let n = program.relations.len();
    let mut p = Partition {
        key,
        columns,
        levels: vec![0; n],
        places: vec![Place::Between(0); program.rules.len()],
        gathered: Vec::new(),
    };
    // Relations that shards add to: the rows of all others are together from the beginning.
    let mut apart: BTreeSet<RelId> = BTreeSet::new();
    let mut late = Vec::new();
    let read: BTreeSet<RelId> = program.rules.iter().flat_map(Rule::reads).collect();
    for s in program.strata.iter().filter(|s| !s.rules.is_empty()) {
        let own = |r: RelId| s.relations.contains(&r);
        let kinds: Vec<Kind> = s.rules.iter().map(|r| kind(program.rule(*r), &p.columns)).collect();
        // Relations that depend on each other grow together: in the shards, or together.
        let among = s.recursive && kinds.iter().any(|k| *k != Kind::Local);
        let mut level = 0;
        for (id, kind) in s.rules.iter().zip(&kinds) {
            let (mut here, mut together) = (0, 0);
            for rel in program.rule(*id).reads().filter(|r| !own(*r)) {
                let at = p.levels[rel.index()];
                here = here.max(at);
                together = together.max(at + usize::from(apart.contains(&rel)));
            }
            level = level.max(match kind {
                _ if among => together,
                Kind::Local | Kind::Whole => here,
                // Nobody waits for what nobody reads: it is found in the last pass.
                Kind::Emits if !read.contains(&program.rule(*id).head) => 0,
                Kind::Emits => here + 1,
                Kind::Crosses => together,
            });
        }
        for rel in &s.relations {
            p.levels[rel.index()] = level;
        }
        for (id, kind) in s.rules.iter().zip(&kinds) {
            let bodies = || program.rule(*id).reads();
            let here = bodies().map(|r| p.levels[r.index()]).max().unwrap_or(0);
            p.places[id.index()] = match kind {
                Kind::Local if !among => Place::Shard(level),
                Kind::Emits if !among => Place::Emit(here),
                _ => Place::Between(level),
            };
            match p.places[id.index()] {
                Place::Shard(_) => {}
                Place::Emit(_) if !read.contains(&program.rule(*id).head) => late.push(*id),
                Place::Emit(at) => p.gather(at, program.rule(*id).head),
                Place::Between(_) => {
                    for rel in bodies().filter(|r| !own(*r) && apart.contains(r)) {
                        p.gather(p.levels[rel.index()], rel);
                    }
                }
            }
        }
        let shards = |r: &&RuleId| matches!(p.places[r.index()], Place::Shard(_));
        apart.extend(s.rules.iter().filter(shards).map(|r| program.rule(*r).head));
    }
    let last = p.levels.iter().max().copied().unwrap_or(0);
    p.gathered.resize(last + 1, BTreeSet::new());
    for id in late {
        p.places[id.index()] = Place::Emit(last);
        p.gather(last, program.rule(id).head);
    }
    p
}

impl Partition {
    fn gather(&mut self, pass: usize, rel: RelId) {
        if self.gathered.len() <= pass {
            self.gathered.resize(pass + 1, BTreeSet::new());
        }
        self.gathered[pass].insert(rel);
    }
}

/// What a rule does with the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One key in the body, the same in the head.
    Local,
    /// One key in the body, a head without key.
    Emits,
    /// Reads no parted relation, and its head is whole.
    Whole,
    /// Anything else.
    Crosses,
}

fn kind(rule: &Rule, columns: &[Option<usize>]) -> Kind {
    let mut keys: BTreeSet<Option<VarId>> = BTreeSet::new();
    // Absences and counts do not say that a key is one of the shard's.
    let mut held = false;
    let var = |a: Option<&Arg>| match a {
        Some(Arg::Var(v)) => Some(*v),
        _ => None,
    };
    let parted = |l: &&Literal| l.relation().is_some_and(|r| columns[r.index()].is_some());
    let mut all = rule.body.iter().filter(parted);
    if let (Some(Literal::Atom(a)), None, None) = (all.next(), all.next(), columns[rule.head.index()])
        && columns[a.rel.index()].is_some_and(|c| a.args[c] == Arg::Wild)
    {
        return Kind::Emits;
    }
    for l in &rule.body {
        let Some(c) = l.relation().and_then(|r| columns[r.index()]) else { continue };
        held |= matches!(l, Literal::Atom(_));
        keys.insert(match l {
            Literal::Atom(a) | Literal::Not(a) => var(a.args.get(c)),
            Literal::Aggregate { group, .. } => var(group.get(c)),
            Literal::Compare { .. } | Literal::Range { .. } => None,
        });
    }
    let head = columns[rule.head.index()].map(|c| match &rule.args[c] {
        Term::Var(v) => Some(*v),
        _ => None,
    });
    match (keys.len(), keys.first().copied().flatten(), head) {
        (0, _, None) => Kind::Whole,
        (1, Some(key), Some(Some(head))) if held && key == head => Kind::Local,
        (1, Some(_), None) if held => Kind::Emits,
        _ => Kind::Crosses,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang;
    use crate::lang::program::SourceFile;

    fn program(text: &str) -> Program {
        let compiled = lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]);
        assert!(!compiled.has_errors(), "{:#?}", compiled.diagnostics);
        compiled.program
    }

    #[test]
    fn passes_are_exchanges() {
        let p = program(
            ".type Key <: symbol\n.type Who <: symbol\n\
             .decl given(k: Key, w: Who)\n.input given\n.decl place(w: Who)\n.input place\n\
             .decl local(k: Key, w: Who)\nlocal(k, w) :- given(k, w), place(w), !odd(k).\n\
             .decl odd(k: Key)\nodd(k) :- given(k, \"x\").\n\
             .decl busy(w: Who)\nbusy(w) :- local(_, w).\n\
             .decl pair(k: Key, l: Key)\npair(k, l) :- local(k, w), local(l, w), k != l.\n\
             .decl much(k: Key, n: number)\nmuch(k, n) :- given(k, _), n = count : { pair(k, _) }.\n\
             .decl shown(k: Key)\nshown(k) :- given(k, w), !busy(w), much(k, n), n > 0.\n",
        );
        let key = p.types.iter().position(|t| t.name == "Key").map(|i| TypeId(i as u32)).expect("declared");
        let part = by_key(&p, key);
        let at = |name: &str| part.levels[p.relation(name).expect("declared").index()];
        assert_eq!(["local", "odd", "busy", "pair", "much", "shown"].map(at), [0, 0, 1, 1, 1, 1]);
        assert_eq!(part.passes(), 2);
        let gathered: Vec<&str> = part.gathered[0].iter().map(|r| p.rel(*r).name.as_str()).collect();
        assert_eq!(gathered, ["local", "busy"], "pair crosses keys; busy is whole, and found in the shards");
        assert_eq!(choose(&p, &vec![5; p.relations.len()]), None, "two of eight rules cross");
    }

    #[test]
    fn recursion_across_keys_runs_together() {
        let p = program(
            ".type Key <: symbol\n.decl edge(a: Key, b: Key)\n.input edge\n\
             .decl path(a: Key, b: Key)\npath(a, b) :- edge(a, b).\npath(a, c) :- path(a, b), edge(b, c).\n\
             .decl near(a: Key)\nnear(a) :- path(a, _), edge(a, _).\n",
        );
        let part = by_key(&p, p.rel(RelId(0)).columns[0].ty);
        assert_eq!(part.places, [Place::Between(0), Place::Between(0), Place::Shard(0)]);
        assert!(part.gathered.iter().all(BTreeSet::is_empty), "edge is given, and together from the beginning");
    }

    /// Rules enough that some may cross, over tables of which one has both keys.
    fn two_keys() -> String {
        let mut text = String::from(
            ".type Key <: symbol\n.type Who <: symbol\n.decl acts(k: Key, w: Who, x: number)\n.input acts\n\
             .decl files(k: Key)\n.input files\n.decl staff(w: Who)\n.input staff\n",
        );
        for i in 0..20 {
            text += &format!(".decl a{i}(k: Key, w: Who)\na{i}(k, w) :- acts(k, w, x), x > {i}.\n");
        }
        text
    }

    /// The name of the key that is chosen for a program with one row of `acts` and these of `files` and `staff`.
    fn chosen(text: &str, files: usize, staff: usize) -> Option<String> {
        let p = program(text);
        let mut rows = vec![0; p.relations.len()];
        for (name, n) in [("acts", 1), ("files", files), ("staff", staff)] {
            rows[p.relation(name).expect("declared").index()] = n;
        }
        choose(&p, &rows).map(|c| p.types[c.key.index()].name.clone())
    }

    #[test]
    fn the_key_by_which_most_rows_part_is_chosen() {
        assert_eq!(chosen(&two_keys(), 9, 4).as_deref(), Some("Key"));
        assert_eq!(chosen(&two_keys(), 4, 9).as_deref(), Some("Who"));
        assert_eq!(chosen(&two_keys(), 6, 6).as_deref(), Some("Key"), "of equals the first");
    }

    #[test]
    fn nothing_is_chosen_where_a_key_or_a_number_would_differ_from_shard_to_shard() {
        let crossing = ".decl no(x: number)\nno(7) :- acts(k, _, x), files(l), k != l, x > 3.\n";
        assert_eq!(chosen(&format!("{}{crossing}", two_keys()), 9, 4).as_deref(), Some("Key"), "one of 21 may cross");
        for rule in [
            "a0(cat(k, \"+\"), w) :- acts(k, w, _).",
            "a0(m, w) :- acts(k, w, _), m = cat(k, \"+\").",
            ".decl no(x: number)\nno(ord(k)) :- acts(k, _, _).",
            ".decl no(x: number)\nno(1 + ord(k)) :- acts(k, _, _).",
            "a0(k, w) :- acts(k, w, x), x < ord(k).",
            "a0(k, w) :- acts(k, w, x), ord(k) < x.",
            ".decl no(x: number)\nno(y) :- acts(k, _, x), y = range(ord(k), x).",
            ".decl no(x: number)\nno(y) :- acts(k, _, x), y = range(x, ord(k)).",
            ".decl no(x: number)\nno(y) :- acts(k, _, x), y = range(0, x, ord(k)).",
        ] {
            assert_eq!(chosen(&format!("{}{rule}\n", two_keys()), 9, 4), None, "{rule}");
        }
        let ranged = ".decl no(x: number)\nno(y) :- acts(_, _, x), y = range(0, x, 2).\n";
        assert_eq!(chosen(&format!("{}{ranged}", two_keys()), 9, 4).as_deref(), Some("Key"));
    }

    #[test]
    fn what_is_kept_is_put_together() {
        let p = program(&two_keys());
        let mut part = by_key(&p, p.rel(RelId(0)).columns[0].ty);
        let late = p.relation("a0").expect("declared");
        assert!(part.gathered.iter().all(|g| !g.contains(&late)));
        part.keep(&[late]);
        assert!(part.gathered[part.levels[late.index()]].contains(&late));
    }
}
