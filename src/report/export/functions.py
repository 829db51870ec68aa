import re
from clingo.symbol import Number, String


def cat(*parts):
    return String("".join(p.string for p in parts))


def length(text):
    return Number(len(text.string))


def part(text, start, count):
    start, count = start.number, count.number
    if start < 0:
        return String("")
    return String(text.string[start:] if count < 0 else text.string[start : start + count])


def number(text):
    if not re.fullmatch(r"[+-]?[0-9]+", text.string):
        raise ValueError("not a number: %r" % text.string)
    return Number(int(text.string))


natural = number


def text(value):
    return String(str(value.number))


def smallest(*values):
    return min(values)


def largest(*values):
    return max(values)


def power(base, exponent):
    return Number(int(base.number**exponent.number))


def bnot(value):
    return Number(~value.number)


def lnot(value):
    return Number(int(value.number == 0))


def land(a, b):
    return Number(int(a.number != 0 and b.number != 0))


def lor(a, b):
    return Number(int(a.number != 0 or b.number != 0))


def lxor(a, b):
    return Number(int((a.number != 0) != (b.number != 0)))


def matches(pattern, value):
    return Number(int(re.fullmatch(pattern.string, value.string, re.DOTALL) is not None))


def contains(piece, value):
    return Number(int(piece.string in value.string))


def range(start, end, step=None):
    import builtins

    a, b = start.number, end.number
    by = (1 if a <= b else -1) if step is None else step.number
    return [Number(n) for n in builtins.range(a, b, by)]
