//! What goes to a terminal: no character of the data may move its cursor, change its title or turn the direction of writing.

use std::io::{self, IsTerminal, Write};

/// A stream to people. Control characters become visible signs, marks of direction are replaced; line ends and tabs pass,
/// and so do colours if they are asked for. Bytes that are no UTF-8 are replaced.
#[derive(Debug)]
pub struct Guard<W> {
    inner: W,
    /// Whether it does anything.
    on: bool,
    /// Whether it goes on when nobody can read it: a message that cannot be shown does not change how a command ends.
    lossy: bool,
    /// Whether `ESC [ digits m` passes.
    colours: bool,
    /// The beginning of a character or of a colour of which the rest has not come yet.
    part: Vec<u8>,
}

impl Guard<io::StdoutLock<'static>> {
    /// Standard output: guarded on a terminal only; into a file or a pipe go the bytes as they are.
    #[must_use]
    pub fn stdout() -> Self {
        let inner = io::stdout().lock();
        Self { on: inner.is_terminal(), inner, lossy: false, colours: false, part: Vec::new() }
    }
}

impl Guard<io::Stderr> {
    /// Standard error: always guarded, for it carries messages only.
    #[must_use]
    pub fn stderr() -> Self {
        let inner = io::stderr();
        Self { on: true, colours: inner.is_terminal(), inner, lossy: true, part: Vec::new() }
    }
}

/// Length of a colour at the beginning of the text; `None` if it is none, 0 if it is not complete.
fn colour(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('\u{1b}')?;
    if rest.is_empty() {
        return Some(0);
    }
    let rest = rest.strip_prefix('[')?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';');
    match end {
        None if rest.len() < 32 => Some(0),
        Some(n) if n < 32 && rest[n..].starts_with('m') => Some(n + 3),
        _ => None,
    }
}

impl<W: Write> Guard<W> {
    /// The text as it may be shown, and how many bytes of it were dealt with.
    fn safe(&self, text: &str, last: bool) -> (String, usize) {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            match colour(&text[at..]).filter(|_| self.colours) {
                Some(0) if !last => break,
                Some(n) if n > 0 => {
                    out.push_str(&text[at..at + n]);
                    at += n;
                    continue;
                }
                _ => {}
            }
            match c {
                '\n' | '\t' => out.push(c),
                c => out.push(crate::report::layout::visible(c)),
            }
            at += c.len_utf8();
        }
        (out, at)
    }

    fn pass(&mut self, last: bool) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.part);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (text, bad) = match std::str::from_utf8(rest) {
                Ok(text) => (text, None),
                Err(e) => (std::str::from_utf8(&rest[..e.valid_up_to()]).unwrap_or_default(), Some(e.error_len())),
            };
            let (shown, done) = self.safe(text, last || bad.is_some_and(|n| n.is_some()));
            self.inner.write_all(shown.as_bytes())?;
            rest = &rest[done..];
            if done < text.len() {
                break;
            }
            match bad {
                None => break,
                // A character of which the rest may still come.
                Some(None) if !last => break,
                Some(n) => {
                    self.inner.write_all("\u{fffd}".as_bytes())?;
                    rest = &rest[n.unwrap_or(rest.len())..];
                }
            }
        }
        self.part = rest.to_vec();
        Ok(())
    }
}

impl<W: Write> Write for Guard<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if !self.on {
            return self.inner.write(buf);
        }
        self.part.extend_from_slice(buf);
        let passed = self.pass(false);
        if !self.lossy {
            passed?;
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let passed = if self.on { self.pass(true) } else { Ok(()) };
        let flushed = passed.and_then(|()| self.inner.flush());
        if self.lossy { Ok(()) } else { flushed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(on: bool, colours: bool, pieces: &[&[u8]]) -> Vec<u8> {
        let mut g = Guard { inner: Vec::new(), on, lossy: false, colours, part: Vec::new() };
        for p in pieces {
            assert_eq!(g.write(p).expect("in memory"), p.len());
        }
        g.flush().expect("in memory");
        g.inner
    }

    #[test]
    fn whatever_the_pieces() {
        let text = "承办\u{1b}[2J\u{1b}]0;x\u{7}\u{202e}甲\u{9b}31m\tb\r\n\u{1b}[1;31mred\u{1b}[0m\u{1b}".as_bytes();
        for colours in [false, true] {
            let esc = if colours { "\u{1b}" } else { "␛" };
            let want = format!("承办␛[2J␛]0;x␇\u{fffd}甲\u{fffd}31m\tb␍\n{esc}[1;31mred{esc}[0m␛");
            for size in 1..text.len() {
                let pieces: Vec<&[u8]> = text.chunks(size).collect();
                assert_eq!(String::from_utf8(guard(true, colours, &pieces)).expect("text"), want, "{size}");
            }
        }
        assert_eq!(guard(false, false, &[text]), text, "a file gets the bytes as they are");
    }

    #[test]
    fn what_is_no_text() {
        let shown = |pieces: &[&[u8]]| String::from_utf8(guard(true, true, pieces)).expect("text");
        assert_eq!(shown(&[b"a\xffb", b"\xe6\x89", b"\xbf"]), "a\u{fffd}b承");
        assert_eq!(shown(&[b"\xe6\x89"]), "\u{fffd}");
        assert_eq!(shown(&[b"\x1b[12", b"\xff"]), "␛[12\u{fffd}");
        let long = [&b"\x1b["[..], &[b'1'; 100], b"m"].concat();
        assert!(!shown(&[&long]).contains('\u{1b}'));
    }
}
