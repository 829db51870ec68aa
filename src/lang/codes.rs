//! Every diagnostic code of this room, with its meaning. Codes never change their meaning; retired ones are not reused.

macro_rules! codes {
    ($($(#[$m:meta])* $name:ident = $code:literal, $title:literal, $zh:literal;)*) => {
        $( #[doc = $title] pub const $name: &str = $code; )*
        /// All codes with their meaning, in order.
        pub const ALL: &[(&str, &str)] = &[$(($code, $title)),*];

        /// The meaning of a code of this room, in Chinese.
        #[must_use]
        pub fn chinese(code: &str) -> Option<&'static str> {
            match code {
                $($code => Some($zh),)*
                _ => None,
            }
        }
    };
}

codes! {
    UNEXPECTED_CHARACTER = "E0101", "a character that the rule language does not use", "规则语言不用的字符";
    UNTERMINATED = "E0102", "a text or comment that is never closed", "未结束的文本或注释";
    BAD_ESCAPE = "E0103", "an escape in a text that means nothing", "无意义的转义";
    BAD_NUMBER = "E0104", "a malformed number", "数字写法有误";
    SYNTAX = "E0105", "something else was expected here", "此处应为其他内容";
    UNKNOWN_DIRECTIVE = "E0106", "a directive that does not exist", "没有这个指令";
    REFUSED = "E0107", "a construct of Soufflé that is not part of this language", "Soufflé 的写法，本语言不收";
    MISPLACED_NOTE = "E0108", "an annotation line where none may stand", "此处不能写注解行";
    KEYWORD = "E0109", "a reserved word used as a name", "以保留字作名称";
    PREPROCESSOR = "E0110", "a preprocessor line", "预处理行";
    BAD_PARAMETER = "E0111", "a directive parameter that is missing or malformed", "指令的参数缺失或写法有误";
    UNKNOWN_RELATION = "E0201", "a relation that is not declared", "未声明的关系";
    UNKNOWN_TYPE = "E0202", "a type that is not declared", "未声明的类型";
    ARITY = "E0203", "a wrong number of arguments", "参数个数不符";
    DUPLICATE = "E0204", "a name declared twice", "名称重复声明";
    TYPE_CLASH = "E0205", "two uses that need different types", "两处用法要求不同的类型";
    WRONG_CONSTANT = "E0206", "a constant of the wrong type", "常量类型不符";
    OUT_OF_RANGE = "E0207", "a number outside the 32-bit range", "数字超出 32 位范围";
    UNGROUNDED = "E0208", "a variable that nothing binds", "变量没有取值来源";
    HEAD_TYPE = "E0209", "a variable too general for the column of the head", "变量的类型比结论列的类型宽";
    BAD_TYPE = "E0210", "a type definition that makes no sense", "类型定义不成立";
    WILDCARD = "E0211", "`_` where a value is needed", "此处须有值，不能写 _";
    FUNCTOR_ARITY = "E0212", "a functor with a wrong number of arguments", "函数的参数个数不符";
    UNKNOWN_FUNCTOR = "E0213", "a functor that does not exist", "没有这个函数";
    BAD_CAST = "E0214", "a cast between machine types", "机器类型之间不能这样转换";
    NEGATIVE_CYCLE = "E0301", "a relation that depends on its own negation", "关系依赖于对自身的否定";
    AGGREGATE_CYCLE = "E0302", "a relation that depends on an aggregate over itself", "关系依赖于对自身的聚合";
    GOAL_SYNTAX = "E0601", "a question that is not a single atom", "问题须是一个原子";
    GOAL_RELATION = "E0602", "a question about a relation that does not exist", "问题所问的关系不存在";
    GOAL_ARITY = "E0603", "a question with a wrong number of arguments", "问题的参数个数不符";
    GOAL_CONSTANT = "E0604", "a question with a constant of the wrong type", "问题中常量的类型不符";
    TOO_DEEP = "E0751", "nesting deeper than the limit", "嵌套超过上限";
    TOO_MANY_CASES = "E0752", "more alternatives in one clause than the limit", "一条规则的分支超过上限";
    FILE_TOO_LARGE = "E0753", "a source file larger than the limit", "源文件超过大小上限";
    DANGLING_NOTE = "W0101", "annotation lines that speak of nothing", "注解行没有说明的对象";
    UNUSED_VARIABLE = "W0201", "a variable used once", "变量只用了一次";
    NEVER_DEFINED = "W0202", "a relation that is read but never filled", "读取的关系从来没有内容";
    SHADOWED = "W0203", "a variable of an aggregate with the name of another outside", "聚合内的变量与外面的变量同名";
    BAD_PATTERN = "W0204", "a pattern that is no regular expression", "模式不是正则表达式";
}
