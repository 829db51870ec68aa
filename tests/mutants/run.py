#!/usr/bin/env python3
"""Mutation testing without a build for every mutant.

    python3 tests/mutants/run.py WORK [--minutes 60] [--seed 1] [FILE...]

Clones the repository (as committed) into WORK, writes all mutants of the files (default: engine, proof, verifier, stratification)
into one program (see src/main.rs), leaves out those that do not compile, builds the tests once, and runs them for mutants
drawn at random until the time is over: of each room first what is quick, until one fails or hangs. Results stand in
WORK/results.tsv and are gone on with when it is called again; survivors are printed. A survivor of these tests may still be noticed by
another: look before writing one.
"""

import argparse
import collections
import glob
import json
import os
import random
import re
import resource
import signal
import subprocess
import threading
import time

DEFAULT = ["src/engine/*.rs", "src/engine/naive/*.rs", "src/proof/**/*.rs", "src/verify/*.rs", "src/lang/stratify.rs", "src/lang/open.rs"]
# The tests of each room, quick ones first; `lib` are the unit tests.
TESTS = {
    "engine": "engine ask eval language lang lib metamorphic differential shards golden",
    "lang": "engine lang language lib metamorphic differential proof verify",
    "proof": "ask proof language explain lib verify",
    "verify": "lib verify",
}
SECONDS = 60
BYTES = 5 << 30
ALIVE = """
/// Whether a mutant is alive.
#[must_use]
pub fn mutant(n: u32) -> bool {
    static ALIVE: std::sync::LazyLock<u32> =
        std::sync::LazyLock::new(|| std::env::var("MUTANT").ok().and_then(|m| m.parse().ok()).unwrap_or(0));
    *ALIVE == n
}
"""


def messages(text):
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            pass


class Work:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.source = os.path.join(self.folder, "source")
        here = os.path.dirname(os.path.abspath(__file__))
        self.repository = os.path.dirname(os.path.dirname(here))
        self.writer = os.path.join(here, "Cargo.toml")
        target = os.path.join(self.folder, "target")
        self.env = dict(os.environ, RUSTFLAGS="--cap-lints allow", CARGO_TARGET_DIR=target)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, patterns):
        """Writes the mutants; gives (number, place, what) of each that compiles."""
        os.makedirs(self.folder, exist_ok=True)
        subprocess.run(["rm", "-rf", self.source], check=True)
        subprocess.run(["git", "clone", "-q", self.repository, self.source], check=True)
        skip, env = set(), dict(self.env)
        while True:
            subprocess.run(["git", "checkout", "-q", "src"], cwd=self.source, check=True)
            with open(self.path("skip"), "w") as f:
                f.write(" ".join(map(str, sorted(skip))))
            files = sorted({f for p in patterns for f in glob.glob(p, root_dir=self.source, recursive=True)})
            command = ["cargo", "run", "-q", "--release", "--manifest-path", self.writer, "--", "1", self.path("skip"), *files]
            listed = subprocess.run(command, cwd=self.source, env=env, check=True, capture_output=True, text=True).stdout
            with open(os.path.join(self.source, "src/lib.rs"), "a") as f:
                f.write(ALIVE)
            check = ["cargo", "check", "--lib", "--message-format=json"]
            done = subprocess.run(check, cwd=self.source, env=env, capture_output=True, text=True)
            errors = [m["message"] for m in messages(done.stdout) if (m.get("message") or {}).get("level") == "error"]
            if not errors:
                return [tuple(line.split("\t")) for line in listed.splitlines()]
            found = set()
            for span in (s for e in errors for s in e["spans"] if s["is_primary"]):
                with open(os.path.join(self.source, span["file_name"]), "rb") as f:
                    before = f.read()[: span["byte_end"]]
                found.update(int(n) for n in re.findall(rb"crate::mutant\((\d+)(?:u32)?\)", before)[-1:])
            if not found - skip:
                raise SystemExit("it does not compile, and not for a mutant:\n" + done.stderr)
            skip |= found

    def build(self):
        """Builds the tests; gives the executable of each."""
        names = sorted({t for tests in TESTS.values() for t in tests.split()} - {"lib"})
        command = ["cargo", "test", "--no-run", "--lib", "--message-format=json"] + [a for n in names for a in ("--test", n)]
        done = subprocess.run(command, cwd=self.source, env=self.env, stdout=subprocess.PIPE, text=True, check=True)
        made = [m for m in messages(done.stdout) if m.get("executable") and m["profile"]["test"]]
        return {"lib" if "lib" in m["target"]["kind"] else m["target"]["name"]: m["executable"] for m in made}

    def verdict(self, tests, number):
        def apart():
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))

        env = dict(self.env, MUTANT=number, RUST_BACKTRACE="0")
        for name, executable in tests:
            quiet = subprocess.DEVNULL
            test = subprocess.Popen([executable], cwd=self.source, env=env, stdout=quiet, stderr=quiet, preexec_fn=apart)
            try:
                if test.wait(SECONDS) != 0:
                    return f"noticed by {name}"
            except subprocess.TimeoutExpired:
                os.killpg(test.pid, signal.SIGKILL)
                test.wait()
                return f"hangs in {name}"
        return "survives"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work")
    parser.add_argument("files", nargs="*", default=DEFAULT)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_intermixed_args()
    work = Work(args.work)
    mutants = work.write(args.files)
    tests = work.build()
    print(f"{len(mutants)} mutants", flush=True)
    results, known = work.path("results.tsv"), set()
    if os.path.exists(results):
        with open(results) as f:
            known = {tuple(line.split("\t")[1:3]) for line in f}
    left = [m for m in mutants if (m[1], m[2]) not in known]
    random.Random(args.seed).shuffle(left)
    if os.path.exists(results) and not left:
        print("all have been looked at")
    end, lock = time.time() + 60 * args.minutes, threading.Lock()
    with open(results, "a") as out:

        def go_on():
            while time.time() < end:
                with lock:
                    if not left:
                        return
                    number, place, what = left.pop()
                room = place.split("/")[1]
                verdict = work.verdict([(t, tests[t]) for t in TESTS.get(room, TESTS["engine"]).split()], number)
                with lock:
                    out.write(f"{verdict}\t{place}\t{what}\n")
                    out.flush()

        threads = [threading.Thread(target=go_on) for _ in range(os.cpu_count() or 1)]
        [t.start() for t in threads]
        [t.join() for t in threads]
    rooms = collections.defaultdict(collections.Counter)
    with open(results) as f:
        for verdict, place, what in (line.rstrip("\n").split("\t") for line in f):
            rooms[place.split("/")[1]][verdict.split()[0]] += 1
            if verdict == "survives":
                print(f"{place}: {what}")
    for room, counts in sorted(rooms.items()):
        print(room, ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common()))


if __name__ == "__main__":
    main()
