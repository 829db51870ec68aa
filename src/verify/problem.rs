//! What a verifier finds wrong, as data with a stable code, and its words.

use std::fmt::Write as _;

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Both {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A text in both languages.
pub(super) fn both(zh: impl Into<String>, en: impl Into<String>) -> Both {
    Both { zh: zh.into(), en: en.into() }
}

/// A text that is the same in both languages.
pub(super) fn data(text: impl Into<String>) -> Both {
    let text = text.into();
    Both { zh: text.clone(), en: text }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $zh:literal, $en:literal;)*) => {
        /// What kind of thing is wrong. The codes are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// One sentence in Chinese and in English.
            #[must_use]
            pub fn title(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($zh, $en)),* }
            }
        }
    };
}

kinds! {
    /// The text is not JSON.
    Unreadable = "E0801", "不是 JSON 文本", "the certificate is not JSON";
    /// Another format or version.
    Format = "E0802", "证书的格式或版本不对", "the certificate has another format or version";
    /// A field is missing, unknown, given twice or of the wrong kind.
    Shape = "E0803", "证书的结构不对", "the certificate is not of the right shape";
    /// The rule files are not those of the certificate.
    RuleFile = "E0804", "规则文件与证书所记不同", "a rule file is not the one that the certificate names";
    /// A relation that does not exist, or values that do not fit it.
    Typing = "E0805", "关系不存在或取值类型不符", "a relation does not exist, or values do not fit it";
    /// An id, a fact or a claim that stands there twice.
    Twice = "E0806", "重复出现", "an id, a fact or a claim stands there twice";
    /// A fact of a relation that only rules conclude is listed as given.
    NotGivable = "E0807", "只能由规则得出的关系，不得列为给定事实", "a fact that only rules can conclude is listed as given";
    /// The claim is not what the steps conclude.
    Claim = "E0808", "所主张的结论没有推导", "what is claimed is not concluded";
    /// No such rule.
    Rule = "E0809", "没有这条规则", "there is no such rule";
    /// The text of the rule is another.
    Clause = "E0810", "规则文本与证书所记不同", "the text of the rule is not the one that the certificate names";
    /// A variable is missing, unknown or of the wrong type.
    Binding = "E0811", "变量取值不齐或类型不符", "the variables are not bound as the rule needs them";
    /// The rule does not conclude this fact.
    Head = "E0812", "规则在这些取值下得不出该事实", "with these values the rule concludes another fact";
    /// Premises are not one per literal.
    Premises = "E0813", "前提与规则条件不是一一对应", "the premises are not one for each literal of the rule";
    /// A premise is no fact listed before.
    Order = "E0814", "前提不是先前列出的事实", "a premise is not a fact listed before the step";
    /// A premise is not what the literal asks for.
    Premise = "E0815", "前提与规则条件不符", "a premise is not what the literal of the rule asks for";
    /// A comparison or a range does not hold.
    Test = "E0816", "比较不成立", "a comparison or a range does not hold";
    /// Something said to be absent is there.
    Present = "E0817", "所称不存在者可由所列事实得出", "what is said to be absent follows from the facts listed";
    /// The rows of an aggregate are not all, or not those.
    Rows = "E0818", "汇总所列各行不全或有误", "the rows of an aggregate are not exactly those that follow from the facts listed";
    /// The value of an aggregate is another.
    Total = "E0819", "汇总结果不符", "the value of an aggregate is another";
    /// A term has no value.
    NoValue = "E0820", "算式无值", "a term has no value";
    /// Too much work.
    Limit = "E0821", "核验超出工作量上限", "the check needs more work than is allowed";
    /// A step serves nothing.
    Idle = "E0822", "该步骤没有用处", "a step serves neither a later step nor the claim";
    /// A given fact is not in the casebase.
    NotInBase = "E0823", "案件库中没有这条给定事实", "a given fact does not stand in the casebase";
    /// Something said to be absent follows from the casebase.
    PresentInBase = "E0824", "所称不存在者可由案件库得出，证书略去了相关事实", "what is said to be absent follows from the casebase: the certificate leaves facts out";
    /// The rows of an aggregate are not all those that follow from the casebase.
    RowsInBase = "E0825", "汇总遗漏或多列了案件库中的行", "the rows of an aggregate are not exactly those that follow from the casebase";
    /// The origin of a given fact is another.
    Origin = "E0826", "给定事实的出处不符", "the origin of a given fact is another";
    /// A claim is no answer of the question that the certificate names.
    Question = "E0827", "所主张的结论不是所问的答案", "a claim is no answer of the question that the certificate names";
    /// The question has more or fewer answers than the certificate says.
    LeftOut = "E0828", "所问的答案个数与证书所记不符", "the question has another number of answers than the certificate says";
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub kind: Kind,
    /// Where in the certificate: `steps[3].premises[1]`.
    pub at: String,
    /// What was found there.
    pub found: Both,
    /// What was expected.
    pub expected: Both,
}

impl Problem {
    /// One line for people.
    #[must_use]
    pub fn text(&self, zh: bool) -> String {
        let mut out = String::from(self.kind.code());
        let _ = if zh {
            let title = self.kind.title().0;
            write!(out, "：{}：{title}；所见：{}；应为：{}", self.at, self.found.zh, self.expected.zh)
        } else {
            let title = self.kind.title().1;
            write!(out, ": {}: {title}; found {}; expected {}", self.at, self.found.en, self.expected.en)
        };
        out
    }
}
