//! Laying out text for terminals: widths in columns, Chinese characters counting two.

pub use super::explain::measure::width;

/// The text, filled with blanks to a width.
#[must_use]
pub fn pad(text: &str, to: usize) -> String {
    let mut out = text.to_owned();
    out.extend(std::iter::repeat_n(' ', to.saturating_sub(width(text))));
    out
}

/// Text from data made safe for a terminal: control characters become visible, so that none can move the cursor.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// A character made safe for a terminal: control characters as their pictures, marks of direction and further ends of lines
/// replaced.
#[must_use]
pub fn visible(c: char) -> char {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('?'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_counts_two() {
        assert_eq!(width("承办人p1"), 8);
        assert_eq!(pad("承办", 6), "承办  ");
        assert_eq!(plain("a\u{1b}[2J\nb"), "a␛[2J␊b");
    }
}
