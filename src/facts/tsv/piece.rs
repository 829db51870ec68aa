//! One piece of a file: lines to words, with a dictionary of the piece.

use super::Shape;
use crate::engine::functor::{parse_float, parse_number, parse_unsigned};
use crate::engine::symbol::{Tag, is_long, spread, tag};
use crate::engine::value::{self, Word};
use crate::lang::program::Prim;
use hashbrown::HashTable;
use std::borrow::Cow;

/// What is wrong with a line.
#[derive(Clone, Debug)]
pub(super) struct Flaw {
    /// Byte of the text at which it shows.
    pub offset: usize,
    pub code: &'static str,
    pub message: String,
}

/// What a piece holds.
#[derive(Debug, Default)]
pub(super) struct Piece<'a> {
    /// Rows; symbols are numbers of the texts of their column.
    pub rows: Vec<Word>,
    /// Texts of each column of the relation.
    pub texts: Vec<Dict<'a>>,
    pub flaws: Vec<Flaw>,
    /// Lines read.
    pub lines: usize,
}

/// The texts of one column. A column of keys hardly ever repeats a text but in the row after: once that shows, texts are
/// no longer looked for in the piece (they may then stand twice), only once, when the pieces are brought together.
#[derive(Debug, Default)]
pub(super) struct Dict<'a> {
    pub tags: Vec<Tag>,
    pub texts: Vec<Cow<'a, str>>,
    table: HashTable<(Tag, u32)>,
    hits: u32,
    keys: bool,
}

/// Texts after which a column is judged.
const JUDGE: usize = 2048;

impl<'a> Dict<'a> {
    #[inline]
    fn intern(&mut self, text: Cow<'a, str>) -> Word {
        let tag = tag(&text);
        let id = self.texts.len() as u32;
        if !self.keys {
            let texts = &self.texts;
            let same = |e: &(Tag, u32)| e.0 == tag && (!is_long(tag) || texts[e.1 as usize] == text);
            if let Some(e) = self.table.find(spread(tag), same) {
                self.hits += 1;
                return e.1;
            }
            self.table.insert_unique(spread(tag), (tag, id), |e| spread(e.0));
            if self.texts.len() == JUDGE && self.hits < JUDGE as u32 / 16 {
                self.keys = true;
                self.table = HashTable::new();
            }
        }
        self.tags.push(tag);
        self.texts.push(text);
        id
    }
}

/// Flaws of a piece that are kept.
const FLAWS: usize = 1000;

struct Column<'a> {
    /// Column of the relation; `None` if the file's column is not wanted.
    to: Option<(usize, Prim)>,
    /// The field before, and its word.
    last: &'a str,
    word: Word,
}

struct Reader<'a> {
    columns: Vec<Column<'a>>,
    arity: usize,
    exact: bool,
    row: Vec<Word>,
    piece: Piece<'a>,
    bad: bool,
}

/// Reads a piece. `start` is its place in `all`, and it ends at a line end or the end of the text.
pub(super) fn read<'a>(all: &'a str, start: usize, end: usize, shape: &Shape, prims: &[Prim]) -> Piece<'a> {
    let places = shape.columns.clone().unwrap_or_else(|| (0..prims.len()).collect());
    let width = places.iter().take(prims.len()).max().map_or(0, |m| m + 1);
    let mut columns: Vec<Column<'a>> = (0..width).map(|_| Column { to: None, last: "\n", word: 0 }).collect();
    for (i, p) in places.iter().take(prims.len()).enumerate() {
        columns[*p].to = Some((i, prims[i]));
    }
    let mut r = Reader {
        columns,
        arity: prims.len(),
        exact: shape.columns.is_none(),
        row: vec![0; prims.len()],
        piece: Piece { texts: prims.iter().map(|_| Dict::default()).collect(), ..Piece::default() },
        bad: false,
    };
    if shape.quoted || shape.delimiter.len() > 1 {
        r.slow(all, start, end, shape);
    } else {
        r.fast(all, start, end, shape.delimiter.as_bytes()[0]);
    }
    r.piece
}

impl<'a> Reader<'a> {
    fn fast(&mut self, all: &'a str, start: usize, end: usize, delimiter: u8) {
        let bytes = &all.as_bytes()[start..end];
        let (mut at, mut column) = (start, 0);
        self.piece.rows.reserve(bytes.len() / 8);
        for hit in memchr::memchr2_iter(delimiter, b'\n', bytes) {
            let hit = start + hit;
            if bytes[hit - start] == b'\n' {
                let stop = if hit > at && bytes[hit - start - 1] == b'\r' { hit - 1 } else { hit };
                self.field(column, &all[at..stop], at);
                self.end_row(column + 1, at);
                column = 0;
            } else {
                self.field(column, &all[at..hit], at);
                column += 1;
            }
            at = hit + 1;
        }
        if at < end || column > 0 {
            self.field(column, &all[at..end], at);
            self.end_row(column + 1, at);
        }
    }

    fn slow(&mut self, all: &'a str, start: usize, end: usize, shape: &Shape) {
        let text = &all[..end];
        let mut at = start;
        while at < end {
            let mut column = 0;
            loop {
                let next = if shape.quoted && text[at..].starts_with('"') {
                    self.quoted(text, at, column, &shape.delimiter)
                } else {
                    let line = at + text[at..].find('\n').unwrap_or(end - at);
                    let stop = text[at..line].find(&shape.delimiter).map_or(line, |i| at + i);
                    let field = if stop == line { text[at..stop].trim_end_matches('\r') } else { &text[at..stop] };
                    self.field(column, field, at);
                    stop
                };
                column += 1;
                if text[next..].starts_with(&shape.delimiter) {
                    at = next + shape.delimiter.len();
                } else {
                    self.end_row(column, at);
                    at = (next + 1).min(end);
                    break;
                }
            }
        }
    }

    /// Reads a quoted field that begins at `at`; gives the place of the delimiter or line end behind it.
    fn quoted(&mut self, text: &'a str, at: usize, column: usize, delimiter: &str) -> usize {
        let mut value = String::new();
        let mut from = at + 1;
        loop {
            let Some(quote) = text[from..].find('"').map(|i| from + i) else {
                self.flaw(at, "E0534", "a quoted field has no closing quote".into());
                return text.len();
            };
            value += &text[from..quote];
            from = quote + 1;
            if text[from..].starts_with('"') {
                value.push('"');
                from += 1;
                continue;
            }
            break;
        }
        let rest = &text[from..];
        let next = if rest.starts_with("\r\n") { from + 1 } else { from };
        if !(rest.is_empty() || rest.starts_with(delimiter) || text[next..].starts_with('\n')) {
            self.flaw(from, "E0534", "a closing quote is not followed by a separator".into());
            return from + rest.find('\n').unwrap_or(rest.len());
        }
        self.owned(column, value, at);
        next
    }

    fn owned(&mut self, column: usize, value: String, at: usize) {
        let Some(Some((to, prim))) = self.columns.get(column).map(|c| c.to) else { return };
        self.row[to] = if prim == Prim::Symbol {
            self.piece.texts[to].intern(Cow::Owned(value))
        } else {
            self.parse(prim, &value, at)
        };
    }

    #[inline]
    fn field(&mut self, column: usize, field: &'a str, at: usize) {
        let Some(c) = self.columns.get(column) else { return };
        let Some((to, prim)) = c.to else { return };
        if c.last == field {
            self.row[to] = c.word;
            return;
        }
        let word = if prim == Prim::Symbol {
            self.piece.texts[to].intern(Cow::Borrowed(field))
        } else {
            self.parse(prim, field, at)
        };
        if !self.bad {
            let c = &mut self.columns[column];
            (c.last, c.word) = (field, word);
        }
        self.row[to] = word;
    }

    fn parse(&mut self, prim: Prim, text: &str, at: usize) -> Word {
        let word = match prim {
            Prim::Unsigned => parse_unsigned(text),
            Prim::Float => parse_float(text).map(value::from_float),
            _ => parse_number(text).map(value::from_number),
        };
        word.unwrap_or_else(|| {
            let what = match prim {
                Prim::Unsigned => "a whole number from 0 to 4294967295",
                Prim::Float => "a number",
                _ => "a whole number from -2147483648 to 2147483647",
            };
            self.flaw(at, "E0532", format!("found {text:?}, expected {what}"));
            0
        })
    }

    fn flaw(&mut self, offset: usize, code: &'static str, message: String) {
        self.bad = true;
        if self.piece.flaws.len() < FLAWS {
            self.piece.flaws.push(Flaw { offset, code, message });
        }
    }

    #[inline]
    fn end_row(&mut self, found: usize, at: usize) {
        self.piece.lines += 1;
        if found != self.columns.len() && (self.exact || found < self.columns.len()) && self.arity > 0 {
            let wanted = self.columns.len();
            self.flaw(at, "E0531", format!("found {found} columns, expected {wanted}"));
        }
        if !std::mem::take(&mut self.bad) {
            self.piece.rows.extend_from_slice(&self.row);
        }
    }
}
