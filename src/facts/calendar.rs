//! Working days: Monday to Friday, without days off, with weekends on which people work.

use super::date;
use std::collections::BTreeMap;

/// A range of days, each working or not.
#[derive(Clone, Debug)]
pub struct Calendar {
    first: i32,
    last: i32,
    /// From `first` to the first working day after `last`.
    working: Vec<bool>,
}

impl Calendar {
    /// The days `first..=last`. `exceptions` says of days whether they are working days against the plain rule.
    #[must_use]
    pub fn new(first: i32, last: i32, exceptions: &BTreeMap<i32, bool>) -> Self {
        let works = |day: i32| exceptions.get(&day).copied().unwrap_or_else(|| date::weekday(day) <= 5);
        let mut working: Vec<bool> = (first..=last).map(works).collect();
        // The next working day after the last day; the exceptions end somewhere, so there is one.
        for day in last + 1.. {
            working.push(works(day));
            if works(day) {
                break;
            }
        }
        Self { first, last, working }
    }

    /// The days with: working, number of working days from the first day up to and including it, and the first working
    /// day that is not before it.
    pub fn days(&self) -> impl Iterator<Item = CalendarDay> + '_ {
        let mut next = vec![self.first; self.working.len()];
        let mut after = self.first;
        for i in (0..self.working.len()).rev() {
            if self.working[i] {
                after = self.first + i as i32;
            }
            next[i] = after;
        }
        let mut number = 0;
        (self.first..=self.last).zip(next).zip(&self.working).map(move |((day, next_working), working)| {
            number += i32::from(*working);
            CalendarDay { day, working: *working, number, next_working }
        })
    }
}

/// A day of a [`Calendar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalendarDay {
    /// Day number.
    pub day: i32,
    /// Whether people work.
    pub working: bool,
    /// Working days from the beginning of the calendar up to and including this day.
    pub number: i32,
    /// This day if it is a working day, else the first one after it.
    pub next_working: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> i32 {
        date::parse(text.as_bytes()).expect(text)
    }

    fn exceptions(off: &[(&str, &str)], work: &[&str]) -> BTreeMap<i32, bool> {
        let off = off.iter().flat_map(|(a, b)| (d(a)..=d(b)).map(|day| (day, false)));
        off.chain(work.iter().map(|w| (d(w), true))).collect()
    }

    /// The `n`-th working day after a day.
    fn after(calendar: &Calendar, start: &str, n: i32) -> String {
        let days: Vec<CalendarDay> = calendar.days().collect();
        let from = days.iter().find(|x| x.day == d(start)).expect("in the calendar").number;
        date::iso(days.iter().find(|x| x.number == from + n).expect("in the calendar").day)
    }

    #[test]
    fn over_a_long_holiday_with_make_up_days() {
        let e = exceptions(&[("2024-10-01", "2024-10-07")], &["2024-09-29", "2024-10-12"]);
        let c = Calendar::new(d("2024-09-01"), d("2024-12-31"), &e);
        // Wednesday; counted are 26, 27, 29 (Sunday, made up), 30, then 8, 9, 10.
        assert_eq!(after(&c, "2024-09-25", 7), "2024-10-10");
        assert_eq!(after(&c, "2024-10-01", 1), "2024-10-08");
        assert_eq!(after(&c, "2024-10-11", 1), "2024-10-12");
        // The same span without the table: weekends only.
        let plain = Calendar::new(d("2024-09-01"), d("2024-12-31"), &BTreeMap::new());
        assert_eq!(after(&plain, "2024-09-25", 7), "2024-10-04");
    }

    #[test]
    fn roll_over_goes_through_chains_of_days_off() {
        let e = exceptions(&[("2024-02-09", "2024-02-17")], &["2024-02-04", "2024-02-18"]);
        let c = Calendar::new(d("2024-02-01"), d("2024-02-29"), &e);
        let next = |day: &str| date::iso(c.days().find(|x| x.day == d(day)).expect(day).next_working);
        assert_eq!(next("2024-02-09"), "2024-02-18");
        assert_eq!(next("2024-02-17"), "2024-02-18");
        assert_eq!(next("2024-02-18"), "2024-02-18");
        assert_eq!(next("2024-02-03"), "2024-02-04");
        assert_eq!(next("2024-02-24"), "2024-02-26");
        assert_eq!(next("2024-02-29"), "2024-02-29");
    }

    #[test]
    fn the_next_working_day_may_lie_after_the_range() {
        let e = exceptions(&[("2023-12-30", "2024-01-07")], &[]);
        let c = Calendar::new(d("2023-12-25"), d("2023-12-31"), &e);
        let last = c.days().last().expect("days");
        assert_eq!((date::iso(last.day), date::iso(last.next_working)), ("2023-12-31".into(), "2024-01-08".into()));
        assert_eq!(c.days().count(), 7);
        assert_eq!(last.number, 5);
    }

    #[test]
    fn a_day_off_on_a_working_weekend_and_the_other_way_round() {
        let e = exceptions(&[("2021-02-20", "2021-02-20")], &["2021-02-22"]);
        let c = Calendar::new(d("2021-02-19"), d("2021-02-22"), &e);
        let works: Vec<bool> = c.days().map(|x| x.working).collect();
        assert_eq!(works, [true, false, false, true]);
    }
}
