//! Width of text in cells (Chinese characters take two) and wrapping.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Width in cells.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Punctuation that does not begin a line.
fn clings(c: char) -> bool {
    matches!(
        c,
        '，' | '。'
            | '、'
            | '；'
            | '：'
            | '！'
            | '？'
            | '）'
            | '》'
            | '」'
            | '』'
            | '”'
            | '’'
            | '】'
            | '〕'
            | ','
            | '.'
            | ';'
            | ')'
            | ']'
            | '"'
    )
}

/// Brackets that do not end a line.
fn opens(c: char) -> bool {
    matches!(c, '（' | '《' | '「' | '『' | '“' | '‘' | '【' | '〔' | '(' | '[')
}

/// Pieces that may stand alone on a line: words with their spaces, and single wide characters.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (i, c) in text.char_indices() {
        let wide = |c: char| c.width().unwrap_or(0) > 1;
        let breaks = before.is_some_and(|b| (wide(b) || wide(c) || (b == ' ' && c != ' ')) && !clings(c) && !opens(b));
        if breaks && i > start {
            out.push(&text[start..i]);
            start = i;
        }
        before = Some(c);
    }
    if start < text.len() {
        out.push(&text[start..]);
    }
    out
}

/// Breaks text into lines of at most so many cells; a longer word is cut. Control characters become spaces.
#[must_use]
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let clean: String = text.chars().filter(|c| !turns(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let cells = cells.max(2);
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(&clean) {
        if width(&line) + width(piece.trim_end()) <= cells {
            line.push_str(piece);
            continue;
        }
        if !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
        }
        line = String::new();
        for c in piece.chars() {
            if width(&line) + c.width().unwrap_or(0) > cells {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    if !line.trim().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Marks that turn the direction of writing, and so could make a line read otherwise than it is.
pub(super) fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_words_and_characters() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("承办人未依法告知，应当", 8), ["承办人未", "依法告", "知，应当"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("a\nb", 9), ["a b"]);
        assert_eq!(wrap("依法（甲）", 6), ["依法", "（甲）"]);
        for line in wrap("第八条规定 the quick 棕色 fox，跳过 lazy dog", 10) {
            assert!(width(&line) <= 10, "{line}");
        }
    }
}
