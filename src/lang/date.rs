//! Day numbers and ISO dates of the proleptic Gregorian calendar; day 0 is 1970-01-01.

/// What a blank date or number cell is in a table of words: no day of any calendar in use.
pub const BLANK: i32 = -1_000_000;

/// Day number of a date; the month and day must exist.
#[must_use]
pub fn from_civil(year: i32, month: u32, day: u32) -> i32 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let m = month as i32;
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + day as i32 - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// Year, month, day of a day number.
#[must_use]
pub fn to_civil(day: i32) -> (i32, u32, u32) {
    // Rules count days up to the end of 32 bits: the shift to the era would leave them.
    let z = i64::from(day) + 719_468;
    let era = z.div_euclid(146_097) as i32;
    let doe = z.rem_euclid(146_097) as i32;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let m = (if mp < 10 { mp + 3 } else { mp - 9 }) as u32;
    (yoe + era * 400 + i32::from(m <= 2), m, d)
}

/// Number of days of a month.
#[must_use]
pub fn month_length(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Weekday, 1 = Monday to 7 = Sunday.
#[must_use]
pub fn weekday(day: i32) -> u32 {
    (i64::from(day) + 3).rem_euclid(7) as u32 + 1
}

/// Why a text is no date of the form `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsoError {
    /// Another form.
    Form,
    /// Of that form, but the calendar has no such day.
    NoSuchDay,
}

/// Day number of `YYYY-MM-DD`, nothing else.
///
/// # Errors
/// Another form, or a day that does not exist.
pub fn read_iso(text: &[u8]) -> Result<i32, IsoError> {
    let &[a, b, c, d, b'-', e, f, b'-', g, h] = text else { return Err(IsoError::Form) };
    if ![a, b, c, d, e, f, g, h].iter().all(u8::is_ascii_digit) {
        return Err(IsoError::Form);
    }
    let n = |x: u8| u32::from(x - b'0');
    let year = (n(a) * 1000 + n(b) * 100 + n(c) * 10 + n(d)) as i32;
    let (month, day) = (n(e) * 10 + n(f), n(g) * 10 + n(h));
    if month == 0 || month > 12 || day == 0 || day > month_length(year, month) {
        return Err(IsoError::NoSuchDay);
    }
    Ok(from_civil(year, month, day))
}

/// Day number of `YYYY-MM-DD`, if such a day exists.
#[must_use]
pub fn parse_iso(s: &str) -> Option<i32> {
    read_iso(s.as_bytes()).ok()
}

/// `YYYY-MM-DD`; empty for [`BLANK`].
#[must_use]
pub fn iso(day: i32) -> String {
    if day == BLANK {
        return String::new();
    }
    let (y, m, d) = to_civil(day);
    format!("{y:04}-{m:02}-{d:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_centuries_and_back() {
        let mut day = from_civil(1800, 1, 1);
        for y in 1800..2200 {
            for m in 1..=12 {
                for d in 1..=month_length(y, m) {
                    assert_eq!(from_civil(y, m, d), day);
                    assert_eq!(to_civil(day), (y, m, d));
                    assert_eq!(parse_iso(&iso(day)), Some(day));
                    day += 1;
                }
            }
        }
        assert_eq!((to_civil(i32::MAX), weekday(i32::MAX)), ((5_881_580, 7, 11), 5));
        assert_eq!((to_civil(i32::MIN), weekday(i32::MIN)), ((-5_877_641, 6, 23), 2));
        assert_eq!(weekday(0), 4);
        assert_eq!(weekday(from_civil(2024, 9, 25)), 3);
        for bad in ["2023-02-30", "2023-13-01", "2023-1-01", "2023/01/01", "20230101", ""] {
            assert_eq!(parse_iso(bad), None, "{bad}");
        }
    }
}
