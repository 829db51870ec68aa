//! A kernel rule made ready for planning: constants are words, variables are numbers, what makes text is a literal of its
//! own, and a variable that occurs once in the rule is a wild card.

use super::expr::{Compare, Expr};
use super::frog::Key;
use super::functor;
use super::store::Database;
use super::symbol::Symbols;
use super::unread::Read;
use super::value::{self, Word};
use crate::lang::program::{AggOp, Arg, Atom, CmpOp, Functor, Literal, Prim, Program, RelId, Rule, RuleId, Span, Term};

/// A variable of a prepared rule.
pub type Var = usize;

/// The arguments of an atom, one per column: `Key::Place` is a variable, `None` a wild card.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Relation.
    pub rel: RelId,
    /// One per word of its rows.
    pub args: Vec<Option<Key>>,
}

impl Pattern {
    /// Its variables.
    pub fn vars(&self) -> impl Iterator<Item = Var> + '_ {
        self.args.iter().filter_map(|a| if let Some(Key::Place(v)) = a { Some(*v) } else { None })
    }

    /// Columns whose value is known when these variables are bound.
    #[must_use]
    pub fn bound(&self, bound: &[bool]) -> Vec<usize> {
        let known = |a: &Option<Key>| match a {
            Some(Key::Place(v)) => bound[*v],
            Some(Key::Const(_)) => true,
            None => false,
        };
        (0..self.args.len()).filter(|i| known(&self.args[*i])).collect()
    }
}

/// A prepared literal; `Expr::Place` in it is a variable.
#[derive(Clone, Debug)]
pub enum Lit {
    /// A positive atom.
    Atom(Pattern),
    /// A negated atom.
    Not(Pattern),
    /// A comparison, or an assignment when it is `Eq` and one side is a variable that nothing has bound.
    Compare(Compare),
    /// Numbers from, to, step.
    Range {
        /// The variable it binds.
        var: Var,
        /// Machine type.
        prim: Prim,
        /// From, to and, if given, step.
        bounds: Vec<Expr>,
        /// Where it stands.
        span: Span,
    },
    /// An aggregate.
    Aggregate {
        /// Operator.
        op: AggOp,
        /// Relation of contributing rows.
        rel: RelId,
        /// What its first columns equal.
        group: Vec<Key>,
        /// Aggregated column.
        value: Option<usize>,
        /// Machine type of the result.
        prim: Prim,
        /// The variable it binds.
        var: Var,
        /// Where it stands.
        span: Span,
    },
}

/// A prepared rule.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Which.
    pub id: RuleId,
    /// Head relation.
    pub head: RelId,
    /// One per word of its rows.
    pub args: Vec<Expr>,
    /// Body.
    pub body: Vec<Lit>,
    /// Number of variables.
    pub vars: usize,
    /// The clause.
    pub span: Span,
    /// Whether a literal can fault or the head can.
    pub fallible: bool,
}

/// Prepares a rule, interning its constants. A variable of the head that goes where nobody reads it gives way to a constant.
#[must_use]
pub fn prepare(program: &Program, id: RuleId, read: Option<&Read>, symbols: &mut Symbols) -> Prepared {
    let rule = program.rule(id);
    let mut p = Preparer { symbols, fresh: rule.vars.len(), extra: Vec::new(), alias: vec![None; rule.vars.len()] };
    p.find_aliases(rule);
    let mut body: Vec<Lit> = Vec::new();
    for literal in &rule.body {
        let lit = p.literal(literal);
        body.append(&mut p.extra);
        // What an alias made trivial (`x = x`) is dropped.
        if !matches!(&lit, Lit::Compare(c) if c.op == CmpOp::Eq && c.left == c.right && is_leaf(&c.left)) {
            body.push(lit);
        }
    }
    let idle = |c: usize, t: &Term| matches!(t, Term::Var(_)) && read.is_some_and(|r| !r.reads(rule.head, c));
    let arg = |(c, t): (usize, &Term)| if idle(c, t) { Expr::Const(0) } else { p.term(t, rule.span) };
    let mut args: Vec<Expr> = rule.args.iter().enumerate().map(arg).collect();
    if args.is_empty() {
        args.push(Expr::Const(0));
    }
    body.append(&mut p.extra);
    let vars = p.fresh;
    let fallible = body.iter().any(Lit::fallible) || args.iter().any(fallible);
    let mut prepared = Prepared { id, head: rule.head, args, body, vars, span: rule.span, fallible };
    prepared.wild();
    prepared
}

fn is_leaf(e: &Expr) -> bool {
    !matches!(e, Expr::Apply { .. })
}

struct Preparer<'a> {
    symbols: &'a mut Symbols,
    fresh: usize,
    extra: Vec<Lit>,
    alias: Vec<Option<Expr>>,
}

impl Preparer<'_> {
    /// `x = constant` and `x = y` are put in place of `x`, unless an aggregate or range makes `x`.
    fn find_aliases(&mut self, rule: &Rule) {
        let made: Vec<Var> = rule
            .body
            .iter()
            .filter_map(|l| match l {
                Literal::Range { var, .. } => Some(var.index()),
                Literal::Aggregate { result, .. } => Some(result.index()),
                _ => None,
            })
            .collect();
        for literal in &rule.body {
            let Literal::Compare { op: CmpOp::Eq, left, right, span, .. } = literal else { continue };
            if matches!(left, Term::Apply { .. }) || matches!(right, Term::Apply { .. }) {
                continue;
            }
            let (a, b) = (self.term(left, *span), self.term(right, *span));
            let (var, other) = match (a, b) {
                (Expr::Place(v), e) if !made.contains(&v) && e != Expr::Place(v) => (v, e),
                (e, Expr::Place(v)) if !made.contains(&v) && e != Expr::Place(v) => (v, e),
                _ => continue,
            };
            for e in self.alias.iter_mut().flatten() {
                if *e == Expr::Place(var) {
                    *e = other.clone();
                }
            }
            self.alias[var] = Some(other);
        }
    }

    fn var(&self, v: Var) -> Expr {
        self.alias[v].clone().unwrap_or(Expr::Place(v))
    }

    /// A term; a functor that makes text becomes an assignment to a fresh variable.
    fn term(&mut self, t: &Term, span: Span) -> Expr {
        match t {
            Term::Var(v) => self.var(v.index()),
            Term::Const(c) => Expr::Const(self.symbols.word(c)),
            Term::Apply { op, prim, args } => {
                let args = args.iter().map(|a| self.term(a, span)).collect();
                let e = Expr::Apply { op: *op, prim: *prim, args };
                if !e.interns() {
                    return e;
                }
                let var = self.fresh;
                self.fresh += 1;
                let left = Expr::Place(var);
                self.extra.push(Lit::Compare(Compare { op: CmpOp::Eq, prim: Prim::Symbol, left, right: e, span }));
                Expr::Place(var)
            }
        }
    }

    fn key(&mut self, a: &Arg) -> Option<Key> {
        match a {
            Arg::Var(v) => match self.var(v.index()) {
                Expr::Const(w) => Some(Key::Const(w)),
                Expr::Place(v) => Some(Key::Place(v)),
                Expr::Apply { .. } => None,
            },
            Arg::Const(c) => Some(Key::Const(self.symbols.word(c))),
            Arg::Wild => None,
        }
    }

    fn pattern(&mut self, a: &Atom) -> Pattern {
        let mut args: Vec<Option<Key>> = a.args.iter().map(|x| self.key(x)).collect();
        if args.is_empty() {
            args.push(None);
        }
        Pattern { rel: a.rel, args }
    }

    fn literal(&mut self, l: &Literal) -> Lit {
        match l {
            Literal::Atom(a) => Lit::Atom(self.pattern(a)),
            Literal::Not(a) => Lit::Not(self.pattern(a)),
            Literal::Compare { op, prim, left, right, span } => {
                let (left, right) = (self.term(left, *span), self.term(right, *span));
                Lit::Compare(Compare { op: *op, prim: *prim, left, right, span: *span })
            }
            Literal::Range { var, prim, from, to, step, span } => {
                let bounds = [Some(from), Some(to), step.as_ref()];
                let bounds = bounds.into_iter().flatten().map(|t| self.term(t, *span)).collect();
                Lit::Range { var: var.index(), prim: *prim, bounds, span: *span }
            }
            Literal::Aggregate { op, rel, group, value, prim, result, span } => Lit::Aggregate {
                op: *op,
                rel: *rel,
                group: group.iter().filter_map(|a| self.key(a)).collect(),
                value: *value,
                prim: *prim,
                var: result.index(),
                span: *span,
            },
        }
    }
}

/// Whether a term can be without a value.
#[must_use]
pub fn fallible(e: &Expr) -> bool {
    match e {
        Expr::Apply { op, args, .. } => {
            !matches!(
                op,
                Functor::Cat
                    | Functor::SubStr
                    | Functor::Min
                    | Functor::Max
                    | Functor::BitAnd
                    | Functor::BitOr
                    | Functor::BitXor
                    | Functor::BitNot
            ) || args.iter().any(fallible)
        }
        _ => false,
    }
}

/// Calls `f` with each variable of a term.
pub fn each_var(e: &Expr, f: &mut impl FnMut(Var)) {
    match e {
        Expr::Place(v) => f(*v),
        Expr::Const(_) => {}
        Expr::Apply { args, .. } => args.iter().for_each(|a| each_var(a, f)),
    }
}

/// Whether all variables of a term are bound.
#[must_use]
pub fn is_bound(e: &Expr, bound: &[bool]) -> bool {
    let mut all = true;
    each_var(e, &mut |v| all &= bound[v]);
    all
}

impl Lit {
    /// Whether it can stop the run.
    #[must_use]
    pub fn fallible(&self) -> bool {
        match self {
            Self::Compare(c) => {
                matches!(c.op, CmpOp::Match | CmpOp::NotMatch) || fallible(&c.left) || fallible(&c.right)
            }
            Self::Range { .. } => true,
            Self::Aggregate { op, .. } => matches!(op, AggOp::Sum | AggOp::Count),
            _ => false,
        }
    }

    /// Calls `f` with each variable it mentions, as often as it does.
    pub fn each_var(&self, f: &mut impl FnMut(Var)) {
        match self {
            Self::Atom(p) | Self::Not(p) => p.vars().for_each(f),
            Self::Compare(c) => {
                each_var(&c.left, f);
                each_var(&c.right, f);
            }
            Self::Range { var, bounds, .. } => {
                f(*var);
                bounds.iter().for_each(|b| each_var(b, f));
            }
            Self::Aggregate { group, var, .. } => {
                f(*var);
                group.iter().for_each(|k| {
                    if let Key::Place(v) = k {
                        f(*v);
                    }
                });
            }
        }
    }
}

impl Prepared {
    fn wild(&mut self) {
        let mut seen = vec![0u32; self.vars];
        self.body.iter().for_each(|l| l.each_var(&mut |v| seen[v] += 1));
        self.args.iter().for_each(|e| each_var(e, &mut |v| seen[v] += 1));
        for l in &mut self.body {
            if let Lit::Atom(p) = l {
                for a in &mut p.args {
                    if matches!(a, Some(Key::Place(v)) if seen[*v] == 1) {
                        *a = None;
                    }
                }
            }
        }
    }

    /// Places of the positive atoms in the body.
    pub fn atoms(&self) -> impl Iterator<Item = (usize, &Pattern)> + '_ {
        self.body.iter().enumerate().filter_map(|(i, l)| if let Lit::Atom(p) = l { Some((i, p)) } else { None })
    }
}

/// Value of an aggregate over the given words, `None` if it fails on nothing. The order of the words does not matter but
/// for `sum` and `mean` of floats, which every evaluator takes in the order of the sorted relation.
///
/// # Errors
/// When a sum or count does not fit its type.
pub fn aggregate(
    op: AggOp,
    prim: Prim,
    column: Prim,
    words: impl ExactSizeIterator<Item = Word>,
    symbols: &Symbols,
) -> Result<Option<Word>, functor::Fault> {
    let count = words.len();
    let overflow = |what: String| functor::Fault::Overflow { expression: what, prim: crate::lang::prim_name(prim) };
    let whole = |total: i128, name: &str| {
        let word = match prim {
            Prim::Unsigned => u32::try_from(total).ok(),
            Prim::Float => Some(value::from_float(total as f32)),
            _ => i32::try_from(total).ok().map(value::from_number),
        };
        word.ok_or_else(|| overflow(format!("{name} of {count} values, {total},")))
    };
    let float = |w: Word| match column {
        Prim::Float => f64::from(value::to_float(w)),
        Prim::Unsigned => f64::from(w),
        _ => f64::from(value::to_number(w)),
    };
    match op {
        AggOp::Count => whole(count as i128, "count").map(Some),
        AggOp::Sum | AggOp::WrapSum if column == Prim::Float => {
            let total = words.map(float).sum::<f64>() as f32;
            if total.is_nan() {
                Err(overflow(format!("sum of {count} values")))
            } else {
                Ok(Some(value::from_float(total)))
            }
        }
        AggOp::WrapSum => {
            let one = |w| if column == Prim::Unsigned { i64::from(w) } else { i64::from(value::to_number(w)) };
            let total = words.map(one).fold(0, i64::wrapping_add);
            Ok(Some(if column == Prim::Unsigned { total as u32 } else { value::from_number(total as i32) }))
        }
        AggOp::Sum => {
            let one = |w| if column == Prim::Unsigned { i128::from(w) } else { i128::from(value::to_number(w)) };
            whole(words.map(one).sum(), "sum").map(Some)
        }
        AggOp::Mean if count == 0 => Ok(None),
        AggOp::Mean => {
            let mean = (words.map(float).sum::<f64>() / count as f64) as f32;
            if mean.is_nan() {
                Err(overflow(format!("mean of {count} values")))
            } else {
                Ok(Some(value::from_float(mean)))
            }
        }
        AggOp::Min => Ok(words.min_by(|a, b| functor::order(column, *a, *b, symbols))),
        AggOp::Max => Ok(words.max_by(|a, b| functor::order(column, *a, *b, symbols))),
    }
}

/// Whether the tables of a database are those of the program; missing ones at the end are taken as empty.
#[must_use]
pub fn has_all_tables(program: &Program, database: &Database) -> bool {
    database.tables.len() <= program.relations.len()
        && database.tables.iter().zip(&program.relations).all(|(t, r)| t.width() == r.arity())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::store::{Database, Table};
    use crate::lang::program::SourceFile;

    #[test]
    fn tables_are_those_of_the_program() {
        let text = ".decl a(x: number)\n.decl b(x: number, y: number)\n";
        let program = crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let with = |widths: &[usize]| {
            let tables = widths.iter().map(|w| Table::new(*w)).collect();
            has_all_tables(&program, &Database { tables, ..Database::new(&program) })
        };
        assert!(with(&[1, 2]) && with(&[1]) && with(&[]));
        assert!(!with(&[1, 1]) && !with(&[2]), "a table of another width");
        assert!(!with(&[1, 2, 1]), "a table too many");
    }
}
