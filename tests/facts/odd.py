"""Writes the files of `bad/odd_files`, each odd in a way of its own: python3 tests/facts/odd.py.

They are files that programs and people make: another form under the ending, marks and line ends of other systems, cut or
glued files. The files are kept."""

import gzip
import io
import pathlib
import zipfile

TABLES = pathlib.Path(__file__).parent / "bad/odd_files/tables"
TABLES.mkdir(parents=True, exist_ok=True)
ROWS = "id,size\nb1,大\nb2,small\n"


def book(rows):
    """A workbook of one sheet, as small as one can be."""
    out = io.BytesIO()
    cell = lambda c, r, t: f'<c r="{c}{r}" t="inlineStr"><is><t>{t}</t></is></c>'
    body = "".join(f'<row r="{r}">{"".join(cell(c, r, t) for c, t in zip("AB", row))}</row>' for r, row in enumerate(rows, 1))
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        def put(name, text):
            z.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), '<?xml version="1.0" encoding="UTF-8"?>' + text)
        put("[Content_Types].xml", f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>')
        put("_rels/.rels", f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
        put("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="x" sheetId="1" r:id="r1"/></sheets></workbook>')
        put("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>')
        put("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>')
    return out.getvalue()


workbook = book([["id", "size"], ["b1", "大"]])
parquet = (TABLES.parent.parent / "parquet_skip/tables/paint.parquet").read_bytes()
files = {
    # Marks of byte order.
    "bom_twice.csv": b"\xef\xbb\xbf" * 2 + ROWS.encode(),
    "bom_inside.csv": b"id,size\nb1,x\n\xef\xbb\xbfb2,y\n",
    "bom_gbk.csv": b"\xef\xbb\xbf" + ROWS.encode("gb18030"),
    "utf16_bare.csv": ROWS.encode("utf-16-le"),
    "utf16_odd.csv": b"\xff\xfe" + ROWS.encode("utf-16-le")[:-1],
    "utf32.csv": b"\xff\xfe\x00\x00" + ROWS.encode("utf-32-le"),
    # Line ends.
    "returns.csv": ROWS.replace("\n", "\r").encode(),
    "mixed_ends.csv": b"id,size\r\nb1,x\nb2,y\r\nb2,z\r\r\nb3,\r\n",
    "no_end.csv": b'id,size\nb1,"x',
    # Another form under the ending.
    "book_as.csv": workbook,
    "parquet_as.csv": parquet,
    "page_as.csv": "<html><table><tr><td>id</td></tr></table></html>\n".encode(),
    "text_as.xlsx": ROWS.encode(),
    "packed_as.csv": gzip.compress(ROWS.encode(), mtime=0),
    "packed_twice.csv.gz": gzip.compress(gzip.compress(ROWS.encode(), mtime=0), mtime=0),
    "packed_tail.csv.gz": gzip.compress(ROWS.encode(), mtime=0) + b"tail",
    # Cut or glued.
    "book_cut.xlsx": workbook[: len(workbook) * 2 // 3],
    "book_end.xlsx": workbook[:-5],
    "glued.csv": (ROWS + ROWS).encode(),
    "twice_named.csv": b"id,size,id\nb1,x,b2\n",
    "row_of_quotes.csv": b'id,size\n"""""",""""\n"b1"",x\n',
    "zeros.csv": b"id,size\nb1,x\n" + bytes(40),
    "escape.csv": "id,size\n\u001bb1,x\u202ey\nb\u00a02,\u200bz\n".encode(),
}
for name, data in files.items():
    (TABLES / name).write_bytes(data)
names = [n.split(".")[0] for n in files]
schema = "//@ plain\n.type Text <: symbol\n" + "".join(f"//@ input\n//@ key id\n.decl {n}(id: symbol, size: Text)\n" for n in names)
(TABLES.parent / "schema.dl").write_text(schema + f".input {', '.join(names)}\n")
