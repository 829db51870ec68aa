//! The clauses of a question, piece by piece, each with its place in the question.

use super::build::{Builder, Resolved, Variable};
use super::expr::{Expr, Piece};
use super::question::{Aggregate, Op, Part, Question, What};
use super::rules::ColumnOf;
use super::sheet::Sheet;
use crate::facts::date::BLANK;
use crate::lang::program::{Prim, TypeId};
use crate::rulebook::marks;
use std::ops::Range;

pub(super) struct Writer<'b, 'a> {
    builder: &'b mut Builder<'a>,
    pub sheet: Sheet,
    prefix: &'b str,
    /// Beginning of variables that the question does not have.
    fresh: String,
    /// Days taken apart so far: variable, and the number of the step.
    parted: Vec<String>,
    /// Columns of the next atom that are named even if they are open.
    filled: Vec<usize>,
}

impl<'b, 'a> Writer<'b, 'a> {
    pub fn new(builder: &'b mut Builder<'a>, text: &str, prefix: &'b str) -> Self {
        let mut fresh = String::from("_q");
        while text.contains(&fresh) {
            fresh.push('q');
        }
        Self { builder, sheet: Sheet::default(), prefix, fresh, parted: Vec::new(), filled: Vec::new() }
    }

    /// Writes all clauses; gives the name of the relation that holds the result, and of those of the answers and of the
    /// aggregates over them, if there are any.
    pub fn write(
        &mut self,
        q: &Question,
        atoms: &[Option<Resolved<'_>>],
        shown: &[Variable],
        by: &[usize],
        of: &[Option<usize>],
        columns: &[ColumnOf],
    ) -> (String, Option<[String; 2]>) {
        let answers = format!("{}answers", self.prefix);
        self.declare(&answers, shown.iter().map(|v| v.ty));
        let heads: Vec<&str> = shown.iter().map(|v| v.name.as_str()).collect();
        self.sheet.glue(&format!("{answers}({}) :- ", heads.join(", ")));
        let mut first = true;
        for (part, atom) in q.parts.iter().zip(atoms) {
            if matches!(part, Part::Having { .. }) {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.sheet.glue(", ");
            }
            self.part(part, atom.as_ref());
        }
        self.sheet.glue(".\n");
        if q.aggregates.is_empty() {
            for p in &q.parts {
                if let Part::Having { of, .. } = p {
                    self.builder.meant(of, q);
                }
            }
            return (answers, None);
        }
        let parts: Vec<String> =
            (0..of.len()).map(|k| self.counted(k, &q.aggregates[k], of[k], &answers, shown, by)).collect();
        let tally = format!("{}tally", self.prefix);
        self.declare(&tally, columns.iter().map(|c| c.ty));
        let groups = by.iter().map(|i| shown[*i].name.clone());
        let heads: Vec<String> = groups.chain((0..of.len()).map(|k| format!("{}a{k}", self.fresh))).collect();
        let head = format!("{tally}({})", heads.join(", "));
        self.sheet.glue(&format!("{head} :- "));
        if !by.is_empty() {
            let row = self.row(shown, by, None, "_");
            self.sheet.glue(&format!("{answers}({row}), "));
        }
        for (k, (part, a)) in parts.iter().zip(&q.aggregates).enumerate() {
            if k > 0 {
                self.sheet.glue(", ");
            }
            self.sheet.put(part, &a.at);
        }
        self.sheet.glue(".\n");
        let both = Some([answers, tally.clone()]);
        if !q.parts.iter().any(|p| matches!(p, Part::Having { .. })) {
            return (tally, both);
        }
        let result = format!("{}result", self.prefix);
        self.declare(&result, columns.iter().map(|c| c.ty));
        self.sheet.glue(&format!("{result}({}) :- {head}", heads.join(", ")));
        for p in &q.parts {
            if let Part::Having { of, op, right } = p
                && let Some(k) = self.builder.meant(of, q)
            {
                let ty = columns[by.len() + k].ty;
                self.sheet.glue(", ");
                let name = format!("{}a{k}", self.fresh);
                self.sheet.put(&name, &of.at);
                self.sheet.glue(&format!(" {op} "));
                self.expr(right, Some(ty));
            }
        }
        self.sheet.glue(".\n");
        (result, both)
    }

    /// Whether the question names something of which there are many.
    pub fn named(&self) -> bool {
        self.builder.named
    }

    /// The texts that it names.
    pub fn texts(&self) -> Vec<String> {
        self.builder.texts.clone()
    }

    /// Writes, for each atom on which marks lie, the conditions again with the mark behind them; gives the names of the
    /// marks and of the relations that hold the marked answers. Counts and sums are not marked.
    pub fn marks(&mut self, q: &Question, atoms: &[Option<Resolved<'_>>], shown: &[Variable]) -> Vec<(String, String)> {
        let mut out: Vec<(String, String)> = Vec::new();
        if !q.aggregates.is_empty() || shown.is_empty() || !self.builder.diagnostics.is_empty() {
            return out;
        }
        self.sheet.again = self.sheet.text.len();
        let program = self.builder.program();
        for (i, atom) in atoms.iter().enumerate() {
            let positive = !matches!(q.parts[i], Part::Atom { negated: true, .. });
            let Some(atom) = atom.as_ref().filter(|_| positive) else { continue };
            for (mark, name, columns) in marks::on(program, atom.rel) {
                let at = out.iter().position(|(n, _)| n == name);
                let at = at.unwrap_or_else(|| {
                    let relation = format!("{}mark{}", self.prefix, out.len());
                    self.declare(&relation, shown.iter().map(|v| v.ty));
                    out.push((name.to_owned(), relation));
                    out.len() - 1
                });
                let heads: Vec<&str> = shown.iter().map(|v| v.name.as_str()).collect();
                self.sheet.glue(&format!("{}({}) :- ", out[at].1, heads.join(", ")));
                self.parted.clear();
                for (k, part) in q.parts.iter().enumerate() {
                    if k == i {
                        self.filled.clone_from(&columns);
                    }
                    self.part(part, atoms[k].as_ref());
                    self.filled.clear();
                    self.sheet.glue(", ");
                }
                let args: Vec<String> = columns.iter().map(|c| self.argument(atom, *c, true)).collect();
                self.sheet.glue(&format!("{}({}).\n", program.rel(mark).name, args.join(", ")));
            }
        }
        out
    }

    /// An argument of an atom as rule text; an open one gets a name if it is to be `filled`.
    fn argument(&mut self, atom: &Resolved<'_>, column: usize, filled: bool) -> String {
        match atom.args[column].map(|a| (&a.what, &a.at)) {
            None | Some((What::Open, _)) if filled => format!("{}f{column}", self.fresh),
            None | Some((What::Open, _)) => "_".to_owned(),
            Some((What::Variable(v), _)) => v.clone(),
            Some((What::Value(text, quoted), at)) => {
                let ty = self.builder.program().rel(atom.rel).columns[column].ty;
                self.builder.settle(ty, text, *quoted, at)
            }
        }
    }

    fn declare(&mut self, name: &str, types: impl Iterator<Item = TypeId>) {
        let program = self.builder.program();
        let columns: Vec<String> =
            types.enumerate().map(|(i, t)| format!("c{i}: {}", program.types[t.index()].name)).collect();
        self.sheet.glue(&format!(".decl {name}({})\n", columns.join(", ")));
    }

    /// Arguments for the relation of the answers: groups by their variable, the value as `v`, the rest open.
    fn row(&self, shown: &[Variable], by: &[usize], value: Option<usize>, open: &str) -> String {
        let one = |i: usize| match () {
            () if by.contains(&i) => shown[i].name.clone(),
            () if value == Some(i) => format!("{}v", self.fresh),
            () if open == "_" => "_".to_owned(),
            () => format!("{open}{i}"),
        };
        (0..shown.len()).map(one).collect::<Vec<_>>().join(", ")
    }

    /// The literal of an aggregate; `count N` needs a relation of its own, for values that differ.
    fn counted(
        &mut self,
        k: usize,
        a: &Aggregate,
        of: Option<usize>,
        answers: &str,
        shown: &[Variable],
        by: &[usize],
    ) -> String {
        let fresh = self.fresh.clone();
        let blank = |prim: Prim| match prim {
            Prim::Number => format!(", {fresh}v != {BLANK}"),
            Prim::Symbol => format!(", {fresh}v != \"\""),
            _ => String::new(),
        };
        let result = format!("{fresh}a{k}");
        let Some(v) = of else {
            let row = self.row(shown, by, None, &fresh);
            return format!("{result} = count : {{ {answers}({row}) }}");
        };
        let prim = self.builder.program().types[shown[v].ty.index()].prim;
        let guard = blank(prim);
        if a.op == Op::Count {
            let name = format!("{}part{k}", self.prefix);
            self.declare(&name, by.iter().chain([&v]).map(|i| shown[*i].ty));
            let row = self.row(shown, by, of, "_");
            let groups: Vec<&str> = by.iter().map(|i| shown[*i].name.as_str()).collect();
            let value = format!("{fresh}v");
            let args = groups.iter().copied().chain([value.as_str()]).collect::<Vec<_>>().join(", ");
            self.sheet.glue(&format!("{name}({args}) :- {answers}({row}){guard}.\n"));
            return format!("{result} = count : {{ {name}({args}) }}");
        }
        let row = self.row(shown, by, of, &fresh);
        let value = match (a.op, prim) {
            (Op::Avg, Prim::Number | Prim::Unsigned) => format!("mean to_float({fresh}v)"),
            (Op::Avg, _) => format!("mean {fresh}v"),
            (op, _) => format!("{} {fresh}v", op.word()),
        };
        format!("{result} = {value} : {{ {answers}({row}){guard} }}")
    }

    fn part(&mut self, part: &Part, atom: Option<&Resolved<'_>>) {
        match part {
            Part::Atom { negated, name, at, .. } => {
                let Some(atom) = atom else { return };
                self.atom(*negated, &name.at, at, atom);
            }
            Part::Compare { left, op, right } => {
                let (lt, rt) = (self.single(left), self.single(right));
                for (piece, at) in left.iter().chain(right) {
                    if let Piece::Of(_, v) = piece {
                        self.take_apart(v, at);
                    }
                }
                self.expr(left, rt);
                self.sheet.glue(&format!(" {op} "));
                self.expr(right, lt);
                let ordered = !matches!(*op, "=" | "!=");
                let mut guarded: Vec<&str> = Vec::new();
                for side in [left, right] {
                    for (piece, _) in side.iter().filter(|_| ordered || side.len() > 1) {
                        if let Piece::Variable(v) = piece
                            && self.builder.prim_of(v) == Some(Prim::Number)
                            && !guarded.contains(&v.as_str())
                        {
                            guarded.push(v);
                        }
                    }
                }
                for v in guarded {
                    self.sheet.glue(&format!(", {v} != {BLANK}"));
                }
            }
            Part::Test { negated, word, args } => {
                self.sheet.glue(if *negated { "!" } else { "" });
                self.sheet.glue(&format!("{word}("));
                for (i, a) in args.iter().enumerate() {
                    self.sheet.glue(if i > 0 { ", " } else { "" });
                    self.expr(a, None);
                }
                self.sheet.glue(")");
            }
            Part::OneOf { negated, variable, values } => {
                let ty = self.builder.type_of(&variable.text);
                let (sign, between) = if *negated { (" != ", ", ") } else { (" = ", " ; ") };
                self.sheet.glue(if *negated { "" } else { "(" });
                for (i, v) in values.iter().enumerate() {
                    self.sheet.glue(if i > 0 { between } else { "" });
                    self.sheet.put(&variable.text, &variable.at);
                    self.sheet.glue(sign);
                    self.expr(&vec![v.clone()], ty);
                }
                self.sheet.glue(if *negated { "" } else { ")" });
            }
            Part::Having { .. } => {}
        }
    }

    fn atom(&mut self, negated: bool, name_at: &Range<usize>, at: &Range<usize>, atom: &Resolved<'_>) {
        let name = &self.builder.program().rel(atom.rel).name;
        if negated {
            self.sheet.put("!", &(at.start..name_at.start.max(at.start + 1)));
        }
        self.sheet.put(name, name_at);
        self.sheet.glue("(");
        for (c, a) in atom.args.iter().enumerate() {
            self.sheet.glue(if c > 0 { ", " } else { "" });
            let before = self.builder.named;
            let text = self.argument(atom, c, self.filled.contains(&c));
            // What is only denied narrows nothing down.
            self.builder.named = before || (self.builder.named && !negated);
            match a {
                Some(a) => self.sheet.put(&text, &a.at),
                None => self.sheet.glue(&text),
            }
        }
        self.sheet.glue(")");
    }

    /// The type that a side of a comparison gives to a lone value on the other.
    fn single(&self, expr: &Expr) -> Option<TypeId> {
        match &expr[..] {
            [(Piece::Variable(v), _)] => self.builder.type_of(v),
            _ => None,
        }
    }

    fn expr(&mut self, expr: &Expr, ty: Option<TypeId>) {
        let alone = expr.len() == 1;
        for (piece, at) in expr {
            match piece {
                Piece::Variable(v) => self.sheet.put(v, at),
                Piece::Call(f) => self.sheet.put(&format!("{f}("), at),
                Piece::Of(part, v) => {
                    let name = format!("{}{}{}", self.fresh, &part[..1], self.number(v));
                    self.sheet.put(&name, at);
                }
                Piece::Sign(c) => self.sheet.put(&format!(" {c} "), at),
                Piece::Value(text, quoted) => {
                    let value = match ty.filter(|_| alone) {
                        Some(ty) => {
                            let named = self.builder.named;
                            let value = self.builder.settle(ty, text, *quoted, at);
                            self.builder.named = named;
                            value
                        }
                        None => self.builder.settler.untyped(text, *quoted).0,
                    };
                    self.sheet.put(&value, at);
                }
            }
        }
    }

    fn number(&self, v: &str) -> usize {
        self.parted.iter().position(|p| p == v).unwrap_or(0)
    }

    /// Year and month of a day, by the arithmetic of the calendar ([`crate::lang::date::to_civil`]).
    fn take_apart(&mut self, v: &str, at: &Range<usize>) {
        if self.parted.iter().any(|p| p == v) {
            return;
        }
        let n = self.parted.len();
        self.parted.push(v.to_owned());
        let f = &self.fresh;
        let (z, e, o, x, r, p) = (
            format!("{f}z{n}"),
            format!("{f}e{n}"),
            format!("{f}o{n}"),
            format!("{f}x{n}"),
            format!("{f}r{n}"),
            format!("{f}p{n}"),
        );
        let text = format!(
            "{v} != {BLANK}, {z} = {v} + 719468, {e} = {z} / 146097, {o} = {z} - {e} * 146097, \
             {x} = ({o} - {o} / 1460 + {o} / 36524 - {o} / 146096) / 365, \
             {r} = {o} - (365 * {x} + {x} / 4 - {x} / 100), {p} = (5 * {r} + 2) / 153, \
             {f}y{n} = {x} + {e} * 400 + {p} / 10, {f}m{n} = {p} + 3 - 12 * ({p} / 10)"
        );
        self.sheet.put(&text, at);
        self.sheet.glue(", ");
    }
}
