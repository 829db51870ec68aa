//! Expressions: operator precedence as in Soufflé, functors, aggregates.

use super::{MAX_HEIGHT, Parsed, Parser};
use crate::lang::ast::{Aggregate, Expr, ExprKind, Num, Op};
use crate::lang::codes;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{AggOp, Functor, Prim, Span};
use crate::lang::suggest;
use crate::lang::token::{KEYWORDS, Tok, is_keyword};
use std::sync::Arc;

/// Binding power of prefix operators: looser than `^`, tighter than `*`.
const PREFIX: u8 = 10;

const fn op(functor: Functor, word: &'static str) -> Op {
    Op { functor, word, from: None }
}

const fn conv(functor: Functor, word: &'static str, from: Prim) -> Op {
    Op { functor, word, from: Some(from) }
}

/// Functors that are called by name.
const CALLS: &[Op] = &[
    op(Functor::Cat, "cat"),
    op(Functor::StrLen, "strlen"),
    op(Functor::SubStr, "substr"),
    op(Functor::Ord, "ord"),
    op(Functor::ToNumber, "to_number"),
    op(Functor::ToUnsigned, "to_unsigned"),
    op(Functor::ToFloat, "to_float"),
    op(Functor::ToString, "to_string"),
    conv(Functor::ToFloat, "itof", Prim::Number),
    conv(Functor::ToUnsigned, "itou", Prim::Number),
    conv(Functor::ToNumber, "ftoi", Prim::Float),
    conv(Functor::ToUnsigned, "ftou", Prim::Float),
    conv(Functor::ToNumber, "utoi", Prim::Unsigned),
    conv(Functor::ToFloat, "utof", Prim::Unsigned),
];

/// The functor of that name.
fn call_named(word: &str) -> Option<Op> {
    CALLS.iter().find(|o| o.word == word).copied()
}

fn aggregate_named(word: &str) -> Option<AggOp> {
    Some(match word {
        "count" => AggOp::Count,
        "sum" => AggOp::Sum,
        "min" => AggOp::Min,
        "max" => AggOp::Max,
        "mean" => AggOp::Mean,
        _ => return None,
    })
}

impl<'s> Parser<'s, '_> {
    /// The infix operator here: operator, binding power, whether it groups to the right.
    fn infix(&self) -> Option<(Op, u8, bool)> {
        let (functor, word, power) = match self.kind() {
            Tok::Plus => (Functor::Add, "+", 8),
            Tok::Minus => (Functor::Sub, "-", 8),
            Tok::Star => (Functor::Mul, "*", 9),
            Tok::Slash => (Functor::Div, "/", 9),
            Tok::Percent => (Functor::Mod, "%", 9),
            Tok::Caret | Tok::StarStar => (Functor::Pow, "^", 11),
            Tok::Ident => match self.word() {
                "lor" => (Functor::LogicOr, "lor", 1),
                "lxor" => (Functor::LogicXor, "lxor", 2),
                "land" => (Functor::LogicAnd, "land", 3),
                "bor" => (Functor::BitOr, "bor", 4),
                "bxor" => (Functor::BitXor, "bxor", 5),
                "band" => (Functor::BitAnd, "band", 6),
                "bshl" => (Functor::ShiftLeft, "bshl", 7),
                "bshr" => (Functor::ShiftRight, "bshr", 7),
                "bshru" => (Functor::ShiftRightUnsigned, "bshru", 7),
                _ => return None,
            },
            _ => return None,
        };
        Some((op(functor, word), power, functor == Functor::Pow))
    }

    /// Whether the token `n` ahead can only go on an expression (or compare it).
    pub(super) fn goes_on_as_expression(&self, at: usize) -> bool {
        let Some(t) = self.lexed.tokens.get(at) else { return false };
        match t.kind {
            Tok::Plus | Tok::Minus | Tok::Star | Tok::StarStar | Tok::Slash | Tok::Percent | Tok::Caret => true,
            Tok::Eq | Tok::Ne | Tok::Lt | Tok::Le | Tok::Gt | Tok::Ge => true,
            Tok::Ident => matches!(
                self.text_of(*t),
                "lor" | "lxor" | "land" | "bor" | "bxor" | "band" | "bshl" | "bshr" | "bshru"
            ),
            _ => false,
        }
    }

    /// An expression.
    pub(super) fn expr(&mut self) -> Parsed<Expr<'s>> {
        self.expr_above(0)
    }

    fn expr_above(&mut self, power: u8) -> Parsed<Expr<'s>> {
        let left = self.deeper(Self::primary)?;
        self.expr_from(left, power)
    }

    fn expr_from(&mut self, mut left: Expr<'s>, power: u8) -> Parsed<Expr<'s>> {
        while let Some((op, p, right_grouping)) = self.infix() {
            if p < power || (p == power && !right_grouping) {
                break;
            }
            self.bump();
            let right = self.deeper(|me| me.expr_above(p))?;
            let span = left.span;
            left = self.node(ExprKind::Call(op, vec![left, right]), span)?;
        }
        Ok(left)
    }

    /// A node from `start` to here, with its height checked.
    fn node(&mut self, kind: ExprKind<'s>, start: Span) -> Parsed<Expr<'s>> {
        let below = match &kind {
            ExprKind::Call(_, args) | ExprKind::Range(args) => args.iter().map(|a| a.height).max().unwrap_or(0),
            ExprKind::Cast(inner, _) => inner.height,
            ExprKind::Aggregate(a) => self.tallest.max(a.value.as_ref().map_or(0, |v| v.height)),
            _ => 0,
        };
        let height = below + 1;
        let span = self.since(start);
        if height > MAX_HEIGHT {
            return self.too_deep(span);
        }
        self.tallest = self.tallest.max(height);
        Ok(Expr { kind, span, height })
    }

    fn leaf(&mut self, kind: ExprKind<'s>) -> Expr<'s> {
        let span = self.here();
        self.bump();
        self.tallest = self.tallest.max(1);
        Expr { kind, span, height: 1 }
    }

    fn primary(&mut self) -> Parsed<Expr<'s>> {
        let start = self.here();
        match self.kind() {
            Tok::Under => Ok(self.leaf(ExprKind::Wild)),
            Tok::Str => {
                let text = self.string()?;
                self.node(ExprKind::Str(text), start)
            }
            Tok::Int | Tok::Unsigned | Tok::Float => {
                let n = number(self.word(), self.kind());
                Ok(self.leaf(ExprKind::Num(n)))
            }
            Tok::Bad => {
                self.broken = true;
                Ok(self.leaf(ExprKind::Bad))
            }
            Tok::LParen => {
                self.bump();
                let inner = self.expr()?;
                self.expect(Tok::RParen, "`)`")?;
                Ok(Expr { span: self.since(start), ..inner })
            }
            Tok::Minus => {
                self.bump();
                let inner = self.expr_above(PREFIX)?;
                match inner.kind {
                    ExprKind::Num(Num::Int { negative: false, magnitude }) => {
                        self.node(ExprKind::Num(Num::Int { negative: true, magnitude }), start)
                    }
                    ExprKind::Num(Num::Float(f)) if f.is_sign_positive() => {
                        self.node(ExprKind::Num(Num::Float(-f)), start)
                    }
                    _ => self.node(ExprKind::Call(op(Functor::Neg, "-"), vec![inner]), start),
                }
            }
            Tok::LBracket => self.refuse(start, "records are", "use a relation with one column per field"),
            Tok::Dollar => {
                self.refuse(start, "`$` (counters and data constructors) is", "give rows a key of their own")
            }
            Tok::At => self.refuse(start, "user-defined functors are", "express the function as a relation"),
            Tok::Ident => self.named(start),
            _ => self.unexpected("a value"),
        }
    }

    /// A variable, functor, cast or aggregate.
    fn named(&mut self, start: Span) -> Parsed<Expr<'s>> {
        let word = self.word();
        match word {
            "bnot" | "lnot" => {
                self.bump();
                let inner = self.expr_above(PREFIX)?;
                let o = if word == "bnot" { op(Functor::BitNot, "bnot") } else { op(Functor::LogicNot, "lnot") };
                return self.node(ExprKind::Call(o, vec![inner]), start);
            }
            "nil" => return self.refuse(start, "`nil` is", "records are not part of the language either"),
            "autoinc" => return self.refuse(start, "`autoinc` is", "give rows a key of their own"),
            "recursive_iteration_cnt" => return self.refuse(start, "`recursive_iteration_cnt` is", ""),
            "as" => return self.cast(start),
            "range" => {
                self.bump();
                let args = self.args()?;
                if !(2..=3).contains(&args.len()) {
                    return self.wrong_count(start, "range", "2 or 3", args.len());
                }
                return self.node(ExprKind::Range(args), start);
            }
            _ => {}
        }
        if let Some(a) = aggregate_named(word) {
            return self.aggregate(start, a);
        }
        let calls = self.kind_at(1) == Tok::LParen;
        match call_named(word) {
            Some(o) if calls => {
                self.bump();
                let args = self.args()?;
                let (ok, want) = match o.functor {
                    Functor::Cat => (args.len() >= 2, "2 or more"),
                    Functor::SubStr => (args.len() == 3, "3"),
                    _ => (args.len() == 1, "1"),
                };
                if !ok {
                    return self.wrong_count(start, o.word, want, args.len());
                }
                self.node(ExprKind::Call(o, args), start)
            }
            _ if is_keyword(word) => self.reserved("a value"),
            _ if calls => {
                let mut d = Diagnostic::error(codes::UNKNOWN_FUNCTOR, format!("there is no functor `{word}`"), start)
                    .note("a relation cannot stand where a value is needed");
                let known = CALLS
                    .iter()
                    .map(|o| o.word)
                    .chain(KEYWORDS.iter().copied().filter(|k| aggregate_named(k).is_some()));
                if let Some(s) = suggest::nearest(word, known) {
                    d = d.help(format!("did you mean `{s}`?"));
                }
                self.diags.push(d);
                self.bump();
                self.args()?;
                self.broken = true;
                self.node(ExprKind::Bad, start)
            }
            _ => {
                let name = self.name("a variable")?;
                self.node(ExprKind::Var(name.text), start)
            }
        }
    }

    fn wrong_count(&mut self, start: Span, word: &str, want: &str, found: usize) -> Parsed<Expr<'s>> {
        let span = self.since(start);
        self.diags.push(Diagnostic::error(
            codes::FUNCTOR_ARITY,
            format!("`{word}` takes {want} argument{}, found {found}", if want == "1" { "" } else { "s" }),
            span,
        ));
        self.broken = true;
        self.node(ExprKind::Bad, start)
    }

    /// Arguments in parentheses.
    pub(super) fn args(&mut self) -> Parsed<Vec<Expr<'s>>> {
        self.expect(Tok::LParen, "`(`")?;
        let mut args = Vec::new();
        if self.kind() != Tok::RParen {
            loop {
                args.push(self.expr()?);
                if !self.eat(Tok::Comma) {
                    break;
                }
            }
        }
        self.expect(Tok::RParen, "`,` or `)`")?;
        Ok(args)
    }

    fn cast(&mut self, start: Span) -> Parsed<Expr<'s>> {
        self.bump();
        self.expect(Tok::LParen, "`(`")?;
        let inner = self.expr()?;
        self.expect(Tok::Comma, "`,` and a type name")?;
        let ty = self.name("a type name")?;
        self.expect(Tok::RParen, "`)`")?;
        self.node(ExprKind::Cast(Box::new(inner), ty), start)
    }

    /// `count : {..}`, `sum e : {..}`, or the functors `min(a,b)` and `max(a,b)`.
    fn aggregate(&mut self, start: Span, agg: AggOp) -> Parsed<Expr<'s>> {
        let word = self.word();
        if matches!(self.kind_at(1), Tok::Comma | Tok::RParen | Tok::Dot | Tok::Eq | Tok::Ne) {
            return self.reserved("a value");
        }
        self.bump();
        let mut value = None;
        if self.kind() == Tok::LParen {
            let mut args = self.args()?;
            match (agg, args.len()) {
                (_, 0) => {}
                (AggOp::Count, _) => {}
                (_, 1) => {
                    if let Some(first) = args.pop() {
                        value = Some(self.expr_from(first, 0)?);
                    }
                }
                (AggOp::Min | AggOp::Max, _) => {
                    let o = if agg == AggOp::Min { op(Functor::Min, "min") } else { op(Functor::Max, "max") };
                    return self.node(ExprKind::Call(o, args), start);
                }
                (_, n) => return self.wrong_count(start, word, "1", n),
            }
        } else if self.kind() != Tok::Colon {
            if agg == AggOp::Count {
                return self.unexpected("`:` and what to count");
            }
            value = Some(self.expr()?);
        }
        if agg != AggOp::Count && value.is_none() {
            return self.unexpected(&format!("the value that `{word}` is taken of"));
        }
        self.expect(Tok::Colon, "`:` and the body of the aggregate")?;
        let outside = std::mem::take(&mut self.tallest);
        let body = if self.eat(Tok::LBrace) {
            let body = self.deeper(Self::body)?;
            self.expect(Tok::RBrace, "`,` or `}`")?;
            body
        } else {
            crate::lang::ast::Body::Atom(self.atom()?)
        };
        let e = self.node(ExprKind::Aggregate(Box::new(Aggregate { op: agg, value, body })), start)?;
        self.tallest = self.tallest.max(outside);
        Ok(e)
    }

    /// The text of the string token here, unescaped and shared.
    pub(super) fn string(&mut self) -> Parsed<Arc<str>> {
        let t = self.bump();
        let raw = &self.text[t.start as usize + 1..t.end as usize - 1];
        if let Some(s) = self.strings.get(raw) {
            return Ok(s.clone());
        }
        let text: Arc<str> = if raw.contains('\\') { self.unescape(raw, t.start + 1).into() } else { raw.into() };
        self.strings.insert(raw, text.clone());
        Ok(text)
    }

    fn unescape(&mut self, raw: &str, offset: u32) -> String {
        let mut out = String::with_capacity(raw.len());
        let mut chars = raw.char_indices();
        while let Some((i, c)) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            let Some((_, e)) = chars.next() else { break };
            match e {
                '"' | '\'' | '\\' => out.push(e),
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                'a' => out.push('\u{7}'),
                'b' => out.push('\u{8}'),
                'f' => out.push('\u{c}'),
                'v' => out.push('\u{b}'),
                _ => {
                    let start = offset + i as u32;
                    let span = Span { file: self.file, start, end: start + 1 + e.len_utf8() as u32 };
                    self.broken = true;
                    self.diags.push(
                        Diagnostic::error(codes::BAD_ESCAPE, format!("`\\{e}` is not an escape"), span)
                            .note("escapes are \\\" \\' \\\\ \\n \\t \\r \\a \\b \\f \\v")
                            .help(format!("write `\\\\{e}` for a backslash followed by `{e}`")),
                    );
                }
            }
        }
        out
    }
}

/// Value of a number token; what does not fit is found later, when the type is known.
fn number(word: &str, kind: Tok) -> Num {
    if kind == Tok::Float {
        return Num::Float(word.parse().unwrap_or(f32::INFINITY));
    }
    let digits = word.strip_suffix('u').filter(|_| kind == Tok::Unsigned).unwrap_or(word);
    let (digits, radix) = match (digits.strip_prefix("0x"), digits.strip_prefix("0b")) {
        (Some(d), _) => (d, 16),
        (_, Some(d)) => (d, 2),
        _ => (digits, 10),
    };
    // The lexer has checked the digits, so the only failure is overflow.
    let magnitude = u64::from_str_radix(digits, radix).unwrap_or(u64::MAX);
    if kind == Tok::Unsigned { Num::Unsigned(magnitude) } else { Num::Int { negative: false, magnitude } }
}
