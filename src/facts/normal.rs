//! One way of writing for what is written in several: width, brackets, numbers of cases. Readers of a table compare values in
//! this form; how a value was written stays in the file (and, for numbers of cases, in the spellings of a load).

use crate::lang::program::{Prim, Program, TypeId};
use std::borrow::Cow;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// What else is one and the same in a column of names, beside width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// Numbers of cases: brackets of any shape round the year, blanks, leading zeros of the last number.
    CaseNumber,
}

impl Matching {
    /// The matching of that name, as annotations write it.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        (name == "case-number").then_some(Self::CaseNumber)
    }
}

/// The compatible form of Unicode: full-width letters, digits and signs become plain ones.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    let new: String = text.nfkc().collect();
    if new == text { Cow::Borrowed(text) } else { Cow::Owned(new) }
}

/// The text without what nobody sees at its ends: blanks, marks of byte order, spaces and joiners of no width.
#[must_use]
#[inline]
pub fn bare(text: &str) -> &str {
    let text = text.trim();
    let wide = |b: Option<&u8>| b.is_some_and(|b| *b >= 0x80);
    let edges = text.as_bytes();
    if wide(edges.first()) || wide(edges.last()) { text.trim_matches(unseen) } else { text }
}

fn unseen(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Form of a name or key: full-width digits, letters and brackets become plain ones, nothing else; with `matching` more.
#[must_use]
#[inline]
pub fn key(text: &str, matching: Option<Matching>) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { wide_key(text, matching) }
}

fn wide_key(text: &str, matching: Option<Matching>) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    // All full-width forms begin with that byte.
    if memchr::memchr(0xef, text.as_bytes()).is_some() && text.chars().any(|c| narrow(c) != c) {
        out = Cow::Owned(text.chars().map(narrow).collect());
    }
    if matching == Some(Matching::CaseNumber)
        && let Some(new) = case_number(&out).filter(|n| **n != *out)
    {
        out = Cow::Owned(new);
    }
    out
}

fn narrow(c: char) -> char {
    match c {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '（' | '）' | '［' | '］' | '｛' | '｝' => {
            char::from_u32(c as u32 - 0xfee0).unwrap_or(c)
        }
        c => c,
    }
}

/// `(2018)豫01行终123号` for a number of a case however its brackets, blanks and zeros are written; `None` for other text.
fn case_number(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' | '[' | '〔' | '【' | '〈' | '《' | '{' => out.push('('),
            ')' | ']' | '〕' | '】' | '〉' | '》' | '}' => out.push(')'),
            c if c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    // A year in brackets, and 号 after digits: otherwise it is some other name.
    let year = out.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(y, _)| y);
    if !year.is_some_and(|y| y.len() == 4 && y.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let end = out.match_indices('号').map(|(i, _)| i).find(|i| out[..*i].ends_with(|c: char| c.is_ascii_digit()))?;
    let start = out[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |i| i + out[i..].chars().next().map_or(1, char::len_utf8));
    let digits = &out[start..end];
    let bare = digits.trim_start_matches('0');
    if bare.len() < digits.len() && !bare.is_empty() {
        let bare = bare.to_owned();
        out.replace_range(start..end, &bare);
    }
    Some(out)
}

/// The matching that a type or a type above it asks for.
#[must_use]
pub fn matching(program: &Program, mut ty: TypeId) -> Option<Matching> {
    loop {
        let t = program.types.get(ty.index())?;
        if let Some(name) = t.notes.get("matching") {
            return Matching::of(name);
        }
        ty = t.parent?;
    }
}

/// The form under which a load holds a text of that type: for questions about values.
#[must_use]
pub fn of_type<'a>(program: &Program, ty: TypeId, text: &'a str) -> Cow<'a, str> {
    match program.types.get(ty.index()) {
        Some(t) if t.prim == Prim::Symbol && !t.notes.has("plain") => key(text.trim(), matching(program, ty)),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_cases_are_one_however_written() {
        let n = |t: &str| key(t, Some(Matching::CaseNumber)).into_owned();
        let want = "(2018)豫01行终123号";
        for t in [
            "（2018）豫01行终123号",
            "(2018)豫01行终123号",
            "〔2018〕豫01行终123号",
            "［２０１８］豫01行终１２３号",
            "【2018】豫01行终 0123 号",
            "(2018) 豫01行终00123号",
        ] {
            assert_eq!(n(t), want, "{t}");
        }
        assert_eq!(n("渝中府复〔2024〕085号"), "渝中府复(2024)85号");
        assert_eq!(n("（2005）津高行终字第0034号之一"), "(2005)津高行终字第34号之一");
        // Other names keep their zeros and brackets, but for the width.
        for (t, want) in
            [("c007", "c007"), ("张三（二）", "张三(二)"), ("〔甲〕007号", "〔甲〕007号"), ("ｃ７", "c7"), ("一", "一")]
        {
            assert_eq!(n(t), want, "{t}");
        }
        assert_eq!(key("〔2018〕豫01行终123号", None), "〔2018〕豫01行终123号");
        assert_eq!(plain("ＡＢ１２３，①"), "AB123,1");
        assert!(matches!(plain("承办人"), Cow::Borrowed(_)) && matches!(key("承办人", None), Cow::Borrowed(_)));
    }
}
