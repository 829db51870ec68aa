//! The regular expressions of `match`.

use regex::Regex;

/// A pattern that matches whole texts.
///
/// # Errors
/// What the regular expression library says, in one line.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&format!(r"\A(?:{pattern})\z"))
        .map_err(|e| e.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

/// The part of a pattern that other libraries may know and that this one, which takes linear time, does not: a look at
/// what stands around, or a reference back to a group.
pub(crate) fn unsupported(pattern: &str) -> Option<&'static str> {
    if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|p| pattern.contains(p)) {
        return Some("a look at what stands around the match");
    }
    let bytes = pattern.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        if bytes[at] == b'\\' {
            if matches!(bytes[at + 1], b'1'..=b'9') {
                return Some("a reference back to a group");
            }
            at += 1;
        }
        at += 1;
    }
    None
}
