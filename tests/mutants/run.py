#!/usr/bin/env python3
"""Mutation testing without a build for every mutant.

    python3 tests/mutants/run.py WORK [--minutes 60] [--seed 1] [--patience 40] [FILE...]

Clones the repository (as committed) into WORK, writes all mutants of the files (default: engine, proof, verifier, stratification)
into one program (see src/main.rs), leaves out those that do not compile and builds all tests once. Then every test runs alone, and
says where it comes by; a mutant is shown only to the tests that come by it, quick ones first, until one fails or hangs, or those
that take PATIENCE seconds together have passed. Mutants are drawn at random until the time is over. Results stand in
WORK/results.tsv and are gone on with when it is called again; survivors are printed. A survivor may still be noticed by a longer
test: look before writing one.
"""

import argparse
import collections
import glob
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import threading
import time
import tomllib

DEFAULT = ["src/engine/*.rs", "src/engine/naive/*.rs", "src/proof/**/*.rs", "src/verify/*.rs", "src/lang/stratify.rs", "src/lang/open.rs"]
# Tests of what signals and full disks do, of the sources themselves, and what is random each time, say nothing about a mutant.
APART = {"faults", "fuzz", "house", "readme", "law_mutants"}
BYTES = 5 << 30
LONGEST = 20
ALIVE = """
/// Whether a mutant is alive; in the file `MUTANT_REACHED`, if that is set, a line for each that was asked for.
#[must_use]
pub fn mutant(n: u32) -> bool {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicBool, Ordering};
    static ALIVE: LazyLock<u32> = LazyLock::new(|| std::env::var("MUTANT").ok().and_then(|m| m.parse().ok()).unwrap_or(0));
    static REACHED: LazyLock<Option<std::fs::File>> = LazyLock::new(|| {
        let path = std::env::var_os("MUTANT_REACHED")?;
        std::fs::OpenOptions::new().create(true).append(true).open(path).ok()
    });
    static SEEN: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
    if let Some(mut file) = REACHED.as_ref() {
        if !SEEN[n as usize].swap(true, Ordering::Relaxed) {
            let _ = std::io::Write::write_all(&mut file, format!("{n}\\n").as_bytes());
        }
    }
    *ALIVE == n
}
"""


def messages(text):
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            pass


class Test:
    """A test: the program it stands in, its name, the seconds it took, the numbers of the mutants it comes by."""

    def __init__(self, program, name, many, seconds=0.0, reached=()):
        self.program, self.name, self.many, self.seconds, self.reached = program, name, many, seconds, set(reached)


class Work:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.source = os.path.join(self.folder, "source")
        here = os.path.dirname(os.path.abspath(__file__))
        self.repository = os.path.dirname(os.path.dirname(here))
        self.writer = os.path.join(here, "Cargo.toml")
        target = os.path.join(self.folder, "target")
        self.env = dict(os.environ, RUSTFLAGS="--cap-lints allow", CARGO_TARGET_DIR=target, CARGO_INCREMENTAL="0", RUST_BACKTRACE="0")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, patterns):
        """Writes the mutants; gives [number, place, what] of each that compiles."""
        shutil.rmtree(self.source, ignore_errors=True)
        subprocess.run(["git", "clone", "-q", self.repository, self.source], check=True)
        skip, env = set(), dict(self.env)
        while True:
            subprocess.run(["git", "checkout", "-q", "src"], cwd=self.source, check=True)
            with open(self.path("skip"), "w") as f:
                f.write(" ".join(map(str, sorted(skip))))
            files = sorted({f for p in patterns for f in glob.glob(p, root_dir=self.source, recursive=True)})
            command = ["cargo", "run", "-q", "--locked", "--release", "--manifest-path", self.writer, "--", "1", self.path("skip"), *files]
            listed = subprocess.run(command, cwd=self.source, env=env, check=True, capture_output=True, text=True).stdout
            mutants = [line.split("\t") for line in listed.splitlines()]
            with open(os.path.join(self.source, "src/lib.rs"), "a") as f:
                f.write(ALIVE.replace("COUNT", str(1 + max((int(m[0]) for m in mutants), default=0))))
            check = ["cargo", "check", "--lib", "--message-format=json"]
            done = subprocess.run(check, cwd=self.source, env=env, capture_output=True, text=True)
            errors = [m["message"] for m in messages(done.stdout) if (m.get("message") or {}).get("level") == "error"]
            if not errors:
                return mutants
            found = set()
            for span in (s for e in errors for s in e["spans"] if s["is_primary"]):
                with open(os.path.join(self.source, span["file_name"]), "rb") as f:
                    before = f.read()[: span["byte_end"]]
                found.update(int(n) for n in re.findall(rb"crate::mutant\((\d+)(?:u32)?\)", before)[-1:])
            if not found - skip:
                raise SystemExit("it does not compile, and not for a mutant:\n" + done.stderr)
            skip |= found

    def build(self):
        """Builds the tests; gives the executable of each program."""
        command = ["cargo", "test", "--no-run", "--lib", "--tests", "--message-format=json"]
        done = subprocess.run(command, cwd=self.source, env=self.env, stdout=subprocess.PIPE, text=True, check=True)
        made = [m for m in messages(done.stdout) if m.get("executable") and m["profile"]["test"]]
        made = {"lib" if "lib" in m["target"]["kind"] else m["target"]["name"]: m["executable"] for m in made}
        return {name: path for name, path in made.items() if name not in APART}

    def test(self, program, names, seconds, **env):
        """Runs tests of a program: whether they pass, or None if they are not ready after so many seconds."""

        def apart():
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))

        scratch = self.path(f"tmp-{threading.get_ident()}")
        os.makedirs(scratch, exist_ok=True)
        command = [program, "--exact", "--test-threads", "1", *names]
        quiet = subprocess.DEVNULL
        env = dict(self.env, TMPDIR=scratch, **env)
        test = subprocess.Popen(command, cwd=self.source, env=env, stdout=quiet, stderr=quiet, preexec_fn=apart)
        try:
            return test.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            return None
        finally:
            try:
                os.killpg(test.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            test.wait()
            shutil.rmtree(scratch, ignore_errors=True)

    def learn(self, programs):
        """Runs every test alone; gives those that pass, with what they come by."""
        with open(os.path.join(self.source, "Cargo.toml"), "rb") as f:
            alone = {t["name"] for t in tomllib.load(f).get("test", []) if not t.get("harness", True)}
        left, tests = [], []
        for name, program in sorted(programs.items()):
            listed = subprocess.run([program, "--list"], cwd=self.source, env=self.env, capture_output=True, text=True, check=True).stdout
            left += [Test(program, line[: -len(": test")], name not in alone) for line in listed.splitlines() if line.endswith(": test")]

        def learn(test):
            reached = self.path(f"reached-{threading.get_ident()}")
            start = time.time()
            passes = self.test(test.program, [test.name], LONGEST, MUTANT="0", MUTANT_REACHED=reached)
            test.seconds = time.time() - start
            if os.path.exists(reached):
                with open(reached) as f:
                    test.reached = {int(n) for n in f.read().split()}
                os.remove(reached)
            if passes:
                tests.append(test)
            else:
                print(f"left out, it {'fails' if passes is False else 'is long'}: {os.path.basename(test.program)} {test.name}", flush=True)

        in_turn(left, learn)
        return tests

    def verdict(self, tests, number, patience):
        """What the tests say of a mutant; those that come by it are asked, about a second of them at a time."""
        asked = sorted((t for t in tests if int(number) in t.reached), key=lambda t: (t.seconds, t.program, t.name))
        if not asked:
            return "unreached"
        spent = 0.0
        while asked and spent < patience:
            batch, seconds = collections.defaultdict(list), 0.0
            while asked and (not batch or seconds + asked[0].seconds < 1):
                test = asked.pop(0)
                batch[(test.program, "" if test.many else test.name)].append(test)
                seconds += test.seconds
            spent += seconds
            for (program, _), some in batch.items():
                passes = self.test(program, [t.name for t in some], 10 + 10 * sum(t.seconds for t in some), MUTANT=number)
                if not passes:
                    name = os.path.basename(program).rsplit("-", 1)[0] + " " + some[0].name
                    return f"{'hangs' if passes is None else 'noticed'} in {name}{' and others' if len(some) > 1 else ''}"
        return "survives"


def in_turn(left, work, end=float("inf")):
    """Works on everything in `left`, as many at a time as there are processors, until `end`."""
    lock = threading.Lock()

    def go_on():
        while time.time() < end:
            with lock:
                if not left:
                    return
                one = left.pop()
            work(one)

    threads = [threading.Thread(target=go_on) for _ in range(os.cpu_count() or 1)]
    [t.start() for t in threads]
    [t.join() for t in threads]


def prepare(work, files):
    """The mutants and the tests, from WORK/ready.json if that was made from the same commit and files."""
    head = ["git", "-C", work.repository, "rev-parse", "HEAD"]
    made_from = [subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip(), *files]
    ready = work.path("ready.json")
    if os.path.exists(ready):
        with open(ready) as f:
            kept = json.load(f)
        if kept["from"] == made_from:
            return kept["mutants"], [Test(*t) for t in kept["tests"]]
    os.makedirs(work.folder, exist_ok=True)
    mutants = work.write(files)
    tests = work.learn(work.build())
    with open(ready + ".new", "w") as f:
        json.dump({"from": made_from, "mutants": mutants, "tests": [[t.program, t.name, t.many, t.seconds, sorted(t.reached)] for t in tests]}, f)
    os.replace(ready + ".new", ready)
    return mutants, tests


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work")
    parser.add_argument("files", nargs="*", default=DEFAULT)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=40)
    args = parser.parse_intermixed_args()
    work = Work(args.work)
    mutants, tests = prepare(work, args.files)
    print(f"{len(mutants)} mutants, {len(tests)} tests", flush=True)
    results, known = work.path("results.tsv"), set()
    if os.path.exists(results):
        with open(results) as f:
            known = {tuple(line.rstrip("\n").split("\t")[1:3]) for line in f}
    left = [m for m in mutants if (m[1], m[2]) not in known]
    random.Random(args.seed).shuffle(left)
    lock = threading.Lock()
    with open(results, "a") as out:

        def look(mutant):
            number, place, what = mutant
            verdict = work.verdict(tests, number, args.patience)
            with lock:
                out.write(f"{verdict}\t{place}\t{what}\n")
                out.flush()

        in_turn(left, look, time.time() + 60 * args.minutes)
    rooms = collections.defaultdict(collections.Counter)
    with open(results) as f:
        for verdict, place, what in (line.rstrip("\n").split("\t") for line in f):
            rooms[place.split("/")[1]][verdict.split()[0]] += 1
            if verdict in ("survives", "unreached"):
                print(f"{place}: {what}: {verdict}")
    for room, counts in sorted(rooms.items()):
        print(room, ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common()))


if __name__ == "__main__":
    main()
