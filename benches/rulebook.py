#!/usr/bin/env python3
"""The full rulebook over one casebase, ours and Soufflé's, side by side in one run: medians, ratios, memory, equal answers.

usage: rulebook.py FACTS [--rounds N] [--threads 1,2] [--compiled PROGRAM | --compile] [--as-of DATE] [--zhuize PATH] [--work DIR]

Soufflé gets the program and the facts that `export --to souffle` writes, ready to be read (making them is not counted); we
read the tables as analysts have them. Both write all conclusions. `--compile` has Soufflé make a program of the rulebook first
(many minutes); PROGRAM is one made before. The rounds go in turn, so that a busy machine is busy for all.
"""
import argparse, csv, datetime, hashlib, json, os, shutil, statistics, subprocess, sys, tempfile
from timing import timed

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOTHING = "-1000000"


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("facts")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", default="1,2")
    p.add_argument("--compiled", help="the rulebook as a program that Soufflé made")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--as-of", default="2025-06-30")
    p.add_argument("--zhuize", default=os.path.join(HOME, "target", "release", "zhuize"))
    p.add_argument("--work", help="folder for what is written; kept")
    a = p.parse_args()
    if not shutil.which("souffle"):
        p.error("souffle is not installed")
    return a


def digest(rows):
    """Number of distinct rows and a sum that does not depend on their order."""
    seen = {hashlib.blake2b("\t".join(r).encode(), digest_size=8).digest() for r in rows}
    return len(seen), sum(int.from_bytes(h, "big") for h in seen) % 2**64


def theirs(path, forms):
    def cell(text, form):
        if form in ("number", "date") and text == NOTHING:
            return ""
        if form == "date":
            return (datetime.date(1970, 1, 1) + datetime.timedelta(days=int(text))).isoformat()
        return text

    if os.path.exists(path):
        with open(path, encoding="utf-8", newline="") as f:
            for line in f:
                yield list(map(cell, line.rstrip("\n").split("\t"), forms))


def ours(path, names):
    with open(path, encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            yield [row[n] for n in names]


def main():
    a = arguments()
    work = a.work or tempfile.mkdtemp(prefix="zhuize-rulebook-")
    place = lambda name: os.path.join(work, name)
    day = ["--as-of", a.as_of]
    shutil.rmtree(place("dl"), ignore_errors=True)
    subprocess.run([a.zhuize, "-q", "export", a.facts, "--to", "souffle", "-o", place("dl"), *day], check=True)
    rules = os.path.join(place("dl"), "rulebook.dl")
    compiled = a.compiled
    if a.compile:
        compiled = place("compiled")
        wall, _, peak = timed(["souffle", "-w", "-o", compiled, rules])
        print(f"souffle makes a program: {wall:.0f} s, {peak:.0f} MB", flush=True)
    systems, counts = {}, a.threads.split(",")
    for n in counts:
        out = place("souffle")
        os.makedirs(out, exist_ok=True)
        facts = ["-F", place("dl"), "-D", out]
        systems[f"zhuize {n}"] = [a.zhuize, "-q", "run", a.facts, "-o", place("ours"), "--threads", n, *day]
        systems[f"souffle {n}"] = ["souffle", "-w", f"-j{n}", *facts, rules]
        if compiled:
            systems[f"compiled {n}"] = [compiled, f"-j{n}", *facts]
    runs = {name: [] for name in systems}
    shapes, problems = None, []
    for r in range(a.rounds):
        for name, command in systems.items():
            if name.startswith("zhuize"):
                shutil.rmtree(place("ours"), ignore_errors=True)
            runs[name].append(timed(command))
            wall, cpu, peak = runs[name][-1]
            print(f"round {r + 1} {name}: {wall:.2f} s, processor {cpu:.2f} s, {peak:.0f} MB", flush=True)
    # What the last of each wrote.
    with open(os.path.join(place("dl"), "relations.json"), encoding="utf-8") as f:
        shapes = json.load(f)["outputs"]
    for o in shapes:
        names, forms = [c["name"] for c in o["columns"]], [c["form"] for c in o["columns"]]
        us = digest(ours(os.path.join(place("ours"), o["file"]), names))
        them = digest(theirs(os.path.join(place("souffle"), o["file"]), forms))
        if us != them:
            problems.append(f"{o['relation']}: {us[0]} rows, Soufflé has {them[0]}")
    middle = {n: [statistics.median(x) for x in zip(*rs)] for n, rs in runs.items()}
    print(f"\n{a.rounds} rounds, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; name and threads")
    print(f"{'':12}{'wall/s':>8}{'cpu/s':>8}{'peak/MB':>9}{'theirs/ours':>13}")
    for name, (wall, cpu, peak) in middle.items():
        print(f"{name:12}{wall:8.2f}{cpu:8.2f}{peak:9.0f}{wall / middle['zhuize ' + name.split()[1]][0]:13.2f}")
    print(*problems or [f"all {len(shapes)} relations agree"], sep="\n")
    if not a.work:
        shutil.rmtree(work)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
