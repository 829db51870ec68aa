#!/usr/bin/env python3
"""Soufflé's own test programs, as far as they use only the core fragment: do we answer and refuse as they expect?

usage: souffle_suite.py TREE [--zhuize BINARY] [--jobs N] [--write docs/souffle-suite.md]

TREE is a checkout of souffle-lang/souffle. Programs of tests/evaluation and tests/example must give their .csv files, byte
for byte but for the order of lines; programs of tests/semantic must be refused or accepted as Soufflé does. What departs is
listed below with its reason; anything else that departs makes the exit code 1, and so does a reason that is no longer true.
"""
import argparse, concurrent.futures, os, re, subprocess, sys, tempfile

# What a program must not use, to be in the fragment.
OUTSIDE = {
    'components': r'\.comp\b|\.init\b', 'records and data types': r'\.type\s+\w+\s*=\s*(\[|[A-Z]\w*\s*\{|\w+\s*\{)|\$\w|[(,=]\s*\[|\bnil\b',
    'user functors': r'\.functor|@\w+\s*\(', 'choice domains': r'choice-domain', 'equivalence relations': r'\beqrel\b',
    'subsumption': r'<=\s*\w+\(|\bbtree_delete\b', 'lattices': r'\.lattice', 'the preprocessor': r'^\s*#(include|define|if)',
    '.limitsize': r'\.limitsize', 'counters and ord': r'autoinc\(|\bord\(', 'SQLite': r'sqlite', 'JSON': r'IO\s*=\s*"?json',
}
# Programs that rely on numbers that wrap around.
WRAP = {'evaluation/indexed_inequalities', 'evaluation/unsigned_operations', 'example/catalan', 'example/tak'}
# Soufflé refuses them, we accept them.
ACCEPTED = {
    'inline_cycle1': '`inline` changes nothing here, so a circle of inlined relations is an ordinary recursion',
    'inline_negation': '`inline` changes nothing here, so an inlined relation may be negated',
    'inline_output': '`inline` changes nothing here, so an inlined relation may be written',
    'mutually_dependent_aggregate': 'two aggregates may share their groups: each takes them from the atoms around both',
}
# Soufflé accepts them, we refuse them.
REFUSED = {
    'inline_cycle2': 'a variable is bound only after `inline` has been carried out, which we do not',
    'ipv4': 'IPv4 addresses are no numbers here', 'ipv4_1': 'IPv4 addresses are no numbers here',
    'load6': 'a file of facts that is no UTF-8',
}


def plain(text):
    return re.sub(r'/\*.*?\*/', '', re.sub(r'//.*', '', text), flags=re.S)


def lines(path):
    with open(path, 'rb') as f:
        return sorted(f.read().split(b'\n'))


def programs(tree, folder):
    home = os.path.join(tree, 'tests', folder)
    for name in sorted(os.listdir(home)):
        dl = os.path.join(home, name, name + '.dl')
        if os.path.exists(dl):
            with open(dl, errors='replace') as f:
                text = plain(f.read())
            yield name, os.path.join(home, name), dl, [k for k, r in OUTSIDE.items() if re.search(r, text, re.M)]


def run(binary, home, dl, out, *more):
    facts = os.path.join(home, 'facts')
    command = [binary, '--lang', 'en', 'eval', dl, '-F', facts if os.path.isdir(facts) else home, '-D', out, *more]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, cwd=home)
    except subprocess.TimeoutExpired:
        return None, 'more than a minute'
    return done.returncode, done.stderr.decode(errors='replace')


def evaluate(binary, name, home, dl):
    """None if the answers are those expected, else what is wrong."""
    want = [f for f in os.listdir(home) if f.endswith('.csv')]
    with tempfile.TemporaryDirectory() as out:
        code, said = run(binary, home, dl, out, *(['--overflow', 'wrap'] if name in WRAP else []))
        path = lambda f: os.path.join(out, f)
        wrong = [f for f in want if not os.path.exists(path(f)) or lines(path(f)) != lines(os.path.join(home, f))]
        if wrong:
            return f'exit code {code}, {wrong[0]} differs: ' + ' '.join(said.split())[:200]
    if name in WRAP:
        with tempfile.TemporaryDirectory() as out:
            code, said = run(binary, home, dl, out)
            if code != 5 or 'E0701' not in said:
                return f'exit code {code} without `--overflow wrap`, expected 5 and E0701'
    return None


def judge(binary, name, home, dl):
    """How Soufflé and we take a program of tests/semantic: (refused there, exit code here, our codes)."""
    err = os.path.join(home, name + '.err')
    said = open(err, errors='replace').read() if os.path.exists(err) else ''
    with tempfile.TemporaryDirectory() as out:
        code, ours = run(binary, home, dl, out)
    codes = sorted(set(re.findall(r'\b(E0\d{3})\b', ours)))
    return bool(re.search(r'^Error', said, re.M)), code, codes


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument('tree')
    parse.add_argument('--zhuize', default='target/release/zhuize')
    parse.add_argument('--jobs', type=int, default=2)
    parse.add_argument('--write', metavar='FILE')
    args = parse.parse_args()
    binary, bad, out = os.path.abspath(args.zhuize), [], {}
    tree = os.path.abspath(args.tree)
    work, outside = [], {k: 0 for k in OUTSIDE}
    for folder in ('evaluation', 'example', 'semantic'):
        for name, home, dl, uses in programs(tree, folder):
            for k in uses:
                outside[k] += 1
            if not uses and (folder == 'semantic' or any(f.endswith('.csv') for f in os.listdir(home))):
                work.append((folder, name, home, dl))
    def one(job):
        folder, name, home, dl = job
        return judge(binary, name, home, dl) if folder == 'semantic' else evaluate(binary, f'{folder}/{name}', home, dl)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for job, answer in zip(work, pool.map(one, work)):
            out[job[:2]] = answer
    passed = [f'{f}/{n}' for (f, n), a in out.items() if f != 'semantic' and a is None]
    bad += [f'{f}/{n}: {a}' for (f, n), a in out.items() if f != 'semantic' and a is not None]
    kinds = {'both': [], 'data': [], 'none': [], 'limit': [], 'ours': [], 'theirs': []}
    for (folder, name), answer in out.items():
        if folder != 'semantic':
            continue
        there, code, codes = answer
        if there and code == 3:
            kinds['both'].append((name, codes))
        elif there and code == 4:
            kinds['data'].append((name, codes))
        elif not there and code == 0:
            kinds['none'].append(name)
        elif not there and code == 5 and codes:
            kinds['limit'].append((name, codes))
        elif there and code == 0 and name in ACCEPTED:
            kinds['ours'].append(name)
        elif not there and code in (3, 4) and name in REFUSED:
            kinds['theirs'].append((name, codes))
        else:
            bad.append(f'semantic/{name}: Soufflé {"refuses" if there else "accepts"} it, exit code {code} {codes}')
    for name in sorted((set(ACCEPTED) - set(kinds['ours'])) | (set(REFUSED) - {n for n, _ in kinds['theirs']})):
        bad.append(f'semantic/{name}: the reason given for it is no longer true')
    total = sum(f != 'semantic' for f, _ in out)
    for b in bad:
        print(b)
    refused = len(kinds['both']) + len(kinds['data'])
    print(f'{len(passed)} of {total} programs give the expected files; of {sum(f == "semantic" for f, _ in out)} semantic programs '
          f'{refused} are refused by both, {len(kinds["none"]) + len(kinds["limit"])} accepted by both, '
          f'{len(kinds["ours"]) + len(kinds["theirs"])} judged otherwise for a stated reason')
    if args.write and not bad:
        with open(args.write, 'w') as f:
            f.write(page(passed, total, kinds, outside))
    return 1 if bad or not passed else 0


def page(passed, total, kinds, outside):
    wrap = [p for p in passed if p in WRAP]
    listed = lambda names: ', '.join(f'`{n}`' for n in names)
    coded = lambda rows: '\n'.join(f'| `{n}` | {", ".join(c)} |' for n, c in rows)
    sections = []
    for d in ('evaluation', 'example'):
        names = [p.split('/')[1] for p in passed if p.startswith(d + '/') and p not in WRAP]
        sections.append(f'**tests/{d}** ({len(names)}): {listed(names)}.')
    return f'''# Soufflé's own test programs

Made by `python3 tests/oracle/souffle_suite.py TREE --write docs/souffle-suite.md`, where TREE is a checkout of
souffle-lang/souffle (`git clone --depth 1`) and `target/release/zhuize` is built. `.ci/run` does the same where the network
allows, and fails on any program that departs from this page. Which constructs the fragment leaves out, and where our
language departs on purpose, stands in `language.md`.

## Programs with expected files: {len(passed)} of {total}

Every `.csv` file is the expected one but for the order of its lines (ours are sorted).

{sections[0]}

{sections[1]}

**With `--overflow wrap`** ({len(wrap)}): {listed(wrap)}. They rely on numbers that wrap around; without the choice the run
ends with E0701 and the place, which the script checks too.

## Programs that Soufflé's checks are tried on

Refused by both ({len(kinds['both'])}), with our codes:

| program | codes |
|---|---|
{coded(kinds['both'])}

Refused by both for their files of facts ({len(kinds['data'])}):

| program | codes |
|---|---|
{coded(kinds['data'])}

Accepted by both ({len(kinds['none'])}): {listed(kinds['none'])}.

Accepted by both, and ended by a stated limit when run ({len(kinds['limit'])}):

| program | codes |
|---|---|
{coded(kinds['limit'])}

Accepted by us alone ({len(kinds['ours'])}):

| program | why |
|---|---|
{chr(10).join(f'| `{n}` | {ACCEPTED[n]} |' for n in kinds['ours'])}

Refused by us alone ({len(kinds['theirs'])}):

| program | codes | why |
|---|---|---|
{chr(10).join(f'| `{n}` | {", ".join(c)} | {REFUSED[n]} |' for n, c in kinds['theirs'])}

## Outside the fragment

Programs of the three folders that use something the language leaves out (one program may use several):

| construct | programs |
|---|---|
{chr(10).join(f'| {k} | {n} |' for k, n in outside.items())}
'''


if __name__ == '__main__':
    sys.exit(main())
