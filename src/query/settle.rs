//! Values of a question in the form in which the facts hold them: codes by code or label, days as numbers, texts in quotes.

use super::codes;
use crate::facts::codes::CodeLists;
use crate::facts::{Lang, date, normal};
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{Prim, Program, Span, TypeId};

/// What a value is read against.
#[derive(Clone, Copy, Debug)]
pub struct Settler<'a> {
    pub program: &'a Program,
    pub codes: &'a CodeLists,
    pub lang: Lang,
}

/// The code list of a type or of the types above it.
pub fn list(program: &Program, ty: TypeId) -> Option<&str> {
    let mut at = Some(ty);
    while let Some(t) = at {
        let def = program.types.get(t.index())?;
        if let Some(list) = def.notes.get("codes") {
            return Some(list);
        }
        at = def.parent;
    }
    None
}

/// A text of the rule language.
pub fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Settler<'_> {
    pub fn say(&self, zh: impl Into<String>, en: impl Into<String>) -> String {
        match self.lang {
            Lang::Zh => zh.into(),
            Lang::En => en.into(),
        }
    }

    /// The value as rule text.
    pub fn value(&self, ty: TypeId, text: &str, quoted: bool, span: Span) -> Result<String, Box<Diagnostic>> {
        let def = &self.program.types[ty.index()];
        let wrong = |zh: &str, en: &str| {
            let d = Diagnostic::error(
                codes::VALUE,
                self.say(format!("“{text}”不是{zh}"), format!("`{text}` is not {en}")),
                span,
            );
            Box::new(
                d.label(self.say(format!("此处的类型是 {}", def.name), format!("a value of the type `{}`", def.name))),
            )
        };
        match def.prim {
            Prim::Symbol => self.text(ty, text, quoted, span),
            Prim::Number if text.is_empty() => Ok(date::BLANK.to_string()),
            Prim::Number if def.date => match date::read(text) {
                Ok(day) => Ok(day.to_string()),
                Err(_) => Err(wrong("日期，如 2021-03-05", "a day such as 2021-03-05")),
            },
            Prim::Number => match text.parse::<i32>() {
                Ok(n) if !quoted => Ok(n.to_string()),
                _ => Err(wrong("32 位整数", "a whole number of 32 bits")),
            },
            Prim::Unsigned => match text.trim_end_matches('u').parse::<u32>() {
                Ok(n) if !quoted => Ok(format!("{n}u")),
                _ => Err(wrong("0 以上的整数", "a whole number from 0")),
            },
            Prim::Float => match text.parse::<f32>() {
                Ok(f) if f.is_finite() && !quoted => Ok(format!("{f:?}")),
                _ => Err(wrong("数", "a number")),
            },
        }
    }

    fn text(&self, ty: TypeId, text: &str, quoted: bool, span: Span) -> Result<String, Box<Diagnostic>> {
        let bare = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '?' | '·');
        if !quoted && !text.chars().all(bare) {
            let (zh, en) = (format!("“{text}”须加引号"), format!("`{text}` is not a word that may stand bare"));
            let d = Diagnostic::error(codes::VALUE, self.say(zh, en), span);
            return Err(Box::new(d.help(self.say(format!("写作 {}", quote(text)), format!("write {}", quote(text))))));
        }
        let Some(list) = list(self.program, ty).filter(|_| !text.is_empty()) else {
            return Ok(quote(&normal::of_type(self.program, ty, text)));
        };
        if self.codes.find(list, text).is_some() {
            return Ok(quote(text));
        }
        if let Some(code) = self.codes.accepted(list, text) {
            return Ok(quote(&code.code));
        }
        let (zh, en) = (format!("“{text}”不是“{list}”的代码"), format!("`{text}` is no code of `{list}`"));
        let d = Diagnostic::error(codes::CODE, self.say(zh, en), span);
        let all = self.codes.lists.get(list).map_or(&[][..], Vec::as_slice);
        let meant = self.codes.meant(list, text).map(|c| c.code.as_str());
        let meant = meant.or_else(|| crate::lang::suggest::nearest(text, all.iter().map(|c| c.code.as_str())));
        Err(Box::new(match meant {
            Some(m) => d.help(self.say(format!("是否指 {m}？"), format!("did you mean `{m}`?"))),
            None => {
                let mut some: Vec<&str> = all.iter().take(12).map(|c| c.code.as_str()).collect();
                if all.len() > some.len() {
                    some.push("…");
                }
                d.note(
                    self.say(format!("可用的代码：{}", some.join("、")), format!("its codes are {}", some.join(", "))),
                )
            }
        }))
    }

    /// A value whose type nothing says: a day, a number, or text.
    pub fn untyped(&self, text: &str, quoted: bool) -> (String, Prim, bool) {
        if !quoted {
            if let Ok(day) = date::read(text)
                && !text.bytes().all(|b| b.is_ascii_digit())
            {
                return (day.to_string(), Prim::Number, true);
            }
            if text.parse::<i64>().is_ok() {
                return (text.to_owned(), Prim::Number, false);
            }
            if text.contains('.') && text.parse::<f32>().is_ok() {
                return (text.to_owned(), Prim::Float, false);
            }
        }
        (quote(text), Prim::Symbol, false)
    }
}
