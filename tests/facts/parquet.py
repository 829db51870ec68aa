"""Writes the Parquet files of `good/parquet*` and `bad/parquet*` with other people's writers: python3 tests/facts/parquet.py.

Needs pyarrow and duckdb. The files are kept, so that the tests need neither."""

import datetime as dt
import decimal
import pathlib

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent


def put(folder, name, table, **how):
    path = HERE / folder / "tables" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **how)
    return path


def day(text):
    return dt.date.fromisoformat(text)


# Every type that a cell can show, by several writers.
put("good/parquet", "paint", pa.table({
    "id": ["p1", "p2", "p3", "p4"],
    "colour": pa.array(["green", "绿", None, "green"]).dictionary_encode(),
    "litres": pa.array([1, -2147483648, None, 2147483647], pa.int64()),
    "weight": pa.array([1.5, 0.1, 0.25, -0.0], pa.float64()),
    "pots": pa.array([1, 4294967295, 7, 0], pa.uint32()),
    "made": pa.array([day("2021-03-05"), day("1900-01-01"), None, day("2100-12-31")], pa.date32()),
    "opened": pa.array([dt.datetime(2021, 3, 5), dt.datetime(1969, 12, 31, 23, 59), None, None], pa.timestamp("us")),
    "wet": pa.array([True, False, None, None], pa.bool_()),
    "note": pa.array(["a,b", "two\nlines\r\nand \"quotes\"", None, ""], pa.string()),
    "source": ["file 1, p. 3", None, None, "file 2"],
}))
con = duckdb.connect()
folder = HERE / "good/parquet/tables"
con.execute(f"""COPY (SELECT 'q' || i AS id, CASE WHEN i % 2 = 0 THEN 'green' ELSE '绿' END AS colour,
    i::DECIMAL(9, 2) AS litres, (i / 4)::FLOAT AS weight, i::UTINYINT AS pots, DATE '2021-01-01' + i::INTEGER AS made,
    (DATE '2021-02-01' + i::INTEGER)::TIMESTAMP AS opened, i % 2 = 0 AS wet, NULL AS note
    FROM range(5) t(i)) TO '{folder}/duck.parquet' (FORMAT parquet)""")
put("good/parquet", "old", pa.table({
    "id": ["o1", "o2", "o3"],
    "made": pa.array([dt.datetime(2021, 3, 5), None, dt.datetime(1900, 1, 1)], pa.timestamp("ns")),
    "litres": pa.array([decimal.Decimal("12.00"), decimal.Decimal("-3.00"), None], pa.decimal128(20, 2)),
    "note": pa.array([b"bytes", None, "字".encode()], pa.binary()),
}), compression="gzip", use_deprecated_int96_timestamps=True, data_page_version="2.0", version="1.0")
put("good/parquet", "many", pa.table({
    "id": [f"m{i:02}" for i in range(60)], "litres": pa.array(range(60), pa.int16()),
}), row_group_size=25, data_page_size=64, compression="none")
put("good/parquet", "none", pa.table({"id": pa.array([], pa.string())}))

# What is wrong is found at its row.
put("bad/parquet", "paint", pa.table({
    "id": ["p1", "p2", " p3", "p3", None, "p\0", "p7"],
    "colour": ["green", "gren", "any", "green", "green", "green", "green"],
    "litres": pa.array([1, 2147483648, 3, 4, 5, 6, 7], pa.int64()),
    "weight": [1.0, float("nan"), float("inf"), 1e300, 0.0, 0.0, 0.0],
    "pots": [0, -1, 0, 0, 0, 0, 0],
    "made": pa.array([day("1899-12-31"), day("2021-03-05"), None, None, None, None, day("2021-03-06")]),
    "opened": pa.array([None, None, None, None, None, None, day("2021-03-05")]),
    "wet": ["yes", "maybe", None, None, None, None, None],
    "not_there": list(range(7)),
    "unread": [[1]] * 7,
}))
put("bad/parquet", "colours", pa.table({"id": ["a"], "code": ["x"], "id2": ["y"], "编号": ["again"]}))
put("bad/parquet", "strange", pa.table({"a": [1], "b": [2]}))
put("bad/parquet", "nested", pa.table({"id": ["n1"], "colour": [["green"]]}))
put("bad/parquet", "uuid", pa.table({"id": pa.array([b"0123456789abcdef"], pa.binary(16))}))
put("bad/parquet", "gbk", pa.table({"id": pa.array(["a".encode(), "案件".encode("gbk")], pa.binary())}))
put("bad/parquet", "packed", pa.table({"id": ["z1"]}), compression="zstd")
put("bad/parquet", "twice", pa.table({"id": ["t1"]}))
(HERE / "bad/parquet/tables/twice.csv").write_text("id\nt1\n")

sound = put("bad/parquet_damaged", "sound", pa.table({"id": ["p1", "p2"] * 50})).read_bytes()
folder = HERE / "bad/parquet_damaged/tables"
(folder / "sound.parquet").unlink()
(folder / "cut.parquet").write_bytes(sound[: len(sound) // 2])
(folder / "headless.parquet").write_bytes(sound[-100:])
(folder / "text.parquet").write_text("id\np1\n")
(folder / "empty.parquet").write_bytes(b"")
(folder / "short.parquet").write_bytes(b"PAR1PAR1")
(folder / "secret.parquet").write_bytes(sound[:-1] + b"E")
(folder / "footer.parquet").write_bytes(sound[:-8] + b"\xff\xff\xff\x7fPAR1")
page = bytearray(sound)
page[4:40] = b"\xff" * 36
(folder / "page.parquet").write_bytes(page)

put("bad/parquet_skip", "paint", pa.table({
    "id": ["p1", "p2", "p3"], "made": ["2021-03-05", "soon", "2021-03-07"], "note": ["a", "b\nb", "c"],
}))
put("bad/parquet_bomb", "paint", pa.table({"id": ["x" * 1000] * 2000}))
