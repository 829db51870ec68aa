//! Text to tokens. Comments vanish; `//@` lines are set aside with the number of tokens before them.

use super::codes;
use super::diagnostic::Diagnostic;
use super::program::Span;

/// Kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tok {
    Ident,
    Under,
    Str,
    Int,
    Unsigned,
    Float,
    /// `.decl` and its like; the text includes the dot.
    Directive,
    /// Something already reported; stands for a value.
    Bad,
    LParen,
    RParen,
    LBracket,
    RBracket,
    LBrace,
    RBrace,
    Comma,
    Dot,
    Semi,
    Colon,
    ColonColon,
    If,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    SubType,
    Bang,
    Plus,
    Minus,
    Arrow,
    Star,
    StarStar,
    Slash,
    Percent,
    Caret,
    Pipe,
    At,
    Dollar,
    Eof,
}

/// A token: kind and byte range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub kind: Tok,
    pub start: u32,
    pub end: u32,
}

/// A `//@` line: range of the whole comment, and how many tokens stand before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoteLine {
    pub at: usize,
    pub start: u32,
    pub end: u32,
    /// False when code precedes it on its line.
    pub alone: bool,
}

/// Result of lexing one file. The last token is always `Eof`.
#[derive(Debug, Default)]
pub(crate) struct Lexed {
    pub tokens: Vec<Token>,
    pub notes: Vec<NoteLine>,
    /// For each opening bracket its closing partner's index, else 0.
    pub partner: Vec<u32>,
}

/// Directives that the parser knows, refused ones included.
pub(crate) const DIRECTIVES: &[&str] = &[
    ".decl",
    ".type",
    ".input",
    ".output",
    ".printsize",
    ".limitsize",
    ".pragma",
    ".plan",
    ".symbol_type",
    ".number_type",
    ".functor",
    ".comp",
    ".init",
    ".override",
    ".include",
    ".once",
    ".lattice",
];

/// Words that Soufflé reserves: they cannot name a relation, column, type or variable.
pub(crate) const KEYWORDS: &[&str] = &[
    "as",
    "autoinc",
    "band",
    "bnot",
    "bor",
    "brie",
    "bshl",
    "bshr",
    "bshru",
    "btree",
    "btree_delete",
    "bxor",
    "cat",
    "contains",
    "count",
    "debug_delta",
    "eqrel",
    "false",
    "inline",
    "input",
    "land",
    "lnot",
    "lor",
    "lxor",
    "magic",
    "match",
    "max",
    "mean",
    "min",
    "nil",
    "no_inline",
    "no_magic",
    "ord",
    "output",
    "overridable",
    "printsize",
    "range",
    "recursive_iteration_cnt",
    "stateful",
    "strlen",
    "substr",
    "sum",
    "to_float",
    "to_number",
    "to_string",
    "to_unsigned",
    "true",
];

/// Whether Soufflé reserves the word.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word).is_ok()
}

fn ident_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b == b'?'
}

fn ident_part(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'?'
}

/// Full-width punctuation, as Chinese input methods give it, and the plain sign that is meant.
fn full_width(c: char) -> Option<(Tok, &'static str)> {
    Some(match c {
        '，' | '、' => (Tok::Comma, ","),
        '。' | '．' => (Tok::Dot, "."),
        '（' => (Tok::LParen, "("),
        '）' => (Tok::RParen, ")"),
        '；' => (Tok::Semi, ";"),
        '：' => (Tok::Colon, ":"),
        '！' => (Tok::Bang, "!"),
        '＝' => (Tok::Eq, "="),
        '＜' => (Tok::Lt, "<"),
        '＞' => (Tok::Gt, ">"),
        '≤' => (Tok::Le, "<="),
        '≥' => (Tok::Ge, ">="),
        '≠' => (Tok::Ne, "!="),
        '｛' => (Tok::LBrace, "{"),
        '｝' => (Tok::RBrace, "}"),
        '＋' => (Tok::Plus, "+"),
        '－' => (Tok::Minus, "-"),
        '＿' => (Tok::Under, "_"),
        '｜' => (Tok::Pipe, "|"),
        _ => return None,
    })
}

struct Lexer<'s, 'd> {
    text: &'s str,
    bytes: &'s [u8],
    pos: usize,
    file: u32,
    out: Lexed,
    diags: &'d mut Vec<Diagnostic>,
    /// Start of the current line, for `alone`.
    line_has_code: bool,
}

/// Lexes one file.
pub(crate) fn lex(file: u32, text: &str, diags: &mut Vec<Diagnostic>) -> Lexed {
    let mut lx =
        Lexer { text, bytes: text.as_bytes(), pos: 0, file, out: Lexed::default(), diags, line_has_code: false };
    if text.starts_with('\u{feff}') {
        lx.pos = 3;
    }
    lx.run();
    let end = text.len() as u32;
    lx.out.tokens.push(Token { kind: Tok::Eof, start: end, end });
    lx.out.pair();
    lx.out
}

impl Lexed {
    /// Finds the partner of every bracket.
    fn pair(&mut self) {
        self.partner = vec![0; self.tokens.len()];
        let mut open: Vec<usize> = Vec::new();
        for (i, t) in self.tokens.iter().enumerate() {
            match t.kind {
                Tok::LParen | Tok::LBrace | Tok::LBracket => open.push(i),
                Tok::RParen | Tok::RBrace | Tok::RBracket => {
                    if let Some(o) = open.pop() {
                        self.partner[o] = i as u32;
                    }
                }
                Tok::Dot | Tok::Directive => open.clear(),
                _ => {}
            }
        }
    }
}

impl Lexer<'_, '_> {
    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start: start as u32, end: end as u32 }
    }

    fn push(&mut self, kind: Tok, start: usize, end: usize) {
        self.line_has_code = true;
        self.out.tokens.push(Token { kind, start: start as u32, end: end as u32 });
        self.pos = end;
    }

    fn peek(&self, n: usize) -> u8 {
        self.bytes.get(self.pos + n).copied().unwrap_or(0)
    }

    fn line_end(&self, from: usize) -> usize {
        memchr::memchr(b'\n', &self.bytes[from..]).map_or(self.bytes.len(), |i| from + i)
    }

    fn run(&mut self) {
        while self.pos < self.bytes.len() {
            let b = self.bytes[self.pos];
            let at = self.pos;
            match b {
                b'\n' => {
                    self.line_has_code = false;
                    self.pos += 1;
                }
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.pos += 1,
                b'/' if self.peek(1) == b'/' => self.line_comment(),
                b'/' if self.peek(1) == b'*' => self.block_comment(),
                b'"' => self.string(),
                b'0'..=b'9' => self.number(),
                b'#' => {
                    let end = self.line_end(at);
                    self.diags.push(
                        Diagnostic::error(
                            codes::PREPROCESSOR,
                            "preprocessor lines are not supported",
                            self.span(at, end),
                        )
                        .label("this line is meant for the C preprocessor")
                        .help("write constants as facts and put shared declarations in a file of their own"),
                    );
                    self.pos = end;
                }
                _ if ident_start(b) => self.word(),
                _ if b < 0x80 => self.punct(b),
                _ => self.foreign(),
            }
        }
    }

    fn line_comment(&mut self) {
        let at = self.pos;
        let mut end = self.line_end(at);
        self.pos = end;
        if self.bytes.get(at + 2) == Some(&b'@') {
            if end > at && self.bytes[end - 1] == b'\r' {
                end -= 1;
            }
            let alone = !self.line_has_code;
            let note = NoteLine { at: self.out.tokens.len(), start: at as u32, end: end as u32, alone };
            self.out.notes.push(note);
        }
    }

    fn block_comment(&mut self) {
        let at = self.pos;
        match memchr::memmem::find(&self.bytes[at + 2..], b"*/") {
            Some(i) => self.pos = at + 2 + i + 2,
            None => {
                self.diags.push(
                    Diagnostic::error(
                        codes::UNTERMINATED,
                        "a comment is opened but never closed",
                        self.span(at, at + 2),
                    )
                    .label("opened here")
                    .help("close it with `*/`"),
                );
                self.pos = self.bytes.len();
            }
        }
    }

    fn string(&mut self) {
        let at = self.pos;
        let mut p = at + 1;
        loop {
            match memchr::memchr3(b'"', b'\\', b'\n', &self.bytes[p..]) {
                Some(i) if self.bytes[p + i] == b'"' => {
                    self.push(Tok::Str, at, p + i + 1);
                    return;
                }
                Some(i)
                    if self.bytes[p + i] == b'\\' && p + i + 1 < self.bytes.len() && self.bytes[p + i + 1] != b'\n' =>
                {
                    // Step over the escaped character, whole.
                    let rest = &self.text[p + i + 1..];
                    p += i + 1 + rest.chars().next().map_or(1, char::len_utf8);
                }
                _ => {
                    let end = self.line_end(at);
                    let shown = self.text[at..end].trim_end().len() + at;
                    self.diags.push(
                        Diagnostic::error(
                            codes::UNTERMINATED,
                            "a text is opened but never closed",
                            self.span(at, shown),
                        )
                        .label("no closing `\"` on this line")
                        .help("close the text with `\"`; write a line break inside a text as `\\n`"),
                    );
                    self.push(Tok::Bad, at, end);
                    return;
                }
            }
        }
    }

    fn number(&mut self) {
        let at = self.pos;
        let mut p = at;
        let b = self.bytes;
        let digits = |mut p: usize, ok: fn(&u8) -> bool| {
            while p < b.len() && ok(&b[p]) {
                p += 1;
            }
            p
        };
        let mut kind = Tok::Int;
        let mut empty = false;
        if b[p] == b'0' && matches!(self.peek(1), b'x' | b'b') {
            let hex = self.peek(1) == b'x';
            p = digits(p + 2, if hex { u8::is_ascii_hexdigit } else { |c| matches!(c, b'0' | b'1') });
            empty = p == at + 2;
        } else {
            p = digits(p, u8::is_ascii_digit);
            if p + 1 < b.len() && b[p] == b'.' && b[p + 1].is_ascii_digit() {
                p = digits(p + 1, u8::is_ascii_digit);
                kind = Tok::Float;
            }
        }
        if kind == Tok::Int && p < b.len() && b[p] == b'u' {
            kind = Tok::Unsigned;
            p += 1;
        }
        let tail = digits(p, |c| ident_part(*c));
        if empty || tail > p {
            let end = tail.max(p);
            self.diags.push(
                Diagnostic::error(
                    codes::BAD_NUMBER,
                    format!("`{}` is not a number", &self.text[at..end]),
                    self.span(at, end),
                )
                .note("numbers are written 12, -12, 0x1F, 0b101, 12u or 1.5")
                .help("if a text is meant, put it in double quotes"),
            );
            self.push(Tok::Bad, at, end);
            return;
        }
        self.push(kind, at, p);
    }

    fn word_end(&self, from: usize) -> usize {
        let mut p = from;
        while p < self.bytes.len() && ident_part(self.bytes[p]) {
            p += 1;
        }
        p
    }

    fn word(&mut self) {
        let at = self.pos;
        let p = self.word_end(at);
        if p < self.bytes.len() && self.bytes[p] >= 0x80 {
            let c = self.text[p..].chars().next().unwrap_or(' ');
            if c.is_alphanumeric() {
                return self.foreign();
            }
        }
        let kind = if &self.text[at..p] == "_" { Tok::Under } else { Tok::Ident };
        self.push(kind, at, p);
    }

    /// Anything outside ASCII and outside texts and comments.
    fn foreign(&mut self) {
        let at = self.pos;
        let first = self.text[at..].chars().next().unwrap_or(' ');
        let width = first.len_utf8();
        if let Some((kind, plain)) = full_width(first) {
            self.diags.push(
                Diagnostic::error(
                    codes::UNEXPECTED_CHARACTER,
                    format!("`{first}` is a full-width sign; the rule language uses the plain one"),
                    self.span(at, at + width),
                )
                .help(format!("write `{plain}`")),
            );
            return self.push(kind, at, at + width);
        }
        if first.is_whitespace() {
            let name = if first == '\u{3000}' { "a full-width space" } else { "an unusual space" };
            self.diags.push(
                Diagnostic::error(
                    codes::UNEXPECTED_CHARACTER,
                    format!("{name} (U+{:04X}) stands in the text", first as u32),
                    self.span(at, at + width),
                )
                .help("write a plain space"),
            );
            self.pos = at + width;
            return;
        }
        if matches!(first, '“' | '”' | '„' | '「' | '」' | '＂') {
            // Take the quoted stretch as the text that it is meant to be.
            let line = &self.text[at..self.line_end(at)];
            let close = line[width..].find(['”', '“', '」', '"', '＂']);
            let end = close.map_or(at + width, |i| {
                let q = at + width + i;
                q + self.text[q..].chars().next().map_or(1, char::len_utf8)
            });
            self.diags.push(
                Diagnostic::error(
                    codes::UNEXPECTED_CHARACTER,
                    format!("`{first}` does not open a text; the rule language uses the plain double quote"),
                    self.span(at, end),
                )
                .help("write `\"`"),
            );
            return self.push(Tok::Bad, at, end);
        }
        let mut end = at;
        for c in self.text[at..].chars() {
            let ascii_ok = c.is_ascii() && ident_part(c as u8);
            if !(ascii_ok || (!c.is_ascii() && c.is_alphanumeric())) {
                break;
            }
            end += c.len_utf8();
        }
        if end > at {
            let word = &self.text[at..end];
            self.diags.push(
                Diagnostic::error(
                    codes::UNEXPECTED_CHARACTER,
                    format!("`{word}` stands outside quotes"),
                    self.span(at, end),
                )
                .note("names of relations, columns, types and variables are made of ASCII letters, digits, `_` and `?`")
                .help(format!("if a text is meant, write \"{word}\"")),
            );
            return self.push(Tok::Bad, at, end);
        }
        self.diags.push(Diagnostic::error(
            codes::UNEXPECTED_CHARACTER,
            format!("unexpected character `{first}` (U+{:04X})", first as u32),
            self.span(at, at + width),
        ));
        self.pos = at + width;
    }

    fn punct(&mut self, b: u8) {
        let at = self.pos;
        let next = self.peek(1);
        let (kind, len) = match (b, next) {
            (b'.', c) if c.is_ascii_alphabetic() => {
                let end = self.word_end(at + 1);
                if DIRECTIVES.contains(&&self.text[at..end]) { (Tok::Directive, end - at) } else { (Tok::Dot, 1) }
            }
            (b':', b'-') => (Tok::If, 2),
            (b':', b':') => (Tok::ColonColon, 2),
            (b'<', b':') => (Tok::SubType, 2),
            (b'<', b'=') => (Tok::Le, 2),
            (b'>', b'=') => (Tok::Ge, 2),
            (b'!', b'=') => (Tok::Ne, 2),
            (b'-', b'>') => (Tok::Arrow, 2),
            (b'*', b'*') => (Tok::StarStar, 2),
            (b'.', _) => (Tok::Dot, 1),
            (b':', _) => (Tok::Colon, 1),
            (b'<', _) => (Tok::Lt, 1),
            (b'>', _) => (Tok::Gt, 1),
            (b'!', _) => (Tok::Bang, 1),
            (b'-', _) => (Tok::Minus, 1),
            (b'*', _) => (Tok::Star, 1),
            (b'=', _) => (Tok::Eq, 1),
            (b'(', _) => (Tok::LParen, 1),
            (b')', _) => (Tok::RParen, 1),
            (b'[', _) => (Tok::LBracket, 1),
            (b']', _) => (Tok::RBracket, 1),
            (b'{', _) => (Tok::LBrace, 1),
            (b'}', _) => (Tok::RBrace, 1),
            (b',', _) => (Tok::Comma, 1),
            (b';', _) => (Tok::Semi, 1),
            (b'+', _) => (Tok::Plus, 1),
            (b'/', _) => (Tok::Slash, 1),
            (b'%', _) => (Tok::Percent, 1),
            (b'^', _) => (Tok::Caret, 1),
            (b'|', _) => (Tok::Pipe, 1),
            (b'@', _) => (Tok::At, 1),
            (b'$', _) => (Tok::Dollar, 1),
            _ => {
                let mut d = Diagnostic::error(
                    codes::UNEXPECTED_CHARACTER,
                    if b < 0x20 || b == 0x7f {
                        format!("unexpected control character (U+{b:04X})")
                    } else {
                        format!("unexpected character `{}`", b as char)
                    },
                    self.span(at, at + 1),
                );
                match b {
                    b'\'' => d = d.help("texts are written in double quotes"),
                    b'&' => d = d.help("write `,` for \"and\""),
                    b'~' | b'\\' => d = d.help("write `!` for \"not\""),
                    _ => {}
                }
                self.diags.push(d);
                self.pos = at + 1;
                return;
            }
        };
        self.push(kind, at, at + len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn numbers_dots_and_directives() {
        let mut d = Vec::new();
        let kinds: Vec<Tok> =
            lex(0, "a(1). b(1.5).\n.decl x?_y 0x1F 7u ** \"\\\"。\"", &mut d).tokens.iter().map(|t| t.kind).collect();
        assert!(d.is_empty(), "{d:?}");
        use Tok::*;
        assert_eq!(
            kinds,
            [
                Ident, LParen, Int, RParen, Dot, Ident, LParen, Float, RParen, Dot, Directive, Ident, Int, Unsigned,
                StarStar, Str, Eof
            ]
        );
    }
}
