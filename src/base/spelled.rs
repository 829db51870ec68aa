//! Columns whose texts a rulebook spells out: constants of its rules and codes of its lists. There are few of them, however many
//! rows there are.

use super::file::CODES_AT_MOST;
use crate::facts::codes::CodeLists;
use crate::facts::schema::{Kind, Schema};
use crate::lang::program::{Arg, CmpOp, Const, Literal, Prim, Program, Rule, Term, VarId};
use std::collections::HashSet;

/// By relation and column, whether all texts that can stand there are spelled out. No column has any if there are too many.
pub(super) fn out(program: &Program, codes: &CodeLists) -> Vec<Vec<bool>> {
    let (schema, _) = Schema::of(program, codes);
    let listed = |rel: usize, c: usize| {
        let table = schema.tables.iter().find(|t| t.rel.index() == rel);
        table.is_some_and(|t| matches!(t.columns[c].kind, Kind::Code(_)))
    };
    let few = texts(program, codes) <= CODES_AT_MOST;
    let mut spelled: Vec<Vec<bool>> = (0..program.relations.len())
        .map(|i| {
            let relation = &program.relations[i];
            let filled = schema.tables.iter().map(|t| t.rel).chain(schema.dimensions.iter().map(|d| d.rel));
            let from_rules = relation.inputs.is_empty() && filled.into_iter().all(|r| r.index() != i);
            let text = |c: usize| relation.columns[c].prim == Prim::Symbol;
            (0..relation.arity()).map(|c| few && text(c) && (from_rules || listed(i, c))).collect()
        })
        .collect();
    loop {
        let mut fewer = false;
        for rule in &program.rules {
            for (c, term) in rule.args.iter().enumerate() {
                if spelled[rule.head.index()][c] && !is_spelled(rule, term, &spelled) {
                    spelled[rule.head.index()][c] = false;
                    fewer = true;
                }
            }
        }
        if !fewer {
            return spelled;
        }
    }
}

/// Number of texts that are spelled out, a bound of it.
fn texts(program: &Program, codes: &CodeLists) -> usize {
    let mut texts: HashSet<&str> = codes.lists.values().flatten().map(|c| c.code.as_str()).collect();
    for fact in &program.facts {
        texts.extend(fact.values.iter().filter_map(text));
    }
    for rule in &program.rules {
        texts.extend(rule.args.iter().filter_map(|t| if let Term::Const(c) = t { text(c) } else { None }));
        for literal in &rule.body {
            if let Literal::Compare { left, right, .. } = literal {
                texts.extend(
                    [left, right].into_iter().filter_map(|t| if let Term::Const(c) = t { text(c) } else { None }),
                );
            }
        }
    }
    // The empty text, in place of what is not given.
    texts.len() + 1
}

fn text(c: &Const) -> Option<&str> {
    if let Const::Symbol(s) = c { Some(s) } else { None }
}

/// Whether a rule can put no other text than one that is spelled out in place of a term of its head.
fn is_spelled(rule: &Rule, term: &Term, spelled: &[Vec<bool>]) -> bool {
    match term {
        Term::Const(_) => true,
        Term::Apply { .. } => false,
        Term::Var(v) => rule.body.iter().any(|l| binds(l, *v, spelled)),
    }
}

/// Whether a literal lets a variable have only texts that are spelled out.
fn binds(literal: &Literal, v: VarId, spelled: &[Vec<bool>]) -> bool {
    match literal {
        Literal::Atom(a) => {
            a.args.iter().zip(&spelled[a.rel.index()]).any(|(arg, spelled)| *arg == Arg::Var(v) && *spelled)
        }
        Literal::Compare { op: CmpOp::Eq, left, right, .. } => {
            let is = |a: &Term, b: &Term| *a == Term::Var(v) && matches!(b, Term::Const(_));
            is(left, right) || is(right, left)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::codes::Code;
    use crate::lang::program::SourceFile;

    const TEXT: &str = "//@ codes role\n.type Role <: symbol\n//@ input\n.decl took(c: symbol, r: Role)\n\
        .decl named(c: symbol, k: symbol)\nnamed(c, \"late\") :- took(c, _).\nnamed(c, k) :- took(c, r), k = \"early\".\n\
        .decl again(k: symbol, c: symbol)\nagain(k, c) :- named(c, k).\n\
        .decl made(k: symbol)\nmade(cat(k, \"!\")) :- again(k, _).\n\
        .decl round(k: symbol)\nround(\"a\").\nround(k) :- again(k, _).\nround(k) :- round(k), again(_, k).\n\
        .decl roles(r: Role)\nroles(r) :- took(_, r).\n\
        .decl last(k: symbol)\nlast(k) :- again(k, _), made(k).\n\
        .decl n(x: number)\nn(1).\n";

    #[test]
    fn what_rules_say_themselves_is_told_from_what_they_take() {
        let compiled = crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: TEXT.into() }]);
        assert!(!compiled.has_errors(), "{:#?}", compiled.diagnostics);
        let mut codes = CodeLists::default();
        codes.add("role", Code::new("approver", "", ""));
        let spelled = out(&compiled.program, &codes);
        let of = |name: &str| spelled[compiled.program.relation(name).expect("declared").index()].clone();
        assert_eq!(of("named"), [false, true]);
        assert_eq!(of("again"), [true, false]);
        assert_eq!(of("made"), [false]);
        assert_eq!(of("round"), [true]);
        assert_eq!(of("last"), [true], "one of two columns is enough");
        assert_eq!(of("roles"), [true]);
        assert_eq!(of("n"), [false]);
    }
}
