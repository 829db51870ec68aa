#!/usr/bin/env python3
"""Write a random casebase: every table, every code of the vocabularies, references that hold, dates around the boundaries of
validity and of limits, persons with two roles, findings only alleged, blanks.

usage: random_casebase.py SEED N DIR [--rules DIR]     N cases; the same arguments give the same bytes

The schema (columns, types, keys, references) is read from the annotations of rules/common/tables.dl, codes from every
vocabulary.csv, provisions from every outline.csv, choices from the facts option_value(...).
"""
import argparse
import csv
import glob
import os
import random
import re
from datetime import date, timedelta

ISO = date.fromisoformat
REFERENCE = ISO("2025-06-30")
# Organisations: id, kind, level, parent, region, domain, vertical leadership, superior department. The regions are those
# that the instruments concern, and one that none of them does.
ORGS = [
    ("zzg", "people_government", "prefecture_city", "", "410100", "", "", ""),
    ("zzhr", "government_department", "prefecture_city", "zzg", "410100", "human_resources_social_security", "no", ""),
    ("zzhr1", "internal_unit", "", "zzhr", "410100", "", "", ""),
    ("zzhr2", "internal_unit", "", "zzhr1", "410100", "", "", ""),
    ("zzq", "people_government", "county", "zzg", "410102", "", "", ""),
    ("zzqhr", "government_department", "county", "zzq", "410102", "human_resources_social_security", "no", "zzhr"),
    ("zzqv", "government_department", "county", "zzq", "410102", "other_domain", "yes", "zzv"),
    ("zzv", "government_department", "prefecture_city", "zzg", "410100", "other_domain", "", ""),
    ("zzt", "township_government", "township", "zzq", "410102", "", "", ""),
    ("zzx", "entrusted_organization", "", "zzq", "410102", "", "", ""),
    ("zzz", "development_zone_committee", "county", "zzg", "410171", "human_resources_social_security", "", ""),
    ("yyg", "people_government", "county", "", "370323", "", "", ""),
    ("yyd", "government_department", "county", "yyg", "370323", "other_domain", "no", ""),
    ("yyd1", "internal_unit", "", "yyd", "370323", "", "", ""),
    ("yys", "subdistrict_office", "township", "yyg", "370323", "", "", ""),
    ("yya", "statute_authorized_organization", "", "yyg", "370323", "", "", ""),
    ("wlg", "people_government", "county", "", "411303", "", "", ""),
    ("wle", "government_department", "county", "wlg", "411303", "emergency_management", "no", ""),
    ("wle1", "internal_unit", "", "wle", "411303", "", "", ""),
    ("cfg", "people_government", "prefecture_city", "", "150400", "", "", ""),
    ("cfe", "government_department", "prefecture_city", "cfg", "150400", "emergency_management", "no", ""),
    ("cfe1", "internal_unit", "", "cfe", "150400", "", "", ""),
    ("cfe2", "affiliated_institution", "", "cfe", "150400", "work_safety", "", ""),
    ("far", "government_department", "province", "", "530102", "emergency_management", "", ""),
    ("lost", "internal_unit", "", "", "150400", "", "", ""),
    ("ra", "rule_authorized_organization", "", "zzq", "410102", "other_domain", "", ""),
]
# Where a case is likely to fall under an instrument: bodies, their units, fields of administration.
PLACES = [
    (["zzhr", "zzqhr", "zzz"], ["zzhr1", "zzhr2", "zzqhr"], ["human_resources_social_security"]),
    (["yyd", "yyg", "yys", "yya"], ["yyd1", "yyd"], ["other_domain", ""]),
    (["zzv", "zzqv", "zzq", "zzt", "zzx", "ra", "zzg"], ["zzv", "zzqv"], ["other_domain"]),
    (["wle"], ["wle1", "wle"], ["emergency_management", "work_safety"]),
    (["cfe", "cfe2"], ["cfe1", "cfe2", "cfe"], ["emergency_management", "work_safety"]),
]
OPPOSITE = [("exemption_granted", "exemption_refused"), ("mitigation_granted", "mitigation_refused"), ("held_responsible", "not_responsible")]
FOR_CASE = {"recognized", "pursue_despite_limitation", "self_investigation_proper", "displaced_by_superior_rule"}
WORDS = ["某案", "第3次", 'a "b"', "x, y", "back\\slash", "它's", "（2021）行初9号", "é", "=1+1", "'"]


class Rules:
    """Schema, codes, provisions and options of a rules folder."""

    def __init__(self, root):
        self.tables, self.types, self.codes, self.cites = {}, {}, {}, {}
        self.options, self.case_cites, self.validity, self.kinds, self.heads = {}, set(), {}, {}, {}
        for path in sorted(glob.glob(os.path.join(root, "*", "*"))):
            if os.path.basename(os.path.dirname(path)).startswith("_"):
                continue
            folder, name = os.path.split(path)
            if name == "vocabulary.csv":
                for r in csv.DictReader(open(path, encoding="utf-8-sig")):
                    if r["used_by"] != "derived" and r["code"] not in self.codes.setdefault(r["list"], []):
                        self.codes[r["list"]].append(r["code"])
            elif name == "outline.csv":
                units = list(csv.DictReader(open(path, encoding="utf-8-sig")))
                self.cites[os.path.basename(folder)] = [r["cite"] for r in units]
                for r in units:
                    self.kinds.setdefault((os.path.basename(folder), r["kind"].split("_")[0]), []).append(r["cite"])
            elif name == "instruments.csv":
                for r in csv.DictReader(open(path, encoding="utf-8-sig")):
                    self.validity[r["instrument"]] = [d for d in (r["valid_from"], r["valid_to"]) if d]
            elif name.endswith(".dl"):
                self.read(open(path, encoding="utf-8").read())

    def read(self, text):
        for option, value in re.findall(r'option_value\("([^"]*)", "([^"]*)"\)', text):
            self.options.setdefault(option, []).append(value)
        for instrument, cite in re.findall(r'(?:assessable|residual)\("([^"]*)", "([^"]*)"\)', text):
            self.heads.setdefault(instrument, []).append(cite)
        self.case_cites.update(re.findall(r'case_cite\("([^"]*)", "([^"]*)"\)', text))
        notes = []
        for line in text.splitlines():
            if line.startswith("//@"):
                notes.append((line[3:].strip() + " ").split(" ", 1))
                continue
            declared = re.match(r"\.decl (\w+)\((.*)\)", line)
            typed = re.match(r"\.type (\w+)", line)
            values = {k: v.strip() for k, v in notes}
            if typed and "codes" in values:
                self.types[typed[1]] = values["codes"]
            if declared and "input" in values and "hidden" not in values:
                columns = [tuple(c.strip().split(": ")) for c in declared[2].split(",")]
                keys = [v.split() for k, v in notes if k == "key"]
                self.tables[declared[1]] = (columns, values.get("must", "").split(), keys)
            if line.strip() and not line.startswith("//"):
                notes = []


class Generator:
    def __init__(self, seed, rules):
        self.r = random.Random(seed)
        self.rules = rules
        self.decks = {}
        self.rows = {t: [] for t in rules.tables}
        self.keys = {t: set() for t in rules.tables}
        ends = [ISO(d) for v in rules.validity.values() for d in v] + [ISO("2023-06-30"), REFERENCE]
        steps = [-1, 0, 1, 366, -365]
        self.dates = sorted({d + timedelta(days=s) for d in ends for s in steps if ISO("2013-06-01") < d + timedelta(days=s) < ISO("2026-06-01")})
        self.dates += [ISO(d) for d in ("2020-02-29", "2021-02-28", "2022-12-31", "2023-01-01", "2024-02-29", "2024-10-01")]

    def deal(self, name, items):
        """The next card of a shuffled deck, so that every one turns up."""
        if not self.decks.get(name):
            self.decks[name] = self.r.sample(items, len(items))
        return self.decks[name].pop()

    def code(self, name):
        return self.deal(name, self.rules.codes[name])

    def chance(self, p):
        return self.r.random() < p

    def near(self, day):
        return day + timedelta(days=self.r.choice([0, 0, 1, 2, 5, 9, 10, 11, 14, 15, 16, 29, 30, 31, 44, 45, 46, 59, 60, 61, 90, 364, 365, 366, 730, 731]))

    def value(self, column, kind, must, day):
        if not must and self.chance(0.25):
            return ""
        if kind == "Finding":
            return self.r.choice(["", "established", "established", "established", "alleged", self.code("finding")])
        if kind in self.rules.types:
            return self.code(self.rules.types[kind])
        if kind == "Date":
            return (self.near(day) if self.chance(0.8) else self.r.choice(self.dates)).isoformat()
        if kind == "Money":
            return self.r.choice(["0", "100", "12000.50", "3.5"])
        if kind == "number":
            return str(self.r.choice([0, 1, 2, 3, 4, 5, 10, 15, 30, -1]))
        return self.r.choice(WORDS)

    def add(self, table, day, **fixed):
        columns, must, keys = self.rules.tables[table]
        row = {}
        for name, kind in columns:
            row[name] = fixed[name] if name in fixed else self.value(name, kind, name in must, day)
        if "instrument" in row and "cite" in row and "cite" not in fixed:
            cites = self.rules.cites[row["instrument"]]
            row["cite"] = self.deal("cite " + row["instrument"], cites)
        for a, b in (("decided", "effective_date"), ("date", "until"), ("from", "to"), ("valid_from", "valid_to")):
            if row.get(a) and row.get(b) and row[a] > row[b]:
                row[a], row[b] = row[b], row[a]
        seen = [(i, tuple(row[c] for c in key)) for i, key in enumerate(keys)]
        if any(s in self.keys[table] for s in seen):
            return None
        self.keys[table].update(seen)
        self.rows[table].append(row)
        return row

    def organisations(self):
        names = ["org", "kind", "level", "parent", "region", "domain", "vertical_leadership", "superior_dept"]
        for o in ORGS:
            self.add("organizations", REFERENCE, **dict(zip(names, o)))
        left = [k for k in self.rules.codes["org_kind"] if k not in {o[1] for o in ORGS}]
        for i, kind in enumerate(left):
            self.add("organizations", REFERENCE, org=f"o{i}", kind=kind, parent="zzg", region="410100", superior_dept="")

    def some_org(self, may_be_blank=True):
        return "" if may_be_blank and self.chance(0.4) else self.r.choice(self.rows["organizations"])["org"]

    def case(self, number, people):
        c, (bodies, units, fields) = f"c{number}", self.r.choice(PLACES)
        day = self.r.choice(self.dates) if self.chance(0.5) else ISO("2021-01-04") + timedelta(days=self.r.randrange(1500))
        body = self.r.choice(bodies) if self.chance(0.9) else self.some_org(False)
        acting = self.r.choice(["", "", "", body, self.r.choice(units), self.some_org()])
        kind = "work_injury_recognition" if body in PLACES[0][0] and self.chance(0.9) else self.code("act_kind")
        entrusted = self.some_org() if self.chance(0.3) else ""
        field = self.r.choice(fields) if self.chance(0.9) else self.code("domain")
        self.add(
            "cases", day, case=c, act_kind=kind, domain=field, nominal_org=body, implementing_org=acting,
            act_date=day.isoformat(), entrusted_by_government=entrusted,
        )
        members = self.r.sample(people, self.r.randint(1, 5))
        roles = self.r.sample(["handler", "reviewer", "approver"], 3)
        for i, p in enumerate(members):
            fault = self.r.choice(["", "", self.code("fault_level")])
            role = roles[i] if i < 3 and self.chance(0.8) else self.code("role")
            org = self.r.choice(units) if self.chance(0.5) else self.some_org()
            self.add("participants", day, case=c, person=p, role=role, org=org, fault=fault)
            if self.chance(0.25):
                self.add("participants", day, case=c, person=p, role=self.code("role"), org=org, fault=self.r.choice([fault, ""]))
        member = lambda: self.r.choice(members)
        times = lambda n: range(self.r.randint(0, n))
        for _ in times(4 * len(members)):
            self.add("conduct", day, case=c, person=member(), date=self.near(day).isoformat() if self.chance(0.7) else "")
        for _ in times(2) if self.chance(0.2) else range(self.r.randint(1, 2)):
            lost = self.near(day)
            sure = {"effective_date": (lost + timedelta(days=self.r.choice([0, 15]))).isoformat(), "decided": lost.isoformat(), "final": "yes"}
            if self.chance(0.6):
                sure["result"] = self.r.choice([x for x in self.rules.codes["ruling_result"] if x.startswith(("quash", "confirmed", "ordered"))])
            self.add("rulings", lost, case=c, **(sure if self.chance(0.7) else {}))
        for _ in times(8):
            self.add("grounds", day, case=c)
        for _ in times(12):
            circumstance = self.code("circumstance")
            date = {"date": self.near(day).isoformat()} if circumstance == "act_continued_until" else {}
            self.add("circumstances", day, case=c, person=self.r.choice(["", member()]), circumstance=circumstance, **date)
        for _ in times(14):
            person = member() if self.chance(0.4) else self.r.choice(["", self.r.choice(people)])
            self.add("proceedings", self.near(day), case=c, person=person, org=self.some_org() if self.chance(0.3) else "")
        for _ in times(6):
            self.assessment(c, member(), day)
        for _ in times(1):
            self.add("compensation", self.near(day), case=c)
        for _ in times(3):
            person = self.r.choice([member(), self.r.choice(people), ""])
            self.add("sanctions", self.near(day), case=c, person=person, org="" if person else self.some_org(False))
        if self.chance(0.8 if body.startswith("cf") else 0.3):
            for i in times(4):
                who = lambda: member() if self.chance(0.6) else self.r.choice(people)
                told, one = who() if self.chance(0.3) else "", who()
                if self.chance(0.7):
                    self.add("postings", day, person=one, org=self.r.choice([body, *units]), **{"from": "2019-01-01", "to": ""})
                self.add(
                    "interference", self.near(day), incident=f"n{number}_{i}", case=c, interferer=one, recipient=who(),
                    instructed_not_to_record_by=told,
                )

    def assessment(self, c, person, day):
        instrument = self.code("instrument")
        outcome = self.code("assessment_outcome")
        # Grants and findings mostly name a provision under which they count.
        kind = outcome.split("_")[0]
        likely = self.rules.heads.get(instrument, []) if "responsible" in outcome else self.rules.kinds.get((instrument, kind), [])
        if likely and self.chance(0.7):
            cite = self.r.choice(likely)
        else:
            cite = self.deal("cite " + instrument, self.rules.cites[instrument])
        if outcome in FOR_CASE and self.chance(0.5) or outcome == "recognized" and (instrument, cite) in self.rules.case_cites:
            person = ""
        for a, b in OPPOSITE:
            other = {a: b, b: a}.get(outcome)
            if other and any((x["case"], x["person"], x["instrument"], x["cite"], x["outcome"]) == (c, person, instrument, cite, other) for x in self.rows["assessments"]):
                return
        self.add("assessments", day, case=c, person=person, instrument=instrument, cite=cite, outcome=outcome)

    def choices(self):
        for option in self.r.sample(sorted(self.rules.options), self.r.randint(0, 6)):
            value = self.deal("option " + option, self.rules.options[option])
            self.add("options", REFERENCE, option=option, value=value)
        if self.chance(0.3):
            instrument = self.code("instrument")
            self.add("instruments", REFERENCE, instrument=instrument, valid_from=self.r.choice(["", "2021-01-01"]), valid_to=self.r.choice(["", "2024-12-31"]))
        for _ in range(self.r.randint(0, 3)):
            self.add("calendar", REFERENCE)

    def casebase(self, n):
        self.organisations()
        people = [f"p{i}" for i in range(max(6, 2 * n))]
        for p in people:
            self.add("people", REFERENCE, person=p)
            for _ in range(self.r.randint(0, 2)):
                self.add("postings", self.r.choice(self.dates), person=p, org=self.some_org(False))
        for i in range(n):
            # Some persons are met again and again: recurrence.
            self.case(i, people if self.chance(0.6) else people[:6])
        self.choices()

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)
        for table, rows in self.rows.items():
            names = [c for c, _ in self.rules.tables[table][0]]
            self.r.shuffle(rows)
            with open(os.path.join(folder, table + ".csv"), "w", encoding="utf-8", newline="") as f:
                w = csv.writer(f, lineterminator="\n")
                w.writerow(names)
                w.writerows([row[n] for n in names] for row in rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    parser.add_argument("n", type=int)
    parser.add_argument("folder")
    parser.add_argument("--rules", default=os.path.join(os.path.dirname(__file__), "..", "..", "rules"))
    args = parser.parse_args()
    g = Generator(args.seed, Rules(args.rules))
    g.casebase(args.n)
    g.write(args.folder)


if __name__ == "__main__":
    main()
