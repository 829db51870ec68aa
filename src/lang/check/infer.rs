//! Types of one [`Core`], by the rules of Soufflé.
//!
//! Two relations between nodes are solved by union-find: *same machine type* (arguments and result of arithmetic) and *same
//! declared type* (both sides of a comparison; an aggregate and its value). A positive atom narrows the declared type of its
//! variables; heads and negated atoms only need the machine type. Constants and results of functors take any declared type
//! of their machine type. A group whose uses have no common subtype clashes.

use super::core::{CAgg, CAtom, CExpr, CKind, CLit, Core, Node, Scope};
use super::env::Env;
use crate::lang::ast::{Num, Op};
use crate::lang::codes;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{AggOp, CmpOp, Functor, Prim, RelId, Span, TypeId};
use crate::lang::types::{Types, prim_name};

/// Why a node has a type.
#[derive(Clone, Copy)]
enum Why {
    Column(RelId, usize),
    Functor(&'static str),
    Literal,
    Cast,
    Aggregate(&'static str),
}

#[derive(Clone, Copy)]
struct Evidence {
    prim: Prim,
    span: Span,
    why: Why,
}

/// Use of a node at a declared type.
#[derive(Clone, Copy)]
struct Use {
    node: Node,
    ty: TypeId,
    span: Span,
    why: Why,
}

/// Which machine types a functor works on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Numeric,
    /// Numbers to add or texts to join.
    Sum,
    Integer,
}

struct Infer<'e, 'c, 's> {
    env: &'e Env<'s>,
    core: &'c Core<'s>,
    prim_up: Vec<Node>,
    type_up: Vec<Node>,
    prims: Vec<Option<Evidence>>,
    uses: Vec<Use>,
    needs: Vec<(Node, Need, Span, &'static str)>,
    numbers: Vec<(Node, Num, Span)>,
    casts: Vec<(Node, TypeId, Span)>,
    diags: &'e mut Vec<Diagnostic>,
}

/// The solution.
pub(crate) struct Typing {
    prims: Vec<Prim>,
    types: Vec<TypeId>,
}

impl Typing {
    pub fn prim(&self, n: Node) -> Prim {
        self.prims[n]
    }

    pub fn ty(&self, n: Node) -> TypeId {
        self.types[n]
    }
}

/// A type name with `a` or `an` before it.
fn a(name: &str) -> String {
    let vowel = name.starts_with(|c: char| "aeiouAEIOU".contains(c)) && !name.to_ascii_lowercase().starts_with("uni");
    format!("{} `{name}`", if vowel { "an" } else { "a" })
}

fn find(up: &mut [Node], mut n: Node) -> Node {
    while up[n] != n {
        up[n] = up[up[n]];
        n = up[n];
    }
    n
}

/// Solves and reports.
pub(crate) fn infer(env: &Env<'_>, core: &Core<'_>, diags: &mut Vec<Diagnostic>) -> Typing {
    let n = core.nodes;
    let mut i = Infer {
        env,
        core,
        prim_up: (0..n).collect(),
        type_up: (0..n).collect(),
        prims: vec![None; n],
        uses: Vec::new(),
        needs: Vec::new(),
        numbers: Vec::new(),
        casts: Vec::new(),
        diags,
    };
    i.scope(&core.root);
    i.atom(&core.head, false);
    i.finish()
}

impl Infer<'_, '_, '_> {
    fn why(&self, why: Why) -> String {
        match why {
            Why::Column(r, c) => {
                let rel = self.env.rel(r);
                format!("column `{}` of `{}`", rel.columns[c].name, rel.name)
            }
            Why::Functor(w) => format!("`{w}`"),
            Why::Literal => String::from("as written"),
            Why::Cast => String::from("the cast"),
            Why::Aggregate(w) => format!("the result of `{w}`"),
        }
    }

    fn clash(&mut self, a: Evidence, b: Evidence) {
        let d = match (a.why, b.why) {
            (Why::Literal, _) => self.wrong_constant(a, b),
            (_, Why::Literal) => self.wrong_constant(b, a),
            _ => {
                let (first, second) =
                    if (a.span.start, a.span.end) <= (b.span.start, b.span.end) { (a, b) } else { (b, a) };
                Diagnostic::error(
                    codes::TYPE_CLASH,
                    format!("types clash: `{}` and `{}`", prim_name(first.prim), prim_name(second.prim)),
                    second.span,
                )
                .label(format!("`{}` here: {}", prim_name(second.prim), self.why(second.why)))
                .also(first.span, format!("`{}` here: {}", prim_name(first.prim), self.why(first.why)))
            }
        };
        let mean = [a.why, b.why].iter().any(|w| matches!(w, Why::Aggregate("mean")));
        let d = if mean { d.help("`mean` takes and gives a `float`; convert with `to_float(..)`") } else { d };
        self.diags.push(d);
    }

    fn wrong_constant(&self, constant: Evidence, other: Evidence) -> Diagnostic {
        let mut d = Diagnostic::error(
            codes::WRONG_CONSTANT,
            format!("this constant is {} where {} is needed", a(prim_name(constant.prim)), a(prim_name(other.prim))),
            constant.span,
        )
        .label(a(prim_name(constant.prim)));
        d = match other.why {
            Why::Column(r, c) => {
                let (ty, place) = self.env.columns[r.index()][c];
                let d = d.also(place, format!("{} is declared here", self.why(other.why)));
                match ty {
                    Some(t) if self.env.types.def(t).date => {
                        d.note("a date is written as its day number, 0 for 1970-01-01")
                    }
                    _ => d,
                }
            }
            _ => d.also(other.span, format!("`{}` here: {}", prim_name(other.prim), self.why(other.why))),
        };
        match (constant.prim, other.prim) {
            (Prim::Symbol, _) => d,
            (_, Prim::Symbol) => d.help("put it in double quotes if a text is meant"),
            (Prim::Float, Prim::Number) => d.help("write a whole number"),
            (Prim::Unsigned, _) => d.help("leave out the `u`"),
            _ => d,
        }
    }

    fn evidence(&mut self, n: Node, e: Evidence) {
        let root = find(&mut self.prim_up, n);
        match self.prims[root] {
            None => self.prims[root] = Some(e),
            Some(old) if old.prim != e.prim => self.clash(old, e),
            // A column explains a type better than a constant does.
            Some(old) if matches!(old.why, Why::Literal) => self.prims[root] = Some(e),
            Some(_) => {}
        }
    }

    /// Whether the two could be made the same.
    fn same_prim(&mut self, a: Node, b: Node) -> bool {
        let (a, b) = (find(&mut self.prim_up, a), find(&mut self.prim_up, b));
        if a == b {
            return true;
        }
        match (self.prims[a], self.prims[b]) {
            (Some(x), Some(y)) if x.prim != y.prim => {
                self.clash(x, y);
                return false;
            }
            (None, Some(y)) => self.prims[a] = Some(y),
            (Some(Evidence { why: Why::Literal, .. }), Some(y)) => self.prims[a] = Some(y),
            _ => {}
        }
        self.prim_up[b] = a;
        true
    }

    fn same_type(&mut self, a: Node, b: Node) {
        if self.same_prim(a, b) {
            let (a, b) = (find(&mut self.type_up, a), find(&mut self.type_up, b));
            self.type_up[b] = a;
        }
    }

    fn scope(&mut self, s: &Scope) {
        for l in &s.lits {
            match l {
                CLit::Atom(a) => self.atom(a, true),
                CLit::Not(a) => self.atom(a, false),
                CLit::Compare { op, left, right, .. } => {
                    self.walk(left);
                    self.walk(right);
                    let text = match op {
                        CmpOp::Match | CmpOp::NotMatch => Some("match"),
                        CmpOp::Contains | CmpOp::NotContains => Some("contains"),
                        _ => None,
                    };
                    match text {
                        Some(w) => {
                            for e in [left, right] {
                                self.evidence(
                                    e.node,
                                    Evidence { prim: Prim::Symbol, span: e.span, why: Why::Functor(w) },
                                );
                            }
                        }
                        None => self.same_type(left.node, right.node),
                    }
                }
                CLit::Bool(..) => {}
            }
        }
    }

    fn atom(&mut self, a: &CAtom, source: bool) {
        for (c, arg) in a.args.iter().enumerate() {
            self.walk(arg);
            let Some(rel) = a.rel else { continue };
            let Some(ty) = self.env.columns[rel.index()][c].0 else { continue };
            let prim = self.env.types.def(ty).prim;
            if matches!(arg.kind, CKind::Wild | CKind::Bad) {
                continue;
            }
            let why = Why::Column(rel, c);
            self.evidence(arg.node, Evidence { prim, span: arg.span, why });
            if source && arg.as_var().is_some() {
                self.uses.push(Use { node: arg.node, ty, span: arg.span, why });
            }
        }
    }

    fn walk(&mut self, e: &CExpr) {
        let literal = |prim| Evidence { prim, span: e.span, why: Why::Literal };
        match &e.kind {
            CKind::Var(_) | CKind::Wild | CKind::Bad => {}
            CKind::Str(_) => self.evidence(e.node, literal(Prim::Symbol)),
            CKind::Num(n) => {
                match n {
                    Num::Int { .. } => self.needs.push((e.node, Need::Numeric, e.span, "")),
                    Num::Unsigned(_) => self.evidence(e.node, literal(Prim::Unsigned)),
                    Num::Float(_) => self.evidence(e.node, literal(Prim::Float)),
                }
                self.numbers.push((e.node, *n, e.span));
            }
            CKind::Call(op, args) => {
                args.iter().for_each(|a| self.walk(a));
                self.call(e, *op, args);
            }
            CKind::Cast(inner, ty) => {
                self.walk(inner);
                if let Some(ty) = ty {
                    let prim = self.env.types.def(*ty).prim;
                    self.evidence(e.node, Evidence { prim, span: e.span, why: Why::Cast });
                    self.uses.push(Use { node: e.node, ty: *ty, span: e.span, why: Why::Cast });
                    self.casts.push((inner.node, *ty, inner.span));
                }
            }
            CKind::Range(args) => {
                for a in args {
                    self.walk(a);
                    self.same_prim(e.node, a.node);
                }
                self.needs.push((e.node, Need::Numeric, e.span, "range"));
            }
            CKind::Agg(a) => self.aggregate(e, a),
        }
    }

    fn call(&mut self, e: &CExpr, op: Op, args: &[CExpr]) {
        use Functor as F;
        let fixed = |n: &CExpr, prim| (n.node, Evidence { prim, span: n.span, why: Why::Functor(op.word) });
        let mut known = Vec::new();
        match op.functor {
            F::Cat => known.extend(args.iter().chain([e]).map(|a| fixed(a, Prim::Symbol))),
            F::StrLen | F::Ord => known.extend([fixed(&args[0], Prim::Symbol), fixed(e, Prim::Number)]),
            F::SubStr => {
                known.extend([fixed(&args[0], Prim::Symbol), fixed(e, Prim::Symbol)]);
                known.extend(args[1..].iter().map(|a| fixed(a, Prim::Number)));
            }
            F::ToNumber | F::ToUnsigned | F::ToFloat | F::ToString => {
                let to = match op.functor {
                    F::ToNumber => Prim::Number,
                    F::ToUnsigned => Prim::Unsigned,
                    F::ToFloat => Prim::Float,
                    _ => Prim::Symbol,
                };
                known.push(fixed(e, to));
                if let Some(from) = op.from {
                    known.push(fixed(&args[0], from));
                }
            }
            _ => {
                for a in args {
                    self.same_prim(e.node, a.node);
                }
                let need = match op.functor {
                    F::Min | F::Max => return,
                    F::Add => Need::Sum,
                    F::Neg | F::Sub | F::Mul | F::Div | F::Pow => Need::Numeric,
                    _ => Need::Integer,
                };
                self.needs.push((e.node, need, e.span, op.word));
            }
        }
        for (n, ev) in known {
            self.evidence(n, ev);
        }
    }

    fn aggregate(&mut self, e: &CExpr, a: &CAgg) {
        self.scope(&a.scope);
        if let Some(v) = &a.value {
            self.walk(v);
        }
        let word = match a.op {
            AggOp::Count => "count",
            AggOp::Sum | AggOp::WrapSum => "sum",
            AggOp::Min => "min",
            AggOp::Max => "max",
            AggOp::Mean => "mean",
        };
        let result = |prim| Evidence { prim, span: e.span, why: Why::Aggregate(word) };
        match (a.op, &a.value) {
            (AggOp::Count, _) => self.evidence(e.node, result(Prim::Number)),
            (AggOp::Mean, Some(v)) => {
                self.evidence(e.node, result(Prim::Float));
                self.evidence(v.node, Evidence { span: v.span, ..result(Prim::Float) });
            }
            (AggOp::Min | AggOp::Max, Some(v)) => {
                self.same_type(e.node, v.node);
                self.needs.push((e.node, Need::Numeric, v.span, word));
            }
            (_, Some(v)) => {
                self.same_prim(e.node, v.node);
                self.needs.push((e.node, Need::Numeric, v.span, word));
            }
            (_, None) => {}
        }
    }

    fn finish(mut self) -> Typing {
        let n = self.core.nodes;
        let mut prims = Vec::with_capacity(n);
        for node in 0..n {
            let root = find(&mut self.prim_up, node);
            prims.push(self.prims[root].map_or(Prim::Number, |e| e.prim));
        }
        self.check_needs();
        self.check_numbers(&prims);
        self.check_casts(&prims);
        let sets = self.declared_types(&prims);
        self.check_head(&sets);
        let hints = self.hints(&sets);
        let types = (0..n)
            .map(|node| {
                let root = find(&mut self.type_up, node);
                let hint = hints[root].filter(|t| self.env.types.def(*t).prim == prims[node]);
                sets[root].first().copied().or(hint).unwrap_or(Types::primitive(prims[node]))
            })
            .collect();
        Typing { prims, types }
    }

    fn check_needs(&mut self) {
        for (node, need, span, word) in std::mem::take(&mut self.needs) {
            let root = find(&mut self.prim_up, node);
            let Some(e) = self.prims[root] else { continue };
            let fits = match need {
                Need::Sum => true,
                Need::Numeric => e.prim != Prim::Symbol,
                Need::Integer => matches!(e.prim, Prim::Number | Prim::Unsigned),
            };
            if fits {
                continue;
            }
            let d = if word.is_empty() {
                let constant = Evidence { prim: Prim::Number, span, why: Why::Literal };
                self.wrong_constant(constant, e)
            } else {
                let what = if need == Need::Integer { "whole numbers" } else { "numbers" };
                Diagnostic::error(
                    codes::TYPE_CLASH,
                    format!("`{word}` works on {what}, not on `{}`", prim_name(e.prim)),
                    span,
                )
                .also(e.span, format!("`{}` here: {}", prim_name(e.prim), self.why(e.why)))
            };
            self.diags.push(d);
        }
    }

    fn check_numbers(&mut self, prims: &[Prim]) {
        for (node, num, span) in std::mem::take(&mut self.numbers) {
            if prims[node] != Prim::Symbol && constant_value(num, prims[node]).is_none() {
                let limits = match prims[node] {
                    Prim::Unsigned => "from 0 to 4294967295",
                    Prim::Float => "those of 32-bit floating point",
                    _ => "from -2147483648 to 2147483647",
                };
                self.diags.push(
                    Diagnostic::error(
                        codes::OUT_OF_RANGE,
                        format!("this number does not fit `{}`", prim_name(prims[node])),
                        span,
                    )
                    .note(format!("the values of `{}` are {limits}", prim_name(prims[node]))),
                );
            }
        }
    }

    fn check_casts(&mut self, prims: &[Prim]) {
        for (node, ty, span) in std::mem::take(&mut self.casts) {
            let root = find(&mut self.prim_up, node);
            let want = self.env.types.def(ty).prim;
            if self.prims[root].is_some() && prims[node] != want {
                let (from, to) = (prim_name(prims[node]), prim_name(want));
                self.diags.push(
                    Diagnostic::error(codes::BAD_CAST, format!("`as` cannot turn {} into {}", a(from), a(to)), span)
                        .label(a(from))
                        .help(format!("convert the value with `to_{to}(...)`").replace("to_symbol", "to_string")),
                );
            }
        }
    }

    /// Per root of the type groups, the greatest common subtypes of its uses; empty if nothing narrows it.
    fn declared_types(&mut self, prims: &[Prim]) -> Vec<Vec<TypeId>> {
        let mut sets: Vec<Vec<TypeId>> = vec![Vec::new(); self.core.nodes];
        let mut seen: Vec<Vec<Use>> = vec![Vec::new(); self.core.nodes];
        let mut uses = std::mem::take(&mut self.uses);
        uses.sort_by_key(|u| (u.span.start, u.span.end));
        for u in &uses {
            let root = find(&mut self.type_up, u.node);
            let types = &self.env.types;
            if types.def(u.ty).prim != prims[u.node] {
                continue;
            }
            if sets[root].is_empty() {
                sets[root] = vec![u.ty];
            } else {
                let met = types.meet_sets(&sets[root], u.ty);
                if met.is_empty() {
                    let other =
                        seen[root].iter().find(|o| types.meet(o.ty, u.ty).is_empty()).or(seen[root].first()).copied();
                    if let Some(o) = other {
                        let d = Diagnostic::error(
                            codes::TYPE_CLASH,
                            format!(
                                "types clash: `{}` and `{}` have no value in common",
                                types.name(o.ty),
                                types.name(u.ty)
                            ),
                            u.span,
                        )
                        .label(format!("`{}` here: {}", types.name(u.ty), self.why(u.why)))
                        .also(o.span, format!("`{}` here: {}", types.name(o.ty), self.why(o.why)));
                        self.diags.push(d);
                    }
                } else {
                    sets[root] = met;
                }
            }
            seen[root].push(*u);
        }
        self.uses = uses;
        sets
    }

    fn check_head(&mut self, sets: &[Vec<TypeId>]) {
        let head = &self.core.head;
        let Some(rel) = head.rel else { return };
        for (c, arg) in head.args.iter().enumerate() {
            let (Some(want), place) = self.env.columns[rel.index()][c] else { continue };
            let root = find(&mut self.type_up, arg.node);
            let types = &self.env.types;
            let bad = sets[root].iter().copied().find(|t| !types.is_below(*t, want));
            let Some(bad) = bad.filter(|t| types.def(*t).prim == types.def(want).prim) else { continue };
            let (bad_name, want_name) = (types.name(bad), types.name(want));
            let mut d = Diagnostic::error(
                codes::HEAD_TYPE,
                format!("{} is not always {}", a(bad_name), a(want_name)),
                arg.span,
            )
            .label(format!("{}; {} needs {}", a(bad_name), self.why(Why::Column(rel, c)), a(want_name)));
            let uses: Vec<Use> = self.uses.clone();
            if let Some(u) = uses.iter().find(|u| u.ty == bad && find(&mut self.type_up, u.node) == root) {
                d = d.also(u.span, format!("`{bad_name}` here: {}", self.why(u.why)));
            }
            d = d.also(place, format!("`{want_name}` is declared here"));
            if types.is_below(want, bad) {
                d = d.help(format!("bind it by a column of the type `{want_name}`, or write `as(.., {want_name})`"));
            }
            self.diags.push(d);
        }
    }

    /// For groups that nothing narrows: the type of the head's column, else of a negated atom's, for people to read.
    fn hints(&mut self, sets: &[Vec<TypeId>]) -> Vec<Option<TypeId>> {
        let mut hints = vec![None; self.core.nodes];
        let negated = self.core.root.lits.iter().filter_map(|l| if let CLit::Not(a) = l { Some(a) } else { None });
        for a in std::iter::once(&self.core.head).chain(negated) {
            let Some(rel) = a.rel else { continue };
            for (c, arg) in a.args.iter().enumerate() {
                let root = find(&mut self.type_up, arg.node);
                if sets[root].is_empty() && hints[root].is_none() {
                    hints[root] = self.env.columns[rel.index()][c].0;
                }
            }
        }
        hints
    }
}

/// A number as a constant of a machine type, if it fits.
pub(crate) fn constant_value(num: Num, prim: Prim) -> Option<crate::lang::program::Const> {
    use crate::lang::program::Const;
    match (prim, num) {
        (Prim::Number, Num::Int { negative, magnitude }) => {
            let m = i64::try_from(magnitude).ok()?;
            i32::try_from(if negative { -m } else { m }).ok().map(Const::Number)
        }
        (Prim::Unsigned, Num::Int { negative: false, magnitude: m } | Num::Unsigned(m)) => {
            u32::try_from(m).ok().map(Const::Unsigned)
        }
        (Prim::Unsigned, Num::Int { magnitude: 0, .. }) => Some(Const::Unsigned(0)),
        (Prim::Float, Num::Int { negative, magnitude }) => {
            Some(Const::Float(if negative { -(magnitude as f32) } else { magnitude as f32 }))
        }
        (Prim::Float, Num::Float(f)) if f.is_finite() => Some(Const::Float(f)),
        _ => None,
    }
}
