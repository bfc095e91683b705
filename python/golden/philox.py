"""The recipe of relaxit's noise in plain Python: Philox 4x32-10, the fold of labels, and the maps to base laws."""

import mpmath as mp

MASK = 0xFFFF_FFFF


def philox(counter, key):
    """Ten rounds of Salmon et al. (2011), section 3.3."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & MASK, (a >> 32) ^ c3 ^ k1, a & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return [c0, c1, c2, c3]


# Random123's published answers: a fixture of a wrong generator would only prove that two are wrong alike.
assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
assert philox([MASK] * 4, [MASK] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


def halves(x):
    return [x & MASK, x >> 32]


def block(index, draw, key):
    return philox(halves(index) + halves(draw), halves(key))


def fork(key, label):
    """The key folded with the label's length, then with its bytes, eight at a time."""
    text = label.encode()
    words = [len(text)] + [int.from_bytes(text[i:i + 8], "little") for i in range(0, len(text), 8)]
    for word in words:
        low, high, *_ = block(word, MASK << 32, key)
        key = low | high << 32
    return key


def bits(key, draw):
    low, high, *_ = block(0, draw, key)
    return low | high << 32


def permutation(key, draw, length):
    """Fisher-Yates from the end, one block for each step."""
    order = list(range(length))
    for i in range(length - 1, 0, -1):
        low, high, *_ = block(i, draw, key)
        j = (low | high << 32) * (i + 1) >> 64
        order[i], order[j] = order[j], order[i]
    return order


def uniforms(words, precision):
    """Four uniforms of 32 bits or two of 52, each in the middle of its cell."""
    half = mp.mpf(1) / 2
    if precision == "f32":
        return [(word + half) / 2**32 for word in words]
    return [((high << 20 | low >> 12) + half) / 2**52 for high, low in (words[:2], words[2:])]


def box_muller(u, v):
    radius = mp.sqrt(-2 * mp.log(u))
    return [radius * mp.cos(2 * mp.pi * v), radius * mp.sin(2 * mp.pi * v)]


BASES = {
    "uniform": lambda u: u,
    "logistic": lambda u: [mp.log(x / (1 - x)) for x in u],
    "gumbel": lambda u: [-mp.log(-mp.log(x)) for x in u],
    "exponential": lambda u: [-mp.log(x) for x in u],
    "normal": lambda u: [x for i in range(0, len(u), 2) for x in box_muller(*u[i:i + 2])],
}


def elements(base, precision, key, draw, start, count):
    """Elements `start..start + count` of one draw."""
    width = 4 if precision == "f32" else 2
    first = start // width
    blocks = [BASES[base](uniforms(block(j, draw, key), precision)) for j in range(first, (start + count) // width + 1)]
    values = [float(x) for values in blocks for x in values]
    return values[start - first * width:][:count]
