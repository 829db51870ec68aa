#!/usr/bin/env python3
"""Questions over whole tables of a prepared casebase, against DuckDB over a file of its own with the same tables.

usage: whole.py BASE [--rounds 3] [--zhuize TOOL] [--work DIR]

Needs `pip install duckdb pyarrow`. DuckDB is given its tables, typed, in its own format, once; what is timed is a process that opens
them and answers, without the start of Python. Answers have to agree, row by row. The first round warms the cache and does not count.
"""
import argparse, csv, json, os, statistics, subprocess, sys
from timing import timed

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
APPROVERS = 'liable(C,P,"zz-injury",B,_), participants(C,P,"approver",O,_), count by O'
QUESTIONS = {
    APPROVERS: """select p.org, count(*) from (select distinct l."case", l.person, l.basis, p.org from liable l
        join participants p on l."case" = p."case" and l.person = p.person
        where l.instrument = 'zz-injury' and p.role = 'approver') p group by 1""",
    "liable(C,P,I,_,_), count by I": """select instrument, count(*) from
        (select distinct "case", person, instrument from liable) group by 1""",
    "disposition(C,P,I,S), count by I, S": "select instrument, state, count(*) from disposition group by 1, 2",
    "cases(case=C, act_kind=K), count by K": "select act_kind, count(*) from cases group by 1",
    "cases(case=C, act_date=D), Y = year(D), count by Y":
        "select year(act_date), count(*) from cases where act_date is not null group by 1",
    "liable(C,P,_,_,_), count C by P, count > 20":
        'select person, count(distinct "case") from liable group by 1 having count(distinct "case") > 20',
}
TABLES = {"liable": "conclusions", "disposition": "conclusions", "participants": "facts", "cases": "facts"}
ASK = """
import duckdb, json, sys, time
start = time.time()
db = duckdb.connect(sys.argv[1], read_only=True)
db.execute("set threads = 2")
rows = db.execute(sys.argv[2]).fetchall()
print(json.dumps([time.time() - start, sorted([str(v) for v in r] for r in rows)]))
"""


def prepare(base, path):
    """A file of DuckDB with the tables of the base."""
    import duckdb, pyarrow as pa, pyarrow.ipc as ipc

    with open(os.path.join(base, "base.json"), encoding="utf-8") as f:
        layers = json.load(f)["layers"]
    if len(layers) != 1:
        sys.exit("the base has several layers: pack it anew")
    db = duckdb.connect(path)
    for name, kind in TABLES.items():
        file = ipc.open_file(pa.memory_map(os.path.join(base, layers[0]["dir"], kind, name + ".arrow")))
        batches = (file.get_batch(i) for i in range(file.num_record_batches))
        rows = pa.RecordBatchReader.from_batches(file.schema, batches)
        db.execute(f'create table "{name}" as select * from rows')
    db.close()


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("base")
    args.add_argument("--rounds", type=int, default=3)
    args.add_argument("--zhuize", default=os.path.join(HOME, "target", "release", "zhuize"))
    args.add_argument("--work", default="/tmp/zhuize-whole")
    args = args.parse_args()
    os.makedirs(args.work, exist_ok=True)
    path = os.path.join(args.work, "tables.duckdb")
    if not os.path.exists(path):
        prepare(args.base, path)
    print(f"{'':60} {'zhuize':>9} {'DuckDB':>9}  ratio")
    for question, sql in QUESTIONS.items():
        ours, theirs = [], []
        for _ in range(args.rounds + 1):
            answer = os.path.join(args.work, "answer.csv")
            ask = [args.zhuize, "--quiet", "query", args.base, question, "--format", "csv", "--output", answer]
            ours.append(timed(ask)[0])
            with open(answer, encoding="utf-8", newline="") as f:
                found = list(csv.reader(f))[1:]
            out = subprocess.run([sys.executable, "-c", ASK, path, sql], check=True, capture_output=True, text=True)
            seconds, rows = json.loads(out.stdout)
            theirs.append(seconds)
            if sorted(found) != rows:
                sys.exit(f"the answers to {question} differ")
        a, b = statistics.median(ours[1:]), statistics.median(theirs[1:])
        print(f"{question[:60]:60} {a:7.3f} s {b:7.3f} s  {a / b:5.2f}", flush=True)


if __name__ == "__main__":
    main()
