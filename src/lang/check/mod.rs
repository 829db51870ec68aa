//! The tree of all files to a checked program.

pub(crate) mod core;
pub(crate) mod env;
pub(crate) mod ground;
pub(crate) mod infer;
mod once;
pub(crate) mod pattern;
mod plan;
pub(crate) mod resolve;
mod witness;

use super::ast::{Ast, Atom, Clause as AstClause, DirectiveKind, ExprKind, RelationDecl};
use super::codes;
use super::diagnostic::{Diagnostic, Severity};
use super::lower::Lower;
use super::overflow::Overflow;
use super::program::{
    Clause, ClauseId, Column, Const, Fact, Io, Literal, Program, RelId, Relation, RelationKind, SourceFile,
};
use super::types::Types;
use super::{Options, overflow, stratify};
use env::Env;
use infer::constant_value;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Checks everything and lowers what is right.
pub(crate) fn check(ast: Ast<'_>, files: &[SourceFile], options: &Options, diags: &mut Vec<Diagnostic>) -> Program {
    let types = Types::declare(&ast.types, diags);
    let mut env = declare(&ast.relations, types, diags);
    directives(&ast, &mut env, diags);
    let asked = overflow::chosen(&ast.pragmas, diags);
    let wrap = options.overflow.unwrap_or(asked) == Overflow::Wrap;
    let mut lower = Lower::new(&env, wrap);
    let mut facts = Vec::new();
    let mut plans = Vec::new();
    let mut clauses = Vec::with_capacity(ast.clauses.len());
    let mut seen = Seen { defined: vec![false; env.relations.len()], read: vec![None; env.relations.len()] };
    for c in ast.clauses {
        let id = ClauseId(clauses.len() as u32);
        let from = diags.len();
        clause(&env, &c, id, &mut lower, &mut facts, &mut seen, diags);
        drop_repeats(diags, from);
        if let Some(n) = plan::atoms(c.body.as_ref()) {
            plans.extend(c.plans.into_iter().map(|p| (id, n, p)));
        }
        clauses.push(Clause { notes: c.notes, span: c.span });
    }
    let Lower { rules, aux, .. } = lower;
    never_defined(&env, &seen, options, diags);
    let mut program = Program {
        files: files.to_vec(),
        types: env.types.defs,
        relations: env.relations,
        rules,
        facts,
        clauses,
        strata: Vec::new(),
        pragmas: ast.pragmas.into_iter().map(|p| (p.key, p.value)).collect(),
    };
    program.relations.extend(aux);
    program.strata = stratify::stratify(&program, diags);
    plan::check(&program, &plans, diags);
    program
}

/// The same finding in several alternatives of one clause is reported once.
fn drop_repeats(diags: &mut Vec<Diagnostic>, from: usize) {
    let mut i = from;
    while i < diags.len() {
        if diags[from..i].contains(&diags[i]) {
            diags.remove(i);
        } else {
            i += 1;
        }
    }
}

fn declare<'s>(decls: &[RelationDecl<'s>], types: Types, diags: &mut Vec<Diagnostic>) -> Env<'s> {
    let mut env = Env { types, relations: Vec::new(), by_name: FxHashMap::default(), columns: Vec::new() };
    for d in decls {
        let id = RelId(env.relations.len() as u32);
        if let Some(old) = env.by_name.get(d.name.text) {
            diags.push(
                Diagnostic::error(
                    codes::DUPLICATE,
                    format!("the relation `{}` is declared twice", d.name.text),
                    d.name.span,
                )
                .also(env.rel(*old).span, "first declared here"),
            );
            continue;
        }
        let mut columns: Vec<Column> = Vec::new();
        let mut places = Vec::new();
        for (i, (name, ty)) in d.columns.iter().enumerate() {
            if let Some(j) = d.columns[..i].iter().position(|(n, _)| n.text == name.text) {
                diags.push(
                    Diagnostic::error(
                        codes::DUPLICATE,
                        format!("the column `{}` is declared twice", name.text),
                        name.span,
                    )
                    .also(d.columns[j].0.span, "first declared here"),
                );
            }
            let t = env.types.resolve(ty.text, ty.span, diags);
            let known = t.unwrap_or(Types::primitive(super::program::Prim::Symbol));
            columns.push(Column { name: name.text.to_owned(), ty: known, prim: env.types.def(known).prim });
            places.push((t, crate::lang::program::Span { end: ty.span.end, ..name.span }));
        }
        env.by_name.insert(d.name.text, id);
        env.columns.push(places);
        env.relations.push(Relation {
            name: d.name.text.to_owned(),
            columns,
            kind: RelationKind::Declared,
            notes: d.notes.clone(),
            span: d.name.span,
            inputs: if d.input { vec![Io::default()] } else { Vec::new() },
            outputs: if d.output { vec![Io::default()] } else { Vec::new() },
            printsize: d.printsize,
            limitsize: None,
        });
    }
    env
}

fn directives(ast: &Ast<'_>, env: &mut Env<'_>, diags: &mut Vec<Diagnostic>) {
    for d in &ast.directives {
        let bound = d.params.iter().find(|(k, _)| k == "n").map(|(_, v)| v.parse::<u64>());
        if d.kind == DirectiveKind::LimitSize && !matches!(bound, Some(Ok(_))) {
            let mut e =
                Diagnostic::error(codes::BAD_PARAMETER, "`.limitsize` needs the parameter `n`, a whole number", d.span)
                    .help("write `.limitsize r(n=1000)`");
            if let Some((k, _)) = d.params.iter().find(|(k, _)| k != "n") {
                e = e.note(format!("found the parameter `{k}`"));
            }
            diags.push(e);
        }
        for name in &d.relations {
            let Some(id) = env.resolve_name(name.text, name.span, diags) else { continue };
            let rel = &mut env.relations[id.index()];
            match d.kind {
                DirectiveKind::Input => rel.inputs.push(Io { params: d.params.clone() }),
                DirectiveKind::Output => rel.outputs.push(Io { params: d.params.clone() }),
                DirectiveKind::PrintSize => rel.printsize = true,
                DirectiveKind::LimitSize => rel.limitsize = bound.clone().and_then(Result::ok),
            }
        }
    }
}

/// What has been seen of each relation.
struct Seen {
    defined: Vec<bool>,
    read: Vec<Option<super::program::Span>>,
}

fn clause<'s>(
    env: &Env<'s>,
    c: &AstClause<'s>,
    id: ClauseId,
    lower: &mut Lower<'_, 's>,
    facts: &mut Vec<Fact>,
    seen: &mut Seen,
    diags: &mut Vec<Diagnostic>,
) {
    for h in &c.heads {
        if let Some(r) = env.by_name.get(h.name.text) {
            seen.defined[r.index()] = true;
        }
    }
    let ground = |a: &Atom<'_>| a.args.iter().all(|e| matches!(e.kind, ExprKind::Str(_) | ExprKind::Num(_)));
    let from = diags.len();
    let mut rest: Vec<&Atom<'s>> = Vec::new();
    for h in &c.heads {
        if c.body.is_none() && ground(h) {
            let rel = env.resolve_atom(h, diags);
            if let Some(rel) = rel
                && let Some(values) = constants(env, rel, h)
            {
                if !c.broken {
                    facts.push(Fact { rel, values, clause: id, span: c.span });
                }
                continue;
            }
            if rel.is_none() {
                continue;
            }
        }
        rest.push(h);
    }
    if rest.is_empty() {
        return;
    }
    let cases = match &c.body {
        None => Some(vec![Vec::new()]),
        Some(b) => resolve::cases(b),
    };
    let Some(cases) = cases else {
        diags.push(
            Diagnostic::error(codes::TOO_MANY_CASES, "this clause has too many alternatives", c.span)
                .note(format!("multiplied out, a clause may have up to {} alternatives", resolve::MAX_CASES))
                .help("name a part of it as a relation of its own"),
        );
        return;
    };
    let mut good = Vec::new();
    for h in rest {
        for lits in &cases {
            let mut core = resolve::resolve(env, h, lits, diags);
            witness::bind(&mut core, diags);
            let typing = infer::infer(env, &core, diags);
            if !c.broken {
                ground::check(&core, diags);
                pattern::check(&core, diags);
            }
            good.push((core, typing));
        }
    }
    read_relations(&good, seen);
    if !c.broken {
        once::check(c, diags);
    }
    let wrong = diags[from..].iter().any(|d| d.severity == Severity::Error);
    if !c.broken && !wrong {
        for (core, typing) in &good {
            lower.rule(core, typing, id, c.span);
        }
    }
}

/// The values of a ground head, if all fit their columns without more ado.
fn constants(env: &Env<'_>, rel: RelId, a: &Atom<'_>) -> Option<Vec<Const>> {
    let columns = &env.columns[rel.index()];
    a.args
        .iter()
        .zip(columns)
        .map(|(e, (ty, _))| {
            let prim = env.types.def((*ty)?).prim;
            match &e.kind {
                ExprKind::Str(s) if prim == super::program::Prim::Symbol => Some(Const::Symbol(Arc::clone(s))),
                ExprKind::Num(n) => constant_value(*n, prim),
                _ => None,
            }
        })
        .collect()
}

fn read_relations(cores: &[(core::Core<'_>, infer::Typing)], seen: &mut Seen) {
    fn scope(s: &core::Scope, seen: &mut Seen) {
        for l in &s.lits {
            if let core::CLit::Atom(a) | core::CLit::Not(a) = l
                && let Some(r) = a.rel
            {
                seen.read[r.index()].get_or_insert(a.span);
            }
            l.exprs().for_each(|e| e.each_agg(&mut |a| scope(&a.scope, seen)));
        }
    }
    for (core, _) in cores {
        scope(&core.root, seen);
        core.head.args.iter().for_each(|e| e.each_agg(&mut |a| scope(&a.scope, seen)));
    }
}

fn never_defined(env: &Env<'_>, seen: &Seen, options: &Options, diags: &mut Vec<Diagnostic>) {
    for (i, rel) in env.relations.iter().enumerate() {
        let given = !rel.inputs.is_empty() || options.given_by.iter().any(|k| rel.notes.has(k));
        if let Some(span) = seen.read[i]
            && !seen.defined[i]
            && !given
        {
            diags.push(
                Diagnostic::warning(
                    codes::NEVER_DEFINED,
                    format!("`{}` is read here but nothing fills it", rel.name),
                    span,
                )
                .also(rel.span, "declared here")
                .help("give it a rule or a fact, or mark it as input"),
            );
        }
    }
}

/// Relations that a literal reads.
pub(crate) fn reads(l: &Literal) -> Option<(RelId, bool)> {
    Some((l.relation()?, matches!(l, Literal::Atom(_))))
}
