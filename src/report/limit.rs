//! Limits that a run met, in words.

use crate::engine::functor::{Fault, LONGEST};
use crate::engine::limit::Limit;
use crate::report::explain::words::Language;

/// `file:line` of the rule if there is one, the stable code, and what was met.
#[must_use]
pub fn text(limit: &Limit, language: Language) -> String {
    let place = limit.place().map(|p| format!("{p}: ")).unwrap_or_default();
    let said = match language {
        Language::Zh => chinese(limit),
        Language::En => limit.to_string(),
    };
    format!("{place}{}: {said}", limit.code())
}

fn chinese(limit: &Limit) -> String {
    match limit {
        Limit::Fault { fault, .. } => match fault {
            Fault::Overflow { expression, prim } => format!("{expression} 的结果超出 {prim} 类型的范围"),
            Fault::DivisionByZero { expression } => format!("{expression} 以零为除数"),
            Fault::NotANumber { text, prim } => format!("{text:?} 不是 {prim} 类型的数"),
            Fault::BadPattern { pattern, reason } => format!("{pattern:?} 不是正则表达式：{reason}"),
            Fault::TooLong { bytes } => {
                format!("cat 得出 {bytes} 字节的文本，超过上限 {LONGEST} 字节；是否有规则不断加长自己的文本？")
            }
            Fault::Undefined { operation } => format!("{operation} 在此处没有定义"),
        },
        Limit::Rows { relation, bound, .. } => {
            format!("关系 {relation} 超过 {bound} 行；是否有规则在无休止地计数？")
        }
        Limit::Rounds { relations, bound, .. } => {
            format!("关系 {relations} 经过 {bound} 轮仍在增长；是否有规则在无休止地计数？")
        }
        Limit::Memory { bound, .. } => format!("各表所需的内存超过 {bound} 字节"),
        Limit::Time { seconds, .. } => {
            format!("{seconds} 秒后仍未结束；是否有规则把彼此无关的行配在一起？")
        }
        Limit::Internal { what } => format!("内部错误：{what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::Span;

    #[test]
    fn every_limit_in_both_languages() {
        let (span, place) = (Span { file: 0, start: 0, end: 1 }, "p.dl:3".to_owned());
        let (place, fault) = (|| place.clone(), |fault| Limit::Fault { fault, span, place: place.clone() });
        let all = [
            (
                fault(Fault::Overflow { expression: "2 ^ 40".into(), prim: "number" }),
                "p.dl:3: E0701: 2 ^ 40 的结果超出 number 类型的范围",
                "p.dl:3: E0701: 2 ^ 40 does not fit the type number",
            ),
            (
                fault(Fault::DivisionByZero { expression: "10 / 0".into() }),
                "p.dl:3: E0702: 10 / 0 以零为除数",
                "p.dl:3: E0702: 10 / 0 divides by zero",
            ),
            (
                fault(Fault::NotANumber { text: "甲".into(), prim: "number" }),
                "p.dl:3: E0703: \"甲\" 不是 number 类型的数",
                "p.dl:3: E0703: \"甲\" is not a number",
            ),
            (
                fault(Fault::BadPattern { pattern: "(".into(), reason: "unclosed group".into() }),
                "p.dl:3: E0704: \"(\" 不是正则表达式：unclosed group",
                "p.dl:3: E0704: \"(\" is not a regular expression: unclosed group",
            ),
            (
                fault(Fault::TooLong { bytes: 20_000_000 }),
                "p.dl:3: E0708: cat 得出 20000000 字节的文本，超过上限 16777216 字节；是否有规则不断加长自己的文本？",
                "p.dl:3: E0708: cat makes a text of 20000000 bytes, more than 16777216; does a rule lengthen its own text?",
            ),
            (
                fault(Fault::Undefined { operation: "cat".into() }),
                "p.dl:3: E0709: cat 在此处没有定义",
                "p.dl:3: E0709: cat is not defined here",
            ),
            (
                Limit::Rows { relation: "a".into(), bound: 9, span, place: place() },
                "p.dl:3: E0705: 关系 a 超过 9 行；是否有规则在无休止地计数？",
                "p.dl:3: E0705: the relation a has more than 9 rows; does a rule count without end?",
            ),
            (
                Limit::Rounds { relations: "a, b".into(), bound: 9, span, place: place() },
                "p.dl:3: E0706: 关系 a, b 经过 9 轮仍在增长；是否有规则在无休止地计数？",
                "p.dl:3: E0706: the relations a, b still grow after 9 rounds; does a rule count without end?",
            ),
            (
                Limit::Memory { bound: 9, span, place: place() },
                "p.dl:3: E0707: 各表所需的内存超过 9 字节",
                "p.dl:3: E0707: the run needs more than 9 bytes for its tables",
            ),
            (
                Limit::Time { seconds: 9, span, place: place() },
                "p.dl:3: E0711: 9 秒后仍未结束；是否有规则把彼此无关的行配在一起？",
                "p.dl:3: E0711: the run is not over after 9 seconds; does a rule match rows that have nothing to do with each other?",
            ),
            (Limit::Internal { what: "x".into() }, "E0709: 内部错误：x", "E0709: internal: x"),
        ];
        for (limit, zh, en) in all {
            assert_eq!([text(&limit, Language::Zh), text(&limit, Language::En)], [zh, en]);
        }
    }
}
