#!/usr/bin/env python3
"""A run of the six rulebooks over casebases of growing size: time, memory, the gain of a second thread, equal bytes.

usage: scale.py [--sizes 10000,100000,1000000] [--rounds N] [--work DIR] [--result FILE] [--questions]

Casebases are made by benches/casebase.rs and kept in DIR. Rounds go one thread, two threads, one thread ... so that a busy
machine is busy for all; the results of all runs over one casebase must be the same, byte for byte. `floor` is a program
that only reads the bytes of all tables, sorts the lines of the largest, and writes as many bytes as the run does.
"""
import argparse, datetime, hashlib, os, shutil, statistics, subprocess, sys, tempfile, time
from timing import timed

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOL = os.path.join(HOME, "target", "release", "zhuize")
EXAMPLES = os.path.join(HOME, "target", "release", "examples")


def digest(folder):
    total = hashlib.sha256()
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f:
            total.update(name.encode() + hashlib.file_digest(f, "sha256").digest())
    return total.hexdigest()


def size(folder):
    return sum(os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder))


def floor(facts, out_bytes, work):
    """Seconds to read all bytes, sort the lines of the largest table, and write as many bytes as the results have."""
    start = time.monotonic()
    paths = sorted((os.path.join(facts, n) for n in os.listdir(facts)), key=os.path.getsize)
    for path in paths:
        with open(path, "rb") as f:
            data = f.read()
    lines = data.split(b"\n")
    lines.sort()
    del lines
    block = data[: 1 << 20] or b"x" * (1 << 20)
    with open(os.path.join(work, "floor.out"), "wb") as f:
        for _ in range(out_bytes // len(block) + 1):
            f.write(block)
    os.remove(os.path.join(work, "floor.out"))
    return time.monotonic() - start


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--sizes", default="10000,100000,1000000")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "zhuize-scale"))
    p.add_argument("--result", help="write the table to this file as well")
    p.add_argument("--questions", action="store_true", help="ask 1,000 questions of the casebase of a million cases, or of the largest below")
    a = p.parse_args()
    for part in (["--bin", "zhuize"], ["--example", "casebase"], ["--example", "questions"]):
        subprocess.run(["cargo", "build", "--release", "--quiet", *part], cwd=HOME, check=True)
    os.makedirs(a.work, exist_ok=True)
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    lines = [
        f"{datetime.date.today()}, {os.cpu_count()} cores ({cpu}), medians of {a.rounds} rounds; MB = 2^20 bytes",
        "",
        "| cases | facts MB | results MB | 1 thread s | MB | 2 threads s | MB | gain | s per million | floor s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    sizes = [int(n) for n in a.sizes.split(",")]
    for n in sizes:
        facts = os.path.join(a.work, f"cases-{n}")
        if not os.path.isdir(facts):
            subprocess.run([os.path.join(EXAMPLES, "casebase"), str(n), facts + ".new"], check=True)
            os.rename(facts + ".new", facts)
        out = os.path.join(a.work, "out")
        seen, times, memory, floors = set(), {1: [], 2: []}, {1: [], 2: []}, []
        for _ in range(a.rounds):
            for threads in (1, 2):
                shutil.rmtree(out, ignore_errors=True)
                command = [TOOL, "--quiet", "run", facts, "--as-of", "2025-06-30", "-o", out, "--threads", str(threads)]
                wall, _, mb = timed(command)
                times[threads].append(wall)
                memory[threads].append(mb)
                seen.add(digest(out))
            floors.append(floor(facts, size(out), a.work))
        if len(seen) != 1:
            sys.exit(f"{n} cases: the results differ from run to run")
        one, two = statistics.median(times[1]), statistics.median(times[2])
        row = (n, size(facts) / 2**20, size(out) / 2**20, one, max(memory[1]), two, max(memory[2]), one / two, two * 1e6 / n, statistics.median(floors))
        lines.append("| %d | %.0f | %.0f | %.2f | %.0f | %.2f | %.0f | %.2f | %.2f | %.2f |" % row)
        print(lines[-1], flush=True)
        shutil.rmtree(out, ignore_errors=True)
    if a.questions:
        n = max([s for s in sizes if s <= 1_000_000] or sizes[:1])
        facts = os.path.join(a.work, f"cases-{n}")
        told = subprocess.run([os.path.join(EXAMPLES, "questions"), facts], check=True, capture_output=True, text=True).stdout
        lines += ["", f"Questions over {n} loaded cases:", "", "```", told.rstrip(), "```"]
    text = "\n".join(lines) + "\n"
    print("\n" + text)
    if a.result:
        with open(a.result, "w") as f:
            f.write(text)


main()
