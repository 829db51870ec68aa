"""Opens a prepared casebase with pyarrow: every table of conclusions holds the rows that `unpack` writes.

usage: open_base.py ZHUIZE FACTS
"""

import csv
import pathlib
import subprocess
import sys
import tempfile

import pyarrow.ipc


def shown(value):
    return "" if value is None else str(value)


def main():
    zhuize, facts = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as place:
        base, plain = pathlib.Path(place, "base"), pathlib.Path(place, "plain")
        quiet = [zhuize, "--quiet"]
        subprocess.run([*quiet, "pack", facts, "--as-of", "2025-06-30", "-o", base], check=True)
        subprocess.run([*quiet, "unpack", base, "--conclusions", "-o", plain], check=True)
        files = sorted(base.glob("*/conclusions/*.arrow"))
        total = 0
        for path in files:
            table = pyarrow.ipc.open_file(path).read_all()
            rows = sorted([shown(v) for v in row.values()] for row in table.to_pylist())
            name = {"interfered": "interference"}.get(path.stem, path.stem)
            with open(plain / f"{name}.csv", encoding="utf-8", newline="") as file:
                head, *lines = csv.reader(file)
            assert head == table.column_names, path
            assert rows == sorted(lines), path
            total += len(rows)
        assert total > 1000, total
        print(f"pyarrow reads {len(files)} tables, {total} rows, as they were written")


if __name__ == "__main__":
    main()
