//! Sentence templates: text with `{Name}` places; `{{` and `}}` stand for the brackets themselves.

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
        for bad in ["{p", "p}", "{}", "{a b}"] {
            assert!(Phrase::parse(bad).is_err(), "{bad}");
        }
    }
}
