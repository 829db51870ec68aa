//! Directives: `.decl`, `.type`, `.input` and their like.

use super::{Failed, Parsed, Parser};
use crate::lang::annotate;
use crate::lang::ast::{Ast, Directive, DirectiveKind, Name, Pragma, RelationDecl, TypeBody, TypeDecl};
use crate::lang::codes;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{Notes, Prim, Span};
use crate::lang::suggest;
use crate::lang::token::{DIRECTIVES, Tok};
use std::sync::Arc;

impl<'s> Parser<'s, '_> {
    pub(super) fn directive(&mut self, notes: Notes, ast: &mut Ast<'s>) -> Parsed<()> {
        let word = self.word();
        let start = self.here();
        if !matches!(word, ".decl" | ".type" | ".symbol_type" | ".number_type") {
            annotate::dangling(&notes, &format!("before `{word}`"), self.diags);
        }
        self.bump();
        match word {
            ".decl" => self.decl(notes, ast),
            ".type" => self.type_decl(start, notes, None, ast),
            ".symbol_type" => self.type_decl(start, notes, Some(Prim::Symbol), ast),
            ".number_type" => self.type_decl(start, notes, Some(Prim::Number), ast),
            ".input" => self.io(start, DirectiveKind::Input, ast),
            ".output" => self.io(start, DirectiveKind::Output, ast),
            ".printsize" => self.io(start, DirectiveKind::PrintSize, ast),
            ".limitsize" => self.io(start, DirectiveKind::LimitSize, ast),
            ".pragma" => self.pragma(start, ast),
            ".plan" => {
                self.diags.push(
                    Diagnostic::error(codes::SYNTAX, "a `.plan` stands here without a rule", start)
                        .help("a plan follows the rule it is meant for"),
                );
                Err(Failed)
            }
            ".functor" => self.refuse(start, "user-defined functors are", "express the function as a relation"),
            ".comp" | ".init" | ".override" => self.refuse_braced(
                start,
                "components are",
                "write the declarations and rules out, or split them over files",
            ),
            ".lattice" => self.refuse_braced(start, "lattices are", "use an aggregate"),
            _ => self.refuse(
                start,
                &format!("`{word}` is"),
                "all files of a rulebook are read together; no include is needed",
            ),
        }
    }

    /// Refuses a construct with a block in braces and steps over the block.
    fn refuse_braced<T>(&mut self, start: Span, what: &str, instead: &str) -> Parsed<T> {
        let _ = self.refuse::<()>(start, what, instead);
        let mut depth = 0usize;
        loop {
            match self.kind() {
                Tok::Eof => break,
                Tok::LBrace => depth += 1,
                Tok::RBrace if depth <= 1 => {
                    self.bump();
                    if self.kind() == Tok::Pipe {
                        depth = 0;
                        continue;
                    }
                    self.resumed = true;
                    return Err(Failed);
                }
                Tok::RBrace => depth -= 1,
                Tok::Directive if depth == 0 => break,
                _ => {}
            }
            self.bump();
        }
        Err(Failed)
    }

    pub(super) fn unknown_directive(&mut self) -> Parsed<()> {
        let dot = self.here();
        self.bump();
        let word = format!(".{}", self.word());
        let span = Span { end: self.here().end, ..dot };
        let mut d = Diagnostic::error(codes::UNKNOWN_DIRECTIVE, format!("there is no directive `{word}`"), span);
        if let Some(s) = suggest::nearest(&word, DIRECTIVES.iter().copied()) {
            d = d.help(format!("did you mean `{s}`?"));
        }
        self.diags.push(d);
        self.bump();
        Err(Failed)
    }

    fn decl(&mut self, notes: Notes, ast: &mut Ast<'s>) -> Parsed<()> {
        let mut names = vec![self.name("a relation name")?];
        while self.eat(Tok::Comma) {
            names.push(self.name("a relation name")?);
        }
        if self.kind() == Tok::Eq {
            return self.refuse(self.here(), "`debug_delta` relations are", "");
        }
        self.expect(Tok::LParen, "`(` and the columns")?;
        let mut columns: Vec<(Name<'s>, Name<'s>)> = Vec::new();
        if self.kind() != Tok::RParen {
            loop {
                let column = self.name("a column name")?;
                self.expect(Tok::Colon, "`:` and the column's type")?;
                let ty = self.name("a type name")?;
                if self.kind() == Tok::Lt {
                    return self.refuse(self.here(), "lattice columns are", "use an aggregate");
                }
                columns.push((column, ty));
                if !self.eat(Tok::Comma) {
                    break;
                }
            }
        }
        self.expect(Tok::RParen, "`,` or `)`")?;
        let (mut input, mut output, mut printsize) = (false, false, false);
        while self.kind() == Tok::Ident {
            let span = self.here();
            match self.word() {
                "input" => input = true,
                "output" => output = true,
                "printsize" => printsize = true,
                "overridable" | "inline" | "no_inline" | "magic" | "no_magic" | "brie" | "btree" => {}
                "eqrel" => {
                    return self.refuse(span, "`eqrel` relations are", "write the rules of symmetry and transitivity");
                }
                "btree_delete" => {
                    return self.refuse(
                        span,
                        "`btree_delete` (subsumption) is",
                        "use an aggregate, or negation of a better row",
                    );
                }
                "choice" => return self.refuse(span, "`choice-domain` is", "use an aggregate such as `min` to choose"),
                // A fact or rule may follow without a break.
                _ => break,
            }
            self.bump();
        }
        let columns: Arc<[_]> = columns.into();
        for name in names {
            let (columns, notes) = (columns.clone(), notes.clone());
            ast.relations.push(RelationDecl { name, columns, notes, input, output, printsize });
        }
        Ok(())
    }

    fn type_decl(&mut self, start: Span, notes: Notes, old: Option<Prim>, ast: &mut Ast<'s>) -> Parsed<()> {
        let name = self.name("a type name")?;
        let def = if let Some(prim) = old {
            TypeBody::Old(prim)
        } else if self.eat(Tok::SubType) {
            TypeBody::Sub(self.name("the name of a type")?)
        } else if self.eat(Tok::Eq) {
            if matches!(self.kind(), Tok::LBracket) {
                return self.refuse(self.here(), "record types are", "use a relation with one column per field");
            }
            if self.kind() == Tok::Ident && self.kind_at(1) == Tok::LBrace {
                return self.refuse_braced(
                    self.here(),
                    "algebraic data types are",
                    "use a relation with a column for the kind",
                );
            }
            let mut parts = vec![self.name("the name of a type")?];
            while self.eat(Tok::Pipe) {
                parts.push(self.name("the name of a type")?);
            }
            TypeBody::Union(parts)
        } else {
            TypeBody::Old(Prim::Symbol)
        };
        ast.types.push(TypeDecl { name, def, notes, span: self.since(start) });
        Ok(())
    }

    fn io(&mut self, start: Span, kind: DirectiveKind, ast: &mut Ast<'s>) -> Parsed<()> {
        let mut relations = vec![self.name("a relation name")?];
        while self.eat(Tok::Comma) {
            relations.push(self.name("a relation name")?);
        }
        let mut params = Vec::new();
        if self.eat(Tok::LParen) {
            while self.kind() != Tok::RParen {
                // Parameter names may be reserved words.
                if self.kind() != Tok::Ident {
                    return self.unexpected("a parameter name");
                }
                let key = self.word().to_owned();
                self.bump();
                self.expect(Tok::Eq, "`=` and the parameter's value")?;
                let value = self.param_value()?;
                params.push((key, value));
                if !self.eat(Tok::Comma) {
                    break;
                }
            }
            self.expect(Tok::RParen, "`,` or `)`")?;
        }
        ast.directives.push(Directive { kind, relations, params, span: self.since(start) });
        Ok(())
    }

    fn param_value(&mut self) -> Parsed<String> {
        match self.kind() {
            Tok::Str => Ok(self.string()?.as_ref().to_owned()),
            Tok::Ident | Tok::Int => {
                let t = self.bump();
                Ok(self.text_of(t).to_owned())
            }
            _ => self.unexpected("a parameter value"),
        }
    }

    fn pragma(&mut self, start: Span, ast: &mut Ast<'s>) -> Parsed<()> {
        if self.kind() != Tok::Str {
            return self.unexpected("the pragma's name as a text");
        }
        let key = self.string()?.as_ref().to_owned();
        let value = if self.kind() == Tok::Str { self.string()?.as_ref().to_owned() } else { String::new() };
        ast.pragmas.push(Pragma { key, value, span: self.since(start) });
        Ok(())
    }
}
