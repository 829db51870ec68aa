#!/usr/bin/env python3
"""A prepared casebase: how long packing, cold questions and an update of cases take.

usage: base.py [--sizes 100000,1000000] [--questions N] [--changes N] [--work DIR]

Casebases are made by benches/casebase.rs and kept in DIR. Every question is a process of its own, over cases drawn from
the whole casebase. The update adds N cases, gives N / 2 anew and withdraws N / 4; afterwards a full run over the unpacked
facts must conclude what the base holds.
"""
import argparse, csv, os, random, shutil, statistics, subprocess, sys, tempfile
from timing import timed

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOL = os.path.join(HOME, "target", "release", "zhuize")
MAKE = os.path.join(HOME, "target", "release", "examples", "casebase")
DAY = ["--as-of", "2025-06-30"]
INSTRUMENTS = ["zz-injury", "zz-wrong", "yy-lost", "wl-em", "cf-fault", "cf-interf"]
KINDS = {
    "why": lambda c, p, i: ["why", f'disposition("{c}","{p}",I,_)'],
    "why-not": lambda c, p, i: ["why-not", f'liable("{c}","{p}","{i}",_,_)'],
    "what-if": lambda c, p, i: ["what-if", "--remove", f'participants("{c}","{p}",_,_,_,_)'],
    "least-change": lambda c, p, i: ["least-change", f'liable("{c}","{p}","{i}",_,_)', "--to", "true"],
    "query a case": lambda c, p, i: ["query", f'disposition("{c}",P,I,S)'],
    "query a person": lambda c, p, i: ["query", f'participants(C,"{p}",R,_,_,_), disposition(C,"{p}",I,S)'],
}


def rows(folder, table):
    with open(os.path.join(folder, table), encoding="utf-8", newline="") as f:
        yield from csv.DictReader(f)


def sample(folder, n):
    """Cases and persons, spread over the casebase."""
    picked, rng = [], random.Random(7)
    for k, row in enumerate(rows(folder, "participants.csv")):
        if len(picked) < n:
            picked.append((row["case"], row["person"]))
        elif (j := rng.randrange(k + 1)) < n:
            picked[j] = (row["case"], row["person"])
    rng.shuffle(picked)
    return picked


def changes(folder, out, n):
    """Tables of changes, and the cases to withdraw."""
    rng, seen = random.Random(11), []
    for k, row in enumerate(rows(folder, "cases.csv")):
        if len(seen) < 2 * n:
            seen.append(row["case"])
        elif (j := rng.randrange(k + 1)) < 2 * n:
            seen[j] = row["case"]
    new, anew, gone = set(seen[:n]), set(seen[n : n + n // 2]), seen[n + n // 2 : n + n // 2 + n // 4]
    os.makedirs(out)
    for table in sorted(os.listdir(folder)):
        kept, names = [], None
        for row in rows(folder, table):
            names = names or list(row)
            if "case" not in row:
                break
            if row["case"] in new:
                kept.append({k: "new-" + v if k in ("case", "incident") else v for k, v in row.items()})
            if row["case"] in anew and table != "conduct.csv":
                kept.append(row)
        if kept:
            with open(os.path.join(out, table), "w", encoding="utf-8", newline="") as f:
                writer = csv.DictWriter(f, names)
                writer.writeheader()
                writer.writerows(kept)
    return [a for c in gone for a in ("--withdraw", c)]


def agree(base, work):
    """The base holds what a full run over its facts concludes."""
    facts, kept, run = (os.path.join(work, n) for n in ("facts", "kept", "run"))
    subprocess.run([TOOL, "-q", "unpack", base, "-o", facts], check=True)
    subprocess.run([TOOL, "-q", "unpack", base, "--conclusions", "-o", kept], check=True)
    subprocess.run([TOOL, "-q", "run", facts, *DAY, "-o", run], check=True)
    for name in os.listdir(kept):
        with open(os.path.join(kept, name), encoding="utf-8", newline="") as a, open(
            os.path.join(run, name), encoding="utf-8", newline=""
        ) as b:
            a, b = csv.reader(a), csv.reader(b)
            width = len(next(a))
            next(b)
            if sorted(a) != sorted(row[:width] for row in b):
                sys.exit(f"{name}: the base does not hold what a full run concludes")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--sizes", default="100000,1000000")
    p.add_argument("--questions", type=int, default=50)
    p.add_argument("--changes", type=int, default=100)
    p.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "zhuize-base"))
    p.add_argument("--unchecked", action="store_true", help="do not compare with a full run")
    a = p.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet", "--bin", "zhuize", "--example", "casebase"], cwd=HOME, check=True)
    for size in (int(s) for s in a.sizes.split(",")):
        facts, base = os.path.join(a.work, f"k{size}"), os.path.join(a.work, f"b{size}")
        if not os.path.isdir(facts):
            subprocess.run([MAKE, str(size), facts], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(base, ignore_errors=True)
        wall, cpu, peak = timed([TOOL, "-q", "pack", facts, *DAY, "-o", base])
        disk = sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(base) for f in files)
        print(f"{size} cases: packed in {wall:.1f} s ({cpu:.1f} s of processor, peak {peak:.0f} MB), {disk / 1e6:.0f} MB")
        drawn = sample(facts, a.questions)
        print(f"  {'cold, ms':<16}{'median':>8}{'p90':>8}{'longest':>9}{'MB':>7}")
        for kind, ask in KINDS.items():
            took, most = [], 0.0
            for k, (case, person) in enumerate(drawn):
                command = ask(case, person, INSTRUMENTS[k % len(INSTRUMENTS)])
                wall, _, peak = timed([TOOL, command[0], base, *command[1:]])
                took.append(1e3 * wall)
                most = max(most, peak)
            took.sort()
            at = lambda share: took[int((len(took) - 1) * share)]
            print(f"  {kind:<16}{statistics.median(took):>8.0f}{at(0.9):>8.0f}{took[-1]:>9.0f}{most:>7.0f}")
        work = os.path.join(a.work, "changes")
        shutil.rmtree(work, ignore_errors=True)
        gone = changes(facts, os.path.join(work, "new"), a.changes)
        wall, cpu, peak = timed([TOOL, "-q", "update", base, os.path.join(work, "new"), *gone])
        print(f"  update of {a.changes} + {a.changes // 2} + {a.changes // 4} cases: {wall:.2f} s ({cpu:.2f} s of processor, peak {peak:.0f} MB)")
        if not a.unchecked:
            agree(base, work)
            print("  a full run over the changed facts concludes the same")
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
