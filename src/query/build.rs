//! A question looked up: its relations, columns, values, the types of its variables.

use super::codes;
use super::expr::{Expr, Piece};
use super::question::{Aggregate, Argument, Op, Part, Pick, Question, What, Word};
use super::rules::{Asked, ColumnOf};
use super::settle::{self, Settler};
use super::sheet::Sheet;
use super::write::Writer;
use crate::engine::tally::Tally;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{Column, Prim, Program, RelId, RelationKind, Span, TypeId};
use crate::lang::suggest;
use std::ops::Range;

/// A variable of a question with its type and where its values are from.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub name: String,
    pub ty: TypeId,
    pub from: Option<(RelId, usize)>,
}

pub(super) struct Builder<'a> {
    pub settler: Settler<'a>,
    pub file: u32,
    pub diagnostics: Vec<Diagnostic>,
    pub variables: Vec<Variable>,
    pub texts: Vec<String>,
    pub named: bool,
}

/// Marks on rows: name, and the relation that holds the marked rows.
pub(super) type Marks = Vec<(String, String)>;

/// A question as clauses, and what they are about.
pub(super) struct Built {
    pub sheet: Sheet,
    /// The relation of its result.
    pub result: String,
    pub asked: Asked,
    pub marks: Marks,
    /// The relations of its answers and of the aggregates over them.
    pub counted: Option<[String; 2]>,
}

/// An atom with its relation; per column its argument.
pub(super) struct Resolved<'q> {
    pub rel: RelId,
    pub args: Vec<Option<&'q Argument>>,
}

impl<'a> Builder<'a> {
    pub fn new(settler: Settler<'a>, file: u32) -> Self {
        let (diagnostics, variables, texts) = (Vec::new(), Vec::new(), Vec::new());
        Self { settler, file, diagnostics, variables, texts, named: false }
    }

    pub fn span(&self, at: &Range<usize>) -> Span {
        Span { file: self.file, start: at.start as u32, end: at.end as u32 }
    }

    pub fn error(&self, code: &'static str, zh: String, en: String, at: &Range<usize>) -> Diagnostic {
        Diagnostic::error(code, self.settler.say(zh, en), self.span(at))
    }

    pub fn program(&self) -> &'a Program {
        self.settler.program
    }

    pub fn build(&mut self, q: &Question, text: &str, prefix: &str) -> Option<Built> {
        let mut atoms = Vec::new();
        for p in &q.parts {
            let Part::Atom { negated, name, args, at } = p else {
                atoms.push(None);
                continue;
            };
            let atom = self.resolve(name, args, at);
            if let Some(a) = atom.as_ref().filter(|_| !negated) {
                self.bind(a);
            }
            atoms.push(atom);
        }
        if !self.diagnostics.is_empty() {
            return None;
        }
        self.assignments(q);
        let shown: Vec<Variable> = self.variables.iter().filter(|v| !v.name.starts_with('_')).cloned().collect();
        let by = self.grouping(q, &shown);
        let aggregates = self.aggregates(q, &shown);
        let mut columns: Vec<ColumnOf> = Vec::new();
        let groups = if q.aggregates.is_empty() { (0..shown.len()).collect() } else { by.clone() };
        for i in groups {
            let v = &shown[i];
            columns.push(ColumnOf { name: v.name.clone(), ty: v.ty, from: v.from, aggregate: None });
        }
        for (a, of) in q.aggregates.iter().zip(&aggregates) {
            let v = of.map(|i| &shown[i]);
            let ty = match (a.op, v) {
                (Op::Count, _) | (_, None) => TypeId(Prim::Number as u32),
                (Op::Avg, _) => TypeId(Prim::Float as u32),
                (Op::Sum, Some(v)) => TypeId(self.program().types[v.ty.index()].prim as u32),
                (Op::Min | Op::Max, Some(v)) => v.ty,
            };
            columns.push(ColumnOf { name: a.name(), ty, from: v.and_then(|v| v.from), aggregate: Some(a.op) });
        }
        let mut show: Vec<usize> = q.show.iter().filter_map(|p| self.pick(p, &columns, q)).collect();
        if q.show.is_empty() {
            show = (0..columns.len()).collect();
        }
        let order = q.order.iter().filter_map(|(p, falling)| Some((self.pick(p, &columns, q)?, *falling))).collect();
        let mut writer = Writer::new(self, text, prefix);
        let (result, counted) = writer.write(q, &atoms, &shown, &by, &aggregates, &columns);
        let (named, texts) = (writer.named(), writer.texts());
        let marks = writer.marks(q, &atoms, &shown);
        let sheet = writer.sheet;
        // The relations have no numbers yet.
        let rel = RelId(0);
        let of = q.aggregates.iter().map(|a| a.op.aggregate()).zip(aggregates).collect();
        let tally = counted.is_some().then_some(Tally { answers: rel, into: rel, by, of });
        let asked = Asked { rel, columns, show, order, limit: q.limit, named, texts, marks: Vec::new(), tally };
        let built = Built { sheet, result, asked, marks, counted };
        self.diagnostics.is_empty().then_some(built)
    }

    /// The relation of an atom, and its arguments column by column.
    fn resolve<'q>(&mut self, name: &Word, args: &'q [Argument], at: &Range<usize>) -> Option<Resolved<'q>> {
        let program = self.program();
        let Some(rel) = self.relation(name) else {
            let declared = || program.relations.iter().filter(|r| r.kind == RelationKind::Declared);
            let d = self.error(
                codes::RELATION,
                format!("没有关系“{}”", name.text),
                format!("there is no relation `{}`", name.text),
                &name.at,
            );
            let labels = declared().flat_map(|r| std::iter::once(r.name.as_str()).chain(r.notes.get("zh")));
            self.diagnostics.push(match suggest::nearest(&name.text, labels) {
                Some(s) => d.help(self.settler.say(format!("是否指 {s}？"), format!("did you mean `{s}`?"))),
                None => d,
            });
            return None;
        };
        let relation = program.rel(rel);
        let names: Vec<&str> = relation.columns.iter().map(|c| c.name.as_str()).collect();
        let list = names.join(", ");
        let mut out = vec![None; relation.arity()];
        if args.iter().any(|a| a.column.is_some()) {
            for a in args {
                let column = a.column.as_ref().map(|w| (w, self.column(rel, &w.text)));
                let d = match column {
                    Some((_, Some(c))) if out[c].is_none() => {
                        out[c] = Some(a);
                        continue;
                    }
                    Some((w, Some(_))) => self.error(
                        codes::COLUMNS,
                        format!("列“{}”写了两次", w.text),
                        format!("the column `{}` stands twice", w.text),
                        &w.at,
                    ),
                    Some((w, None)) => {
                        let d = self.error(
                            codes::COLUMNS,
                            format!("{} 没有列“{}”", relation.name, w.text),
                            format!("`{}` has no column `{}`", relation.name, w.text),
                            &w.at,
                        );
                        match suggest::nearest(&w.text, names.iter().copied()) {
                            Some(s) => {
                                d.help(self.settler.say(format!("是否指 {s}？"), format!("did you mean `{s}`?")))
                            }
                            None => d,
                        }
                    }
                    None => self.error(
                        codes::COLUMNS,
                        "各列要么都写列名，要么都不写".into(),
                        "name all columns that are not open, or none".into(),
                        &a.at,
                    ),
                };
                self.diagnostics
                    .push(d.note(self.settler.say(format!("各列：{list}"), format!("its columns are ({list})"))));
            }
            return Some(Resolved { rel, args: out });
        }
        if args.len() != relation.arity() {
            let (n, m) = (relation.arity(), args.len());
            let d = self.error(
                codes::COLUMNS,
                format!("{} 有 {n} 列，问题写了 {m} 列", relation.name),
                format!("`{}` has {n} columns, the question has {m} arguments", relation.name),
                at,
            );
            let first = names.first().copied().unwrap_or("");
            self.diagnostics.push(
                d.note(self.settler.say(format!("各列：{list}"), format!("its columns are ({list})"))).help(
                    self.settler.say(
                        format!("不问的列写 _，或只写要问的列：{}({first}=X)", relation.name),
                        format!(
                            "write `_` for what is open, or name the columns that matter: `{}({first}=X)`",
                            relation.name
                        ),
                    ),
                ),
            );
            return None;
        }
        for (place, a) in out.iter_mut().zip(args) {
            *place = Some(a);
        }
        Some(Resolved { rel, args: out })
    }

    /// A relation by its name, or by its Chinese label if no other has it.
    fn relation(&self, name: &Word) -> Option<RelId> {
        let program = self.program();
        let declared = |id: &RelId| program.rel(*id).kind == RelationKind::Declared;
        if let Some(id) = program.relation(&name.text).filter(declared) {
            return Some(id);
        }
        let all = program.relations.iter().enumerate();
        let mut called =
            all.filter(|(_, r)| r.notes.get("zh") == Some(name.text.as_str())).map(|(i, _)| RelId(i as u32));
        let first = called.next()?;
        called.next().is_none().then_some(first)
    }

    /// A column by its name or one of its labels.
    fn column(&self, rel: RelId, name: &str) -> Option<usize> {
        let relation = self.program().rel(rel);
        if let Some(c) = relation.columns.iter().position(|c| c.name == name) {
            return Some(c);
        }
        let labelled = relation.notes.all("col").find_map(|n| {
            let (column, labels) = n.split_once(' ')?;
            labels.split(['|', ';']).any(|l| l.trim() == name).then_some(column)
        });
        if let Some(column) = labelled {
            return relation.columns.iter().position(|c| c.name == column);
        }
        let of_type = |c: &Column| self.program().types[c.ty.index()].notes.get("zh") == Some(name);
        let mut called = (0..relation.arity()).filter(|i| of_type(&relation.columns[*i]));
        let first = called.next()?;
        called.next().is_none().then_some(first)
    }

    /// Types of the variables of an atom.
    fn bind(&mut self, atom: &Resolved<'_>) {
        for (c, a) in atom.args.iter().enumerate() {
            let Some(What::Variable(name)) = a.map(|a| &a.what) else { continue };
            let ty = self.program().rel(atom.rel).columns[c].ty;
            match self.variables.iter_mut().position(|v| v.name == *name) {
                None => self.variables.push(Variable { name: name.clone(), ty, from: Some((atom.rel, c)) }),
                // The narrower type; that two do not go together the compiler says.
                Some(i) if self.below(ty, self.variables[i].ty) => {
                    self.variables[i].ty = ty;
                    self.variables[i].from = Some((atom.rel, c));
                }
                Some(_) => {}
            }
        }
    }

    fn below(&self, ty: TypeId, above: TypeId) -> bool {
        let mut at = self.program().types[ty.index()].parent;
        while let Some(t) = at {
            if t == above {
                return true;
            }
            at = self.program().types[t.index()].parent;
        }
        false
    }

    pub fn type_of(&self, name: &str) -> Option<TypeId> {
        self.variables.iter().find(|v| v.name == name).map(|v| v.ty)
    }

    pub fn prim_of(&self, name: &str) -> Option<Prim> {
        self.type_of(name).map(|t| self.program().types[t.index()].prim)
    }

    /// Types of variables that only an `=` or `in` binds.
    fn assignments(&mut self, q: &Question) {
        let mut again = true;
        while again {
            again = false;
            for p in &q.parts {
                let (name, expr) = match p {
                    Part::Compare { left, op: "=", right } => match (left.as_slice(), right.as_slice()) {
                        ([(Piece::Variable(v), _)], _) if self.type_of(v).is_none() => (v, right.clone()),
                        (_, [(Piece::Variable(v), _)]) if self.type_of(v).is_none() => (v, left.clone()),
                        _ => continue,
                    },
                    Part::OneOf { negated: false, variable, values } if self.type_of(&variable.text).is_none() => {
                        (&variable.text, values.iter().take(1).cloned().collect())
                    }
                    _ => continue,
                };
                if let Some((ty, from)) = self.type_of_expr(&expr) {
                    self.variables.push(Variable { name: name.clone(), ty, from });
                    again = true;
                }
            }
        }
    }

    /// The type of an expression; `None` while a variable of it has none.
    fn type_of_expr(&self, expr: &Expr) -> Option<(TypeId, Option<(RelId, usize)>)> {
        let prim = |p: Prim| Some((TypeId(p as u32), None));
        let day = || self.program().types.iter().position(|t| t.date).map_or(TypeId(1), |i| TypeId(i as u32));
        match &expr[..] {
            [(Piece::Variable(v), _)] => {
                return self.variables.iter().find(|x| x.name == *v).map(|x| (x.ty, x.from));
            }
            [(Piece::Value(text, quoted), _)] => {
                let (_, p, date) = self.settler.untyped(text, *quoted);
                return if date { Some((day(), None)) } else { prim(p) };
            }
            [(Piece::Call(f), _), ..] => {
                return match f.as_str() {
                    "cat" | "substr" | "to_string" => prim(Prim::Symbol),
                    "to_float" => prim(Prim::Float),
                    "to_unsigned" => prim(Prim::Unsigned),
                    _ => prim(Prim::Number),
                };
            }
            _ => {}
        }
        let (mut dates, mut sums, mut widest) = (0, true, Prim::Number);
        for (piece, _) in expr {
            match piece {
                Piece::Variable(v) => {
                    let ty = self.type_of(v)?;
                    let def = &self.program().types[ty.index()];
                    dates += usize::from(def.date);
                    if matches!(def.prim, Prim::Float | Prim::Unsigned) {
                        widest = def.prim;
                    }
                }
                Piece::Value(text, quoted) => match self.settler.untyped(text, *quoted) {
                    (_, _, true) => dates += 1,
                    (_, Prim::Float, _) => widest = Prim::Float,
                    _ => {}
                },
                Piece::Sign('+' | '-' | '(' | ')') => {}
                _ => sums = false,
            }
        }
        if dates == 1 && sums { Some((day(), None)) } else { prim(widest) }
    }

    fn find(&mut self, word: &Word, shown: &[Variable]) -> Option<usize> {
        let at = shown.iter().position(|v| v.name == word.text);
        if at.is_none() {
            let d = self.error(
                codes::NAME,
                format!("问题的条件里没有变量 {}", word.text),
                format!("no atom of the question has the variable `{}`", word.text),
                &word.at,
            );
            let list: Vec<&str> = shown.iter().map(|v| v.name.as_str()).collect();
            let list = list.join(", ");
            let note = self.settler.say(format!("可用的变量：{list}"), format!("its variables are {list}"));
            self.diagnostics.push(d.note(note));
        }
        at
    }

    fn grouping(&mut self, q: &Question, shown: &[Variable]) -> Vec<usize> {
        let mut by = Vec::new();
        for w in &q.by {
            if let Some(i) = self.find(w, shown)
                && !by.contains(&i)
            {
                by.push(i);
            }
        }
        by
    }

    /// The variable of each aggregate.
    fn aggregates(&mut self, q: &Question, shown: &[Variable]) -> Vec<Option<usize>> {
        let mut out = Vec::new();
        for a in &q.aggregates {
            let of = a.of.as_ref().and_then(|v| self.find(&Word { text: v.clone(), at: a.at.clone() }, shown));
            out.push(of);
            let Some(v) = of.map(|i| &shown[i]) else { continue };
            let def = &self.program().types[v.ty.index()];
            let (word, name) = (a.op.word(), &v.name);
            if q.by.iter().any(|w| w.text == *name) {
                let (zh, en) = (format!("{name} 既用来分组又要聚合"), format!("`{name}` is grouped by and aggregated"));
                self.diagnostics.push(self.error(codes::CLASH, zh, en, &a.at));
                continue;
            }
            let d = match a.op {
                Op::Count => continue,
                _ if def.prim == Prim::Symbol => {
                    self.error(
                        codes::AGGREGATE,
                        format!("{word} 用于数和日期，{name} 是文字"),
                        format!("`{word}` takes numbers and days, `{name}` is text"),
                        &a.at,
                    )
                    .help(self.settler.say(format!("计数用 count {name}"), format!("`count {name}` counts its values")))
                }
                Op::Sum | Op::Avg if def.date => self
                    .error(
                        codes::AGGREGATE,
                        format!("{word} 不能用于日期"),
                        format!("`{word}` of days makes no sense"),
                        &a.at,
                    )
                    .help(self.settler.say(
                        "可用 min、max，或先算天数：N = B - A",
                        "take `min`, `max`, or a number of days: `N = B - A`",
                    )),
                _ => continue,
            };
            self.diagnostics.push(d);
        }
        out
    }

    /// The column that `show` or `order by` names.
    fn pick(&mut self, pick: &Pick, columns: &[ColumnOf], q: &Question) -> Option<usize> {
        match pick {
            Pick::Variable(w) => {
                let at = columns.iter().position(|c| c.name == w.text);
                if at.is_none() {
                    let list: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
                    let list = list.join(", ");
                    let d = self.error(
                        codes::NAME,
                        format!("结果里没有列 {}", w.text),
                        format!("the result has no column `{}`", w.text),
                        &w.at,
                    );
                    self.diagnostics
                        .push(d.note(self.settler.say(format!("结果的列：{list}"), format!("its columns are {list}"))));
                }
                at
            }
            Pick::Aggregate(a) => {
                let groups = columns.len() - q.aggregates.len();
                self.meant(a, q).map(|i| groups + i)
            }
        }
    }

    /// Which aggregate of the question is meant: the one of that name, or the only one of that kind.
    pub fn meant(&mut self, a: &Aggregate, q: &Question) -> Option<usize> {
        let exact = q.aggregates.iter().position(|x| x.op == a.op && x.of == a.of);
        let mut kind = (0..q.aggregates.len()).filter(|i| q.aggregates[*i].op == a.op);
        let only = kind.next().filter(|_| a.of.is_none() && kind.next().is_none());
        let found = exact.or(only);
        if found.is_none() {
            let d = self.error(
                codes::NAME,
                format!("问题没有聚合 {}", a.name()),
                format!("the question has no aggregate `{}`", a.name()),
                &a.at,
            );
            let help = self.settler.say(format!("加上 {} by ...", a.name()), format!("add `{} by ...`", a.name()));
            self.diagnostics.push(d.help(help));
        }
        found
    }

    /// A value of an atom or comparison as rule text.
    pub fn settle(&mut self, ty: TypeId, text: &str, quoted: bool, at: &Range<usize>) -> String {
        if self.program().types[ty.index()].prim == Prim::Symbol && settle::list(self.program(), ty).is_none() {
            self.named = true;
            self.texts.push(text.to_owned());
        }
        match self.settler.value(ty, text, quoted, self.span(at)) {
            Ok(t) => t,
            Err(d) => {
                self.diagnostics.push(*d);
                settle::quote(text)
            }
        }
    }
}
