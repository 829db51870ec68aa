//! Columns whose values nobody looks at: that somebody has an earlier case may matter, and which one may not.
//!
//! Where a head would put a variable into such a column, it puts a constant. Rows that differ there alone become one, and a
//! literal that only binds that variable is satisfied by the first row found. What is wanted in the end keeps all its values.

use super::run::needed;
use crate::lang::program::{Arg, Atom, Literal, Program, RelId, RelationKind, Rule, Term};

/// By relation and column, whether a rule that is needed looks at its values, or they are wanted.
#[derive(Clone, Debug)]
pub struct Read(Vec<Vec<bool>>);

impl Read {
    /// Finds what is read for the sake of these relations; all is where `None` says that all is wanted.
    #[must_use]
    pub fn of(program: &Program, wanted: Option<&[RelId]>) -> Self {
        let mut read = Self(program.relations.iter().map(|r| vec![wanted.is_none(); r.arity()]).collect());
        let Some(wanted) = wanted else { return read };
        let whole = |i: usize| program.relations[i].kind == RelationKind::Aggregate;
        let aggregates = (0..program.relations.len()).filter(|i| whole(*i));
        // A row of an aggregate's body counts by all of its values.
        aggregates.chain(wanted.iter().map(|r| r.index())).for_each(|i| read.0[i].fill(true));
        let needed = needed(program, Some(wanted));
        let rules: Vec<&Rule> = program.rules.iter().filter(|r| needed[r.head.index()]).collect();
        loop {
            let mut grown = false;
            // What a rule reads decides on what the rules before it do.
            for rule in rules.iter().rev() {
                grown |= read.learn(rule);
            }
            if !grown {
                return read;
            }
        }
    }

    /// Whether somebody reads the column.
    #[must_use]
    pub fn reads(&self, rel: RelId, column: usize) -> bool {
        self.0[rel.index()][column]
    }

    /// What a rule reads for the sake of what is read of its head. Tells whether any of it is new.
    fn learn(&mut self, rule: &Rule) -> bool {
        let mut seen = vec![0; rule.vars.len()];
        for (term, read) in rule.args.iter().zip(&self.0[rule.head.index()]) {
            if *read || !matches!(term, Term::Var(_)) {
                count_term(term, &mut seen);
            }
        }
        rule.body.iter().for_each(|l| count(l, &mut seen));
        let mut grown = false;
        for literal in &rule.body {
            let (Literal::Atom(atom) | Literal::Not(atom)) = literal else { continue };
            for (arg, read) in atom.args.iter().zip(&mut self.0[atom.rel.index()]) {
                let looks = match arg {
                    Arg::Var(v) => seen[v.index()] > 1,
                    Arg::Const(_) => true,
                    Arg::Wild => false,
                };
                grown |= looks && !std::mem::replace(read, *read || looks);
            }
        }
        grown
    }
}

/// Counts the places at which each variable of a literal stands.
fn count(literal: &Literal, seen: &mut [usize]) {
    let arg = |a: &Arg, seen: &mut [usize]| {
        if let Arg::Var(v) = a {
            seen[v.index()] += 1;
        }
    };
    match literal {
        Literal::Atom(Atom { args, .. }) | Literal::Not(Atom { args, .. }) => args.iter().for_each(|a| arg(a, seen)),
        Literal::Compare { left, right, .. } => [left, right].into_iter().for_each(|t| count_term(t, seen)),
        Literal::Range { var, from, to, step, .. } => {
            seen[var.index()] += 1;
            [Some(from), Some(to), step.as_ref()].into_iter().flatten().for_each(|t| count_term(t, seen));
        }
        Literal::Aggregate { group, result, .. } => {
            seen[result.index()] += 1;
            group.iter().for_each(|a| arg(a, seen));
        }
    }
}

fn count_term(term: &Term, seen: &mut [usize]) {
    match term {
        Term::Var(v) => seen[v.index()] += 1,
        Term::Const(_) => {}
        Term::Apply { args, .. } => args.iter().for_each(|t| count_term(t, seen)),
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::store::Database;
    use crate::engine::{Options, evaluate};
    use crate::lang::{compile, program::SourceFile};

    const TEXT: &str = "\
.decl before(p: symbol, c: symbol, d: symbol)
before(\"p\", \"c1\", \"c2\"). before(\"p\", \"c1\", \"c3\"). before(\"p\", \"c2\", \"c3\"). before(\"q\", \"c2\", \"c3\").
.decl repeat(p: symbol, c: symbol, d: symbol)
repeat(p, c, d) :- before(p, c, d).
.decl link(p: symbol, d: symbol)
link(p, d) :- repeat(p, _, d).
.decl heavy(p: symbol)
heavy(p) :- link(p, _).
.decl many(n: number)
many(n) :- n = count : { repeat(_, c, _) }.
.output heavy
.output many
";

    fn rows(text: &str, wanted: &[&str]) -> Vec<(String, usize)> {
        let program = compile(vec![SourceFile { name: "x.dl".into(), text: text.into() }]).program;
        let ids = wanted.iter().map(|n| program.relation(n).expect("a relation")).collect();
        let options = Options { wanted: (!wanted.is_empty()).then_some(ids), ..Options::single() };
        let (after, _) = evaluate(&program, Database::new(&program), &options).expect("no limit");
        let all = program.relations.iter().zip(&after.tables);
        all.filter(|(r, _)| !r.name.starts_with('$')).map(|(r, t)| (r.name.clone(), t.len())).collect()
    }

    #[test]
    fn rows_that_differ_where_nobody_looks_are_one() {
        let of = |wanted: &[&str]| rows(TEXT, wanted).into_iter().map(|(_, n)| n).collect::<Vec<_>>();
        // before, repeat, link, heavy, many
        assert_eq!(of(&[]), [4, 4, 3, 2, 1]);
        assert_eq!(of(&["heavy"]), [4, 2, 2, 2, 0]);
        // Whoever counts matches looks at all.
        assert_eq!(of(&["heavy", "many"]), [4, 4, 2, 2, 1]);
        assert_eq!(of(&["link"]), [4, 3, 3, 0, 0]);
    }

    #[test]
    fn what_is_read_does_not_depend_on_the_order_of_the_rules() {
        // Whoever reads a relation stands before it in one text and behind it in the other.
        let clauses = "kept(d) :- link(_, d).\nlink(p, d) :- repeat(p, _, d).\nrepeat(p, c, d) :- before(p, c, d).\n";
        let text = "\
.decl before(p: symbol, c: symbol, d: symbol)
before(\"p\", \"c1\", \"c2\"). before(\"p\", \"c1\", \"c3\"). before(\"q\", \"c2\", \"c3\").
.decl repeat(p: symbol, c: symbol, d: symbol)
.decl link(p: symbol, d: symbol)
.decl kept(d: symbol)
.output kept
";
        let turned: String = clauses.lines().rev().map(|l| format!("{l}\n")).collect();
        for clauses in [clauses, &turned] {
            let of: Vec<usize> = rows(&format!("{text}{clauses}"), &["kept"]).into_iter().map(|(_, n)| n).collect();
            assert_eq!(of, [3, 2, 2, 2], "{clauses}");
        }
    }
}
