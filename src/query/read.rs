//! The text of a question taken apart. Nothing is looked up here.

use super::codes;
use super::expr::Piece;
use super::question::{Aggregate, Argument, Op, Part, Pick, Question, What, Word};
use crate::facts::Lang;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::Span;
use std::ops::Range;

/// The plain form of a full-width sign.
pub(super) fn plain(c: char) -> char {
    match c {
        '、' => ',',
        '“' | '”' | '「' | '」' => '"',
        '。' => '.',
        '\u{3000}' => ' ',
        '≠' | '≤' | '≥' => c,
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// Reads a question; `file` is the number under which its diagnostics name it.
///
/// # Errors
/// What is wrong with it: the first place at which it cannot be understood.
pub fn read(text: &str, file: u32, lang: Lang) -> Result<Question, Box<Diagnostic>> {
    let mut r = Reader { text, pos: 0, file, lang };
    let mut q = Question::default();
    loop {
        r.skip_space();
        if r.pos == text.len() {
            break;
        }
        r.part(&mut q)?;
        let stop = r.eat(".");
        r.skip_space();
        if r.pos == text.len() {
            break;
        }
        if stop {
            return Err(r.expected("问题到此结束", "the end of the question"));
        }
        if !(r.eat(",") || r.eat("|") || r.eat(";")) && r.clause_word().is_none() {
            return Err(r.expected("“,”或 count、show、order by、limit", "`,` or `count`, `show`, `order by`, `limit`"));
        }
    }
    if q.parts.iter().any(|p| matches!(p, Part::Atom { negated: false, .. })) {
        return Ok(q);
    }
    let d = r.problem(codes::SYNTAX, "问题没有条件", "the question has no atom", 0..text.len());
    Err(Box::new(d.help(r.say("至少写一个，如 cases(case=C)", "write at least one, such as `cases(case=C)`"))))
}

pub(super) struct Reader<'q> {
    pub text: &'q str,
    pub pos: usize,
    pub file: u32,
    pub lang: Lang,
}

/// Comparison signs; longer ones first.
const SIGNS: [(&str, &str); 10] = [
    ("!=", "!="),
    ("<>", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("==", "="),
    ("≠", "!="),
    ("≤", "<="),
    ("≥", ">="),
    ("<", "<"),
    (">", ">"),
];

impl Reader<'_> {
    pub fn say(&self, zh: &str, en: &str) -> String {
        match self.lang {
            Lang::Zh => zh.to_owned(),
            Lang::En => en.to_owned(),
        }
    }

    pub fn problem(&self, code: &'static str, zh: &str, en: &str, at: Range<usize>) -> Diagnostic {
        let span = Span { file: self.file, start: at.start as u32, end: at.end as u32 };
        Diagnostic::error(code, self.say(zh, en), span)
    }

    pub fn expected(&self, zh: &str, en: &str) -> Box<Diagnostic> {
        let next = self.text[self.pos..].chars().next();
        let end = self.pos + next.map_or(0, char::len_utf8);
        let (fzh, fen) = match next {
            Some(c) => (format!("遇到“{c}”"), format!("found `{c}`")),
            None => ("问题已经结束".to_owned(), "found the end".to_owned()),
        };
        let d = self.problem(
            codes::SYNTAX,
            &format!("此处应为{zh}，{fzh}"),
            &format!("expected {en}, {fen}"),
            self.pos..end,
        );
        Box::new(d)
    }

    pub fn peek(&self) -> Option<(char, usize)> {
        self.text[self.pos..].chars().next().map(|c| (plain(c), c.len_utf8()))
    }

    pub fn skip_space(&mut self) {
        while let Some((c, n)) = self.peek() {
            if !c.is_whitespace() {
                return;
            }
            self.pos += n;
        }
    }

    /// Whether the text goes on with a sign; it is taken.
    pub fn eat(&mut self, sign: &str) -> bool {
        self.skip_space();
        let before = self.pos;
        for want in sign.chars() {
            match self.peek() {
                Some((c, n)) if c == want => self.pos += n,
                _ => {
                    self.pos = before;
                    return false;
                }
            }
        }
        true
    }

    fn sign(&mut self) -> Option<&'static str> {
        let found = SIGNS.iter().find(|(s, _)| self.eat(s)).map(|(_, s)| *s);
        found.or_else(|| self.eat("=").then_some("="))
    }

    /// A word of letters, digits and `_`; nothing is taken if there is none.
    pub fn word(&mut self) -> Option<Word> {
        self.skip_space();
        let start = self.pos;
        let mut text = String::new();
        while let Some((c, n)) = self.peek() {
            if !(c.is_alphanumeric() || c == '_' || c == '?') {
                break;
            }
            text.push(c);
            self.pos += n;
        }
        (!text.is_empty()).then_some(Word { text, at: start..self.pos })
    }

    fn peek_word(&mut self) -> Option<Word> {
        let before = self.pos;
        let w = self.word();
        self.pos = before;
        w
    }

    /// The word of a clause that stands here, if one does.
    fn clause_word(&mut self) -> Option<Word> {
        let before = self.pos;
        let word = self.word().filter(|_| !self.eat("("));
        self.pos = before;
        word.filter(|w| Op::of(&w.text).is_some() || matches!(w.text.as_str(), "show" | "order" | "limit"))
    }

    fn keyword(&mut self, want: &str) -> bool {
        let before = self.pos;
        let found = self.word().is_some_and(|w| w.text == want);
        if !found {
            self.pos = before;
        }
        found
    }

    fn variable(&mut self) -> Option<Word> {
        let before = self.pos;
        let word = self.word().filter(|w| is_variable(&w.text) && w.text != "_");
        if word.is_none() {
            self.pos = before;
        }
        word
    }

    /// A variable that no comparison goes on from.
    fn listed(&mut self) -> Option<Word> {
        let before = self.pos;
        let word = self.variable()?;
        let after = self.pos;
        let goes_on = self.sign().is_some() || self.keyword("in") || self.not_in();
        self.pos = if goes_on { before } else { after };
        (!goes_on).then_some(word)
    }

    fn part(&mut self, q: &mut Question) -> Result<(), Box<Diagnostic>> {
        let Some(word) = self.clause_word() else {
            let part = self.condition()?;
            q.parts.push(part);
            return Ok(());
        };
        match word.text.as_str() {
            "show" => {
                self.word();
                self.once(q.show.is_empty(), &word)?;
                q.show = self.picks()?.into_iter().map(|(p, _)| p).collect();
            }
            "order" => {
                self.word();
                if !self.keyword("by") {
                    return Err(self.expected("by", "`by`"));
                }
                self.once(q.order.is_empty(), &word)?;
                q.order = self.picks()?;
            }
            "limit" => {
                self.word();
                self.once(q.limit.is_none(), &word)?;
                let before = self.pos;
                let number = self.word().and_then(|w| w.text.parse().ok());
                if number.is_none() {
                    self.pos = before;
                    self.skip_space();
                    return Err(self.expected("行数", "a number of rows"));
                }
                q.limit = number;
            }
            _ => {
                let of = self.aggregate()?;
                if let Some(op) = self.sign() {
                    let right = self.expression()?;
                    q.parts.push(Part::Having { of, op, right });
                    return Ok(());
                }
                if of.of.is_none() && of.op != Op::Count {
                    return Err(self.expected("要聚合的变量", "the variable to aggregate"));
                }
                if !q.aggregates.iter().any(|a| a.name() == of.name()) {
                    q.aggregates.push(of);
                }
                if self.keyword("by") {
                    self.once(q.by.is_empty(), &word)?;
                    loop {
                        let before = self.pos;
                        match self.listed() {
                            Some(w) => q.by.push(w),
                            None if q.by.is_empty() => return Err(self.grouping()),
                            None => {
                                self.pos = before;
                                break;
                            }
                        }
                        let before = self.pos;
                        if !self.eat(",") || self.peek_listed().is_none() {
                            self.pos = before;
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn peek_listed(&mut self) -> Option<Word> {
        let before = self.pos;
        let w = self.listed();
        self.pos = before;
        w
    }

    fn grouping(&mut self) -> Box<Diagnostic> {
        self.skip_space();
        let d = self.expected("要分组的变量", "a variable to group by");
        if self.peek_word().is_some_and(|w| matches!(w.text.as_str(), "year" | "month")) {
            return Box::new(
                d.help(self.say("先写 Y = year(D)，再写 count by Y", "name it first: `Y = year(D), count by Y`")),
            );
        }
        d
    }

    fn once(&self, first: bool, word: &Word) -> Result<(), Box<Diagnostic>> {
        if first {
            return Ok(());
        }
        let (zh, en) = (format!("“{}”写了两次", word.text), format!("`{}` stands twice", word.text));
        Err(Box::new(self.problem(codes::CLASH, &zh, &en, word.at.clone())))
    }

    /// `count`, `count N`, `sum N` ...
    fn aggregate(&mut self) -> Result<Aggregate, Box<Diagnostic>> {
        let word = self.word().ok_or_else(|| self.expected("聚合", "an aggregate"))?;
        let op = Op::of(&word.text).ok_or_else(|| self.expected("聚合", "an aggregate"))?;
        let of = self.variable();
        let at = word.at.start..of.as_ref().map_or(word.at.end, |w| w.at.end);
        Ok(Aggregate { op, of: of.map(|w| w.text), at })
    }

    /// Columns, each with `asc` or `desc` behind it.
    fn picks(&mut self) -> Result<Vec<(Pick, bool)>, Box<Diagnostic>> {
        let mut out = Vec::new();
        loop {
            let aggregate = self.clause_word().is_some_and(|w| Op::of(&w.text).is_some());
            let pick = if aggregate {
                Pick::Aggregate(self.aggregate()?)
            } else {
                match self.variable() {
                    Some(w) => Pick::Variable(w),
                    None => {
                        self.skip_space();
                        return Err(self.expected("变量或聚合", "a variable or an aggregate"));
                    }
                }
            };
            let falling = self.keyword("desc");
            if !falling {
                self.keyword("asc");
            }
            out.push((pick, falling));
            let before = self.pos;
            if !self.eat(",") || !self.more_picks() {
                self.pos = before;
                return Ok(out);
            }
        }
    }

    /// Whether a column follows, not a further part of the question.
    fn more_picks(&mut self) -> bool {
        if self.peek_listed().is_some() {
            return true;
        }
        let before = self.pos;
        let aggregate = self.clause_word().is_some_and(|w| Op::of(&w.text).is_some())
            && self.aggregate().is_ok()
            && self.sign().is_none()
            && !self.keyword("by");
        self.pos = before;
        aggregate
    }

    fn condition(&mut self) -> Result<Part, Box<Diagnostic>> {
        self.skip_space();
        let start = self.pos;
        let negated = self.eat("!") || self.keyword_before_atom("not");
        let before = self.pos;
        if let Some(name) = self.word()
            && self.eat("(")
            && !is_function(&name.text)
        {
            if let Some(word) = ["match", "contains"].into_iter().find(|w| *w == name.text) {
                let first = self.expression()?;
                if !self.eat(",") {
                    return Err(self.expected("“,”", "`,`"));
                }
                let second = self.expression()?;
                if !self.eat(")") {
                    return Err(self.expected("“)”", "`)`"));
                }
                return Ok(Part::Test { negated, word, args: vec![first, second] });
            }
            let args = self.arguments()?;
            return Ok(Part::Atom { negated, name, args, at: start..self.pos });
        }
        self.pos = before;
        if let Some(variable) = self.variable() {
            let not = self.not_in();
            if not || self.keyword("in") {
                return Ok(Part::OneOf { negated: negated != not, variable, values: self.values()? });
            }
        }
        self.pos = before;
        if negated {
            return Err(self.expected("关系名", "the name of a relation"));
        }
        let left = self.expression()?;
        let Some(op) = self.sign() else {
            return Err(self.expected("“(”或比较符号", "`(` or a comparison such as `=`"));
        };
        let right = self.expression()?;
        Ok(Part::Compare { left, op, right })
    }

    /// `!in` or `not in`.
    fn not_in(&mut self) -> bool {
        let before = self.pos;
        if (self.eat("!") || self.keyword("not")) && self.keyword("in") {
            return true;
        }
        self.pos = before;
        false
    }

    fn keyword_before_atom(&mut self, want: &str) -> bool {
        let before = self.pos;
        if self.keyword(want) && self.peek_word().is_some() {
            return true;
        }
        self.pos = before;
        false
    }

    /// `(a, b, c)` behind `in`.
    fn values(&mut self) -> Result<Vec<(Piece, Range<usize>)>, Box<Diagnostic>> {
        if !self.eat("(") {
            return Err(self.expected("“(”和各个值", "`(` and the values"));
        }
        let mut out = Vec::new();
        loop {
            let a = self.argument()?;
            match a.what {
                What::Value(text, quoted) => out.push((Piece::Value(text, quoted), a.at)),
                _ => {
                    self.pos = a.at.start;
                    return Err(self.expected("一个值", "a value"));
                }
            }
            if self.eat(")") {
                return Ok(out);
            }
            if !self.eat(",") {
                return Err(self.expected("“,”或“)”", "`,` or `)`"));
            }
        }
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, Box<Diagnostic>> {
        let mut args = Vec::new();
        if self.eat(")") {
            return Ok(args);
        }
        loop {
            args.push(self.argument()?);
            if self.eat(")") {
                return Ok(args);
            }
            if !self.eat(",") {
                return Err(self.expected("“,”或“)”", "`,` or `)`"));
            }
        }
    }

    fn argument(&mut self) -> Result<Argument, Box<Diagnostic>> {
        self.skip_space();
        let before = self.pos;
        let column = self.word().filter(|_| self.eat("=") || self.eat(":"));
        if column.is_none() {
            self.pos = before;
        }
        self.skip_space();
        let start = self.pos;
        if let Some((text, end)) = self.quoted()? {
            return Ok(Argument { column, what: What::Value(text, true), at: start..end });
        }
        let mut end = self.pos;
        let mut text = String::new();
        while let Some((c, n)) = self.peek() {
            if matches!(c, ',' | ')' | '(' | '"' | '|') {
                break;
            }
            self.pos += n;
            text.push(c);
            if !c.is_whitespace() {
                end = self.pos;
            }
        }
        let text = text.trim().to_owned();
        let what = match text.as_str() {
            "" => return Err(self.expected("一个值、变量或“_”", "a value, a variable or `_`")),
            "_" => What::Open,
            t if is_variable(t) => What::Variable(text),
            _ => What::Value(text, false),
        };
        Ok(Argument { column, what, at: start..end })
    }

    /// A text in quotes and its end; nothing is taken if none stands here.
    pub fn quoted(&mut self) -> Result<Option<(String, usize)>, Box<Diagnostic>> {
        let start = self.pos;
        if !self.eat("\"") {
            return Ok(None);
        }
        let mut text = String::new();
        while let Some(raw) = self.text[self.pos..].chars().next() {
            self.pos += raw.len_utf8();
            match plain(raw) {
                '"' => return Ok(Some((text, self.pos))),
                '\\' => {
                    let next = self.text[self.pos..].chars().next();
                    self.pos += next.map_or(0, char::len_utf8);
                    match next {
                        Some('n') => text.push('\n'),
                        Some('t') => text.push('\t'),
                        Some(c @ ('"' | '\\')) => text.push(c),
                        // A regular expression keeps its escapes.
                        other => text.extend(std::iter::once('\\').chain(other)),
                    }
                }
                _ => text.push(raw),
            }
        }
        let d = self.problem(codes::SYNTAX, "引号没有配对", "a text is opened but never closed", start..self.pos);
        Err(Box::new(d.help(self.say("以 \" 结束", "close it with `\"`"))))
    }
}

/// Whether a word is a variable: it begins with a capital letter, `_` or `?`.
#[must_use]
pub fn is_variable(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_uppercase() || b == b'_' || b == b'?')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'?')
}

/// Functors that may begin an expression.
pub(super) fn is_function(word: &str) -> bool {
    const WORDS: [&str; 10] =
        ["year", "month", "cat", "strlen", "substr", "to_number", "to_string", "to_float", "to_unsigned", "range"];
    WORDS.contains(&word)
}
