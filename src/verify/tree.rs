//! JSON as a tree that keeps every field, also one that stands there twice.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Whole(i64),
    /// Any other number, of which a certificate has none.
    Fraction(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// An object, in the order of the text.
    Map(Vec<(String, Tree)>),
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Tree, E> {
        Ok(Tree::Whole(n))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Tree, E> {
        Ok(i64::try_from(n).map_or(Tree::Fraction(n as f64), Tree::Whole))
    }

    fn visit_f64<E>(self, f: f64) -> Result<Tree, E> {
        Ok(Tree::Fraction(f))
    }

    fn visit_str<E>(self, s: &str) -> Result<Tree, E> {
        Ok(Tree::Text(s.to_owned()))
    }

    fn visit_string<E>(self, s: String) -> Result<Tree, E> {
        Ok(Tree::Text(s))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut out = Vec::new();
        while let Some(t) = list.next_element()? {
            out.push(t);
        }
        Ok(Tree::List(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut out = Vec::new();
        while let Some(pair) = map.next_entry()? {
            out.push(pair);
        }
        Ok(Tree::Map(out))
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Reader)
    }
}

impl Tree {
    /// What it is, for messages: a short value as it stands, else its kind.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(b) => b.to_string(),
            Self::Whole(n) => n.to_string(),
            Self::Fraction(f) => f.to_string(),
            Self::Text(s) if s.chars().count() <= 80 => format!("{s:?}"),
            Self::Text(s) => format!("{:?}...", s.chars().take(80).collect::<String>()),
            Self::List(l) => format!("[...{}]", l.len()),
            Self::Map(m) => {
                let keys: Vec<&str> = m.iter().take(8).map(|(k, _)| k.as_str()).collect();
                format!("{{{}}}", keys.join(", "))
            }
        }
    }
}
