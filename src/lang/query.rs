//! Questions: one atom such as `ancestor("a", X)`, read against a checked program.
//!
//! `_` and words that begin with a capital letter, `_` or `?` are open. Texts stand in quotes, or bare if they are a word
//! (`甲`, `handler`, `14p2`, `2021-1`). Columns of date types take `2021-03-05`, bare or in quotes, or a day number. Because
//! questions are typed by people, full-width brackets, commas and quotes are read as the plain ones.

use super::codes;
use super::date;
use super::diagnostic::Diagnostic;
use super::program::{Arg, Column, Const, Prim, Program, RelId, RelationKind, SourceFile, Span, VarId};
use super::suggest;
use super::types::prim_name;

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// Relation.
    pub rel: RelId,
    /// One argument per column; a variable that occurs twice asks for equal values.
    pub args: Vec<Arg>,
    /// Names of the variables, by [`VarId`].
    pub vars: Vec<String>,
}

/// The files that the spans of [`parse_atom`]'s diagnostics point into: those of the program, then the question.
#[must_use]
pub fn files_with_question(program: &Program, question: &str) -> Vec<SourceFile> {
    let mut files = program.files.clone();
    files.push(SourceFile { name: String::from("question"), text: question.into() });
    files
}

/// An argument as typed.
struct Raw {
    text: String,
    quoted: bool,
    span: Span,
}

struct Reader<'q> {
    text: &'q str,
    pos: usize,
    file: u32,
}

/// Reads a question.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_atom(program: &Program, question: &str) -> Result<Goal, Vec<Diagnostic>> {
    let mut r = Reader { text: question, pos: 0, file: program.files.len() as u32 };
    let (name, raw) = r.atom().map_err(|d| vec![*d])?;
    let name_text = &question[name.start as usize..name.end as usize];
    let askable = || program.relations.iter().filter(|r| r.kind == RelationKind::Declared);
    let Some(rel) = program.relation(name_text).filter(|id| program.rel(*id).kind == RelationKind::Declared) else {
        let d = Diagnostic::error(codes::GOAL_RELATION, format!("there is no relation `{name_text}`"), name);
        return Err(vec![match suggest::nearest(name_text, askable().map(|r| r.name.as_str())) {
            Some(s) => d.help(format!("did you mean `{s}`?")),
            None => d,
        }]);
    };
    let relation = program.rel(rel);
    if raw.len() != relation.arity() {
        let columns: Vec<&str> = relation.columns.iter().map(|c| c.name.as_str()).collect();
        let open = vec!["_"; relation.arity()].join(",");
        return Err(vec![
            Diagnostic::error(
                codes::GOAL_ARITY,
                format!("`{name_text}` has {} columns, the question has {} arguments", relation.arity(), raw.len()),
                Span { end: r.pos as u32, ..name },
            )
            .note(format!("its columns are ({})", columns.join(", ")))
            .help(format!("write `{name_text}({open})` and fill in what is known")),
        ]);
    }
    let mut goal = Goal { rel, args: Vec::new(), vars: Vec::new() };
    let mut diags = Vec::new();
    let mut first_use: Vec<usize> = Vec::new();
    for (c, a) in raw.iter().enumerate() {
        let column = &relation.columns[c];
        let arg = if a.quoted {
            constant(program, column, a)
        } else if a.text == "_" {
            Ok(Arg::Wild)
        } else if is_variable(&a.text) {
            let v = goal.vars.iter().position(|v| *v == a.text).unwrap_or_else(|| {
                goal.vars.push(a.text.clone());
                first_use.push(c);
                goal.vars.len() - 1
            });
            let before = &relation.columns[first_use[v]];
            if before.prim == column.prim {
                Ok(Arg::Var(VarId(v as u32)))
            } else {
                Err(Box::new(Diagnostic::error(
                    codes::GOAL_CONSTANT,
                    format!("`{}` cannot be a `{}` and a `{}`", a.text, prim_name(before.prim), prim_name(column.prim)),
                    a.span,
                )))
            }
        } else {
            constant(program, column, a)
        };
        match arg {
            Ok(a) => goal.args.push(a),
            Err(d) => diags.push(*d),
        }
    }
    if diags.is_empty() { Ok(goal) } else { Err(diags) }
}

fn is_variable(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_uppercase() || b == b'_' || b == b'?')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'?')
}

fn constant(program: &Program, column: &Column, a: &Raw) -> Result<Arg, Box<Diagnostic>> {
    let ty = &program.types[column.ty.index()];
    let is_date = ty.date;
    let wrong = |needs: &str| {
        Diagnostic::error(codes::GOAL_CONSTANT, format!("`{}` is not {needs}", a.text), a.span)
            .label(format!("column `{}` has the type `{}`", column.name, ty.name))
    };
    let c = match column.prim {
        Prim::Symbol => {
            let bare = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '?' | '·');
            if !a.quoted && !a.text.chars().all(bare) {
                return Err(Box::new(wrong("a word that may stand bare").help(format!("write {:?}", a.text))));
            }
            Some(Const::Symbol(a.text.as_str().into()))
        }
        Prim::Number if is_date => date::parse_iso(&a.text).or_else(|| a.text.parse().ok()).map(Const::Number),
        Prim::Number => a.text.parse().ok().filter(|_| !a.quoted).map(Const::Number),
        Prim::Unsigned => {
            let digits = a.text.strip_suffix('u').unwrap_or(&a.text);
            digits.parse().ok().filter(|_| !a.quoted).map(Const::Unsigned)
        }
        Prim::Float => a.text.parse::<f32>().ok().filter(|f| f.is_finite() && !a.quoted).map(Const::Float),
    };
    let needs = match column.prim {
        Prim::Number if is_date => "a day such as 2021-03-05",
        Prim::Number => "a whole number of 32 bits",
        Prim::Unsigned => "a whole number from 0 to 4294967295",
        _ => "a number",
    };
    let help = "write a value of that type, `_`, or a variable such as `X`";
    c.map(Arg::Const).ok_or_else(|| Box::new(wrong(needs).help(help)))
}

/// The plain form of a full-width sign.
fn plain(c: char) -> char {
    match c {
        '（' => '(',
        '）' => ')',
        '，' | '、' => ',',
        '“' | '”' | '＂' | '「' | '」' => '"',
        '。' => '.',
        '＿' => '_',
        _ => c,
    }
}

impl Reader<'_> {
    fn peek(&self) -> Option<(char, usize)> {
        self.text[self.pos..].chars().next().map(|c| (plain(c), c.len_utf8()))
    }

    fn skip_space(&mut self) {
        while let Some((c, n)) = self.peek() {
            if !c.is_whitespace() {
                return;
            }
            self.pos += n;
        }
    }

    fn eat(&mut self, want: char) -> bool {
        self.skip_space();
        match self.peek() {
            Some((c, n)) if c == want => {
                self.pos += n;
                true
            }
            _ => false,
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start: start as u32, end: end as u32 }
    }

    fn expected(&self, what: &str) -> Box<Diagnostic> {
        let found = self
            .peek()
            .map_or(String::from("the end"), |_| format!("`{}`", self.text[self.pos..].chars().next().unwrap_or(' ')));
        let end = self.pos + self.text[self.pos..].chars().next().map_or(0, char::len_utf8);
        let d =
            Diagnostic::error(codes::GOAL_SYNTAX, format!("expected {what}, found {found}"), self.span(self.pos, end));
        Box::new(d.note("a question is one atom, such as `path(\"a\", X)`; `_` stands for anything"))
    }

    fn atom(&mut self) -> Result<(Span, Vec<Raw>), Box<Diagnostic>> {
        self.skip_space();
        let start = self.pos;
        while let Some((c, n)) = self.peek() {
            if !(c.is_alphanumeric() || c == '_' || c == '?') {
                break;
            }
            self.pos += n;
        }
        if self.pos == start {
            return Err(self.expected("the name of a relation"));
        }
        let name = self.span(start, self.pos);
        if !self.eat('(') {
            return Err(self.expected("`(` and the arguments"));
        }
        let mut args = Vec::new();
        if !self.eat(')') {
            loop {
                args.push(self.argument()?);
                if self.eat(')') {
                    break;
                }
                if !self.eat(',') {
                    return Err(self.expected("`,` or `)`"));
                }
            }
        }
        self.eat('.');
        self.skip_space();
        if self.pos < self.text.len() {
            return Err(self.expected("the end of the question"));
        }
        Ok((name, args))
    }

    fn argument(&mut self) -> Result<Raw, Box<Diagnostic>> {
        self.skip_space();
        let start = self.pos;
        let mut text = String::new();
        if self.eat('"') {
            loop {
                let Some((c, n)) = self.peek() else {
                    let d = Diagnostic::error(
                        codes::GOAL_SYNTAX,
                        "a text is opened but never closed",
                        self.span(start, self.pos),
                    );
                    return Err(Box::new(d.help("close it with `\"`")));
                };
                let raw = self.text[self.pos..].chars().next().unwrap_or(c);
                self.pos += n;
                match c {
                    '"' => return Ok(Raw { text, quoted: true, span: self.span(start, self.pos) }),
                    '\\' => {
                        let next = self.text[self.pos..].chars().next();
                        self.pos += next.map_or(0, char::len_utf8);
                        text.push(match next {
                            Some('n') => '\n',
                            Some('t') => '\t',
                            Some(other) => other,
                            None => '\\',
                        });
                    }
                    _ => text.push(raw),
                }
            }
        }
        while let Some((c, n)) = self.peek() {
            if matches!(c, ',' | ')' | '(' | '"') {
                break;
            }
            text.push_str(&self.text[self.pos..self.pos + n]);
            self.pos += n;
        }
        let trimmed = text.trim_end();
        let span = self.span(start, start + trimmed.len());
        if trimmed.is_empty() {
            return Err(self.expected("a value, a variable or `_`"));
        }
        let text = if trimmed == "＿" { String::from("_") } else { trimmed.to_owned() };
        Ok(Raw { text, quoted: false, span })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::compile;

    fn program() -> Program {
        let text = ".type Date <: number .decl born(who:symbol, day:Date, n:number) .decl edge(a:symbol, b:symbol)
            .decl f(x:float, u:unsigned) .decl none() .input born, edge, f, none";
        let c = compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]);
        assert!(!c.has_errors(), "{:?}", c.diagnostics);
        c.program
    }

    fn sym(s: &str) -> Arg {
        Arg::Const(Const::Symbol(s.into()))
    }

    #[test]
    fn constants_by_column_and_open_places() {
        let p = program();
        let g = parse_atom(&p, " edge( \"甲\\\"\" , X ). ").expect("reads");
        assert_eq!((g.args, g.vars), (vec![sym("甲\""), Arg::Var(VarId(0))], vec![String::from("X")]));
        let g = parse_atom(&p, "born（甲，2021-03-05，-7）").expect("reads");
        assert_eq!(g.args, [sym("甲"), Arg::Const(Const::Number(18_691)), Arg::Const(Const::Number(-7))]);
        assert_eq!(parse_atom(&p, "born(14p2s1,\"2021-03-05\",_)").expect("reads").args[0], sym("14p2s1"));
        assert_eq!(parse_atom(&p, "born(_,18691,_)").expect("reads").args[1], Arg::Const(Const::Number(18_691)));
        assert_eq!(parse_atom(&p, "edge(X,X)").expect("reads").args, [Arg::Var(VarId(0)), Arg::Var(VarId(0))]);
        assert_eq!(parse_atom(&p, "edge(“a b”,zz-x)").expect("reads").args, [sym("a b"), sym("zz-x")]);
        let g = parse_atom(&p, "f(1,7u)").expect("reads");
        assert_eq!(g.args, [Arg::Const(Const::Float(1.0)), Arg::Const(Const::Unsigned(7))]);
        assert!(parse_atom(&p, "none()").expect("reads").args.is_empty());
    }

    #[test]
    fn every_mistake_has_its_code() {
        let p = program();
        let code = |q: &str| parse_atom(&p, q).expect_err(q).iter().map(|d| d.code).collect::<Vec<_>>();
        for q in ["", "edge", "edge(", "edge(a", "edge(a,)", "edge(a,b) c", "edge(\"a,b)", "\"a\"", "edge(f(x),b)"] {
            assert_eq!(code(q), [codes::GOAL_SYNTAX], "{q}");
        }
        assert_eq!(code("egde(a,b)"), [codes::GOAL_RELATION]);
        assert_eq!(parse_atom(&p, "egde(a,b)").expect_err("unknown")[0].help.as_deref(), Some("did you mean `edge`?"));
        assert_eq!(code("edge(a)"), [codes::GOAL_ARITY]);
        assert_eq!(code("born(a,2021-02-30,x)"), [codes::GOAL_CONSTANT, codes::GOAL_CONSTANT]);
        for q in ["edge(a b,c)", "born(X,X,_)", "born(a,_,\"3\")", "f(x,1)", "f(1,-1)", "born(_,_,2147483648)"] {
            assert_eq!(code(q), [codes::GOAL_CONSTANT], "{q}");
        }
    }
}
