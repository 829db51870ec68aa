//! Text of a cell to a value: what each kind of column accepts, and what was probably meant by what it does not.

use super::codes::CodeLists;
use super::date::{self, DateError};
use super::defect::{Choice, Problem};
use super::normal::{self, Matching};
use super::schema::Kind;
use crate::engine::value::{self, Word};

/// Word of a text of a kind that is no text.
pub(super) fn word(kind: &Kind, text: &str) -> Result<Word, Problem> {
    match kind {
        Kind::Number => number(&normal::plain(text)),
        Kind::Unsigned => unsigned(&normal::plain(text)),
        Kind::Float => float(&normal::plain(text)),
        _ => day(text),
    }
}

/// Word of a number; -1000000 is how a blank is stored and cannot be entered.
pub(super) fn number(text: &str) -> Result<Word, Problem> {
    let range = Problem::NumberRange { min: i32::MIN.into(), max: i32::MAX.into() };
    if !digits(text.strip_prefix('-').unwrap_or(text)) {
        return Err(Problem::NotANumber { float: false });
    }
    match text.parse::<i32>() {
        Ok(date::BLANK) => Err(Problem::NumberRange { min: i64::from(date::BLANK) + 1, max: i32::MAX.into() }),
        Ok(n) => Ok(value::from_number(n)),
        Err(_) => Err(range),
    }
}

/// Word of an unsigned number.
pub(super) fn unsigned(text: &str) -> Result<Word, Problem> {
    if !digits(text.strip_prefix('-').unwrap_or(text)) {
        return Err(Problem::NotANumber { float: false });
    }
    text.parse::<u32>().map_err(|_| Problem::NumberRange { min: 0, max: u32::MAX.into() })
}

/// Word of a float; no infinities and no "nan".
pub(super) fn float(text: &str) -> Result<Word, Problem> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    match text.parse::<f32>() {
        Ok(f) if plain && f.is_finite() => Ok(value::from_float(f)),
        _ => Err(Problem::NotANumber { float: true }),
    }
}

/// Word of a date.
pub(super) fn day(text: &str) -> Result<Word, Problem> {
    date::read(text).map(value::from_number).map_err(|e| match e {
        DateError::Form => Problem::NotADate,
        DateError::NoSuchDay => Problem::NoSuchDay,
        DateError::Range => Problem::DateRange,
    })
}

/// Word of a blank cell of a kind; text is the empty text, whose id is 0.
pub(super) fn blank(kind: &Kind) -> Option<Word> {
    match kind {
        Kind::Symbol | Kind::Code(_) | Kind::Pattern(_) | Kind::Plain => Some(0),
        Kind::Number | Kind::Date => Some(value::from_number(date::BLANK)),
        // No word is left over for "nothing".
        Kind::Unsigned | Kind::Float => None,
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// What a text of a column of text lacks.
pub(super) fn text(kind: &Kind, codes: &CodeLists, text: &str) -> Option<Problem> {
    match kind {
        Kind::Code(list) => match codes.find(list, text).or_else(|| codes.accepted(list, text)) {
            None => Some(Problem::UnknownCode { list: list.clone() }),
            Some(c) if c.derived => Some(Problem::DerivedCode { list: list.clone() }),
            Some(_) => None,
        },
        Kind::Pattern(p) if !p.is_match(text) => Some(Problem::Pattern { pattern: p.as_str().to_owned() }),
        _ => None,
    }
}

/// A text as a table holds it, if it is a value of the kind.
pub(super) fn held(kind: &Kind, matching: Option<Matching>, codes: &CodeLists, written: &str) -> Option<String> {
    match kind {
        Kind::Plain => Some(written.to_owned()),
        Kind::Symbol => Some(normal::key(written.trim(), matching).into_owned()),
        Kind::Code(list) => {
            let code = codes.find(list, written).or_else(|| codes.accepted(list, written));
            code.filter(|c| !c.derived).map(|c| c.code.clone())
        }
        Kind::Pattern(p) => Some(normal::plain(written.trim()).into_owned()).filter(|t| p.is_match(t)),
        Kind::Date => date::read(written.trim()).ok().map(date::iso),
        _ => Some(normal::plain(written.trim()).into_owned()).filter(|t| word(kind, t).is_ok()),
    }
}

/// Whether a text is a value of a kind; the reason in English if not.
pub(super) fn fits(kind: &Kind, codes: &CodeLists, written: &str) -> Result<(), String> {
    if written.is_empty() {
        return Err("it is blank".to_owned());
    }
    let problem = match kind {
        Kind::Number => number(written).err(),
        Kind::Unsigned => unsigned(written).err(),
        Kind::Float => float(written).err(),
        Kind::Date => day(written).err(),
        _ => text(kind, codes, written),
    };
    match problem {
        None => Ok(()),
        Some(p) => {
            let d = super::defect::Defect::new(super::defect::Place::default(), p);
            let meant = meant(kind, codes, written);
            let d = d.found(written).meant(meant);
            let (message, hint) = (d.message(super::Lang::En), d.hint(super::Lang::En));
            Err(if hint.is_empty() { message } else { format!("{message}; {hint}") })
        }
    }
}

/// What was probably meant by a text that is no value.
pub(super) fn meant(kind: &Kind, codes: &CodeLists, written: &str) -> Option<Choice> {
    match kind {
        Kind::Code(list) => {
            let c = codes.meant(list, written)?;
            Some(Choice { text: c.code.clone(), zh: c.zh.clone(), en: c.en.clone() })
        }
        Kind::Date => match &date::either(written)[..] {
            [one] => Some(Choice::plain(one)),
            _ => date::guess(written).map(Choice::plain),
        },
        Kind::Number | Kind::Unsigned => {
            let plain = normal::plain(written).replace([',', ' '], "");
            let plain = plain.strip_prefix('+').unwrap_or(&plain);
            let whole = plain.split_once('.').map_or(plain, |(w, f)| if f.bytes().all(|b| b == b'0') { w } else { "" });
            let right = if matches!(kind, Kind::Number) { number(whole).is_ok() } else { unsigned(whole).is_ok() };
            right.then(|| Choice::plain(whole))
        }
        Kind::Float => {
            let plain = normal::plain(written).replace([',', ' '], "");
            float(&plain).is_ok().then(|| Choice::plain(plain))
        }
        Kind::Pattern(p) => {
            let plain = normal::plain(written).replace([',', ' '], "");
            (plain != written && p.is_match(&plain)).then(|| Choice::plain(plain))
        }
        Kind::Symbol | Kind::Plain => None,
    }
}

/// The days that an ambiguous date may mean.
pub(super) fn either(kind: &Kind, written: &str) -> Vec<Choice> {
    let days = if matches!(kind, Kind::Date) { date::either(written) } else { Vec::new() };
    if days.len() > 1 { days.into_iter().map(Choice::plain).collect() } else { Vec::new() }
}

/// What may be written, if that is few enough to name.
pub(super) fn choices(kind: &Kind, codes: &CodeLists) -> Vec<Choice> {
    const MOST: usize = 12;
    let Kind::Code(list) = kind else { return Vec::new() };
    let Some(list) = codes.lists.get(list) else { return Vec::new() };
    let may: Vec<_> = list.iter().filter(|c| !c.derived).collect();
    if may.len() > MOST {
        return Vec::new();
    }
    may.into_iter().map(|c| Choice { text: c.code.clone(), zh: c.zh.clone(), en: c.en.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number("-5"), Ok(value::from_number(-5)));
        assert_eq!(number("2147483647"), Ok(value::from_number(i32::MAX)));
        assert!(matches!(number("2147483648"), Err(Problem::NumberRange { .. })));
        assert!(matches!(number("-1000000"), Err(Problem::NumberRange { .. })));
        for bad in ["", "-", "+5", "5.0", "5 ", "1e3", "0x1", "五"] {
            assert!(matches!(number(bad), Err(Problem::NotANumber { .. })), "{bad}");
        }
        assert_eq!(unsigned("4294967295"), Ok(u32::MAX));
        assert!(matches!(unsigned("-1"), Err(Problem::NumberRange { min: 0, .. })));
        assert!(float("nan").is_err() && float("inf").is_err() && float("").is_err() && float("1e99").is_err());
        assert_eq!(float("-2.5"), Ok(value::from_float(-2.5)));
    }

    #[test]
    fn meant_numbers() {
        let meant = |k: &Kind, t: &str| meant(k, &CodeLists::default(), t).map(|c| c.text);
        assert_eq!(meant(&Kind::Number, "１，２００").as_deref(), Some("1200"));
        assert_eq!(meant(&Kind::Number, "3.00").as_deref(), Some("3"));
        assert_eq!(meant(&Kind::Number, "3.5"), None);
        assert_eq!(meant(&Kind::Number, "three"), None);
        assert_eq!(meant(&Kind::Float, "1,200.5").as_deref(), Some("1200.5"));
    }
}
