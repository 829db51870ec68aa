//! Facts, rules and bodies.

use super::{Failed, Parsed, Parser};
use crate::lang::ast::{Ast, Atom, Body, Clause, Expr, Plan};
use crate::lang::codes;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{CmpOp, Notes, Span};
use crate::lang::token::{Tok, is_keyword};

impl<'s> Parser<'s, '_> {
    /// `name(args)`.
    pub(crate) fn atom(&mut self) -> Parsed<Atom<'s>> {
        let name = self.name("a relation name")?;
        if self.kind() != Tok::LParen {
            return self.unexpected(&format!("`(` and the arguments of `{}`", name.text));
        }
        let args = self.args()?;
        Ok(Atom { name, args, span: self.since(name.span) })
    }

    pub(super) fn clause(&mut self, notes: Notes, ast: &mut Ast<'s>) -> Parsed<()> {
        let start = self.here();
        let mut heads = vec![self.atom()?];
        while self.eat(Tok::Comma) {
            heads.push(self.atom()?);
        }
        if self.kind() == Tok::Le {
            return self.refuse(
                self.here(),
                "subsumption (`a(..) <= b(..)`) is",
                "use an aggregate, or negation of a better row",
            );
        }
        let mut body = None;
        if self.eat(Tok::If) {
            body = Some(self.body()?);
        } else if self.kind() == Tok::Colon {
            return self.unexpected("`.` or `:-`");
        }
        if self.kind() != Tok::Dot {
            return self.missing_dot(body.is_some());
        }
        self.bump();
        let span = self.since(start);
        let plans = if self.kind() == Tok::Directive && self.word() == ".plan" { self.plan()? } else { Vec::new() };
        let bad = self.lexer_errors.partition_point(|e| *e < span.start);
        let broken = self.broken || self.lexer_errors.get(bad).is_some_and(|e| *e < span.end);
        ast.clauses.push(Clause { heads, body, plans, notes, span, broken });
        Ok(())
    }

    fn missing_dot(&mut self, has_body: bool) -> Parsed<()> {
        if self.kind() == Tok::Bad {
            return Err(Failed);
        }
        let want = if has_body { "`,`, `;` or `.`" } else { "`.` or `:-`" };
        let mut d = Diagnostic::error(codes::SYNTAX, format!("expected {want}, found {}", self.found()), self.here())
            .label(format!("expected {want}"));
        if self.starts_line(self.pos) || self.kind() == Tok::Eof {
            let before = self.lexed.tokens[self.pos.saturating_sub(1)];
            let at = Span { file: self.file, start: before.end.saturating_sub(1), end: before.end };
            d = d.also(at, "the clause may end here").help("end a clause with `.`");
        }
        self.diags.push(d);
        Err(Failed)
    }

    /// `.plan 0:(2,1), 1:(1,2)`: checked, and without effect.
    fn plan(&mut self) -> Parsed<Vec<Plan>> {
        self.bump();
        let mut plans = Vec::new();
        let number = |text: &str| text.parse().unwrap_or(u64::MAX);
        loop {
            let start = self.here();
            let version = self.expect(Tok::Int, "a version number")?;
            let mut order = Vec::new();
            self.expect(Tok::Colon, "`:`")?;
            self.expect(Tok::LParen, "`(`")?;
            while self.kind() == Tok::Int {
                let n = self.bump();
                order.push(number(self.text_of(n)));
                if !self.eat(Tok::Comma) {
                    break;
                }
            }
            self.expect(Tok::RParen, "`)`")?;
            plans.push((number(self.text_of(version)), order, self.since(start)));
            if !self.eat(Tok::Comma) {
                return Ok(plans);
            }
        }
    }

    /// Alternatives of conjunctions.
    pub(super) fn body(&mut self) -> Parsed<Body<'s>> {
        let first = self.conjunction()?;
        if self.kind() != Tok::Semi {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.eat(Tok::Semi) {
            parts.push(self.conjunction()?);
        }
        Ok(Body::Or(parts))
    }

    fn conjunction(&mut self) -> Parsed<Body<'s>> {
        let first = self.literal()?;
        if self.kind() != Tok::Comma {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.eat(Tok::Comma) {
            parts.push(self.literal()?);
        }
        Ok(Body::And(parts))
    }

    fn literal(&mut self) -> Parsed<Body<'s>> {
        let mut negated = false;
        let start = self.here();
        while self.eat(Tok::Bang) {
            negated = !negated;
        }
        let inner = self.deeper(Self::positive)?;
        Ok(match (negated, inner) {
            (false, b) => b,
            (true, Body::Atom(mut a)) => {
                a.span = self.since(start);
                Body::Not(Box::new(Body::Atom(a)))
            }
            (true, b) => Body::Not(Box::new(b)),
        })
    }

    fn positive(&mut self) -> Parsed<Body<'s>> {
        let start = self.here();
        match self.kind() {
            Tok::LParen => {
                let close = self.lexed.partner[self.pos] as usize;
                if close > self.pos && self.goes_on_as_expression(close + 1) {
                    return self.comparison();
                }
                self.bump();
                let inner = self.body()?;
                self.expect(Tok::RParen, "`,`, `;` or `)`")?;
                Ok(inner)
            }
            Tok::Ident => match self.word() {
                "true" | "false" => {
                    let value = self.word() == "true";
                    self.bump();
                    Ok(Body::Bool(value, start))
                }
                "match" => self.constraint(CmpOp::Match, "match", start),
                "contains" => self.constraint(CmpOp::Contains, "contains", start),
                word if !is_keyword(word) && self.kind_at(1) == Tok::LParen => {
                    let close = self.lexed.partner[self.pos + 1] as usize;
                    if close > self.pos && self.goes_on_as_expression(close + 1) {
                        return self.comparison();
                    }
                    Ok(Body::Atom(self.atom()?))
                }
                word if !is_keyword(word) && self.kind_at(1) == Tok::Dot && self.kind_at(2) == Tok::Ident => {
                    // `comp.rel(..)`; name() explains.
                    Ok(Body::Atom(self.atom()?))
                }
                _ => self.comparison(),
            },
            _ => self.comparison(),
        }
    }

    /// `match(a, b)` and `contains(a, b)`.
    fn constraint(&mut self, op: CmpOp, word: &str, start: Span) -> Parsed<Body<'s>> {
        self.bump();
        let args = self.args()?;
        let span = self.since(start);
        let found = args.len();
        let mut args = args.into_iter();
        match (args.next(), args.next(), args.next()) {
            (Some(left), Some(right), None) => Ok(Body::Compare { op, left, right, span }),
            _ => {
                self.diags.push(Diagnostic::error(
                    codes::FUNCTOR_ARITY,
                    format!("`{word}` takes 2 arguments, found {found}"),
                    span,
                ));
                self.broken = true;
                Ok(Body::Bool(true, span))
            }
        }
    }

    fn comparison(&mut self) -> Parsed<Body<'s>> {
        let start = self.here();
        let left = self.expr()?;
        let op = match self.kind() {
            Tok::Eq => CmpOp::Eq,
            Tok::Ne => CmpOp::Ne,
            Tok::Lt => CmpOp::Lt,
            Tok::Le => CmpOp::Le,
            Tok::Gt => CmpOp::Gt,
            Tok::Ge => CmpOp::Ge,
            _ => return self.no_comparison(&left),
        };
        self.bump();
        let right = self.expr()?;
        Ok(Body::Compare { op, left, right, span: self.since(start) })
    }

    fn no_comparison(&mut self, left: &Expr<'s>) -> Parsed<Body<'s>> {
        if self.kind() == Tok::Bad || self.broken {
            return Err(Failed);
        }
        let d = Diagnostic::error(
            codes::SYNTAX,
            format!("expected a comparison after this value, found {}", self.found()),
            self.here(),
        )
        .label("expected `=`, `!=`, `<`, `<=`, `>` or `>=`")
        .also(left.span, "this is a value, not a condition");
        self.diags.push(d);
        Err(Failed)
    }
}
