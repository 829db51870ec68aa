//! Dates as tables write them: what is accepted, why not, and what was probably meant. Day numbers are those of
//! [`crate::lang::date`].

use super::normal;
use crate::lang::date::{IsoError, read_iso};

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
    /// Of no form that says for certain which day is meant.
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
    match read_iso(text) {
        Ok(number) if (FIRST..=LAST).contains(&number) => Ok(number),
        Ok(_) => Err(DateError::Range),
        Err(IsoError::Form) => Err(DateError::Form),
        Err(IsoError::NoSuchDay) => Err(DateError::NoSuchDay),
    }
}

/// Day number of a date in any form in which only one day can be meant: year first, as `2021-03-05`, `2021/3/5`, `2021.3.5`,
/// `20210305`, `2021年3月5日`, in digits of any width; a time of day behind it says nothing about the day.
///
/// # Errors
/// Another form, a day that does not exist, a year outside 1900 to 2100.
pub fn read(text: &str) -> Result<i32, DateError> {
    match parse(text.as_bytes()) {
        Err(DateError::Form) => {}
        known => return known,
    }
    let plain = normal::plain(text);
    let (y, m, d) = loose(plain.trim()).ok_or(DateError::Form)?;
    parse(format!("{y:0>4}-{m:0>2}-{d:0>2}").as_bytes())
}

/// Year, month and day of a date that is written year first.
fn loose(text: &str) -> Option<(&str, &str, &str)> {
    let number = |s: &str, n: usize| -> bool { (1..=n).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit()) };
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) if time.contains(':') => (date, Some(time.trim())),
        _ => (text, None),
    };
    if let Some(time) = time {
        let parts: Vec<&str> = time.split(':').collect();
        let seconds = |s: &str| s.split_once('.').map_or(number(s, 2), |(a, b)| number(a, 2) && number(b, 9));
        let sound = match parts[..] {
            [h, m] => number(h, 2) && number(m, 2),
            [h, m, s] => number(h, 2) && number(m, 2) && seconds(s),
            _ => false,
        };
        if !sound {
            return None;
        }
    }
    if date.len() == 8 && number(date, 8) {
        return Some((&date[..4], &date[4..6], &date[6..]));
    }
    let (y, m, d) = if let Some((y, rest)) = date.split_once('年') {
        let (m, d) = rest.split_once('月')?;
        (y.trim(), m.trim(), d.trim().strip_suffix(['日', '号'])?.trim())
    } else {
        let separator = date.chars().find(|c| matches!(c, '-' | '/' | '.'))?;
        let mut parts = date.split(separator);
        let found = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        found
    };
    (y.len() == 4 && number(y, 4) && number(m, 2) && number(d, 2)).then_some((y, m, d))
}

/// The days that a date with its year last may mean, such as `03/05/2021`: the fifth of March, the third of May.
#[must_use]
pub fn either(text: &str) -> Vec<String> {
    let plain = normal::plain(text);
    let groups: Vec<&str> = plain.trim().split(['/', '.', '-']).collect();
    let &[a, b, y] = &groups[..] else { return Vec::new() };
    let (Ok(a), Ok(b), Ok(y)) = (a.parse::<u32>(), b.parse::<u32>(), y.parse::<i32>()) else { return Vec::new() };
    let day = |m: u32, d: u32| {
        let there = (1900..=2100).contains(&y) && (1..=12).contains(&m) && d > 0 && d <= month_length(y, m);
        there.then(|| iso(from_civil(y, m, d)))
    };
    let mut days: Vec<String> = [day(a, b), day(b, a)].into_iter().flatten().collect();
    days.dedup();
    days
}

/// What was probably meant by a text that is no date: `2021/3/5`, `2021年3月5日`, `20210305`, `2021-02-30`,
/// `2021-13-05`, a spreadsheet's day count such as `44260`. A reading that could be day-month or month-day gives nothing.
#[must_use]
pub fn guess(text: &str) -> Option<String> {
    let plain = normal::plain(text);
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
    fn forms_with_the_year_first() {
        let want = parse(b"2021-03-05");
        for text in [
            "2021/3/5",
            "2021.3.5",
            "2021/03/05",
            "20210305",
            "2021年3月5日",
            "２０２１年３月５日",
            "２０２１－０３－０５",
            "2021 年 3 月 5 日",
            "2021-3-5",
            "2021-03-05 00:00:00",
            "2021/3/5 14:30",
            "2021-03-05T09:15:00.000",
        ] {
            assert_eq!(read(text), want, "{text}");
        }
        for text in
            ["03/05/2021", "5.3.2021", "21-3-5", "2021/3", "2021-3/5", "44260", "2021年3月", "2021-03-05 noon", ""]
        {
            assert_eq!(read(text), Err(DateError::Form), "{text}");
        }
        assert_eq!(read("2021/2/30"), Err(DateError::NoSuchDay));
        assert_eq!(read("99991231"), Err(DateError::Range));
        assert_eq!(either("03/05/2021"), ["2021-03-05", "2021-05-03"]);
        assert_eq!(either("25/12/2021"), ["2021-12-25"]);
        assert_eq!(either("5/5/2021"), ["2021-05-05"]);
        assert!(either("soon").is_empty() && either("2021-03-05").is_empty());
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
