//! A checked program as text, for golden files.

use std::fmt::Write;
use zhuize::engine::store::Database;
use zhuize::engine::symbol::Symbols;
use zhuize::engine::value::{Word, to_float, to_number};
use zhuize::lang::program::{Arg, Atom, CmpOp, Const, Literal, Prim, Program, RelId, RelationKind, Rule, Term};

fn constant(c: &Const) -> String {
    match c {
        Const::Symbol(s) => format!("{s:?}"),
        Const::Number(n) => n.to_string(),
        Const::Unsigned(n) => format!("{n}u"),
        Const::Float(f) => format!("{f:?}"),
    }
}

fn arg(r: &Rule, a: &Arg) -> String {
    match a {
        Arg::Var(v) => r.vars[v.index()].name.clone(),
        Arg::Const(c) => constant(c),
        Arg::Wild => String::from("_"),
    }
}

fn term(r: &Rule, t: &Term) -> String {
    match t {
        Term::Var(v) => r.vars[v.index()].name.clone(),
        Term::Const(c) => constant(c),
        Term::Apply { op, prim, args } => {
            format!("{op:?}.{prim:?}({})", args.iter().map(|a| term(r, a)).collect::<Vec<_>>().join(", "))
        }
    }
}

fn atom(p: &Program, r: &Rule, a: &Atom) -> String {
    format!("{}({})", p.rel(a.rel).name, a.args.iter().map(|x| arg(r, x)).collect::<Vec<_>>().join(", "))
}

fn literal(p: &Program, r: &Rule, l: &Literal) -> String {
    match l {
        Literal::Atom(a) => atom(p, r, a),
        Literal::Not(a) => format!("!{}", atom(p, r, a)),
        Literal::Compare { op, prim, left, right, .. } => {
            let sign = match op {
                CmpOp::Eq => "=",
                CmpOp::Ne => "!=",
                CmpOp::Lt => "<",
                CmpOp::Le => "<=",
                CmpOp::Gt => ">",
                CmpOp::Ge => ">=",
                other => return format!("{other:?}({}, {})", term(r, left), term(r, right)),
            };
            format!("{} {sign}.{prim:?} {}", term(r, left), term(r, right))
        }
        Literal::Range { var, prim, from, to, step, .. } => {
            let step = step.as_ref().map_or(String::new(), |s| format!(", {}", term(r, s)));
            format!("{} = range.{prim:?}({}, {}{step})", r.vars[var.index()].name, term(r, from), term(r, to))
        }
        Literal::Aggregate { op, rel, group, value, prim, result, .. } => format!(
            "{} = {op:?}.{prim:?} {}[{}]{}",
            r.vars[result.index()].name,
            p.rel(*rel).name,
            group.iter().map(|g| arg(r, g)).collect::<Vec<_>>().join(", "),
            value.map_or(String::new(), |v| format!(" of column {v}"))
        ),
    }
}

/// The whole program.
pub fn dump(p: &Program) -> String {
    let mut out = String::new();
    for t in &p.types[4..] {
        let parent = t.parent.map_or("?", |x| p.types[x.index()].name.as_str());
        let date = if t.date { " date" } else { "" };
        let _ = writeln!(out, "type {} <: {parent} ({:?}{date}) {:?}", t.name, t.prim, notes(&t.notes));
    }
    for r in &p.relations {
        let cols: Vec<String> =
            r.columns.iter().map(|c| format!("{}:{}", c.name, p.types[c.ty.index()].name)).collect();
        let kind = if r.kind == RelationKind::Aggregate { "aggregate" } else { "relation" };
        let _ = write!(out, "{kind} {}({})", r.name, cols.join(", "));
        for (word, ios) in [("input", &r.inputs), ("output", &r.outputs)] {
            for io in ios {
                let _ = write!(out, " {word}{:?}", io.params);
            }
        }
        if r.printsize {
            out.push_str(" printsize");
        }
        if let Some(n) = r.limitsize {
            let _ = write!(out, " limitsize={n}");
        }
        let _ = writeln!(out, " {:?}", notes(&r.notes));
    }
    for (k, v) in &p.pragmas {
        let _ = writeln!(out, "pragma {k:?} {v:?}");
    }
    for f in &p.facts {
        let vs: Vec<String> = f.values.iter().map(constant).collect();
        let _ = writeln!(out, "fact c{} {}({})", f.clause.0, p.rel(f.rel).name, vs.join(", "));
    }
    for (i, r) in p.rules.iter().enumerate() {
        let head: Vec<String> = r.args.iter().map(|t| term(r, t)).collect();
        let body: Vec<String> = r.body.iter().map(|l| literal(p, r, l)).collect();
        let vars: Vec<String> = r.vars.iter().map(|v| format!("{}:{}", v.name, p.types[v.ty.index()].name)).collect();
        let _ = writeln!(
            out,
            "rule {i} c{} {}({}) :- {}.",
            r.clause.0,
            p.rel(r.head).name,
            head.join(", "),
            body.join(", ")
        );
        let _ = writeln!(out, "    {} at {}", vars.join(" "), p.place(r.span));
    }
    for (i, c) in p.clauses.iter().enumerate() {
        if !c.notes.0.is_empty() {
            let _ = writeln!(out, "clause c{i} {:?}", notes(&c.notes));
        }
    }
    for (i, s) in p.strata.iter().enumerate() {
        let names: Vec<&str> = s.relations.iter().map(|r| p.rel(*r).name.as_str()).collect();
        let rules: Vec<String> = s.rules.iter().map(|r| r.0.to_string()).collect();
        let rec = if s.recursive { " recursive" } else { "" };
        let _ = writeln!(out, "stratum {i}{rec}: {} <- {}", names.join(" "), rules.join(" "));
    }
    out
}

/// The rows of the output relations.
pub fn tables(p: &Program, db: &Database) -> String {
    let mut out = String::new();
    for (i, r) in p.relations.iter().enumerate().filter(|(_, r)| !r.outputs.is_empty()) {
        let _ = write!(out, "{}:", r.name);
        for row in db.table(RelId(i as u32)).rows() {
            let cells: Vec<String> = row.iter().zip(&r.columns).map(|(w, c)| cell(c.prim, *w, &db.symbols)).collect();
            let _ = write!(out, " ({})", cells.join(" "));
        }
        out.push('\n');
    }
    out
}

fn cell(prim: Prim, w: Word, symbols: &Symbols) -> String {
    match prim {
        Prim::Symbol => symbols.resolve(w).to_owned(),
        Prim::Number => to_number(w).to_string(),
        Prim::Unsigned => w.to_string(),
        Prim::Float => to_float(w).to_string(),
    }
}

fn notes(n: &zhuize::lang::program::Notes) -> Vec<String> {
    n.0.iter().map(|n| format!("{}={}", n.key, n.value)).collect()
}
