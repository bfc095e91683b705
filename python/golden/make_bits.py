"""Writes the golden values of gates and bits: crates/relaxit/tests/golden/*.json.

As in make_distributions.py, every quantity is worked out twice: by torch or scipy in float64, gradients by autograd, and
by the textbook's formula in mpmath at 500 digits, gradients by differences. Nothing comes from relaxit itself.
"""

from itertools import product

import mpmath as mp
import scipy.special
import torch
import torch.distributions as td

import fixture
import textbook
from fixture import Case, write_cases
from textbook import sigmoid

fixture.HEADER["script"] = "python/golden/make_bits.py"


def columns(rows, *names):
    """Named columns of a table, one entry in each row."""
    return {name: [[x] for x in entries] for name, entries in zip(names, zip(*rows), strict=True)}


def clamp(x):
    return min(max(x, 0), 1)


# ----------------------------------------------------------------------------------------------------------------------
# Hard concrete: Louizos, Welling & Kingma (2018), section 2.2

GAMMA, ZETA = mp.mpf(-1) / 10, mp.mpf(11) / 10


def hard_concrete():
    for temperature in [0.25, 0.6875, 2]:
        rows = [(logit, temperature, value, noise)
                for (logit, value), noise in zip(product([-3, -0.5, 0, 1.75], [0, 0.125, 0.5, 0.9375, 1]),
                                                 [-5, -0.75, 0.25, 1.5, 3] * 4)]
        yield hard_concrete_case(f"τ = {temperature}", True, rows)
    yield hard_concrete_case("hard", False, [(logit, 0.5, value, 1) for logit in [-1000, -50, 50, 1000]
                                             for value in [0, 0.25, 1]])


def hard_concrete_case(name, ordinary, rows):
    case = Case(name, ordinary, **columns(rows, "logits", "temperature", "value", "noise"))
    case.expect("log_prob", hard_concrete_log_density, torch_hard_concrete_log_prob, ["logits", "temperature"])
    case.expect("l0_penalty", lambda r: sigmoid(r.logits - r.temperature * mp.log(-GAMMA / ZETA)),
                lambda r: (r.logits - r.temperature * float(mp.log(-GAMMA / ZETA))).sigmoid(),
                ["logits", "temperature"])
    case.expect("sample", lambda r: clamp(sigmoid((r.logits + r.noise) / r.temperature) * (ZETA - GAMMA) + GAMMA),
                lambda r: (((r.logits + r.noise) / r.temperature).sigmoid() * 1.2 - 0.1).clamp(0, 1))
    case.expect("deterministic", lambda r: clamp(sigmoid(r.logits) * (ZETA - GAMMA) + GAMMA),
                lambda r: (r.logits.sigmoid() * 1.2 - 0.1).clamp(0, 1))
    return case


def hard_concrete_log_density(r):
    """The density of s stretched; at the ends the distribution function of s, which is that of its logit."""
    def below(s):
        return sigmoid(r.temperature * mp.log(s / (1 - s)) - r.logits)

    if r.value == 0:
        return mp.log(below(-GAMMA / (ZETA - GAMMA)))
    if r.value == 1:
        return mp.log(1 - below((1 - GAMMA) / (ZETA - GAMMA)))
    s = (r.value - GAMMA) / (ZETA - GAMMA)
    return mp.log(textbook.binary_concrete_density(s, r.logits, r.temperature) / (ZETA - GAMMA))


def torch_hard_concrete_log_prob(r):
    """`binary_decision` and `cdf_qz` of the authors' published code, and torch's relaxed Bernoulli between."""
    def log_odds_below(x):
        s = (x + 0.1) / 1.2
        return (s.log() - (-s).log1p()) * r.temperature - r.logits

    if r.value == 0:
        return torch.nn.functional.logsigmoid(log_odds_below(r.value))
    if r.value == 1:
        return torch.nn.functional.logsigmoid(-log_odds_below(r.value))
    stretched = td.TransformedDistribution(td.RelaxedBernoulli(r.temperature, logits=r.logits),
                                           td.AffineTransform(-0.1, 1.2))
    return stretched.log_prob(r.value)


if __name__ == "__main__":
    for law in [hard_concrete]:
        write_cases(law.__name__, law())
