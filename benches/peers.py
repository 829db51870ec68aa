#!/usr/bin/env python3
"""Our `eval` and its peers, side by side in one run: medians, ratios, peak memory, equal answers.

usage: peers.py BENCH_FOLDER [--cases N] [--rounds N] [--threads N] [--zhuize PATH] [--work DIR]
       (or BENCH_FOLDER by the environment variable ZHUIZE_BENCH)

BENCH_FOLDER holds gen.py (N OUTDIR), rules.dl, and for peers duckdb_peer.py (FACTS OUT THREADS); reference.txt is used
when its heading names the number of cases. A peer that is not installed is named and left out. The rounds go
zhuize, peer, zhuize, peer ..., so that a busy machine is busy for all.
"""
import argparse, hashlib, os, re, shutil, statistics, subprocess, sys, tempfile
from timing import timed

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("bench", nargs="?", default=os.environ.get("ZHUIZE_BENCH"))
    p.add_argument("--cases", type=int, default=1_000_000)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--zhuize", default=os.path.join(HOME, "target", "release", "zhuize"))
    p.add_argument("--work", help="folder for facts and outputs; kept, and facts in it are used again")
    a = p.parse_args()
    if not a.bench or not os.path.isdir(a.bench):
        p.error("no bench folder: give it as argument or in ZHUIZE_BENCH")
    return a


def digest(path):
    with open(path, "rb") as f:
        lines = sorted(f.read().splitlines(keepends=True))
    return hashlib.sha256(b"".join(lines)).hexdigest()


def reference(bench, cases):
    path = os.path.join(bench, "reference.txt")
    if not os.path.exists(path):
        return {}
    text = open(path).read()
    named = re.search(r"gen\.py (\d+)", text)
    if not named or int(named.group(1)) != cases:
        return {}
    return {m.group(2): m.group(1) for m in re.finditer(r"^([0-9a-f]{64}) (\w+)", text, re.M)}


def main():
    a = arguments()
    work = a.work or tempfile.mkdtemp(prefix="zhuize-bench-")
    facts = os.path.join(work, f"facts-{a.cases}")
    rules = os.path.join(a.bench, "rules.dl")
    if not os.path.isdir(facts):
        subprocess.run([sys.executable, os.path.join(a.bench, "gen.py"), str(a.cases), facts], check=True)
    out = {}
    systems = {}

    def add(name, command):
        out[name] = os.path.join(work, "out-" + re.sub(r"\W+", "-", name))
        os.makedirs(out[name], exist_ok=True)
        systems[name] = [c.format(facts=facts, out=out[name], threads=a.threads) for c in command]

    if not os.path.exists(a.zhuize):
        sys.exit(f"{a.zhuize} is missing: cargo build --release")
    add("zhuize", [a.zhuize, "eval", rules, "-F", "{facts}", "-D", "{out}", "-j", "{threads}"])
    peer = os.path.join(a.bench, "duckdb_peer.py")
    try:
        import duckdb  # noqa: F401
        if os.path.exists(peer):
            # `nocase` spares the peer a table that no rule reads, as we spare it ourselves.
            add("duckdb", [sys.executable, peer, "{facts}", "{out}", "{threads}", "nocase"])
    except ImportError:
        print("duckdb is not installed (pip install duckdb): left out")
    if shutil.which("souffle"):
        add("souffle", ["souffle", "-F", "{facts}", "-D", "{out}", "-j{threads}", rules])
    else:
        print("souffle is not installed: left out")

    runs = {name: [] for name in systems}
    for r in range(a.rounds):
        for name, command in systems.items():
            runs[name].append(timed(command))
            wall, cpu, peak = runs[name][-1]
            print(f"round {r + 1} {name}: {wall:.2f} s, processor {cpu:.2f} s, {peak:.0f} MB", flush=True)

    want = reference(a.bench, a.cases)
    names = sorted(f for f in os.listdir(out["zhuize"]) if f.endswith(".csv"))
    wrong = 0
    for name in systems:
        for f in names:
            expected = want.get(f[:-4]) or digest(os.path.join(out["zhuize"], f))
            path = os.path.join(out[name], f)
            if not os.path.exists(path) or digest(path) != expected:
                print(f"{name}: {f} differs")
                wrong += 1
    middle = {n: [statistics.median(x) for x in zip(*rs)] for n, rs in runs.items()}
    print(f"\n{a.cases} cases, {a.threads} threads, {a.rounds} rounds, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(f"{'':10}{'wall/s':>8}{'cpu/s':>8}{'peak/MB':>9}{'ours/it':>9}   answers")
    for n, (wall, cpu, peak) in sorted(middle.items(), key=lambda x: x[1][0]):
        ratio = middle["zhuize"][0] / wall
        print(f"{n:10}{wall:8.2f}{cpu:8.2f}{peak:9.0f}{ratio:9.2f}   {'as the reference' if want else 'as ours'}")
    if not a.work:
        shutil.rmtree(work)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
