//! Provisions in the form in which people cite them: `6p1.2` is 第六条第一款第（二）项, art. 6(1)(2).

use super::Cite;

pub(super) const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];

/// A number below 100 in Chinese.
fn chinese(n: u32) -> String {
    let (tens, ones) = ((n / 10) as usize, (n % 10) as usize);
    match (tens, ones) {
        (0, o) => DIGITS[o].to_owned(),
        (1, 0) => "十".to_owned(),
        (1, o) => format!("十{}", DIGITS[o]),
        (t, 0) if t < 10 => format!("{}十", DIGITS[t]),
        (t, o) if t < 10 => format!("{}十{}", DIGITS[t], DIGITS[o]),
        _ => n.to_string(),
    }
}

/// A cite taken apart: article, paragraph, items from outer to inner, limb.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub article: u32,
    paragraph: Option<u32>,
    pub items: Vec<u32>,
    limb: Option<u32>,
}

fn take(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

pub(super) fn parse(cite: &str) -> Option<Parts> {
    let (article, mut rest) = take(cite)?;
    let mut parts = Parts { article, ..Parts::default() };
    while let Some(mark) = rest.chars().next() {
        let (n, after) = take(&rest[1..])?;
        match mark {
            'p' => parts.paragraph = Some(n),
            '.' => parts.items.push(n),
            's' => parts.limb = Some(n),
            _ => return None,
        }
        rest = after;
    }
    Some(parts)
}

impl Cite {
    /// 第六条第一款第（二）项; the cite itself if it has no such form. Limbs are a help of ours and not said, except that a
    /// later limb is 后段.
    #[must_use]
    pub fn chinese(&self) -> String {
        let Some(p) = parse(&self.cite) else { return self.cite.clone() };
        let mut out = format!("第{}条", chinese(p.article));
        if let Some(n) = p.paragraph {
            out.push_str(&format!("第{}款", chinese(n)));
        }
        for (depth, n) in p.items.iter().enumerate() {
            out.push_str(&if depth == 0 { format!("第（{}）项", chinese(*n)) } else { format!("第{n}目") });
        }
        if p.limb.is_some_and(|n| n > 1) {
            out.push_str("后段");
        }
        out
    }

    /// `art. 6(1)(2)`.
    #[must_use]
    pub fn english(&self) -> String {
        let Some(p) = parse(&self.cite) else { return self.cite.clone() };
        let mut out = format!("art. {}", p.article);
        if let Some(n) = p.paragraph {
            out.push_str(&format!(" para. {n}"));
        }
        for n in &p.items {
            out.push_str(&format!("({n})"));
        }
        if let Some(n) = p.limb.filter(|n| *n > 1) {
            out.push_str(&format!(" limb {n}"));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cites_as_people_write_them() {
        for (cite, zh, en) in [
            ("8.4", "第八条第（四）项", "art. 8(4)"),
            ("8.4s2", "第八条第（四）项后段", "art. 8(4) limb 2"),
            ("6p1.2", "第六条第一款第（二）项", "art. 6 para. 1(2)"),
            ("5.2.10s3", "第五条第（二）项第10目后段", "art. 5(2)(10) limb 3"),
            ("20", "第二十条", "art. 20"),
            ("6.22", "第六条第（二十二）项", "art. 6(22)"),
            ("10s1", "第十条", "art. 10"),
            ("x", "x", "x"),
        ] {
            let c = Cite { instrument: "i".into(), cite: cite.into() };
            assert_eq!((c.chinese().as_str(), c.english().as_str()), (zh, en), "{cite}");
        }
    }
}
