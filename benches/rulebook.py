#!/usr/bin/env python3
"""The full rulebook over one casebase, ours and Soufflé's, side by side in one run: medians, ratios, memory, equal answers.

usage: rulebook.py FACTS [--rounds N] [--threads 1,2] [--compiled PROGRAM | --compile] [--as-of DATE] [--zhuize PATH] [--work DIR]

Soufflé gets the program and the facts that `export --to souffle` writes, ready to be read (making them is not counted); we
read the tables as analysts have them. Both write all conclusions. `--compile` has Soufflé make a program of the rulebook first
(many minutes); PROGRAM is one made before. The rounds go in turn, so that a busy machine is busy for all.
"""
import argparse, hashlib, os, shutil, statistics, subprocess, sys, tempfile
from timing import timed

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(HOME, "tests", "oracle"))
from souffle_rows import ours, shapes, theirs


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
        systems[f"zhuize {n}"] = [a.zhuize, "-q", "run", a.facts, "--threads", n, *day, "-o"]
        systems[f"souffle {n}"] = ["souffle", "-w", f"-j{n}", "-F", place("dl"), rules, "-D"]
        if compiled:
            systems[f"compiled {n}"] = [compiled, f"-j{n}", "-F", place("dl"), "-D"]
    runs = {name: [] for name in systems}
    for r in range(a.rounds):
        for name, command in systems.items():
            shutil.rmtree(place(name), ignore_errors=True)
            if not name.startswith("zhuize"):
                os.makedirs(place(name))
            runs[name].append(timed([*command, place(name)]))
            wall, cpu, peak = runs[name][-1]
            print(f"round {r + 1} {name}: {wall:.2f} s, processor {cpu:.2f} s, {peak:.0f} MB", flush=True)
    # What each wrote in the last round.
    problems, outputs = [], shapes(place("dl"))
    for relation, file, names, forms in outputs:
        of = lambda n: ours(os.path.join(place(n), file), names) if n.startswith("zhuize") else theirs(os.path.join(place(n), file), forms)
        wrote = {name: digest(of(name)) for name in systems}
        first = next(iter(wrote.values()))
        problems += [f"{relation}: {n} has {w[0]} rows, not those of ours: {first[0]}" for n, w in wrote.items() if w != first]
    middle = {n: [statistics.median(x) for x in zip(*rs)] for n, rs in runs.items()}
    print(f"\n{a.rounds} rounds, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; name and threads")
    print(f"{'':12}{'wall/s':>8}{'cpu/s':>8}{'peak/MB':>9}{'theirs/ours':>13}")
    for name, (wall, cpu, peak) in middle.items():
        print(f"{name:12}{wall:8.2f}{cpu:8.2f}{peak:9.0f}{wall / middle['zhuize ' + name.split()[1]][0]:13.2f}")
    print(*problems or [f"all {len(outputs)} relations agree"], sep="\n")
    if not a.work:
        shutil.rmtree(work)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
