//! Dates as tables write them: what is accepted, why not, and what was probably meant. Day numbers are those of
//! [`crate::lang::date`].

pub use crate::lang::date::{BLANK, from_civil, iso, month_length, to_civil, weekday};

/// First day that a table may name: 1900-01-01.
pub const FIRST: i32 = -25_567;
/// Last day that a table may name: 2100-12-31.
pub const LAST: i32 = 47_846;

/// The same day so many months later (earlier if negative); the last day of the month where that day does not exist.
#[must_use]
pub fn add_months(day: i32, months: i32) -> i32 {
    let (y, m, d) = to_civil(day);
    let index = y * 12 + m as i32 - 1 + months;
    let (y, m) = (index.div_euclid(12), index.rem_euclid(12) as u32 + 1);
    let last = month_length(y, m);
    from_civil(y, m, if d < last { d } else { last })
}

/// Why a text is no date of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateError {
    /// Not of the form 2021-03-05.
    Form,
    /// Of that form, but the calendar has no such day.
    NoSuchDay,
    /// Before 1900 or after 2100.
    Range,
}

/// Day number of an ISO date such as `2021-03-05`, nothing else.
///
/// # Errors
/// Another form, a day that does not exist, a year outside 1900 to 2100.
pub fn parse(text: &[u8]) -> Result<i32, DateError> {
    let &[a, b, c, d, b'-', e, f, b'-', g, h] = text else { return Err(DateError::Form) };
    let digits = [a, b, c, d, e, f, g, h];
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(DateError::Form);
    }
    let n = |x: u8| u32::from(x - b'0');
    let year = (n(a) * 1000 + n(b) * 100 + n(c) * 10 + n(d)) as i32;
    let (month, day) = (n(e) * 10 + n(f), n(g) * 10 + n(h));
    if month == 0 || month > 12 || day == 0 || day > month_length(year, month) {
        return Err(DateError::NoSuchDay);
    }
    let number = from_civil(year, month, day);
    if (FIRST..=LAST).contains(&number) { Ok(number) } else { Err(DateError::Range) }
}

/// Full-width digits and signs as ASCII; everything else as it is.
pub(crate) fn ascii_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '\u{3000}' | '\u{a0}' => ' ',
            c => c,
        })
        .collect()
}

/// What was probably meant by a text that is no date: `2021/3/5`, `2021年3月5日`, `20210305`, `2021-02-30`,
/// `2021-13-05`, a spreadsheet's day count such as `44260`. A reading that could be day-month or month-day gives nothing.
#[must_use]
pub fn guess(text: &str) -> Option<String> {
    let plain = ascii_width(text);
    let plain = plain.trim();
    let mut groups: Vec<&str> = plain.split(|c: char| !c.is_ascii_digit()).filter(|g| !g.is_empty()).collect();
    if let [one] = groups[..] {
        match (one.len(), one.parse::<i32>()) {
            (8, Ok(_)) => groups = vec![&one[..4], &one[4..6], &one[6..]],
            // Spreadsheets count days from 1899-12-30; 18264..=73415 are the years 1950 to 2100.
            (5, Ok(n)) if plain == one && (18_264..=73_415).contains(&n) => {
                return Some(iso(from_civil(1899, 12, 30) + n));
            }
            _ => return None,
        }
    }
    let &[y, m, d, ..] = &groups[..] else { return None };
    if y.len() != 4 || m.len() > 2 || d.len() > 2 {
        return None;
    }
    let (y, mut m, mut d) = (y.parse::<i32>().ok()?, m.parse::<u32>().ok()?, d.parse::<u32>().ok()?);
    if (13..=31).contains(&m) && (1..=12).contains(&d) {
        std::mem::swap(&mut m, &mut d);
    }
    if !(1900..=2100).contains(&y) || !(1..=12).contains(&m) || !(1..=31).contains(&d) {
        return None;
    }
    Some(iso(from_civil(y, m, d.min(month_length(y, m)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_agree_with_an_independent_calendar() {
        let start = jiff::civil::date(1899, 1, 1);
        let epoch = jiff::civil::date(1970, 1, 1);
        assert_eq!((iso(FIRST).as_str(), iso(LAST).as_str()), ("1900-01-01", "2100-12-31"));
        let mut day = start;
        let mut n = epoch.until(start).expect("span").get_days();
        while day.year() < 2102 {
            let (y, m, d) = (i32::from(day.year()), day.month() as u32, day.day() as u32);
            assert_eq!(from_civil(y, m, d), n, "{day}");
            assert_eq!(to_civil(n), (y, m, d));
            assert_eq!(weekday(n) as i32, i32::from(day.weekday().to_monday_one_offset()));
            if (FIRST..=LAST).contains(&n) {
                assert_eq!(parse(iso(n).as_bytes()), Ok(n));
            }
            day = day.tomorrow().expect("in range");
            n += 1;
        }
    }

    #[test]
    fn months_clamp_at_the_end_of_the_month() {
        let d = |t: &str| parse(t.as_bytes()).expect(t);
        for (from, months, to) in [
            ("2020-02-29", 12, "2021-02-28"),
            ("2020-02-29", 48, "2024-02-29"),
            ("2021-01-31", 1, "2021-02-28"),
            ("2024-01-31", 1, "2024-02-29"),
            ("2021-08-31", 6, "2022-02-28"),
            ("2021-03-31", -1, "2021-02-28"),
            ("2021-01-15", -1, "2020-12-15"),
            ("2021-12-31", 24, "2023-12-31"),
            ("2099-12-31", 12, "2100-12-31"),
        ] {
            assert_eq!(iso(add_months(d(from), months)), to, "{from} {months}");
        }
    }

    #[test]
    fn only_iso_days_that_exist() {
        assert_eq!(parse(b"2023-02-30"), Err(DateError::NoSuchDay));
        assert_eq!(parse(b"2023-02-29"), Err(DateError::NoSuchDay));
        assert!(parse(b"2024-02-29").is_ok());
        assert_eq!(parse(b"2023-00-10"), Err(DateError::NoSuchDay));
        assert_eq!(parse(b"2023-1-10"), Err(DateError::Form));
        assert_eq!(parse(b"2023/01/10"), Err(DateError::Form));
        assert_eq!(parse(b"1899-12-31"), Err(DateError::Range));
        assert_eq!(parse(b"9999-12-31"), Err(DateError::Range));
        assert_eq!(parse("２０２３-01-10".as_bytes()), Err(DateError::Form));
    }

    #[test]
    fn guesses() {
        for (text, meant) in [
            ("2023-02-30", Some("2023-02-28")),
            ("2021/3/5", Some("2021-03-05")),
            ("2021年3月5日", Some("2021-03-05")),
            ("２０２１．３．５", Some("2021-03-05")),
            ("20210305", Some("2021-03-05")),
            ("2021-03-05 00:00:00", Some("2021-03-05")),
            ("2021-13-05", Some("2021-05-13")),
            ("44260", Some("2021-03-05")),
            ("5/3/2021", None),
            ("9999-12-31", None),
            ("soon", None),
            ("", None),
            ("99999999", None),
        ] {
            assert_eq!(guess(text).as_deref(), meant, "{text}");
        }
    }
}
