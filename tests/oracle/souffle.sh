#!/usr/bin/env bash
# Compare every conclusion of zhuize with Soufflé's, row for row, on golden cases or casebases.
# usage: souffle.sh ZHUIZE FOLDER...      (does nothing but say so where Soufflé is not installed)
set -euo pipefail
if ! command -v souffle >/dev/null; then
  echo "Soufflé is not installed: nothing was compared"
  exit 0
fi
zhuize="$1"
shift
place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
bad=0
for folder in "$@"; do
  facts="$folder"
  [ -d "$folder/facts" ] && facts="$folder/facts"
  extra=()
  [ -f "$folder/args" ] && while IFS= read -r line; do [ -n "$line" ] && extra+=("$line"); done <"$folder/args"
  case " ${extra[*]-} " in *" --as-of"*) ;; *) extra+=(--as-of 2025-06-30) ;; esac
  rm -rf "$place"/*
  mkdir "$place/theirs"
  "$zhuize" --quiet export "$facts" --to souffle -o "$place/dl" "${extra[@]}"
  "$zhuize" --quiet run "$facts" -o "$place/ours" "${extra[@]}"
  (cd "$place/dl" && souffle -w -F . -D ../theirs rulebook.dl)
  python3 - "$place" "$folder" <<'PY' || bad=1
import csv, datetime, json, os, sys
place, folder = sys.argv[1:]
problems = []
for o in json.load(open(f"{place}/dl/relations.json", encoding="utf-8"))["outputs"]:
    def cell(text, form):
        if form in ("number", "date") and text == "-1000000":
            return ""
        if form == "date":
            return (datetime.date(1970, 1, 1) + datetime.timedelta(days=int(text))).isoformat()
        return text
    path = f"{place}/theirs/{o['file']}"
    lines = open(path, encoding="utf-8").read().split("\n")[:-1] if os.path.exists(path) else []
    forms = [c["form"] for c in o["columns"]]
    theirs = {tuple(map(cell, line.split("\t"), forms)) for line in lines}
    with open(f"{place}/ours/{o['file']}", encoding="utf-8", newline="") as f:
        ours = {tuple(r[c["name"]] for c in o["columns"]) for r in csv.DictReader(f)}
    problems += [f"{o['relation']}: only zhuize: {','.join(r)}" for r in sorted(ours - theirs)]
    problems += [f"{o['relation']}: only Soufflé: {','.join(r)}" for r in sorted(theirs - ours)]
if problems:
    print(f"{folder}:", *problems[:20], sep="\n  ")
sys.exit(bool(problems))
PY
done
[ "$bad" = 0 ] && echo "Soufflé agrees on $# casebases"
exit "$bad"
