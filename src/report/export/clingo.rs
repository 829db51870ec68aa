//! The kernel program as an answer set program for clingo. The program is stratified, so it has one answer set, the tuples
//! that our engine derives.
//!
//! Symbols are strings, numbers are integers. What the language of clingo lacks (text, regular expressions, ranges) is done
//! by Python functions in a script at the end of the program: `clingo` needs Python support, as the package of PyPI has.
//!
//! Limits: clingo's integers are 32 bits, signed, and wrap where our arithmetic stops with an error, so the two agree on runs
//! that end without one; unsigned values beyond that, floats, `mean`, `ord` and shifts are refused.

use super::{Refusal, inputs, plain};
use crate::engine::store::Database;
use crate::lang::program::{
    AggOp, Arg, Atom, CmpOp, Const, Functor, Literal, Prim, Program, RelId, RelationKind, Rule, Span, Term, VarId,
};
use crate::report::table::{Ranks, looks};

/// Functions of the script.
const SCRIPT: &str = include_str!("functions.py");

/// A text as clingo writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Predicate of a relation.
pub(super) fn predicate(program: &Program, rel: RelId) -> String {
    let r = program.rel(rel);
    match r.kind {
        RelationKind::Declared => format!("r_{}", r.name.replace('?', "_q")),
        RelationKind::Aggregate => format!("a_{}", rel.0),
    }
}

fn call(name: &str, args: &[String]) -> String {
    if args.is_empty() { name.to_owned() } else { format!("{name}({})", args.join(",")) }
}

struct Writer<'a> {
    program: &'a Program,
    refused: Vec<Refusal>,
}

impl Writer<'_> {
    fn refuse(&mut self, span: Span, what: impl Into<String>) -> String {
        self.refused.push(Refusal::Construct { place: self.program.place(span), what: what.into() });
        "0".to_owned()
    }

    fn constant(&mut self, c: &Const, span: Span) -> String {
        match c {
            Const::Symbol(s) => {
                if s.contains('\0') {
                    return self.refuse(span, "text with a zero byte");
                }
                quoted(s)
            }
            Const::Number(n) => n.to_string(),
            Const::Unsigned(u) if i32::try_from(*u).is_ok() => u.to_string(),
            Const::Unsigned(u) => self.refuse(span, format!("the number {u} has more than 31 bits")),
            Const::Float(f) => self.refuse(span, format!("the floating-point number {f}")),
        }
    }

    fn arg(&mut self, a: &Arg, span: Span) -> String {
        match a {
            Arg::Var(v) => var(*v),
            Arg::Const(c) => self.constant(c, span),
            Arg::Wild => "_".to_owned(),
        }
    }

    fn atom(&mut self, a: &Atom) -> String {
        let args: Vec<String> = a.args.iter().map(|x| self.arg(x, a.span)).collect();
        call(&predicate(self.program, a.rel), &args)
    }

    fn term(&mut self, t: &Term, span: Span) -> String {
        match t {
            Term::Var(v) => var(*v),
            Term::Const(c) => self.constant(c, span),
            Term::Apply { op, prim, args } => {
                let args: Vec<String> = args.iter().map(|a| self.term(a, span)).collect();
                self.apply(*op, *prim, &args, span)
            }
        }
    }

    fn apply(&mut self, op: Functor, prim: Prim, args: &[String], span: Span) -> String {
        if prim == Prim::Float {
            return self.refuse(span, "floating-point numbers");
        }
        let name = match (op, args) {
            (Functor::Neg, [a]) => return format!("(-({a}))"),
            (Functor::Add, [a, b]) => return format!("({a}+{b})"),
            (Functor::Sub, [a, b]) => return format!("({a}-{b})"),
            (Functor::Mul, [a, b]) => return format!("({a}*{b})"),
            // Both cut towards zero, as ours do.
            (Functor::Div, [a, b]) => return format!("({a}/{b})"),
            (Functor::Mod, [a, b]) => return format!("({a}\\{b})"),
            (Functor::BitAnd, [a, b]) => return format!("({a}&{b})"),
            (Functor::BitOr, [a, b]) => return format!("({a}?{b})"),
            (Functor::BitXor, [a, b]) => return format!("({a}^{b})"),
            (Functor::ToString, [a]) if prim == Prim::Symbol => return a.clone(),
            (Functor::ToNumber | Functor::ToUnsigned, [a]) if prim != Prim::Symbol => return a.clone(),
            (Functor::BitNot, _) if prim == Prim::Number => "bnot",
            (Functor::Min, _) => "smallest",
            (Functor::Max, _) => "largest",
            (Functor::Pow, _) => "power",
            (Functor::LogicNot, _) => "lnot",
            (Functor::LogicAnd, _) => "land",
            (Functor::LogicOr, _) => "lor",
            (Functor::LogicXor, _) => "lxor",
            (Functor::Cat, _) => "cat",
            (Functor::StrLen, _) => "length",
            (Functor::SubStr, _) => "part",
            (Functor::ToNumber, _) => "number",
            (Functor::ToUnsigned, _) => "natural",
            (Functor::ToString, _) => "text",
            _ => return self.refuse(span, format!("the functor {op:?} on {prim:?}")),
        };
        call(&format!("@{name}"), args)
    }

    fn literal(&mut self, l: &Literal) -> String {
        match l {
            Literal::Atom(a) => self.atom(a),
            Literal::Not(a) => format!("not {}", self.atom(a)),
            Literal::Compare { op, prim, left, right, span } => {
                if *prim == Prim::Float {
                    return self.refuse(*span, "floating-point numbers");
                }
                let (l, r) = (self.term(left, *span), self.term(right, *span));
                match op {
                    CmpOp::Eq => format!("{l} = {r}"),
                    CmpOp::Ne => format!("{l} != {r}"),
                    CmpOp::Lt => format!("{l} < {r}"),
                    CmpOp::Le => format!("{l} <= {r}"),
                    CmpOp::Gt => format!("{l} > {r}"),
                    CmpOp::Ge => format!("{l} >= {r}"),
                    CmpOp::Match => format!("@matches({l},{r}) = 1"),
                    CmpOp::NotMatch => format!("@matches({l},{r}) = 0"),
                    CmpOp::Contains => format!("@contains({l},{r}) = 1"),
                    CmpOp::NotContains => format!("@contains({l},{r}) = 0"),
                }
            }
            Literal::Range { var: v, prim, from, to, step, span } => {
                if *prim == Prim::Float {
                    return self.refuse(*span, "a range of floating-point numbers");
                }
                let mut args = vec![self.term(from, *span), self.term(to, *span)];
                if let Some(s) = step {
                    args.push(self.term(s, *span));
                }
                format!("{} = {}", var(*v), call("@range", &args))
            }
            Literal::Aggregate { .. } => self.aggregate(l),
        }
    }

    fn aggregate(&mut self, l: &Literal) -> String {
        let Literal::Aggregate { op, rel, group, value, prim, result, span } = l else { return String::new() };
        if *prim == Prim::Float || matches!(op, AggOp::Mean | AggOp::WrapSum) {
            return self.refuse(*span, "mean, wrapping sums and aggregates of floating-point numbers");
        }
        let mut args: Vec<String> = group.iter().map(|a| self.arg(a, *span)).collect();
        let rest: Vec<String> = (args.len()..self.program.rel(*rel).arity()).map(|i| format!("L{i}")).collect();
        args.extend(rest.iter().cloned());
        let condition = call(&predicate(self.program, *rel), &args);
        let weight = value.and_then(|v| args.get(v)).cloned();
        // One element for each row, so that equal values count as often as they occur.
        let mut element: Vec<String> = weight.iter().cloned().collect();
        element.extend(rest);
        if element.is_empty() {
            element.push("0".to_owned());
        }
        let (name, nothing) = match op {
            AggOp::Sum | AggOp::WrapSum => ("#sum", None),
            AggOp::Min => ("#min", Some("#sup")),
            AggOp::Max => ("#max", Some("#inf")),
            AggOp::Count | AggOp::Mean => ("#count", None),
        };
        let r = var(*result);
        let all = format!("{r} = {name} {{ {} : {condition} }}", element.join(","));
        nothing.map_or(all.clone(), |n| format!("{all}, {r} != {n}"))
    }

    fn rule(&mut self, r: &Rule) -> String {
        let args: Vec<String> = r.args.iter().map(|t| self.term(t, r.span)).collect();
        let body: Vec<String> = r.body.iter().map(|l| self.literal(l)).collect();
        format!("{} :- {}.", call(&predicate(self.program, r.head), &args), body.join(", "))
    }
}

fn var(v: VarId) -> String {
    format!("V{}", v.0)
}

/// The program.
///
/// # Errors
/// Every construct that has no translation.
pub fn program(program: &Program) -> Result<String, Vec<Refusal>> {
    let mut w = Writer { program, refused: Vec::new() };
    let mut out =
        String::from("% A rulebook exported by zhuize, as an answer set program: clingo program.lp facts.lp\n");
    // A relation without rows is no mistake of the program.
    for (i, r) in program.relations.iter().enumerate() {
        out.push_str(&format!("#defined {}/{}.\n", predicate(program, RelId(i as u32)), r.arity()));
    }
    for f in &program.facts {
        let args: Vec<String> = f.values.iter().map(|c| w.constant(c, f.span)).collect();
        out.push_str(&format!("{}.\n", call(&predicate(program, f.rel), &args)));
    }
    for stratum in &program.strata {
        for id in &stratum.rules {
            let rule = program.rule(*id);
            out.push_str(&format!("% {}\n{}\n", program.place(rule.span), w.rule(rule)));
        }
    }
    out.push_str("#show.\n");
    for (i, r) in program.relations.iter().enumerate().filter(|(_, r)| !r.outputs.is_empty()) {
        out.push_str(&format!("#show {}/{}.\n", predicate(program, RelId(i as u32)), r.arity()));
    }
    out.push_str(&format!("#script (python)\n{SCRIPT}#end.\n"));
    if w.refused.is_empty() { Ok(out) } else { Err(w.refused) }
}

/// The given facts.
///
/// # Errors
/// Every value that clingo cannot hold.
pub fn facts(program: &Program, db: &Database, ranks: &Ranks) -> Result<String, Vec<Refusal>> {
    let (mut out, mut refused) = (String::new(), Vec::new());
    for (rel, relation) in inputs(program) {
        let table = db.table(rel);
        for (n, index) in ranks.order(table, &looks(program, relation)).into_iter().enumerate() {
            let row = table.row(index as usize);
            let mut args = Vec::with_capacity(row.len());
            for (c, word) in relation.columns.iter().zip(row) {
                let text = plain(c.prim, *word, db);
                let why = match c.prim {
                    Prim::Symbol if text.contains('\0') => Some("holds a zero byte"),
                    Prim::Unsigned if i32::try_from(*word).is_err() => Some("has more than 31 bits"),
                    Prim::Float => Some("is a floating-point number, which clingo has not"),
                    _ => None,
                };
                if let Some(why) = why {
                    let (table, column) = (relation.name.clone(), c.name.clone());
                    refused.push(Refusal::Value { table, row: n + 1, column, value: text.clone(), why });
                }
                args.push(if c.prim == Prim::Symbol { quoted(&text) } else { text });
            }
            out.push_str(&format!("{}.\n", call(&predicate(program, rel), &args)));
        }
    }
    if refused.is_empty() { Ok(out) } else { Err(refused) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::SourceFile;

    fn translated(text: &str) -> Result<String, Vec<Refusal>> {
        let c = crate::lang::compile(vec![SourceFile { name: "x.dl".into(), text: text.into() }]);
        assert!(!c.has_errors(), "{:?}", c.diagnostics);
        program(&c.program)
    }

    #[test]
    fn rules_are_translated() {
        let out = translated(
            ".decl e(x: symbol, n: number)\n.input e\n.decl s(x: symbol, n: number)\n.output s\ne(\"a\\\"b\", 1).\n\
             s(cat(x, \"-\"), t) :- e(x, n), !e(_, 5), t = sum m : { e(x, m) }, n / 2 < -7 % t.\n",
        )
        .unwrap();
        assert!(out.contains("r_e(\"a\\\"b\",1).\n"), "{out}");
        assert!(out.contains("not r_e(_,5)") && out.contains("@cat(V"), "{out}");
        assert!(out.contains("= #sum { L1,L1 : a_"), "{out}");
        assert!(out.contains("#show r_s/2."), "{out}");
    }

    #[test]
    fn what_clingo_lacks_is_refused() {
        let refused = translated(
            ".decl f(x: float)\n.decl u(x: unsigned)\n.output f, u\nf(1.5).\nu(4000000000).\nu(x) :- u(y), x = y bshl 1.\n",
        )
        .unwrap_err();
        assert_eq!(refused.len(), 3, "{refused:?}");
        assert!(refused[0].to_string().starts_with("E0606: x.dl:4: "), "{}", refused[0]);
    }

    #[test]
    fn text_is_quoted() {
        assert_eq!(quoted("a\"\\\n承"), "\"a\\\"\\\\\\n承\"");
    }
}
