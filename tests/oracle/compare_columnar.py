"""Reads our Parquet files with DuckDB and gives us files that DuckDB wrote: python3 tests/oracle/compare_columnar.py --zhuize PATH.

Every table of `run --parquet` must hold what the CSV of the same run holds, with days as DATE and numbers as integers; a
casebase that DuckDB turned into Parquet must give the same results as its CSV files."""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import duckdb

DAY = "2025-06-30"


def rows(con, source):
    names = [d[0] for d in con.execute(f"SELECT * FROM {source} LIMIT 0").description]
    columns = ", ".join(f"coalesce(CAST(\"{n}\" AS VARCHAR), '') AS \"{n}\"" for n in names)
    return names, con.execute(f"SELECT {columns} FROM {source}").fetchall()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--zhuize", required=True)
    zhuize = args.parse_args().zhuize
    con = duckdb.connect()
    tables = cells = 0
    kinds = set()
    for facts in ["facts/demo", "facts/public-cases"]:
        with tempfile.TemporaryDirectory() as tmp:
            tmp = pathlib.Path(tmp)

            def run(source, to, *more):
                command = [zhuize, "-q", "run", str(source), "--as-of", DAY, "-o", str(tmp / to), *more]
                subprocess.run(command, check=True)

            run(facts, "csv")
            run(facts, "columns", "--parquet")
            texts = sorted(p for p in (tmp / "csv").glob("*.csv") if p.stem != "spellings")
            for text in texts:
                ours = tmp / "columns" / f"{text.stem}.parquet"
                want = rows(con, f"read_csv('{text}', header=true, all_varchar=true, auto_detect=false, delim=',', quote='\"', escape='\"', "
                            f"columns={{{', '.join(repr(n) + ': ' + repr('VARCHAR') for n in header(text))}}})")
                got = rows(con, f"read_parquet('{ours}')")
                if want != got:
                    sys.exit(f"{facts}: {text.stem}: DuckDB reads something else in the Parquet file than in the CSV file")
                kinds |= {r[1] for r in con.execute(f"DESCRIBE SELECT * FROM read_parquet('{ours}')").fetchall()}
                tables += 1
                cells += len(got[0]) * len(got[1])
            answer = tmp / "answer.parquet"
            question = "cases(case=C, act_date=D), Y = year(D)"
            command = [zhuize, "query", facts, "--as-of", DAY, "--format", "parquet", "-o", str(answer), question]
            subprocess.run(command, check=True)
            kinds |= {r[1] for r in con.execute(f"DESCRIBE SELECT * FROM read_parquet('{answer}')").fetchall()}
            right, all_rows = con.execute(f"SELECT count(*) FILTER (year(D) = Y), count(*) FROM read_parquet('{answer}')").fetchone()
            if right != all_rows or right < 5:
                sys.exit(f"{facts}: DuckDB finds other years in {all_rows - right} of {all_rows} days")
            (tmp / "facts").mkdir()
            for text in sorted(pathlib.Path(facts).glob("*.csv")):
                # Types as DuckDB finds them out: days become DATE, numbers BIGINT, yes and no stay text.
                con.execute(f"COPY (SELECT * FROM read_csv('{text}', header=true, nullstr='')) TO '{tmp / 'facts' / text.stem}.parquet' (FORMAT parquet)")
            run(tmp / "facts", "again")
            for text in texts:
                if text.read_bytes() != (tmp / "again" / text.name).read_bytes():
                    sys.exit(f"{facts}: {text.stem}: another result from DuckDB's Parquet files")
    if not {"DATE", "INTEGER", "VARCHAR"} <= kinds:
        sys.exit(f"types: {sorted(kinds)}")
    print(f"{tables} tables, {cells} cells the same in DuckDB; casebases written by DuckDB give the same results")


def header(path):
    with open(path, encoding="utf-8") as f:
        return f.readline().rstrip("\n").split(",")


main()
