//! Relations that the loader fills: the calendar, days so many months later, the day of the question.
//!
//! The days run from 370 days before the earliest date of the casebase to 1200 days after the latest one or after the day
//! of the question, whichever is later; if a program asks for more than 36 months, so much further. Dates of the table of
//! days off and of shipped tables do not count, or every calendar would begin with the first holiday on file.

use super::calendar::Calendar;
use super::date;
use super::schema::{Dimension, DimensionKind, Schema};
use crate::engine::store::{Database, Table};
use crate::engine::value::{Word, from_number, to_number};
use std::collections::{BTreeMap, BTreeSet};

/// Days before the first date.
const BEFORE: i32 = 370;
/// Days after the last date.
const AFTER: i32 = 1200;
/// A limit that begins at the end of a year runs into the next one: that much is looked ahead for years without days off.
const AHEAD: i32 = 60;

/// The first and last day of the dimensions.
pub(super) fn range(schema: &Schema, touched: Option<(i32, i32)>, as_of: i32) -> (i32, i32) {
    let months = schema.dimensions.iter().flat_map(|d| match &d.kind {
        DimensionKind::AddMonths(months) => months.as_slice(),
        _ => &[],
    });
    let (mut before, mut after) = (BEFORE, AFTER);
    for m in months {
        before = before.max(-m * 31 + 5);
        after = after.max(m * 31 + 100);
    }
    let (first, last) = touched.map_or((as_of, as_of), |(first, last)| (first.min(as_of), last.max(as_of)));
    (first - before, last + after)
}

/// Years in which a date lies, or a day soon after one, and of which no exception is known.
pub(super) fn years_without<'a>(days: impl Iterator<Item = i32> + 'a, exceptions: &BTreeMap<i32, bool>) -> Vec<i32> {
    let known: BTreeSet<i32> = exceptions.keys().map(|d| date::to_civil(*d).0).collect();
    let touched: BTreeSet<i32> = days.flat_map(|d| [date::to_civil(d).0, date::to_civil(d + AHEAD).0]).collect();
    touched.difference(&known).copied().collect()
}

/// Fills the dimensions of a schema.
pub(super) fn fill(schema: &Schema, db: &mut Database, (first, last): (i32, i32), as_of: i32, e: &BTreeMap<i32, bool>) {
    for Dimension { rel, kind } in &schema.dimensions {
        let table = match kind {
            DimensionKind::Calendar => calendar(db, &Calendar::new(first, last, e)),
            DimensionKind::AddMonths(months) => {
                let mut data = Vec::new();
                for day in first..=last {
                    for m in months {
                        data.extend([day, *m, date::add_months(day, *m)].map(from_number));
                    }
                }
                Table::from_rows(3, data)
            }
            DimensionKind::ReferenceDate => Table::from_rows(1, vec![from_number(as_of)]),
        };
        db.tables[rel.index()] = table;
    }
}

/// Fills the dimensions again, for tables that mention days from the first to the last of `touched`; the table of days off
/// stands in `db`. Gives the first and last day of the dimensions.
pub fn refill(schema: &Schema, db: &mut Database, touched: Option<(i32, i32)>, as_of: i32) -> (i32, i32) {
    let mut exceptions = BTreeMap::new();
    if let Some((table, h)) = schema.tables.iter().find_map(|t| Some((t, t.holidays.as_ref()?))) {
        let (off, work) = (db.symbols.get(&h.off), db.symbols.get(&h.work));
        for row in db.tables[table.rel.index()].rows() {
            let (day, kind) = (to_number(row[h.date]), Some(row[h.kind]));
            if day >= date::FIRST && (kind == off || kind == work) {
                exceptions.insert(day, kind == work);
            }
        }
    }
    let range = range(schema, touched, as_of);
    fill(schema, db, range, as_of, &exceptions);
    range
}

fn calendar(db: &mut Database, calendar: &Calendar) -> Table {
    let (yes, no) = (db.symbols.intern("yes"), db.symbols.intern("no"));
    let mut data: Vec<Word> = Vec::new();
    for d in calendar.days() {
        let (year, month, dom) = date::to_civil(d.day);
        data.extend([d.day, year, month as i32, dom as i32, date::weekday(d.day) as i32].map(from_number));
        data.push(if d.working { yes } else { no });
        data.extend([d.number, d.next_working].map(from_number));
    }
    Table::from_rows(8, data)
}
