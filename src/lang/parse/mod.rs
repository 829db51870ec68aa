//! Tokens to [`Ast`]: recursive descent that goes on after an error at the next statement.
//!
//! Depth is bounded: brackets nest at most [`MAX_NESTING`] deep and no expression tree is higher than [`MAX_HEIGHT`], so
//! that every later walk over the tree fits the stack.

mod decl;
mod expr;
mod rule;

use super::annotate;
use super::ast::{Ast, Name};
use super::codes;
use super::diagnostic::Diagnostic;
use super::program::{Notes, Span};
use super::token::{Lexed, Tok, Token, is_keyword, lex};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// How deep brackets, negations and aggregates may nest.
pub const MAX_NESTING: u32 = 100;
/// How high an expression tree may be (a chain `a + a + ...` of so many terms counts).
pub const MAX_HEIGHT: u32 = 200;

/// The error has been reported; skip to the next statement.
#[derive(Debug)]
pub(crate) struct Failed;

pub(crate) type Parsed<T> = Result<T, Failed>;

/// Parser of one file, adding to the tree of all.
pub(crate) struct Parser<'s, 'd> {
    file: u32,
    text: &'s str,
    lexed: Lexed,
    /// Starts of the places where the lexer found something wrong.
    lexer_errors: Vec<u32>,
    pos: usize,
    depth: u32,
    tallest: u32,
    /// An error inside the current statement was mended.
    broken: bool,
    /// A refused block was skipped exactly to its end.
    resumed: bool,
    strings: &'d mut FxHashMap<&'s str, Arc<str>>,
    diags: &'d mut Vec<Diagnostic>,
}

/// Parses one file into `ast`.
pub(crate) fn parse_file<'s>(
    file: u32,
    text: &'s str,
    strings: &mut FxHashMap<&'s str, Arc<str>>,
    ast: &mut Ast<'s>,
    diags: &mut Vec<Diagnostic>,
) {
    let before = diags.len();
    let lexed = lex(file, text, diags);
    let lexer_errors = diags[before..].iter().filter_map(|d| Some(d.primary.as_ref()?.span.start)).collect();
    let mut p = Parser {
        file,
        text,
        lexed,
        lexer_errors,
        pos: 0,
        depth: 0,
        tallest: 0,
        broken: false,
        resumed: false,
        strings,
        diags,
    };
    p.program(ast);
}

impl<'s> Parser<'s, '_> {
    fn token(&self) -> Token {
        self.lexed.tokens[self.pos]
    }

    fn kind(&self) -> Tok {
        self.token().kind
    }

    fn kind_at(&self, n: usize) -> Tok {
        self.lexed.tokens.get(self.pos + n).map_or(Tok::Eof, |t| t.kind)
    }

    fn text_of(&self, t: Token) -> &'s str {
        &self.text[t.start as usize..t.end as usize]
    }

    fn word(&self) -> &'s str {
        self.text_of(self.token())
    }

    fn span_of(&self, t: Token) -> Span {
        Span { file: self.file, start: t.start, end: t.end }
    }

    fn here(&self) -> Span {
        self.span_of(self.token())
    }

    /// From a start to the end of the last token taken.
    fn since(&self, start: Span) -> Span {
        let end = if self.pos == 0 { start.end } else { self.lexed.tokens[self.pos - 1].end };
        Span { end: end.max(start.start), ..start }
    }

    fn bump(&mut self) -> Token {
        let t = self.token();
        if t.kind != Tok::Eof {
            self.pos += 1;
        }
        t
    }

    fn eat(&mut self, kind: Tok) -> bool {
        let hit = self.kind() == kind;
        if hit {
            self.bump();
        }
        hit
    }

    /// What stands here, in words.
    fn found(&self) -> String {
        match self.kind() {
            Tok::Eof => String::from("the end of the file"),
            Tok::Ident if is_keyword(self.word()) => format!("the reserved word `{}`", self.word()),
            _ => format!("`{}`", self.word()),
        }
    }

    /// Reports that something else was expected here.
    fn unexpected<T>(&mut self, expected: &str) -> Parsed<T> {
        if self.kind() != Tok::Bad {
            let d =
                Diagnostic::error(codes::SYNTAX, format!("expected {expected}, found {}", self.found()), self.here())
                    .label(format!("expected {expected}"));
            self.diags.push(d);
        }
        Err(Failed)
    }

    fn expect(&mut self, kind: Tok, expected: &str) -> Parsed<Token> {
        if self.kind() == kind { Ok(self.bump()) } else { self.unexpected(expected) }
    }

    fn refuse<T>(&mut self, span: Span, what: &str, instead: &str) -> Parsed<T> {
        let mut d = Diagnostic::error(codes::REFUSED, format!("{what} not part of this rule language"), span);
        if !instead.is_empty() {
            d = d.help(instead);
        }
        self.diags.push(d);
        Err(Failed)
    }

    /// A reserved word where a name is expected.
    fn reserved<T>(&mut self, expected: &str) -> Parsed<T> {
        let (text, span) = (self.word(), self.here());
        self.diags.push(
            Diagnostic::error(codes::KEYWORD, format!("`{text}` is a reserved word of the rule language"), span)
                .label(format!("expected {expected}"))
                .help(format!("choose another name, for example `{text}_`")),
        );
        self.bump();
        Err(Failed)
    }

    /// A name; reserved words are refused with their own code.
    fn name(&mut self, expected: &str) -> Parsed<Name<'s>> {
        if self.kind() != Tok::Ident {
            return self.unexpected(expected);
        }
        let span = self.here();
        let text = self.word();
        if is_keyword(text) {
            return self.reserved(expected);
        }
        self.bump();
        if self.kind() == Tok::Dot && self.kind_at(1) == Tok::Ident && self.token().start == span.end {
            let next = self.lexed.tokens[self.pos + 1];
            if next.start == span.end + 1 && self.kind_at(2) != Tok::LParen {
                return Ok(Name { text, span });
            }
            if next.start == span.end + 1 {
                self.bump();
                self.bump();
                let whole = self.since(span);
                return self.refuse(
                    whole,
                    "qualified names belong to components, which are",
                    "declare the relation without components",
                );
            }
        }
        Ok(Name { text, span })
    }

    /// Runs `f` one level deeper.
    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_NESTING {
            return self.too_deep(self.here());
        }
        self.depth += 1;
        let r = f(self);
        self.depth -= 1;
        r
    }

    fn too_deep<T>(&mut self, span: Span) -> Parsed<T> {
        self.diags.push(
            Diagnostic::error(codes::TOO_DEEP, "this clause nests too deep", span)
                .note(format!("the limit is {MAX_NESTING} nested brackets and {MAX_HEIGHT} chained operators"))
                .help("name a part of it as a relation of its own"),
        );
        Err(Failed)
    }

    /// Whether the token stands in the first column of its line.
    fn starts_line(&self, at: usize) -> bool {
        let start = self.lexed.tokens[at].start as usize;
        start == 0 || self.text.as_bytes()[start - 1] == b'\n'
    }

    /// Skips to what looks like the start of the next statement: a directive, what follows a dot, a name in the first
    /// column, or whatever follows annotation lines.
    fn recover(&mut self, start: usize) {
        if std::mem::take(&mut self.resumed) {
            return;
        }
        loop {
            if self.pos > start {
                let fresh_line = self.kind() == Tok::Ident && self.starts_line(self.pos);
                if fresh_line || self.lexed.notes.binary_search_by_key(&self.pos, |n| n.at).is_ok() {
                    return;
                }
            }
            match self.kind() {
                Tok::Eof | Tok::Directive => return,
                Tok::Dot => {
                    let dot = self.bump();
                    // A dot with a name glued to it (`a.b`) ends nothing, unless the name starts a line of facts.
                    if !(self.kind() == Tok::Ident && self.token().start == dot.end) {
                        return;
                    }
                }
                _ => {
                    self.bump();
                }
            }
        }
    }

    fn program(&mut self, ast: &mut Ast<'s>) {
        let mut next_note = 0;
        loop {
            let start = self.pos;
            let notes = self.take_notes(&mut next_note, start);
            if self.kind() == Tok::Eof {
                annotate::dangling(&notes, "at the end of the file", self.diags);
                return;
            }
            self.depth = 0;
            self.broken = false;
            if self.statement(notes, ast).is_err() {
                if self.pos == start && !matches!(self.kind(), Tok::Dot | Tok::Eof) {
                    self.bump();
                }
                self.recover(start);
                while self.lexed.notes.get(next_note).is_some_and(|n| n.at < self.pos) {
                    next_note += 1;
                }
            } else {
                self.reject_inner_notes(&mut next_note, start);
            }
        }
    }

    fn statement(&mut self, notes: Notes, ast: &mut Ast<'s>) -> Parsed<()> {
        match self.kind() {
            Tok::Directive => self.directive(notes, ast),
            Tok::Ident => self.clause(notes, ast),
            Tok::Dot if self.kind_at(1) == Tok::Ident => self.unknown_directive(),
            Tok::Under => self.clause(notes, ast),
            _ => self.unexpected("a declaration, a fact or a rule"),
        }
    }

    /// The annotation lines that stand right before token `at`.
    fn take_notes(&mut self, next: &mut usize, at: usize) -> Notes {
        let mut notes = Notes::default();
        while let Some(line) = self.lexed.notes.get(*next).copied()
            && line.at <= at
        {
            *next += 1;
            if let Some(n) = annotate::note(self.file, self.text, line, self.diags) {
                notes.0.push(n);
            }
        }
        notes
    }

    /// Annotation lines between the tokens of a statement are errors.
    fn reject_inner_notes(&mut self, next: &mut usize, start: usize) {
        while let Some(line) = self.lexed.notes.get(*next).copied()
            && line.at < self.pos
        {
            *next += 1;
            if line.at > start {
                annotate::inside(Span { file: self.file, start: line.start, end: line.end }, self.diags);
            }
        }
    }
}
