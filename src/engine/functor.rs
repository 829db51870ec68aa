//! Scalar functors and comparisons on words, shared by every evaluator. Arithmetic is checked: a result that the type
//! cannot hold is a [`Fault`], never a wrong value.

use super::symbol::Symbols;
use super::value::{self, Word};
use crate::lang::program::{CmpOp, Functor, Prim};
use regex::Regex;
use std::cell::RefCell;
use std::collections::HashMap;

/// Longest text that a rule may make, in bytes: a rule that doubles its own text fills the memory before it fills a table.
pub const LONGEST: usize = 1 << 24;

/// Why a functor or a constraint has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The result does not fit the type.
    #[error("{expression} does not fit the type {prim}")]
    Overflow {
        /// The operation with its operands.
        expression: String,
        /// Name of the type.
        prim: &'static str,
    },
    /// Division or remainder by zero.
    #[error("{expression} divides by zero")]
    DivisionByZero {
        /// The operation with its operands.
        expression: String,
    },
    /// Text that should be a number is none.
    #[error("{text:?} is not a {prim}")]
    NotANumber {
        /// The text.
        text: String,
        /// Name of the wanted type.
        prim: &'static str,
    },
    /// A pattern of `match` is not a regular expression.
    #[error("{pattern:?} is not a regular expression: {reason}")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// What the regular expression library says, in one line.
        reason: String,
    },
    /// A text that `cat` makes is longer than any text may be.
    #[error("cat makes a text of {bytes} bytes, more than {LONGEST}; does a rule lengthen its own text?")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The functor or constraint does not exist for these operands (a program that `lang` checked has none).
    #[error("{operation} is not defined here")]
    Undefined {
        /// Name of the operation.
        operation: String,
    },
}

/// A word as people write it in a program.
#[must_use]
pub fn show(prim: Prim, w: Word, symbols: &Symbols) -> String {
    match prim {
        Prim::Symbol => format!("{:?}", symbols.resolve(w)),
        Prim::Number => value::to_number(w).to_string(),
        Prim::Unsigned => w.to_string(),
        Prim::Float => value::to_float(w).to_string(),
    }
}

fn sign(op: Functor) -> &'static str {
    match op.written().0 {
        Functor::Neg | Functor::Sub => "-",
        Functor::Add => "+",
        Functor::Mul => "*",
        Functor::Div => "/",
        Functor::Mod => "%",
        Functor::Pow => "^",
        Functor::Min => "min",
        Functor::Max => "max",
        Functor::BitNot => "bnot",
        Functor::BitAnd => "band",
        Functor::BitOr => "bor",
        Functor::BitXor => "bxor",
        Functor::ShiftLeft => "bshl",
        Functor::ShiftRight => "bshr",
        Functor::ShiftRightUnsigned => "bshru",
        Functor::LogicNot => "lnot",
        Functor::LogicAnd => "land",
        Functor::LogicOr => "lor",
        Functor::LogicXor => "lxor",
        Functor::Cat => "cat",
        Functor::StrLen => "strlen",
        Functor::SubStr => "substr",
        Functor::Ord => "ord",
        Functor::ToNumber => "to_number",
        Functor::ToUnsigned => "to_unsigned",
        Functor::ToFloat => "to_float",
        Functor::ToString => "to_string",
        // What `written` gives is none of these.
        _ => "",
    }
}

fn expression(op: Functor, prim: Prim, args: &[Word], symbols: &Symbols) -> String {
    let shown: Vec<String> = args.iter().map(|w| show(prim, *w, symbols)).collect();
    let name = sign(op);
    match shown.as_slice() {
        [a, b] if !name.starts_with(char::is_alphabetic) => format!("{a} {name} {b}"),
        [a] if name == "-" => format!("-({a})"),
        _ => format!("{name}({})", shown.join(", ")),
    }
}

/// Applies a functor. Arguments are words of machine type `prim` except where the functor fixes them (`substr`).
///
/// # Errors
/// When the functor has no value for these arguments: overflow, division by zero, text that is no number.
pub fn apply(op: Functor, prim: Prim, args: &[Word], symbols: &mut Symbols) -> Result<Word, Fault> {
    match (op, args) {
        (Functor::Cat, _) => {
            let bytes = args.iter().map(|w| symbols.resolve(*w).len()).sum();
            if bytes > LONGEST {
                return Err(Fault::TooLong { bytes });
            }
            let text: String = args.iter().map(|w| symbols.resolve(*w)).collect();
            Ok(symbols.intern(&text))
        }
        (Functor::SubStr, [s, from, count]) => {
            let part = substring(symbols.resolve(*s), value::to_number(*from), value::to_number(*count)).to_owned();
            Ok(symbols.intern(&part))
        }
        (Functor::ToString, [a]) if prim != Prim::Symbol => {
            let text = match prim {
                Prim::Float => format!("{:.6}", value::to_float(*a)),
                _ => show(prim, *a, symbols),
            };
            Ok(symbols.intern(&text))
        }
        _ => pure(op, prim, args, symbols),
    }
}

/// Whether [`apply`] of this functor can make new text; all others leave the symbol table as it is.
#[must_use]
pub fn interns(op: Functor) -> bool {
    matches!(op, Functor::Cat | Functor::SubStr | Functor::ToString)
}

/// [`apply`] for the functors that make no new text.
///
/// # Errors
/// As [`apply`]; also [`Fault::Undefined`] for a functor that makes text.
pub fn pure(op: Functor, prim: Prim, args: &[Word], symbols: &Symbols) -> Result<Word, Fault> {
    let undefined =
        || Fault::Undefined { operation: format!("{} of {} {}", sign(op), args.len(), crate::lang::prim_name(prim)) };
    let (op, wrap) = op.written();
    let result = match (op, args) {
        (Functor::StrLen, [a]) => number(symbols.resolve(*a).chars().count() as i64),
        (Functor::Ord, [a]) => number(i64::from(*a)),
        (Functor::ToNumber | Functor::ToUnsigned | Functor::ToFloat | Functor::ToString, [a]) => {
            return convert(op, prim, *a, wrap, symbols);
        }
        (Functor::Min | Functor::Max, [first, rest @ ..]) => {
            let mut best = *first;
            for w in rest {
                let less = order(prim, *w, best, symbols).is_lt();
                if less == (op == Functor::Min) {
                    best = *w;
                }
            }
            Ok(best)
        }
        (_, [a]) if wrap => {
            let zero = if prim == Prim::Number { value::from_number(0) } else { 0 };
            Ok(wrapped(op, prim, zero, *a))
        }
        (_, [a, b]) if wrap && !(op == Functor::Div && *b == 0) && op != Functor::Pow => Ok(wrapped(op, prim, *a, *b)),
        (_, [a]) => unary(op, prim, *a).ok_or_else(undefined)?,
        (_, [a, b]) => match prim {
            Prim::Number if wrap && op == Functor::Pow => wrapped_power(value::to_number(*a), value::to_number(*b)),
            Prim::Unsigned if wrap && op == Functor::Pow => Ok(a.wrapping_pow(*b)),
            Prim::Number => signed(op, value::to_number(*a), value::to_number(*b)).ok_or_else(undefined)?,
            Prim::Unsigned => unsigned(op, *a, *b).ok_or_else(undefined)?,
            Prim::Float => float(op, value::to_float(*a), value::to_float(*b)).ok_or_else(undefined)?,
            Prim::Symbol => return Err(undefined()),
        },
        _ => return Err(undefined()),
    };
    result.map_err(|e| {
        let expression = expression(op, prim, args, symbols);
        match e {
            Bad::Range => Fault::Overflow { expression, prim: crate::lang::prim_name(prim) },
            Bad::Zero => Fault::DivisionByZero { expression },
        }
    })
}

/// The result modulo 2^32 of an operation that is not a power nor a division by zero; a sign is the difference from 0.
fn wrapped(op: Functor, prim: Prim, a: Word, b: Word) -> Word {
    let whole = |w: Word| if prim == Prim::Number { i64::from(value::to_number(w)) } else { i64::from(w) };
    let (x, y) = (whole(a), whole(b));
    let exact = match op {
        Functor::Add => x + y,
        // The product of two words fits 64 bits but for its sign, which the low half does not have.
        Functor::Mul => x.wrapping_mul(y),
        Functor::Div => x / y,
        _ => x - y,
    };
    if prim == Prim::Number { value::from_number(exact as i32) } else { exact as u32 }
}

/// A power modulo 2^32; a negative exponent gives the whole part of the fraction, as without wrapping.
fn wrapped_power(a: i32, b: i32) -> Checked {
    match u32::try_from(b) {
        Ok(exponent) => Ok(value::from_number(a.wrapping_pow(exponent))),
        Err(_) => signed_power(a, b),
    }
}

enum Bad {
    Range,
    Zero,
}

type Checked = Result<Word, Bad>;

fn number(n: i64) -> Checked {
    i32::try_from(n).map(value::from_number).map_err(|_| Bad::Range)
}

fn unsigned_word(n: Option<u32>) -> Checked {
    n.ok_or(Bad::Range)
}

fn float_word(f: f32) -> Checked {
    if f.is_nan() { Err(Bad::Range) } else { Ok(value::from_float(f)) }
}

fn unary(op: Functor, prim: Prim, a: Word) -> Option<Checked> {
    let n = value::to_number(a);
    Some(match (op, prim) {
        (Functor::Neg, Prim::Number) => number(-i64::from(n)),
        (Functor::Neg, Prim::Unsigned) => unsigned_word((a == 0).then_some(0)),
        (Functor::Neg, Prim::Float) => float_word(-value::to_float(a)),
        (Functor::BitNot, Prim::Number) => Ok(value::from_number(!n)),
        (Functor::BitNot, Prim::Unsigned) => Ok(!a),
        (Functor::LogicNot, Prim::Number) => number(i64::from(n == 0)),
        (Functor::LogicNot, Prim::Unsigned) => Ok(u32::from(a == 0)),
        _ => return None,
    })
}

fn signed(op: Functor, a: i32, b: i32) -> Option<Checked> {
    let (x, y) = (i64::from(a), i64::from(b));
    let shift = (b as u32) & 31;
    Some(match op {
        Functor::Add => number(x + y),
        Functor::Sub => number(x - y),
        Functor::Mul => number(x * y),
        Functor::Div if b == 0 => Err(Bad::Zero),
        Functor::Div => number(x / y),
        Functor::Mod if b == 0 => Err(Bad::Zero),
        Functor::Mod => number(x % y),
        Functor::Pow => signed_power(a, b),
        Functor::BitAnd => Ok(value::from_number(a & b)),
        Functor::BitOr => Ok(value::from_number(a | b)),
        Functor::BitXor => Ok(value::from_number(a ^ b)),
        Functor::ShiftLeft => Ok(value::from_number(((a as u32) << shift) as i32)),
        Functor::ShiftRight => Ok(value::from_number(a >> shift)),
        Functor::ShiftRightUnsigned => Ok(value::from_number(((a as u32) >> shift) as i32)),
        Functor::LogicAnd => number(i64::from(a != 0 && b != 0)),
        Functor::LogicOr => number(i64::from(a != 0 || b != 0)),
        Functor::LogicXor => number(i64::from((a != 0) != (b != 0))),
        _ => return None,
    })
}

/// Integer power; a negative exponent gives the fraction cut to its whole part.
fn signed_power(a: i32, b: i32) -> Checked {
    if let Ok(exponent) = u32::try_from(b) {
        return a.checked_pow(exponent).map(value::from_number).ok_or(Bad::Range);
    }
    match a {
        0 => Err(Bad::Zero),
        1 => number(1),
        -1 => number(if b % 2 == 0 { 1 } else { -1 }),
        _ => number(0),
    }
}

fn unsigned(op: Functor, a: u32, b: u32) -> Option<Checked> {
    let shift = b & 31;
    Some(match op {
        Functor::Add => unsigned_word(a.checked_add(b)),
        Functor::Sub => unsigned_word(a.checked_sub(b)),
        Functor::Mul => unsigned_word(a.checked_mul(b)),
        Functor::Div => a.checked_div(b).ok_or(Bad::Zero),
        Functor::Mod => a.checked_rem(b).ok_or(Bad::Zero),
        Functor::Pow => unsigned_word(a.checked_pow(b)),
        Functor::BitAnd => Ok(a & b),
        Functor::BitOr => Ok(a | b),
        Functor::BitXor => Ok(a ^ b),
        Functor::ShiftLeft => Ok(a << shift),
        Functor::ShiftRight | Functor::ShiftRightUnsigned => Ok(a >> shift),
        Functor::LogicAnd => Ok(u32::from(a != 0 && b != 0)),
        Functor::LogicOr => Ok(u32::from(a != 0 || b != 0)),
        Functor::LogicXor => Ok(u32::from((a != 0) != (b != 0))),
        _ => return None,
    })
}

/// Floats follow IEEE 754 (a division by zero is an infinity); only what is no number at all is refused.
fn float(op: Functor, a: f32, b: f32) -> Option<Checked> {
    Some(match op {
        Functor::Add => float_word(a + b),
        Functor::Sub => float_word(a - b),
        Functor::Mul => float_word(a * b),
        Functor::Div => float_word(a / b),
        Functor::Pow => float_word(a.powf(b)),
        _ => return None,
    })
}

fn convert(op: Functor, prim: Prim, a: Word, wrap: bool, symbols: &Symbols) -> Result<Word, Fault> {
    let range = |prim| Fault::Overflow { expression: expression(op, prim, &[a], symbols), prim: target(op) };
    match (op, prim) {
        (Functor::ToString, Prim::Symbol)
        | (Functor::ToNumber, Prim::Number)
        | (Functor::ToUnsigned, Prim::Unsigned)
        | (Functor::ToFloat, Prim::Float) => Ok(a),
        (Functor::ToNumber | Functor::ToUnsigned | Functor::ToFloat, Prim::Symbol) => {
            let text = symbols.resolve(a);
            let word = match op {
                Functor::ToNumber => parse_number(text).map(value::from_number),
                Functor::ToUnsigned => parse_unsigned(text),
                _ => parse_float(text).map(value::from_float),
            };
            word.ok_or_else(|| Fault::NotANumber { text: text.to_owned(), prim: target(op) })
        }
        (Functor::ToNumber, Prim::Unsigned) if wrap => Ok(value::from_number(a as i32)),
        (Functor::ToUnsigned, Prim::Number) if wrap => Ok(value::to_number(a) as u32),
        (Functor::ToNumber, Prim::Unsigned) => number(i64::from(a)).map_err(|_| range(prim)),
        (Functor::ToUnsigned, Prim::Number) => u32::try_from(value::to_number(a)).map_err(|_| range(prim)),
        (Functor::ToFloat, Prim::Number) => Ok(value::from_float(value::to_number(a) as f32)),
        (Functor::ToFloat, Prim::Unsigned) => Ok(value::from_float(a as f32)),
        (Functor::ToNumber | Functor::ToUnsigned, Prim::Float) => {
            let f = f64::from(value::to_float(a)).trunc();
            let (low, high) = match op {
                Functor::ToNumber => (f64::from(i32::MIN), f64::from(i32::MAX)),
                _ => (0.0, f64::from(u32::MAX)),
            };
            if !(low..=high).contains(&f) {
                return Err(range(prim));
            }
            Ok(if op == Functor::ToNumber { value::from_number(f as i32) } else { f as u32 })
        }
        _ => Err(Fault::Undefined { operation: format!("{} of {}", sign(op), crate::lang::prim_name(prim)) }),
    }
}

fn target(op: Functor) -> &'static str {
    crate::lang::prim_name(match op {
        Functor::ToUnsigned => Prim::Unsigned,
        Functor::ToFloat => Prim::Float,
        Functor::ToString => Prim::Symbol,
        _ => Prim::Number,
    })
}

/// A decimal number with an optional sign, nothing else.
#[must_use]
pub fn parse_number(text: &str) -> Option<i32> {
    text.parse().ok()
}

/// An unsigned number: decimal, or `0x` and `0b` forms.
#[must_use]
pub fn parse_unsigned(text: &str) -> Option<u32> {
    let radix = |digits: &str, base| {
        digits.chars().all(|c| c.is_ascii_alphanumeric()).then(|| u32::from_str_radix(digits, base).ok()).flatten()
    };
    if let Some(d) = text.strip_prefix("0x") {
        radix(d, 16)
    } else if let Some(d) = text.strip_prefix("0b") {
        radix(d, 2)
    } else {
        text.parse().ok()
    }
}

/// A float; what is no number is refused.
#[must_use]
pub fn parse_float(text: &str) -> Option<f32> {
    text.parse().ok().filter(|f: &f32| !f.is_nan())
}

/// `count` characters from character `from`; empty when the start lies outside, to the end when `count` is negative.
fn substring(text: &str, from: i32, count: i32) -> &str {
    let Ok(from) = usize::try_from(from) else { return "" };
    let mut places = text.char_indices().map(|(i, _)| i).chain([text.len()]);
    let Some(start) = places.nth(from) else { return "" };
    let end = match usize::try_from(count) {
        Ok(0) => start,
        Ok(n) => places.nth(n - 1).unwrap_or(text.len()),
        Err(_) => text.len(),
    };
    &text[start..end]
}

/// Order of two values of a type: symbols by their text, everything else by value.
#[must_use]
pub fn order(prim: Prim, a: Word, b: Word, symbols: &Symbols) -> std::cmp::Ordering {
    if prim == Prim::Symbol && a != b { symbols.resolve(a).cmp(symbols.resolve(b)) } else { a.cmp(&b) }
}

/// Whether a comparison or constraint holds. For `match` the left side is the pattern, for `contains` the part.
///
/// # Errors
/// When the pattern of a `match` is no regular expression.
pub fn compare(op: CmpOp, prim: Prim, a: Word, b: Word, symbols: &Symbols) -> Result<bool, Fault> {
    Ok(match op {
        CmpOp::Eq => a == b,
        CmpOp::Ne => a != b,
        CmpOp::Lt => order(prim, a, b, symbols).is_lt(),
        CmpOp::Le => order(prim, a, b, symbols).is_le(),
        CmpOp::Gt => order(prim, a, b, symbols).is_gt(),
        CmpOp::Ge => order(prim, a, b, symbols).is_ge(),
        CmpOp::Match => matches(symbols.resolve(a), symbols.resolve(b))?,
        CmpOp::NotMatch => !matches(symbols.resolve(a), symbols.resolve(b))?,
        CmpOp::Contains => symbols.resolve(b).contains(symbols.resolve(a)),
        CmpOp::NotContains => !symbols.resolve(b).contains(symbols.resolve(a)),
    })
}

/// Compiled patterns that a thread keeps; more than this many distinct ones are compiled anew.
const PATTERNS: usize = 256;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
}

/// Whether the whole text matches the pattern, in time linear in the text.
fn matches(pattern: &str, text: &str) -> Result<bool, Fault> {
    COMPILED.with_borrow_mut(|known| {
        if let Some(r) = known.get(pattern) {
            return Ok(r.is_match(text));
        }
        let r = crate::lang::pattern::compile(pattern)
            .map_err(|reason| Fault::BadPattern { pattern: pattern.to_owned(), reason })?;
        let answer = r.is_match(text);
        if known.len() >= PATTERNS {
            known.clear();
        }
        known.insert(pattern.to_owned(), r);
        Ok(answer)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn num(op: Functor, a: i32, b: i32) -> Result<i32, Fault> {
        let args = [value::from_number(a), value::from_number(b)];
        apply(op, Prim::Number, &args, &mut Symbols::default()).map(value::to_number)
    }

    #[test]
    fn a_text_may_be_as_long_as_it_may_be() {
        let mut symbols = Symbols::default();
        let long = symbols.intern(&"x".repeat(LONGEST - 3));
        let (all, more) = (symbols.intern("中"), symbols.intern("中文"));
        assert!(apply(Functor::Cat, Prim::Symbol, &[long, all], &mut symbols).is_ok());
        let e = apply(Functor::Cat, Prim::Symbol, &[long, more], &mut symbols).unwrap_err();
        assert!(matches!(e, Fault::TooLong { bytes } if bytes == LONGEST + 3), "{e}");
    }

    #[test]
    fn bits_of_unsigned_numbers() {
        let unsigned = |op, a: u32, b: u32| apply(op, Prim::Unsigned, &[a, b], &mut Symbols::default()).ok();
        for (op, want) in [
            (Functor::BitAnd, 8),
            (Functor::BitOr, 14),
            (Functor::BitXor, 6),
            (Functor::ShiftLeft, 12 << 10),
            (Functor::ShiftRight, 0),
        ] {
            assert_eq!(unsigned(op, 12, 10), Some(want), "{op:?}");
        }
        assert_eq!(unsigned(Functor::ShiftRightUnsigned, u32::MAX, 33), Some(u32::MAX >> 1), "modulo 32");
        assert_eq!(
            (wrapped(Functor::Div, Prim::Number, value::from_number(-7), value::from_number(2))),
            value::from_number(-3)
        );
        assert_eq!(wrapped(Functor::Div, Prim::Unsigned, u32::MAX, 2), u32::MAX / 2);
    }

    #[test]
    fn integers_are_checked() {
        assert_eq!(num(Functor::Add, 2, 3), Ok(5));
        let e = num(Functor::Add, i32::MAX, 1).unwrap_err();
        assert_eq!(e.to_string(), "2147483647 + 1 does not fit the type number");
        let e = num(Functor::Div, 7, 0).unwrap_err();
        assert_eq!(e.to_string(), "7 / 0 divides by zero");
        assert!(num(Functor::Div, i32::MIN, -1).is_err());
        assert_eq!(num(Functor::Mod, i32::MIN, -1), Ok(0));
        assert_eq!(num(Functor::Div, -7, 2), Ok(-3));
        assert_eq!(num(Functor::Mod, -7, 2), Ok(-1));
        assert_eq!(num(Functor::Pow, 2, 30), Ok(1 << 30));
        assert!(num(Functor::Pow, 2, 31).is_err());
        assert_eq!(num(Functor::Pow, 2, -1), Ok(0));
        assert_eq!(num(Functor::Pow, -1, -3), Ok(-1));
        assert!(num(Functor::Pow, 0, -1).is_err());
        assert_eq!(num(Functor::ShiftLeft, 1, 33), Ok(2), "the count is taken modulo 32");
        assert_eq!(num(Functor::ShiftRight, -8, 1), Ok(-4));
        assert_eq!(num(Functor::ShiftRightUnsigned, -8, 1), Ok(0x7fff_fffc));
        assert_eq!(num(Functor::LogicXor, 3, 5), Ok(0));
        assert_eq!(num(Functor::Max, -3, 5), Ok(5));
        assert_eq!(num(Functor::Min, -3, 5), Ok(-3));
        let s = &mut Symbols::default();
        assert!(apply(Functor::Sub, Prim::Unsigned, &[1, 2], s).is_err());
        assert_eq!(apply(Functor::Neg, Prim::Number, &[value::from_number(i32::MIN)], s).ok(), None);
    }

    #[test]
    fn text_is_counted_by_character() {
        let s = &mut Symbols::default();
        let text = s.intern("中文字a");
        let n = value::from_number;
        assert_eq!(apply(Functor::StrLen, Prim::Symbol, &[text], s), Ok(n(4)));
        for (from, count, want) in
            [(1, 2, "文字"), (0, 1, "中"), (3, 9, "a"), (4, 1, ""), (5, 1, ""), (-1, 1, ""), (2, 0, ""), (2, -1, "字a")]
        {
            let w = apply(Functor::SubStr, Prim::Symbol, &[text, n(from), n(count)], s).unwrap();
            assert_eq!(s.resolve(w), want, "substr from {from} count {count}");
        }
        let w = apply(Functor::Cat, Prim::Symbol, &[text, text, 0], s).unwrap();
        assert_eq!(s.resolve(w), "中文字a中文字a");
        let b = s.intern("b");
        assert_eq!(apply(Functor::Max, Prim::Symbol, &[text, b], s), Ok(text), "by text, not by id");
        assert_eq!(apply(Functor::Min, Prim::Symbol, &[text, b], s), Ok(b));
    }

    #[test]
    fn conversions_refuse_what_is_no_number() {
        let s = &mut Symbols::default();
        let good = s.intern("-12");
        let bad = s.intern("12a");
        let spaced = s.intern(" 12");
        assert_eq!(apply(Functor::ToNumber, Prim::Symbol, &[good], s), Ok(value::from_number(-12)));
        let e = apply(Functor::ToNumber, Prim::Symbol, &[bad], s).unwrap_err();
        assert_eq!(e.to_string(), "\"12a\" is not a number");
        assert!(apply(Functor::ToNumber, Prim::Symbol, &[spaced], s).is_err());
        assert!(apply(Functor::ToUnsigned, Prim::Symbol, &[good], s).is_err());
        assert!(apply(Functor::ToNumber, Prim::Unsigned, &[u32::MAX], s).is_err());
        assert!(apply(Functor::ToNumber, Prim::Float, &[value::from_float(3e9)], s).is_err());
        assert_eq!(apply(Functor::ToNumber, Prim::Float, &[value::from_float(-3.9)], s), Ok(value::from_number(-3)));
        let w = apply(Functor::ToString, Prim::Float, &[value::from_float(0.5)], s).unwrap();
        assert_eq!(s.resolve(w), "0.500000");
        assert!(
            apply(Functor::Sub, Prim::Float, &[value::from_float(f32::INFINITY), value::from_float(f32::INFINITY)], s)
                .is_err(),
            "no value that is no number"
        );
    }

    #[test]
    fn comparisons_go_by_value_and_text() {
        let s = &mut Symbols::default();
        let (z, a) = (s.intern("z"), s.intern("a"));
        assert!(compare(CmpOp::Lt, Prim::Symbol, a, z, s).unwrap());
        assert!(!compare(CmpOp::Gt, Prim::Symbol, a, z, s).unwrap());
        let n = value::from_number;
        assert!(compare(CmpOp::Lt, Prim::Number, n(-1), n(1), s).unwrap());
        let (p, part, text) = (s.intern("a+"), s.intern("aa"), s.intern("baab"));
        assert!(!compare(CmpOp::Match, Prim::Symbol, p, text, s).unwrap(), "the whole text must match");
        assert!(compare(CmpOp::Match, Prim::Symbol, p, part, s).unwrap());
        assert!(compare(CmpOp::NotMatch, Prim::Symbol, p, text, s).unwrap());
        assert!(compare(CmpOp::Contains, Prim::Symbol, part, text, s).unwrap());
        assert!(compare(CmpOp::NotContains, Prim::Symbol, text, part, s).unwrap());
        let bad = s.intern("(");
        let e = compare(CmpOp::Match, Prim::Symbol, bad, text, s).unwrap_err();
        assert!(e.to_string().starts_with("\"(\" is not a regular expression"), "{e}");
    }

    #[test]
    fn an_expression_of_one_value_is_shown_as_it_is_written() {
        let shown = |op| expression(op, Prim::Number, &[value::from_number(7)], &Symbols::default());
        assert_eq!(shown(Functor::Neg), "-(7)");
        assert_eq!(shown(Functor::ToUnsigned), "to_unsigned(7)");
    }
}
