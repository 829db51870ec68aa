//! The checked program: what every later room reads.
//!
//! Rules here are in kernel form. The checker has split several heads and disjunctions into one rule each, replaced
//! functor arguments of body atoms by fresh variables and comparisons, named every variable, hoisted aggregate bodies
//! into auxiliary relations of a lower stratum, and ordered nothing: literal order is the text's, plans are the engine's.

use std::sync::Arc;

/// A byte range in a source file of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Index into [`Program::files`].
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A source text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Name as shown to people, relative to the rules folder, such as `zz-injury/ch08.dl`.
    pub name: String,
    /// The text.
    pub text: Arc<str>,
}

impl SourceFile {
    /// Line and column (both from 1, column in characters) of a byte offset.
    #[must_use]
    pub fn line_col(&self, offset: u32) -> (usize, usize) {
        let offset = (offset as usize).min(self.text.len());
        let before = &self.text[..offset];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let col = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, col)
    }
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);
        impl $name {
            /// As a slice index.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(
    /// Index into [`Program::relations`].
    RelId
);
index!(
    /// Index into [`Program::rules`].
    RuleId
);
index!(
    /// Index into [`Program::types`].
    TypeId
);
index!(
    /// Index into [`Rule::vars`].
    VarId
);
index!(
    /// Index into [`Program::clauses`]: a clause as written; one clause can give several kernel rules.
    ClauseId
);

/// The machine type under a declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Prim {
    /// Interned text.
    Symbol,
    /// Signed 32-bit integer.
    Number,
    /// Unsigned 32-bit integer.
    Unsigned,
    /// 32-bit floating point.
    Float,
}

/// A declared type (`.type Date <: number`); the four primitives are the first four entries.
#[derive(Clone, Debug)]
pub struct TypeDef {
    /// Name.
    pub name: String,
    /// Machine type.
    pub prim: Prim,
    /// The type it is a subtype of; `None` for the primitives.
    pub parent: Option<TypeId>,
    /// True for `Date` and its subtypes: day numbers (0 = 1970-01-01), shown as ISO dates.
    pub date: bool,
    /// Annotations before the `.type`.
    pub notes: Notes,
    /// Where it is declared; `None` for the primitives.
    pub span: Option<Span>,
}

/// One `//@ key value` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// First word after `//@`.
    pub key: String,
    /// The rest of the line, trimmed; may be empty.
    pub value: String,
    /// The line.
    pub span: Span,
}

/// The annotation lines before a declaration or clause, in order. Their keys mean nothing to this room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(pub Vec<Note>);

impl Notes {
    /// Value of the first line with that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|n| n.key == key).map(|n| n.value.as_str())
    }

    /// Values of all lines with that key, in order.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.0.iter().filter(move |n| n.key == key).map(|n| n.value.as_str())
    }

    /// Whether a line with that key exists.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }
}

/// A column of a relation.
#[derive(Clone, Debug)]
pub struct Column {
    /// Attribute name of the declaration.
    pub name: String,
    /// Declared type.
    pub ty: TypeId,
    /// Its machine type.
    pub prim: Prim,
}

/// Parameters of an `.input`, `.output` or `.printsize` directive, in order; keys as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Io {
    /// `key=value` pairs.
    pub params: Vec<(String, String)>,
}

/// Where a relation comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// Declared in the text.
    Declared,
    /// Auxiliary: the body of an aggregate. Columns: group variables, then (if any) the aggregated value, then the
    /// remaining variables of the body, so that one row is one contributing match.
    Aggregate,
}

/// A relation.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Name; auxiliary ones begin with `$`.
    pub name: String,
    /// Columns in order; may be empty.
    pub columns: Vec<Column>,
    /// Declared or auxiliary.
    pub kind: RelationKind,
    /// Annotations before the `.decl`.
    pub notes: Notes,
    /// The declaration.
    pub span: Span,
    /// `.input` directives.
    pub inputs: Vec<Io>,
    /// `.output` directives.
    pub outputs: Vec<Io>,
    /// `.printsize` was asked for.
    pub printsize: bool,
    /// `.limitsize` bound, if any.
    pub limitsize: Option<u64>,
}

impl Relation {
    /// Number of columns.
    #[must_use]
    pub fn arity(&self) -> usize {
        self.columns.len()
    }
}

/// A constant of the text.
#[derive(Clone, Debug, PartialEq)]
pub enum Const {
    /// Text, unescaped.
    Symbol(Arc<str>),
    /// Signed integer.
    Number(i32),
    /// Unsigned integer.
    Unsigned(u32),
    /// Floating point.
    Float(f32),
}

/// Argument of a body atom.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// A variable.
    Var(VarId),
    /// A constant.
    Const(Const),
    /// `_`: any value, not bound.
    Wild,
}

/// An atom in a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Atom {
    /// Relation.
    pub rel: RelId,
    /// One argument per column.
    pub args: Vec<Arg>,
    /// Where it stands.
    pub span: Span,
}

/// A term of a head, a comparison or a functor.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A variable.
    Var(VarId),
    /// A constant.
    Const(Const),
    /// A functor; all arguments have machine type `prim` unless the functor fixes them.
    Apply {
        /// The functor.
        op: Functor,
        /// Machine type on which it works.
        prim: Prim,
        /// Arguments.
        args: Vec<Term>,
    },
}

/// Functors. Arithmetic is checked unless the program asks for wrapping: overflow, division by zero and a non-number in `to_number` are limits of the run
/// (`E07xx`), never a wrong value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Functor {
    Neg,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Min,
    Max,
    BitNot,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
    ShiftRightUnsigned,
    LogicNot,
    LogicAnd,
    LogicOr,
    LogicXor,
    /// Concatenation of two or more symbols.
    Cat,
    /// Number of characters.
    StrLen,
    /// `substr(text, from, count)`, in characters.
    SubStr,
    /// Position-free identity number of a symbol.
    Ord,
    /// Conversions: `prim` is the machine type of the argument.
    ToNumber,
    ToUnsigned,
    ToFloat,
    ToString,
    /// Modulo 2^32 where the same functor without `Wrap` would be a limit: only in programs that ask for it.
    WrapNeg,
    WrapAdd,
    WrapSub,
    WrapMul,
    WrapDiv,
    WrapPow,
    WrapToNumber,
    WrapToUnsigned,
}

/// Comparison operators. The last four are the constraints `match(pattern, text)` and `contains(part, text)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum CmpOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Match,
    NotMatch,
    Contains,
    NotContains,
}

impl CmpOp {
    /// The sign by which it is written in programs and files.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            CmpOp::Eq => "=",
            CmpOp::Ne => "!=",
            CmpOp::Lt => "<",
            CmpOp::Le => "<=",
            CmpOp::Gt => ">",
            CmpOp::Ge => ">=",
            CmpOp::Match => "match",
            CmpOp::NotMatch => "!match",
            CmpOp::Contains => "contains",
            CmpOp::NotContains => "!contains",
        }
    }
}

/// Aggregate operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum AggOp {
    Count,
    Sum,
    Min,
    Max,
    Mean,
    /// `sum` modulo 2^32, in programs that ask for it.
    WrapSum,
}

impl AggOp {
    /// The word by which it is written in programs and files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            AggOp::Count => "count",
            AggOp::Sum | AggOp::WrapSum => "sum",
            AggOp::Min => "min",
            AggOp::Max => "max",
            AggOp::Mean => "mean",
        }
    }
}

/// A literal of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A positive atom.
    Atom(Atom),
    /// A negated atom: no row matches; its variables are bound by the rest of the body.
    Not(Atom),
    /// A comparison. `Eq` with one side a variable that nothing else binds is an assignment.
    Compare {
        /// Operator.
        op: CmpOp,
        /// Machine type of both sides.
        prim: Prim,
        /// Left side.
        left: Term,
        /// Right side.
        right: Term,
        /// Where it stands.
        span: Span,
    },
    /// `var = range(from, to, step)`: every value from `from` (included) to `to` (excluded).
    Range {
        /// The variable it binds.
        var: VarId,
        /// Number, unsigned or float.
        prim: Prim,
        /// First value.
        from: Term,
        /// End, excluded.
        to: Term,
        /// Step; 1 or -1 by direction if absent.
        step: Option<Term>,
        /// Where it stands.
        span: Span,
    },
    /// `result = op value : { body }`, the body hoisted into `rel`.
    Aggregate {
        /// Operator.
        op: AggOp,
        /// Auxiliary relation of kind [`RelationKind::Aggregate`].
        rel: RelId,
        /// What the first columns of `rel` must equal: variables bound by the rest of the body, or constants.
        group: Vec<Arg>,
        /// Column of `rel` that is aggregated; `None` for `count`.
        value: Option<usize>,
        /// Machine type of the result.
        prim: Prim,
        /// The variable it binds. `count` and `sum` of nothing are 0; `min`, `max`, `mean` of nothing fail.
        result: VarId,
        /// Where it stands.
        span: Span,
    },
}

impl Literal {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Atom(a) | Self::Not(a) => a.span,
            Self::Compare { span, .. } | Self::Range { span, .. } | Self::Aggregate { span, .. } => *span,
        }
    }
}

/// A variable of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Var {
    /// Name as written; made-up ones begin with `$`.
    pub name: String,
    /// Most specific declared type.
    pub ty: TypeId,
    /// Machine type.
    pub prim: Prim,
}

impl Literal {
    /// The relation it reads; none for comparisons and ranges.
    #[must_use]
    pub fn relation(&self) -> Option<RelId> {
        match self {
            Literal::Atom(a) | Literal::Not(a) => Some(a.rel),
            Literal::Aggregate { rel, .. } => Some(*rel),
            Literal::Compare { .. } | Literal::Range { .. } => None,
        }
    }
}

/// A kernel rule: one head, a conjunction.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Head relation.
    pub head: RelId,
    /// Head terms, one per column.
    pub args: Vec<Term>,
    /// Body, in the order of the text.
    pub body: Vec<Literal>,
    /// Variables.
    pub vars: Vec<Var>,
    /// The clause it was written as.
    pub clause: ClauseId,
    /// The clause's text.
    pub span: Span,
}

impl Rule {
    /// The relations its body reads, in the order of the text.
    pub fn reads(&self) -> impl Iterator<Item = RelId> + '_ {
        self.body.iter().filter_map(Literal::relation)
    }
}

/// A clause as written, with its annotations.
#[derive(Clone, Debug)]
pub struct Clause {
    /// Annotations before it.
    pub notes: Notes,
    /// Its text.
    pub span: Span,
}

/// A ground clause without body.
#[derive(Clone, Debug)]
pub struct Fact {
    /// Relation.
    pub rel: RelId,
    /// Values, one per column.
    pub values: Vec<Const>,
    /// The clause it was written as.
    pub clause: ClauseId,
    /// Its text.
    pub span: Span,
}

/// Relations that depend on each other, with the rules that derive them. Strata stand in an order in which every rule
/// reads only its own and earlier strata, and negates or aggregates only earlier ones.
#[derive(Clone, Debug)]
pub struct Stratum {
    /// Relations, by id.
    pub relations: Vec<RelId>,
    /// Rules with a head in `relations`, by id.
    pub rules: Vec<RuleId>,
    /// Whether a relation of it depends on itself.
    pub recursive: bool,
}

/// A checked program.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Sources.
    pub files: Vec<SourceFile>,
    /// Types; the first four are symbol, number, unsigned, float.
    pub types: Vec<TypeDef>,
    /// Relations.
    pub relations: Vec<Relation>,
    /// Rules in kernel form.
    pub rules: Vec<Rule>,
    /// Facts of the text.
    pub facts: Vec<Fact>,
    /// Clauses as written.
    pub clauses: Vec<Clause>,
    /// Evaluation order.
    pub strata: Vec<Stratum>,
    /// `.pragma` lines: key, value.
    pub pragmas: Vec<(String, String)>,
}

impl Program {
    /// The relation of that name.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<RelId> {
        self.relations.iter().position(|r| r.name == name).map(|i| RelId(i as u32))
    }

    /// A relation by id.
    #[must_use]
    pub fn rel(&self, id: RelId) -> &Relation {
        &self.relations[id.index()]
    }

    /// A rule by id.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> &Rule {
        &self.rules[id.index()]
    }

    /// Annotations of the clause that a rule was written as.
    #[must_use]
    pub fn rule_notes(&self, id: RuleId) -> &Notes {
        &self.clauses[self.rule(id).clause.index()].notes
    }

    /// `file:line` of a span.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        match self.files.get(span.file as usize) {
            Some(f) => format!("{}:{}", f.name, f.line_col(span.start).0),
            None => String::from("?"),
        }
    }

    /// The text of the clause that a rule was written as.
    #[must_use]
    pub fn clause_text(&self, rule: &Rule) -> &str {
        let (from, to) = (rule.span.start as usize, rule.span.end as usize);
        self.files.get(rule.span.file as usize).and_then(|f| f.text.get(from..to)).unwrap_or("")
    }

    /// Stable name of every rule, and which of the rules of its clause it is, from 1. The name is the `id` annotation, or
    /// the head relation and the ordinal of the clause among its clauses (`path#2`).
    #[must_use]
    pub fn rule_names(&self) -> Vec<(String, u32)> {
        let mut clauses: Vec<(Option<ClauseId>, usize)> = vec![(None, 0); self.relations.len()];
        let mut parts = vec![0; self.clauses.len()];
        let mut out = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let of = &mut clauses[rule.head.index()];
            if of.0 != Some(rule.clause) {
                *of = (Some(rule.clause), of.1 + 1);
            }
            let part = &mut parts[rule.clause.index()];
            *part += 1;
            let named = self.clauses[rule.clause.index()].notes.get("id");
            let name = named.map_or_else(|| format!("{}#{}", self.rel(rule.head).name, of.1), str::to_owned);
            out.push((name, *part));
        }
        out
    }
}
