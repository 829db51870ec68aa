//! Aggregates inside recursion.
//!
//! `out(r + 1, z) :- out(r, _), z = count : { point(x), x <= r }` aggregates over `point` alone, which is finished before;
//! only which groups `r` there are follows from `out` itself. The auxiliary relation of such an aggregate stands in the
//! stratum of its reader: its rule takes the groups from copies of the literals that bind them outside (see `lower`), and
//! all else from lower strata. So the rows of a group are complete as soon as the group is known, and a reader that
//! lists the groups known so far before it aggregates never sees half of one.
//!
//! An evaluator that asks for the rows of one group need not look at the copies: whoever asks has bound the group. So it also
//! answers for a group that nothing lists; no question of the language can name such a relation, and no reader of one goes
//! on unless the literals outside hold, so such rows are in no proof.

use super::lower::term_vars;
use super::program::{Arg, Literal, Program, RelId, RelationKind, Rule, VarId};

impl Rule {
    /// Literals of the body that only list groups: copies of literals outside the aggregate whose body this is.
    #[must_use]
    pub fn copies(&self) -> Vec<usize> {
        let inside = |l: &Literal| {
            let s = l.span();
            s.file == self.span.file && self.span.start <= s.start && s.end <= self.span.end
        };
        (0..self.body.len()).filter(|i| !inside(&self.body[*i])).collect()
    }

    /// The [`copies`](Self::copies), if these variables are all that the rest of the rule has of them; else none.
    #[must_use]
    pub fn needless(&self, bound: &[bool]) -> Vec<usize> {
        let copies = self.copies();
        let mut own = vec![false; self.vars.len()];
        self.args.iter().for_each(|t| term_vars(t, &mut |v| own[v.index()] = true));
        for (i, l) in self.body.iter().enumerate() {
            if !copies.contains(&i) {
                literal_vars(l, &mut |v| own[v.index()] = true);
            }
        }
        let mut listed = true;
        copies
            .iter()
            .for_each(|i| literal_vars(&self.body[*i], &mut |v| listed &= bound[v.index()] || !own[v.index()]));
        if listed { copies } else { Vec::new() }
    }
}

fn literal_vars(l: &Literal, f: &mut impl FnMut(VarId)) {
    let args = |args: &[Arg], f: &mut dyn FnMut(VarId)| {
        args.iter().for_each(|a| {
            if let Arg::Var(v) = a {
                f(*v);
            }
        });
    };
    match l {
        Literal::Atom(a) | Literal::Not(a) => args(&a.args, f),
        Literal::Compare { left, right, .. } => {
            term_vars(left, f);
            term_vars(right, f);
        }
        Literal::Range { var, from, to, step, .. } => {
            f(*var);
            [Some(from), Some(to), step.as_ref()].into_iter().flatten().for_each(|t| term_vars(t, f));
        }
        Literal::Aggregate { group, result, .. } => {
            args(group, f);
            f(*result);
        }
    }
}

impl Program {
    /// For each relation, whether it is the body of an aggregate inside recursion.
    #[must_use]
    pub fn open_aggregates(&self) -> Vec<bool> {
        let mut open = vec![false; self.relations.len()];
        for s in self.strata.iter().filter(|s| s.recursive) {
            for r in &s.relations {
                open[r.index()] = self.rel(*r).kind == RelationKind::Aggregate;
            }
        }
        open
    }

    /// For each relation its place in the order of evaluation by demand. Relations of one stratum share theirs, but for the
    /// bodies of aggregates inside recursion: their groups are answered before whoever asked goes on, those of the aggregates
    /// they read (which have lower numbers) first.
    #[must_use]
    pub fn stages(&self) -> Vec<usize> {
        let open = self.open_aggregates();
        let mut stages = vec![0; self.relations.len()];
        let mut next = 0;
        for stratum in &self.strata {
            let (mut before, rest): (Vec<RelId>, Vec<RelId>) = stratum.relations.iter().partition(|r| open[r.index()]);
            before.sort_unstable();
            for r in before {
                stages[r.index()] = next;
                next += 1;
            }
            rest.iter().for_each(|r| stages[r.index()] = next);
            next += 1;
        }
        stages
    }
}

/// Whether all that an auxiliary relation reads of a group of relations that depend on each other are copies of positive
/// atoms on declared relations, and aggregates over auxiliary relations of the same kind.
pub(crate) fn lists_only(program: &Program, aux: RelId, in_group: &dyn Fn(RelId) -> bool) -> bool {
    program.rules.iter().filter(|r| r.head == aux).all(|rule| {
        let copies = rule.copies();
        let mut lists = false;
        let mut aggregates = false;
        let fits = rule.body.iter().enumerate().all(|(i, l)| match l {
            Literal::Atom(a) if in_group(a.rel) => {
                lists = true;
                copies.contains(&i) && program.rel(a.rel).kind == RelationKind::Declared
            }
            Literal::Aggregate { rel, .. } if in_group(*rel) => {
                aggregates = true;
                // Lower numbers: an aggregate is made after those that stand in it or that bind its groups.
                rel.0 < aux.0 && lists_only(program, *rel, in_group)
            }
            Literal::Not(a) => !in_group(a.rel),
            _ => true,
        });
        // New groups show by new rows of an atom.
        fits && (lists || !aggregates)
    })
}
