//! Expressions of a question, as a row of pieces; their grammar is that of the rule language, which checks it.

use super::codes;
use super::read::{Reader, is_function, is_variable};
use crate::lang::diagnostic::Diagnostic;
use std::ops::Range;

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// A variable.
    Variable(String),
    /// A text, a code, a number or a day as typed, and whether in quotes.
    Value(String, bool),
    /// A functor, its bracket behind it.
    Call(String),
    /// `year` or `month` of a variable.
    Of(&'static str, String),
    /// Any sign.
    Sign(char),
}

/// An expression.
pub type Expr = Vec<(Piece, Range<usize>)>;

impl Reader<'_> {
    /// An expression up to a sign that cannot belong to it.
    pub fn expression(&mut self) -> Result<Expr, Box<Diagnostic>> {
        let mut out: Expr = Vec::new();
        let mut depth = 0usize;
        let mut want = true;
        loop {
            self.skip_space();
            let start = self.pos;
            let Some((c, n)) = self.peek() else { break };
            if want {
                if let Some((text, end)) = self.quoted()? {
                    out.push((Piece::Value(text, true), start..end));
                    want = false;
                    continue;
                }
                match c {
                    '(' => {
                        depth += 1;
                        self.pos += n;
                        out.push((Piece::Sign('('), start..self.pos));
                    }
                    '-' => {
                        self.pos += n;
                        out.push((Piece::Sign('-'), start..self.pos));
                    }
                    _ => {
                        let Some(piece) = self.value(&mut depth)? else { break };
                        want = matches!(piece, Piece::Call(_));
                        out.push((piece, start..self.pos));
                    }
                }
            } else {
                match c {
                    ')' if depth > 0 => {
                        depth -= 1;
                        self.pos += n;
                        out.push((Piece::Sign(')'), start..self.pos));
                    }
                    ',' if depth > 0 => {
                        self.pos += n;
                        out.push((Piece::Sign(','), start..self.pos));
                        want = true;
                    }
                    '+' | '-' | '*' | '/' | '%' | '^' => {
                        self.pos += n;
                        out.push((Piece::Sign(c), start..self.pos));
                        want = true;
                    }
                    _ => break,
                }
            }
        }
        if want {
            return Err(self.expected("一个值或变量", "a value or a variable"));
        }
        if depth > 0 {
            return Err(self.expected("“)”", "`)`"));
        }
        Ok(out)
    }

    /// A word of an expression: variable, functor, number, day, bare text.
    fn value(&mut self, depth: &mut usize) -> Result<Option<Piece>, Box<Diagnostic>> {
        let start = self.pos;
        let mut text = String::new();
        let (mut digits, mut variable) = (false, false);
        while let Some((c, n)) = self.peek() {
            if text.is_empty() {
                digits = c.is_ascii_digit();
                variable = c.is_ascii_uppercase() || matches!(c, '_' | '?');
            }
            let next = self.text[self.pos + n..].chars().next().map(super::read::plain);
            let joined = next.is_some_and(|c| c.is_alphanumeric());
            let fits = match c {
                c if c.is_alphanumeric() || c == '_' || c == '?' => true,
                // `5-N` is a difference, `zz-injury` and `2021-03-05` are words.
                '-' => !variable && joined && !text.is_empty() && !next.is_some_and(|c| c.is_ascii_uppercase()),
                '.' => !variable && joined && !text.is_empty(),
                '/' | ':' | '·' => !variable && !digits && joined && !text.is_empty(),
                _ => false,
            };
            if !fits {
                break;
            }
            text.push(c);
            self.pos += n;
        }
        if text.is_empty() {
            return Ok(None);
        }
        if text == "_" {
            self.pos = start;
            return Err(self.expected("一个值或变量", "a value or a variable"));
        }
        if is_variable(&text) {
            return Ok(Some(Piece::Variable(text)));
        }
        if !is_function(&text) || !self.eat("(") {
            return Ok(Some(Piece::Value(text, false)));
        }
        let Some(part) = ["year", "month"].into_iter().find(|w| *w == text) else {
            *depth += 1;
            return Ok(Some(Piece::Call(text)));
        };
        let inner = self.word().filter(|w| is_variable(&w.text) && w.text != "_");
        match inner {
            Some(w) if self.eat(")") => Ok(Some(Piece::Of(part, w.text))),
            _ => {
                let (zh, en) = (format!("{part} 须用于一个变量"), format!("`{part}` takes a variable"));
                let d = self.problem(codes::SYNTAX, &zh, &en, start..self.pos);
                Err(Box::new(d.help(format!("Y = {part}(D)"))))
            }
        }
    }
}
