#!/usr/bin/env python3
"""Compare every conclusion of zhuize with the answer of clingo, row for row.

usage: compare_clingo.py [--zhuize PATH] [--jobs N] [--random COUNT [--seed S] [--cases N]] [FOLDER...]

Each FOLDER is a golden case (it holds facts/ and perhaps args) or a casebase. It is exported with `zhuize export --to
clingo`, solved by the clingo package (pip install clingo), and compared with what `zhuize run -o` writes. Also held: one
state for every (case, person, instrument) of `disposition`. With --random, COUNT casebases of random_casebase.py (seeds S,
S+1, ..., N cases each) are compared as well. Ends with 1 if anything differs.
"""
import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta

import clingo
from clingo.script import enable_python

BLANK = -1000000
AS_OF = "2025-06-30"
enable_python()


def arguments(folder):
    """Casebase and further arguments of `run` for a folder."""
    facts = os.path.join(folder, "facts")
    if not os.path.isdir(facts):
        facts = folder
    path = os.path.join(folder, "args")
    extra = [line for line in open(path, encoding="utf-8").read().splitlines() if line] if os.path.exists(path) else []
    if not any(a.startswith("--as-of") for a in extra):
        extra = ["--as-of", AS_OF] + extra
    # The case of a template or an example is run with its instrument beside the built-in ones.
    instrument = os.path.dirname(os.path.dirname(os.path.abspath(folder)))
    if os.path.basename(instrument).startswith("_") or os.path.basename(os.path.dirname(instrument)) == "examples":
        extra += ["--with", instrument]
    return facts, extra


def cell(symbol, form):
    if form == "text":
        return symbol.string
    n = symbol.number
    if n == BLANK and form in ("number", "date"):
        return ""
    if form == "date":
        return (date(1970, 1, 1) + timedelta(days=n)).isoformat()
    return str(n)


def answers(folder, outputs):
    """Rows of every output relation in the one answer set of an exported program."""
    problems = []
    control = clingo.Control(["--warn=no-atom-undefined"], logger=lambda code, text: problems.append(f"{code}: {text}"))
    for name in ("program.lp", "facts.lp"):
        control.load(os.path.join(folder, name))
    control.ground([("base", [])])
    if problems:
        raise RuntimeError("clingo says: " + "; ".join(problems[:3]))
    by_predicate = {(o["predicate"], len(o["columns"])): o for o in outputs}
    rows = {o["relation"]: set() for o in outputs}
    models = 0
    with control.solve(yield_=True) as handle:
        for model in handle:
            models += 1
            for s in model.symbols(shown=True):
                o = by_predicate[(s.name, len(s.arguments))]
                rows[o["relation"]].add(tuple(cell(a, c["form"]) for a, c in zip(s.arguments, o["columns"])))
    if models != 1:
        raise RuntimeError(f"{models} answer sets, expected one")
    return rows


def one_state(facts, applied, states):
    """Exactly one state for every participant of a case and every instrument that applies to it."""
    with open(os.path.join(facts, "participants.csv"), encoding="utf-8-sig", newline="") as f:
        members = {(row["case"].strip(), row["person"].strip()) for row in csv.DictReader(f)}
    due = {(c, p, i) for c, i in applied for m, p in members if m == c}
    out = [f"no state for {','.join(k)}" for k in sorted(due - set(states))]
    return out + [f"two states for {','.join(k)}" for k in sorted({k for k in states if states.count(k) > 1})]


def compare(job):
    zhuize, folder = job
    out, total, applied, states = [], 0, set(), []
    facts, extra = arguments(folder)
    with tempfile.TemporaryDirectory() as place:
        exported, written = os.path.join(place, "lp"), os.path.join(place, "out")
        for command in (["export", facts, "--to", "clingo", "-o", exported], ["run", facts, "-o", written]):
            done = subprocess.run([zhuize, "--quiet", *command, *extra], capture_output=True, text=True)
            if done.returncode:
                return folder, 0, [f"zhuize {command[0]}: exit code {done.returncode}: {done.stderr.strip()[:600]}"]
        outputs = json.load(open(os.path.join(exported, "relations.json"), encoding="utf-8"))["outputs"]
        try:
            theirs = answers(exported, outputs)
        except RuntimeError as e:
            return folder, 0, [str(e)]
        for o in outputs:
            names = [c["name"] for c in o["columns"]]
            with open(os.path.join(written, o["file"]), encoding="utf-8", newline="") as f:
                ours = {tuple(row[n] for n in names) for row in csv.DictReader(f)}
            other = theirs[o["relation"]]
            total += len(ours)
            for sign, rows in (("only zhuize", ours - other), ("only clingo", other - ours)):
                out += [f"{o['relation']}: {sign}: {','.join(r)}" for r in sorted(rows)[:5]]
                if len(rows) > 5:
                    out.append(f"{o['relation']}: {sign}: ... {len(rows)} rows")
            if o["relation"] == "applies":
                applied = {(r[names.index("case")], r[names.index("instrument")]) for r in ours}
            if o["relation"] == "disposition":
                states = [tuple(r[names.index(n)] for n in ("case", "person", "instrument")) for r in ours]
        out += one_state(facts, applied, states)
    return folder, total, out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--zhuize", default="target/release/zhuize")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("folders", nargs="*")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        generator = os.path.join(os.path.dirname(os.path.abspath(__file__)), "random_casebase.py")
        for seed in range(args.seed, args.seed + args.random):
            folder = os.path.join(place, f"random-{seed}")
            subprocess.run([sys.executable, generator, str(seed), str(args.cases), folder], check=True)
            args.folders.append(folder)
        sys.exit(run(args))


def run(args):
    bad = rows = 0
    with ProcessPoolExecutor(args.jobs) as pool:
        for folder, total, problems in pool.map(compare, [(args.zhuize, f) for f in args.folders]):
            rows += total
            if problems:
                bad += 1
                print(f"{folder}:")
                for p in problems:
                    print(f"  {p}")
    print(f"clingo agrees on {len(args.folders) - bad} of {len(args.folders)} casebases, {rows} rows")
    if rows == 0:
        print("no row was compared")
    return 1 if bad or rows == 0 else 0


if __name__ == "__main__":
    main()
