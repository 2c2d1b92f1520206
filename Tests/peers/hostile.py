"""Hostile updates for the fakes: well-formed samples with something wrong in them, from a seed.

What JSON cannot be made to say in Python (nesting beyond its own recursion, broken escapes) is put in by `spell`, which is
applied to the finished text of an answer or a frame.
"""

import copy
import random

DEEP, LONE = "@@deep@@", "@@lone@@"
WORDS = [
    "", " ", "\u200b\u200d\u2060\ufeff", "\u202egnp.evil\u202c", "\u0000\u0001\u001b[2J", "ا" * 300, "👩‍👩‍👧‍👦" * 200, "a\u0301" * 2000,
    "%s%n" * 50, "<b>" * 500, "```" * 300, "/" * 400, "/stop@" + "x" * 500, "\r\n" * 500, "x" * 70_000, LONE, "@everyone <@&1>",
    "../../etc/passwd", "{{" * 100, "'; DROP TABLE inbox; --",
]
VALUES = [None, True, False, 0, -1, 1, 2 ** 31, -2 ** 63, 2 ** 63, 2 ** 64, 1e308, -0.5, [], {}, [[]], [None], {"": {}}, DEEP,
          "0", "-1", "NaN", "99999999999999999999999999"]


def spell(text):
    """Puts into the text what could not be put into the value."""
    return text.replace(f'"{DEEP}"', "[" * 3000 + "]" * 3000).replace(LONE, "\\ud83d\\u0000\\udc00")


def places(value, path=()):
    """The paths of everything inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield path + (key,)
        yield from places(inner, path + (key,))


def spoil(sample, dice):
    """One to four harms at random places of a copy."""
    value = copy.deepcopy(sample)
    for _ in range(dice.randint(1, 4)):
        found = list(places(value))
        if not found:
            break
        path = dice.choice(found)
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        key, harm = path[-1], dice.randint(0, 6)
        if harm == 0:
            del holder[key]
        elif harm <= 2:
            holder[key] = copy.deepcopy(dice.choice(VALUES))
        elif harm <= 4:
            holder[key] = dice.choice(WORDS)
        elif harm == 5:
            holder[key] = [copy.deepcopy(holder[key]) for _ in range(dice.choice((0, 2, 300)))]
        else:
            holder[key] = {"unknown_" + str(dice.randint(0, 9)): copy.deepcopy(holder[key])}
    return value


def some(samples, seed, count):
    """`count` spoiled samples."""
    dice = random.Random(seed)
    return [spoil(dice.choice(samples), dice) for _ in range(count)]
