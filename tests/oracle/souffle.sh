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
here="$(cd "$(dirname "$0")" && pwd)"
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
  PYTHONPATH="$here" python3 - "$place" "$folder" <<'PY' || bad=1
import sys
from souffle_rows import ours, shapes, theirs
place, folder = sys.argv[1:]
problems = []
for relation, file, names, forms in shapes(f"{place}/dl"):
    them, us = set(theirs(f"{place}/theirs/{file}", forms)), set(ours(f"{place}/ours/{file}", names))
    problems += [f"{relation}: only zhuize: {','.join(r)}" for r in sorted(us - them)]
    problems += [f"{relation}: only Soufflé: {','.join(r)}" for r in sorted(them - us)]
if problems:
    print(f"{folder}:", *problems[:20], sep="\n  ")
sys.exit(bool(problems))
PY
done
[ "$bad" = 0 ] && echo "Soufflé agrees on $# casebases"
exit "$bad"
