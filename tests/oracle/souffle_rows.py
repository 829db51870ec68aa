"""Rows that Soufflé wrote and rows that `zhuize run -o` wrote, in one form; `relations.json` of an export says of which shape."""
import csv, datetime, json, os

BLANK = "-1000000"


def shapes(exported):
    """Of each output: relation, file, names and forms of its columns."""
    with open(os.path.join(exported, "relations.json"), encoding="utf-8") as f:
        outputs = json.load(f)["outputs"]
    return [
        (o["relation"], o["file"], [c["name"] for c in o["columns"]], [c["form"] for c in o["columns"]]) for o in outputs
    ]


def cell(text, form):
    if form in ("number", "date") and text == BLANK:
        return ""
    if form == "date":
        return (datetime.date(1970, 1, 1) + datetime.timedelta(days=int(text))).isoformat()
    return text


def theirs(path, forms):
    """What Soufflé wrote; nothing where it wrote no file."""
    if os.path.exists(path):
        with open(path, encoding="utf-8", newline="") as f:
            for line in f:
                yield tuple(map(cell, line.rstrip("\n").split("\t"), forms))


def ours(path, names):
    with open(path, encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            yield tuple(row[n] for n in names)
