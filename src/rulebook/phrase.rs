//! Sentence templates: text with `{Name}` places; `{{` and `}}` stand for the brackets themselves. In the sentence of a
//! table's row a group in `[...]` is left out when a place in it is blank.

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Literal text.
    Text(String),
    /// The value of a variable or column.
    Place(String),
}

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase(pub Vec<Part>);

impl Phrase {
    /// Parses a template.
    ///
    /// # Errors
    /// What is wrong with the brackets.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    plain.push(c);
                }
                '{' => {
                    let mut name = String::new();
                    loop {
                        match chars.next() {
                            Some('}') => break,
                            Some(c) if c == '_' || c == '?' || c.is_alphanumeric() => name.push(c),
                            Some(c) => return Err(format!("`{c}` inside a `{{...}}` place")),
                            None => return Err("a `{` without its `}`".to_owned()),
                        }
                    }
                    if name.is_empty() {
                        return Err("an empty `{}` place".to_owned());
                    }
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Place(name));
                }
                '}' => return Err("a `}` without its `{`".to_owned()),
                c => plain.push(c),
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// Names of the places, in order.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|p| match p {
            Part::Place(n) => Some(n.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The sentence of a row: places that are blank (`None`) take their `[...]` group with them, else they read `blank`.
    pub fn fill_row(&self, blank: &str, value: impl Fn(&str) -> Option<String>) -> String {
        let mut out = String::new();
        let mut group: Option<(usize, bool)> = None;
        for part in &self.0 {
            match part {
                Part::Place(n) => match (value(n), &mut group) {
                    (Some(v), _) => out.push_str(&v),
                    (None, Some((_, whole))) => *whole = false,
                    (None, None) => out.push_str(blank),
                },
                Part::Text(t) => {
                    for c in t.chars() {
                        match (c, group) {
                            ('[', None) => group = Some((out.len(), true)),
                            (']', Some((start, whole))) => {
                                if !whole {
                                    out.truncate(start);
                                }
                                group = None;
                            }
                            _ => out.push(c),
                        }
                    }
                }
            }
        }
        out
    }

    /// The sentence, with a value for each place.
    pub fn fill(&self, mut value: impl FnMut(&str) -> String) -> String {
        let mut out = String::new();
        for p in &self.0 {
            match p {
                Part::Text(t) => out.push_str(t),
                Part::Place(n) => out.push_str(&value(n)),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_places() {
        let p = Phrase::parse("{p}依{{x}}承担{d}责任").unwrap();
        assert_eq!(p.places().collect::<Vec<_>>(), ["p", "d"]);
        assert_eq!(p.fill(|n| format!("<{n}>")), "<p>依{x}承担<d>责任");
        let row = Phrase::parse("{p}[ for {o}][, {f}].").unwrap();
        let value = |n: &str| (n != "o").then(|| format!("<{n}>"));
        assert_eq!(row.fill_row("?", value), "<p>, <f>.");
        assert_eq!(row.fill_row("?", |_| None), "?.");
        for bad in ["{p", "p}", "{}", "{a b}"] {
            assert!(Phrase::parse(bad).is_err(), "{bad}");
        }
    }
}
