//! What a derivation graph is called in words. Rulebooks bring sentences; [`Plain`] prints atoms.

use super::view::Detail;
use crate::lang::date;
use crate::lang::program::{AggOp, Arg, CmpOp, Const, Functor, Literal, Program, RelId, Rule, RuleId, Term, TypeId};
use crate::proof::graph::{Binding, Value};

/// Language of the fixed words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Language {
    /// One of two texts.
    #[must_use]
    pub fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// Where in a narrative a fact is told; the rulebook says it (`//@ part NAME [RANK]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Part {
    Case,
    Role,
    Basis,
    Reason,
    Exception,
    Result,
    /// With the disputed readings, at the end.
    Warning,
    /// Told nowhere.
    Unsaid,
}

impl Part {
    /// The part of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "case" => Self::Case,
            "role" => Self::Role,
            "basis" => Self::Basis,
            "reason" => Self::Reason,
            "exception" => Self::Exception,
            "result" => Self::Result,
            "warning" => Self::Warning,
            "none" => Self::Unsaid,
            _ => return None,
        })
    }
}

/// A provision that a rule rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provision {
    /// Stable name.
    pub key: String,
    /// What it stands in.
    pub instrument: String,
    /// As people cite it.
    pub text: String,
    /// What it says, in short; may be empty.
    pub gist: String,
}

/// A disputed reading: what was taken, and what the others would say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Entry of the register.
    pub id: String,
    /// The reading taken.
    pub taken: String,
    /// The other readings, each with the choice that would take it, if it can be chosen.
    pub others: Vec<(String, Option<String>)>,
}

/// Why something counts as not shown although there is something on file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// It is on file, but only as alleged.
    Alleged,
    /// It is on file as found to be otherwise.
    Otherwise,
}

/// A fact by its relation and values.
pub type Row = (RelId, Vec<Value>);

/// Sentences and labels for the parts of a graph. Only `program` and `language` must be given; what is not overridden
/// prints atoms as a program would.
pub trait Words {
    /// The program explained.
    fn program(&self) -> &Program;

    /// Language of the fixed words.
    fn language(&self) -> Language;

    /// Label of a value.
    fn value(&self, value: &Value) -> String {
        plain_value(self.program(), value)
    }

    /// What a column is called.
    fn column(&self, _rel: RelId, name: &str) -> String {
        name.to_owned()
    }

    /// A fact that holds.
    fn fact(&self, rel: RelId, values: &[Value]) -> String {
        let shown = values.iter().map(|v| self.value(v)).collect::<Vec<_>>();
        format!("{}({})", self.program().rel(rel).name, shown.join(", "))
    }

    /// The sentence of a rule that holds with these values; `None` when it has none of its own.
    fn step(&self, _rule: RuleId, _bindings: &[Binding]) -> Option<String> {
        None
    }

    /// Nothing of that pattern follows.
    fn absence(&self, rel: RelId, pattern: &[Option<Value>]) -> String {
        let shown =
            pattern.iter().map(|v| v.as_ref().map_or_else(|| "_".to_owned(), |v| self.value(v))).collect::<Vec<_>>();
        let atom = format!("{}({})", self.program().rel(rel).name, shown.join(", "));
        match self.language() {
            Language::Zh => format!("未见 {atom}"),
            Language::En => format!("not shown: {atom}"),
        }
    }

    /// The provision or other authority of a rule.
    fn cite(&self, _rule: RuleId) -> Option<String> {
        None
    }

    /// Further remarks on a rule that holds, such as the reading chosen where the text admits several.
    fn remarks(&self, _rule: RuleId) -> Vec<String> {
        Vec::new()
    }

    /// The provisions of a rule.
    fn provisions(&self, _rule: RuleId) -> Vec<Provision> {
        Vec::new()
    }

    /// The disputed readings that decide in a rule.
    fn readings(&self, _rule: RuleId) -> Vec<Reading> {
        Vec::new()
    }

    /// The sentence of a given row; `None` when its relation has none.
    fn row(&self, _rel: RelId, _values: &[Value]) -> Option<String> {
        None
    }

    /// Whether the absence of a relation's rows has a sentence of its own.
    fn words_absence(&self, _rel: RelId) -> bool {
        false
    }

    /// Where a fact of a relation is told, and its rank there.
    fn part(&self, rel: RelId) -> Option<(Part, u32)> {
        let mut words = self.program().rel(rel).notes.get("part")?.split_whitespace();
        let part = Part::named(words.next()?)?;
        Some((part, words.next().and_then(|w| w.parse().ok()).unwrap_or(5)))
    }

    /// Given rows that belong to the story of these facts whether or not the proof rests on them.
    fn context(&self, _of: &[(RelId, Vec<Option<Value>>)]) -> Vec<Row> {
        Vec::new()
    }

    /// What the file holds where a row of that pattern is missing, if the relation tells.
    fn doubt(&self, _rel: RelId, _pattern: &[Option<Value>]) -> Option<(Doubt, String)> {
        None
    }

    /// The text of a rule as it was written.
    fn rule_text(&self, rule: RuleId) -> String {
        let span = self.program().rule(rule).span;
        let text = self.program().files.get(span.file as usize).map_or("", |f| &*f.text);
        text.get(span.start as usize..span.end as usize).unwrap_or("").to_owned()
    }

    /// Stable name of a rule: its `id`, else relation and ordinal.
    fn rule_name(&self, rule: RuleId) -> String {
        rule_name(self.program(), rule)
    }

    /// Where a given fact stands: `file:line (source)`.
    fn origin(&self, _rel: RelId, _values: &[Value]) -> Option<String> {
        None
    }

    /// Whether facts of a relation are hidden unless asked for.
    fn mute_relation(&self, rel: RelId) -> bool {
        let r = self.program().rel(rel);
        r.name.starts_with('$') || r.notes.has("mute")
    }

    /// Whether the absence of a relation's rows is hidden unless asked for.
    fn mute_absence(&self, rel: RelId) -> bool {
        self.mute_relation(rel)
    }

    /// Whether what lies below a fact or absence of a relation is hidden: `leaf` unless all is asked for, `leaf short` where
    /// little is.
    fn leaf(&self, rel: RelId, detail: Detail) -> bool {
        match self.program().rel(rel).notes.get("leaf") {
            None => false,
            Some("short") => detail == Detail::Short,
            Some(_) => detail < Detail::Full,
        }
    }

    /// Whether facts and, in a proof, absences of a relation go without saying, with all that lies below them.
    fn quiet(&self, rel: RelId) -> bool {
        self.program().rel(rel).notes.has("quiet")
    }

    /// Whether a rule is hidden unless asked for.
    fn mute_rule(&self, _rule: RuleId) -> bool {
        false
    }

    /// A comparison with both values and, where there is one, the margin.
    fn comparison(&self, op: CmpOp, left: &Value, right: &Value, holds: bool) -> String {
        let (a, b) = (self.value(left), self.value(right));
        let text = match op {
            CmpOp::Match | CmpOp::NotMatch | CmpOp::Contains | CmpOp::NotContains => {
                format!("{}({a}, {b})", operator(op))
            }
            _ => format!("{a} {} {b}", operator(op)),
        };
        let margin = margin(self.program(), self.language(), op, left, right, holds);
        match (margin, self.language()) {
            (Some(m), Language::Zh) => format!("{text}（{m}）"),
            (Some(m), Language::En) => format!("{text} ({m})"),
            (None, _) => text,
        }
    }

    /// An aggregate with its value; `rows` is the number of rows that contribute.
    fn aggregate(&self, op: AggOp, result: Option<&Value>, wanted: Option<&Value>, rows: usize) -> String {
        let show = |v: Option<&Value>| v.map_or_else(|| "—".to_owned(), |v| self.value(v));
        let name = aggregate_name(op, self.language());
        match (self.language(), wanted) {
            (Language::Zh, None) => format!("{name} = {}（{rows}条）", show(result)),
            (Language::Zh, w) => format!("{name} = {}，须为{}", show(result), show(w)),
            (Language::En, None) => {
                format!("{name} = {} (of {rows} {})", show(result), if rows == 1 { "row" } else { "rows" })
            }
            (Language::En, w) => format!("{name} = {}, wanted {}", show(result), show(w)),
        }
    }

    /// A literal of a rule that was not decided, as its text.
    fn literal(&self, rule: RuleId, literal: usize) -> String {
        let r = self.program().rule(rule);
        r.body.get(literal).map(|l| literal_text(self.program(), r, l)).unwrap_or_default()
    }
}

/// Prints atoms, for programs without sentences.
#[derive(Debug)]
pub struct Plain<'p> {
    /// The program.
    pub program: &'p Program,
    /// Language of the fixed words.
    pub language: Language,
}

impl Words for Plain<'_> {
    fn program(&self) -> &Program {
        self.program
    }

    fn language(&self) -> Language {
        self.language
    }
}

/// The `id` of a rule's clause, else its relation and ordinal among the relation's rules.
#[must_use]
pub fn rule_name(program: &Program, rule: RuleId) -> String {
    if let Some(id) = program.clauses.get(program.rule(rule).clause.index()).and_then(|c| c.notes.get("id")) {
        return id.to_owned();
    }
    let head = program.rule(rule).head;
    let ordinal = program.rules[..=rule.index()].iter().filter(|r| r.head == head).count();
    format!("{}#{ordinal}", program.rel(head).name)
}

fn is_date(program: &Program, ty: TypeId) -> bool {
    program.types.get(ty.index()).is_some_and(|t| t.date)
}

/// A value as a program writes it; dates in ISO form.
#[must_use]
pub fn plain_value(program: &Program, value: &Value) -> String {
    match &value.value {
        Const::Number(n) if is_date(program, value.ty) => date::iso(*n),
        c => plain_const(c),
    }
}

fn plain_const(c: &Const) -> String {
    match c {
        Const::Symbol(s) => format!("{s:?}"),
        Const::Number(n) => n.to_string(),
        Const::Unsigned(n) => n.to_string(),
        Const::Float(f) => f.to_string(),
    }
}

/// Sign of a comparison.
#[must_use]
pub fn operator(op: CmpOp) -> &'static str {
    match op {
        CmpOp::Eq => "=",
        CmpOp::Ne => "≠",
        CmpOp::Lt => "<",
        CmpOp::Le => "≤",
        CmpOp::Gt => ">",
        CmpOp::Ge => "≥",
        CmpOp::Match => "match",
        CmpOp::NotMatch => "!match",
        CmpOp::Contains => "contains",
        CmpOp::NotContains => "!contains",
    }
}

fn aggregate_name(op: AggOp, language: Language) -> &'static str {
    let (zh, en) = match op {
        AggOp::Count => ("计数", "count"),
        AggOp::Sum | AggOp::WrapSum => ("合计", "sum"),
        AggOp::Min => ("最小", "min"),
        AggOp::Max => ("最大", "max"),
        AggOp::Mean => ("平均", "mean"),
    };
    language.pick(zh, en)
}

/// How far apart the sides of an order comparison are.
#[must_use]
pub fn margin(
    program: &Program,
    language: Language,
    op: CmpOp,
    left: &Value,
    right: &Value,
    holds: bool,
) -> Option<String> {
    let (Const::Number(a), Const::Number(b)) = (&left.value, &right.value) else { return None };
    if !matches!(op, CmpOp::Lt | CmpOp::Le | CmpOp::Gt | CmpOp::Ge) || *a == date::BLANK || *b == date::BLANK {
        return None;
    }
    let apart = (i64::from(*a) - i64::from(*b)).unsigned_abs();
    let days = is_date(program, left.ty) || is_date(program, right.ty);
    if holds && !days {
        return None;
    }
    let unit = if apart == 1 { "day" } else { "days" };
    Some(match (language, days, holds) {
        (Language::Zh, true, true) => format!("相距{apart}日"),
        (Language::Zh, true, false) => format!("差{apart}日"),
        (Language::Zh, false, _) => format!("差{apart}"),
        (Language::En, true, true) => format!("{apart} {unit} apart"),
        (Language::En, true, false) => format!("off by {apart} {unit}"),
        (Language::En, false, _) => format!("off by {apart}"),
    })
}

/// A literal as a program would write it.
#[must_use]
pub fn literal_text(program: &Program, rule: &Rule, literal: &Literal) -> String {
    let arg = |a: &Arg| match a {
        Arg::Var(v) => rule.vars[v.index()].name.clone(),
        Arg::Const(c) => plain_const(c),
        Arg::Wild => "_".to_owned(),
    };
    let atom = |rel: RelId, args: &[Arg]| {
        format!("{}({})", program.rel(rel).name, args.iter().map(arg).collect::<Vec<_>>().join(", "))
    };
    let term = |t: &Term| term_text(rule, t);
    match literal {
        Literal::Atom(a) => atom(a.rel, &a.args),
        Literal::Not(a) => format!("!{}", atom(a.rel, &a.args)),
        Literal::Compare { op, left, right, .. } => match op {
            CmpOp::Match | CmpOp::NotMatch | CmpOp::Contains | CmpOp::NotContains => {
                format!("{}({}, {})", operator(*op), term(left), term(right))
            }
            _ => format!("{} {} {}", term(left), operator(*op), term(right)),
        },
        Literal::Range { var, from, to, step, .. } => {
            let step = step.as_ref().map(|s| format!(", {}", term(s))).unwrap_or_default();
            format!("{} = range({}, {}{step})", rule.vars[var.index()].name, term(from), term(to))
        }
        Literal::Aggregate { op, rel, group, result, .. } => {
            let name = aggregate_name(*op, Language::En);
            format!("{} = {name} : {}", rule.vars[result.index()].name, atom(*rel, group))
        }
    }
}

fn term_text(rule: &Rule, term: &Term) -> String {
    match term {
        Term::Var(v) => rule.vars[v.index()].name.clone(),
        Term::Const(c) => plain_const(c),
        Term::Apply { op, args, .. } => {
            let args: Vec<String> = args.iter().map(|t| term_text(rule, t)).collect();
            match (op.written().0, args.as_slice()) {
                (Functor::Add, [a, b]) => format!("({a} + {b})"),
                (Functor::Sub, [a, b]) => format!("({a} - {b})"),
                (Functor::Mul, [a, b]) => format!("({a} * {b})"),
                (Functor::Div, [a, b]) => format!("({a} / {b})"),
                (Functor::Neg, [a]) => format!("-{a}"),
                (op, _) => format!("{op:?}({})", args.join(", ")).to_lowercase(),
            }
        }
    }
}
