"""Writes the golden values of gates and bits: crates/relaxit/tests/golden/*.json.

As in make_distributions.py, every quantity is worked out twice: by torch or scipy in float64, gradients by autograd, and
by the textbook's formula in mpmath at 500 digits, gradients by differences. Nothing comes from relaxit itself.
"""

from itertools import product

import mpmath as mp
import numpy as np
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


# ----------------------------------------------------------------------------------------------------------------------
# Stochastic gates: Yamada, Lindenbaum, Negahban & Kluger (2020), section 4


def normal_below(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def scipy_function(f, slope):
    """A function of scipy with its derivative, for torch's autograd."""
    class Function(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            context.save_for_backward(x)
            return torch.tensor(f(x.numpy()), dtype=torch.float64)

        @staticmethod
        def backward(context, upstream):
            (x,) = context.saved_tensors
            return upstream * torch.tensor(slope(x.numpy()), dtype=torch.float64)

    return Function.apply


torch_log_ndtr = scipy_function(scipy.special.log_ndtr,
                                lambda x: np.exp(-0.5 * x * x - 0.5 * np.log(2 * np.pi) - scipy.special.log_ndtr(x)))


def log_ndtr():
    for name, ordinary, points in [("ordinary", True, [-9, -5.5, -3, -1.25, -0.5, 0, 0.25, 1, 2.75, 5]),
                                   ("hard", False, [-1e4, -140, -38, 0.0078125, 7, 8.5, 12])]:
        case = Case(name, ordinary, **columns([(x,) for x in points], "x"))
        case.expect("log_ndtr", lambda r: mp.log(normal_below(r.x)), lambda r: torch_log_ndtr(r.x), ["x"],
                    origin="scipy")
        yield case


def gaussian_relaxed_bernoulli():
    rows = [(loc, scale, value, noise)
            for ((loc, scale), value), noise in zip(product([(0.5, 0.5), (-0.25, 0.75), (1.5, 1), (0.75, 0.125)],
                                                            [0, 0.25, 0.875, 1]), [-3, -0.75, 0.25, 0.5, 1] * 4)]
    yield gaussian_relaxed_bernoulli_case("ordinary", True, rows)
    yield gaussian_relaxed_bernoulli_case("hard", False, [(loc, scale, value, 1) for value in [0, 0.5, 1] for loc, scale
                                                          in [(40, 1), (-40, 1), (0.5, 0.0078125), (10, 0.25)]])


def gaussian_relaxed_bernoulli_case(name, ordinary, rows):
    case = Case(name, ordinary, **columns(rows, "loc", "scale", "value", "noise"))
    case.expect("log_prob", gaussian_relaxed_bernoulli_log_density, torch_gaussian_relaxed_bernoulli_log_prob,
                ["loc", "scale"])
    for quantity, exact, library in [
        ("l0_penalty", lambda r: normal_below(r.loc / r.scale), lambda r: torch_log_ndtr(r.loc / r.scale)),
        ("prob_zero", lambda r: normal_below(-r.loc / r.scale), lambda r: torch_log_ndtr(-r.loc / r.scale)),
        ("prob_one", lambda r: normal_below((r.loc - 1) / r.scale), lambda r: torch_log_ndtr((r.loc - 1) / r.scale)),
    ]:
        case.expect(quantity, exact, lambda r, library=library: library(r).exp(), ["loc", "scale"], origin="scipy")
    # The library's side is a rule of two hundred nodes; at narrow gates it has no chance.
    case.expect("mean", lambda r: clamped_moment(r, 1), lambda r: quadrature_moment(r, 1),
                ["loc", "scale"] if ordinary else [], origin="quadrature")
    case.expect("variance", lambda r: clamped_moment(r, 2) - clamped_moment(r, 1) ** 2,
                lambda r: quadrature_moment(r, 2) - quadrature_moment(r, 1) ** 2,
                ["loc", "scale"] if ordinary else [], origin="quadrature")
    case.expect("sample", lambda r: clamp(r.loc + r.scale * r.noise), lambda r: (r.loc + r.scale * r.noise).clamp(0, 1),
                ["loc", "scale"] if ordinary else [])
    return case


def gaussian_relaxed_bernoulli_log_density(r):
    if r.value == 0:
        return mp.log(normal_below(-r.loc / r.scale))
    if r.value == 1:
        return mp.log(normal_below((r.loc - 1) / r.scale))
    return mp.log(textbook.normal_density(r.value, r.loc, r.scale))


def torch_gaussian_relaxed_bernoulli_log_prob(r):
    if r.value == 0:
        return torch_log_ndtr(-r.loc / r.scale)
    if r.value == 1:
        return torch_log_ndtr((r.loc - 1) / r.scale)
    return td.Normal(r.loc, r.scale).log_prob(r.value)


def clamped_moment(r, power):
    """Moments of max(0, x) and of max(0, x - 1): the textbook's integrals of powers times a normal density."""
    def partial(n, a, b):
        density = [mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) for x in (a, b)]
        mass = normal_below(b) - normal_below(a)
        return [mass, density[0] - density[1], mass + a * density[0] - b * density[1]][n]

    a, b = -r.loc / r.scale, (1 - r.loc) / r.scale
    inside = [partial(n, a, b) for n in range(3)]
    between = [None, r.loc * inside[0] + r.scale * inside[1],
               r.loc**2 * inside[0] + 2 * r.loc * r.scale * inside[1] + r.scale**2 * inside[2]][power]
    return between + normal_below(-b)


def quadrature_moment(r, power):
    """E[z^n] is the integral of n t^(n - 1) P(z > t)."""
    nodes, weights = (torch.tensor(x, dtype=torch.float64) for x in np.polynomial.legendre.leggauss(200))
    t = (nodes + 1) / 2
    return (weights / 2 * power * t ** (power - 1) * torch_log_ndtr((r.loc - t) / r.scale).exp()).sum()


# ----------------------------------------------------------------------------------------------------------------------
# The relaxed Bernoulli of Tucker et al. (2017), and the bits of Bengio, Léonard & Courville (2013)


def rebar_relaxation():
    for temperature in [0.125, 0.5, 1, 5]:
        rows = [(logit, temperature, value, noise, fresh, b) for (logit, value), noise, fresh, b in
                zip(product([-3, -0.5, 0, 1.75], [0.0625, 0.375, 0.75]), [-5, -0.75, 0.25, 1.5, 3] * 3,
                    [3, 1.5, 0.25, -0.75, -5] * 3, [0, 0, 1, 1] * 3)]
        yield rebar_relaxation_case(f"τ = {temperature}", True, rows)


def rebar_relaxation_case(name, ordinary, rows):
    case = Case(name, ordinary, **columns(rows, "logits", "temperature", "value", "noise", "fresh", "b"))
    def scale(t): return (t**2 + t + 1) / (t + 1)
    def law(r): return td.RelaxedBernoulli(r.temperature, logits=r.logits * scale(r.temperature))
    def latent_given(r): return textbook.bernoulli_latent_given(r.logits, r.b, sigmoid(r.fresh))
    case.expect("log_prob", lambda r: mp.log(textbook.binary_concrete_density(
        r.value, r.logits * scale(r.temperature), r.temperature)), lambda r: law(r).log_prob(r.value),
        ["logits", "temperature", "value"])
    case.expect("sample", lambda r: sigmoid((scale(r.temperature) * r.logits + r.noise) / r.temperature),
                lambda r: ((scale(r.temperature) * r.logits + r.noise) / r.temperature).sigmoid(),
                ["logits", "temperature"])
    # As in the published code: the conditional z replaces φ + L in the relaxation, where φ stands a second time.
    case.expect("squash of latent_given", lambda r: sigmoid(
        latent_given(r) / r.temperature + r.logits * r.temperature / (r.temperature + 1)),
        torch_rebar_squashed_conditional, ["logits", "temperature"])
    return case


def torch_rebar_squashed_conditional(r):
    theta, v = r.logits.sigmoid(), r.fresh.sigmoid()
    v = v * theta + (1 - theta) if r.b == 1 else v * (1 - theta)
    z = r.logits + v.log() - (-v).log1p()
    return (z / r.temperature + r.logits * r.temperature / (r.temperature + 1)).sigmoid()


def stochastic_times_smooth():
    for name, ordinary, logits in [("ordinary", True, [-4, -1.5, -0.5, 0, 0.25, 1, 3]), ("hard", False, [-80, 15, 70])]:
        rows = [(logit, noise) for logit, noise in product(logits, [-6, -0.75, 0.5, 9])]
        case = Case(name, ordinary, **columns(rows, "logits", "noise"))
        case.expect("mean", lambda r: sigmoid(r.logits), lambda r: r.logits.sigmoid(), ["logits"] if ordinary else [])
        case.expect("variance", lambda r: sigmoid(r.logits) ** 1.5 * (1 - mp.sqrt(sigmoid(r.logits))),
                    lambda r: r.logits.sigmoid() ** 1.5 * (1 - r.logits.sigmoid().sqrt()), ["logits"])
        case.expect("sample", exact_stochastic_times_smooth, torch_stochastic_times_smooth, ["logits"])
        yield case


def exact_stochastic_times_smooth(r):
    """The bit is 1 where logistic noise, made uniform, is below its probability from above."""
    smooth = mp.sqrt(sigmoid(r.logits))
    return smooth if 1 - sigmoid(r.noise) < smooth else 0 * smooth


def torch_stochastic_times_smooth(r):
    smooth = r.logits.sigmoid().sqrt()
    return (1 - r.noise.sigmoid() < smooth).double() * smooth


# ----------------------------------------------------------------------------------------------------------------------
# Straight-through bits: Bengio, Leonard & Courville (2013), section 4


def straight_through_bernoulli():
    """A bit whose gradient is that of its probability, which is no derivative of its value."""
    for name, ordinary, logits in [("ordinary", True, [-4, -1.5, -0.5, 0.125, 1, 3]), ("hard", False, [-80, 15, 70])]:
        rows = [(logit, noise) for logit, noise in product(logits, [-6, -0.75, 0.5, 9])]
        case = Case(name, ordinary, **columns(rows, "logits", "noise"))
        case.expect("mean", lambda r: sigmoid(r.logits), lambda r: r.logits.sigmoid(), ["logits"])
        each = range(case.rows)
        bits = [[float(case._exact_row(i).logits + case._exact_row(i).noise > 0)] for i in each]
        case._record("sample", "torch", bits, bits)
        # Not by autograd, which loses what is left of 1.
        slope = lambda r: sigmoid(r.logits) * sigmoid(-r.logits)
        torch_slope = lambda r: r.logits.sigmoid() * (-r.logits).sigmoid()
        case._record("sample by logits", "torch", [[slope(case._exact_row(i))] for i in each],
                     [[torch_slope(case._torch_row(i))] for i in each])
        yield case


# ----------------------------------------------------------------------------------------------------------------------
# Hard Kumaraswamy: Bastings, Aziz & Titov (2019), section 4


def hard_kumaraswamy():
    rows = [(a, b, value, noise) for ((a, b), value), noise in
            zip(product([(0.5, 0.5), (1, 1), (2, 0.75), (0.375, 3), (2.5, 4)], [0, 0.125, 0.5, 0.9375, 1]),
                [0.0625, 0.5, 1.25, 3, 8] * 5)]
    yield hard_kumaraswamy_case("ordinary", True, rows)
    for name, precisions, hard in [
        ("hard", ("f64", "f32"), [(0.0078125, 64), (64, 0.0078125), (100, 100), (20, 0.5), (0.0078125, 1)]),
        # Derivatives of the density are differences of numbers near 1/a, which f32 rounds.
        ("both small", ("f64",), [(0.0078125, 0.0078125), (0.0009765625, 0.00390625)]),
    ]:
        yield hard_kumaraswamy_case(name, False, [(a, b, value, noise) for (a, b), (value, noise) in
                                                  product(hard, [(0, 0.0009765625), (0.5, 1), (1, 12)])], precisions)


def hard_kumaraswamy_case(name, ordinary, rows, precisions=("f64", "f32")):
    case = Case(name, ordinary, precisions, **columns(rows, "concentration1", "concentration0", "value", "noise"))
    by = ["concentration1", "concentration0"]
    case.expect("log_prob", hard_kumaraswamy_log_density, torch_hard_kumaraswamy_log_prob, by)
    cut = -GAMMA / (ZETA - GAMMA)
    case.expect("l0_penalty", lambda r: (1 - cut**r.concentration1) ** r.concentration0,
                lambda r: (1 - float(cut) ** r.concentration1) ** r.concentration0, by if ordinary else [])
    case.expect("prob_zero", lambda r: kumaraswamy_below(cut, r), lambda r: 1 - (
        1 - float(cut) ** r.concentration1) ** r.concentration0, by if ordinary else [])
    case.expect("prob_one", lambda r: 1 - kumaraswamy_below(1 - cut, r), lambda r: (
        1 - float(1 - cut) ** r.concentration1) ** r.concentration0, by if ordinary else [])
    case.expect("sample", lambda r: clamp((1 - mp.exp(-r.noise / r.concentration0)) ** (1 / r.concentration1)
                                          * (ZETA - GAMMA) + GAMMA), torch_hard_kumaraswamy_sample,
                by if ordinary else [])
    return case


def kumaraswamy_below(k, r):
    return 1 - (1 - k**r.concentration1) ** r.concentration0


def hard_kumaraswamy_log_density(r):
    cut = -GAMMA / (ZETA - GAMMA)
    if r.value == 0:
        return mp.log(kumaraswamy_below(cut, r))
    if r.value == 1:
        return mp.log(1 - kumaraswamy_below(1 - cut, r))
    k, a, b = (r.value - GAMMA) / (ZETA - GAMMA), r.concentration1, r.concentration0
    return mp.log(a * b * k ** (a - 1) * (1 - k**a) ** (b - 1) / (ZETA - GAMMA))


def torch_hard_kumaraswamy_log_prob(r):
    if r.value == 0:
        return torch.log1p(-((1 - torch.tensor(0.1 / 1.2, dtype=torch.float64) ** r.concentration1) ** r.concentration0))
    if r.value == 1:
        return r.concentration0 * torch.log1p(-(torch.tensor(1.1 / 1.2, dtype=torch.float64) ** r.concentration1))
    return td.TransformedDistribution(td.Kumaraswamy(r.concentration1, r.concentration0, validate_args=False),
                                      td.AffineTransform(-0.1, 1.2), validate_args=False).log_prob(r.value)


def torch_hard_kumaraswamy_sample(r):
    """The inverse distribution function at the uniform number behind the exponential one."""
    u = -torch.expm1(-r.noise)
    return ((1 - (1 - u) ** (1 / r.concentration0)) ** (1 / r.concentration1) * 1.2 - 0.1).clamp(0, 1)


# ----------------------------------------------------------------------------------------------------------------------
# Correlated bits: Lee, Imrie & van der Schaar (2022), section 3; the density of a gaussian copula

CORRELATION = [[1, 0.5, -0.25], [0.5, 1, 0.125], [-0.25, 0.125, 1]]


def correlated_relaxed_bernoulli():
    logits = [[0.5, -1, 2], [-3, 0.25, 1.5], [0, 0, 0], [1.75, -0.5, -2]]
    values = [[0.25, 0.75, 0.5], [0.125, 0.5, 0.9375], [0.5, 0.0625, 0.625], [0.875, 0.375, 0.25]]
    noise = [[0.5, -1.25, 0.25], [-2, 0.75, 1], [3, -0.5, 0], [0.125, 1.5, -2.5]]
    for temperature in [0.25, 0.75, 2]:
        case = Case(f"τ = {temperature}", True, logits=logits, value=values, noise=noise,
                    temperature=[[temperature]] * len(logits),
                    cotangent=[[1, -1.5, 2]] * len(logits))
        case.expect("log_prob", copula_log_density, torch_copula_log_prob, ["logits", "temperature", "value"])
        case.expect("sample", copula_sample, torch_copula_sample, ["logits", "temperature"])
        yield case


def copula_log_density(r):
    """The joint normal density of the scores over those of each alone, times the densities of the entries."""
    correlation = mp.matrix(CORRELATION)
    below = [sigmoid(r.temperature * mp.log(m / (1 - m)) - phi) for m, phi in zip(r.value, r.logits)]
    v = mp.matrix([mp.sqrt(2) * mp.erfinv(2 * u - 1) for u in below])
    joint = mp.exp(-(v.T * correlation**-1 * v)[0] / 2) / mp.sqrt((2 * mp.pi) ** 3 * mp.det(correlation))
    alone = mp.fprod(textbook.normal_density(vi, 0, 1) for vi in v)
    entries = mp.fprod(textbook.binary_concrete_density(m, phi, r.temperature) for m, phi in zip(r.value, r.logits))
    return mp.log(joint / alone * entries)


def torch_copula_log_prob(r):
    below = (r.temperature * (r.value.log() - (-r.value).log1p()) - r.logits).sigmoid()
    normal = td.Normal(torch.zeros(3, dtype=torch.float64), 1)
    v = normal.icdf(below)
    joint = td.MultivariateNormal(torch.zeros(3, dtype=torch.float64),
                                  torch.tensor(CORRELATION, dtype=torch.float64)).log_prob(v)
    entries = td.RelaxedBernoulli(r.temperature, logits=r.logits).log_prob(r.value)
    return joint - normal.log_prob(v).sum() + entries.sum()


def copula_sample(r):
    v = mp.cholesky(mp.matrix(CORRELATION)) * mp.matrix(r.noise)
    uniform = [normal_below(vi) for vi in v]
    return [sigmoid((phi + mp.log(u / (1 - u))) / r.temperature) for phi, u in zip(r.logits, uniform)]


def torch_copula_sample(r):
    v = torch.linalg.cholesky(torch.tensor(CORRELATION, dtype=torch.float64)) @ r.noise
    u = td.Normal(0, 1).cdf(v)
    return ((r.logits + u.log() - (-u).log1p()) / r.temperature).sigmoid()


if __name__ == "__main__":
    for law in [hard_concrete, log_ndtr, gaussian_relaxed_bernoulli, rebar_relaxation, stochastic_times_smooth,
                straight_through_bernoulli, hard_kumaraswamy, correlated_relaxed_bernoulli]:
        write_cases(law.__name__, law())
