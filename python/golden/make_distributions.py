"""Writes the golden values of noise, math, laws and relaxations: crates/relaxit/tests/golden/*.json.

Every quantity is worked out twice: by a library in float64 (torch or scipy), gradients by its autograd, and by the
textbook's formula in mpmath at 500 digits, gradients by differences. A fixture holds the mpmath value, rounded once,
and says under "source" whether the library agrees to 1e-11. At `ordinary` parameters it must, or this script stops; at
hard ones torch clamps probabilities, overflows or cancels, and the source says how far off it is. Nothing comes from
relaxit itself.

Inputs are f32 numbers, so that a comparison in f32 measures arithmetic and not the rounding of inputs. They are fixed
lists: the same versions write the same bytes.
"""

from itertools import cycle, islice, product
from unittest import mock

import mpmath as mp
import scipy.special
import scipy.stats
import torch
import torch.distributions as td
import torch.nn.functional as F

import philox
import textbook
from fixture import Case, f32, write, write_cases
from textbook import sigmoid, softmax

TEMPERATURES = [0.1, 0.5, 1, 5]
# Far beyond f32, and of those near it one that serde_json, which may miss the last bit, reads exactly.
NEARLY_ONE = 1 - 2**-46


def column(entries):
    """Rows of one entry."""
    return [[x] for x in entries]


def columns(rows, *names):
    """Named columns of a table."""
    return {name: column(entries) for name, entries in zip(names, zip(*rows), strict=True)}


def repeat(entries, count):
    return list(islice(cycle(entries), count))


# ----------------------------------------------------------------------------------------------------------------------
# Noise and math


def noise():
    key = philox.fork(42, "golden")
    draws = [
        {"base": base, "precision": precision, "earlier": draw, "start": start,
         "values": philox.elements(base, precision, key, draw, start, count)}
        for base, precision in product(philox.BASES, ["f64", "f32"])
        # The first elements, a later draw, and elements that another task fills.
        for draw, start, count in [(0, 0, 8), (1, 0, 3), (2, 3 * 8192 - 3, 6)]
    ]
    return {"seed": 42, "label": "golden", "key": key, "bits": [philox.bits(key, draw) for draw in range(3)],
            "permutation": philox.permutation(key, 0, 12), "draws": draws}


def math():
    case = Case("softplus", False, x=column([-1000, -100, -80, -30, -3, -0.1, 0, 1e-6, 0.7, 4, 25, 80, 1000]))
    case.expect("softplus", lambda r: mp.log(1 + mp.exp(r.x)), lambda r: F.softplus(r.x), ["x"])
    yield case
    for case in [
        Case("logit", True, p=column([1e-30, 1e-6, 0.1, 0.25, 0.5, 0.75, 0.99, 1 - 2**-20])),
        Case("logit, beyond f32", True, ["f64"], p=column([1e-300, 1e-100, 1 - 2**-30, NEARLY_ONE])),
    ]:
        case.expect("logit", lambda r: mp.log(r.p / (1 - r.p)), lambda r: torch.logit(r.p), ["p"])
        yield case
    rows = [[0, 0, 0, 0], [-3, 0.5, 2, 1], [1e4, 1e4, -1e4, 0], [-1e4, -1e4 - 1, -2e4, -1e4]]
    case = Case("log_sum_exp", True, x=rows)
    case.expect("log_sum_exp", lambda r: textbook.log_sum_exp(r.x), lambda r: torch.logsumexp(r.x, 0), ["x"])
    yield case
    case = Case("ln_gamma", True, x=column([1e-8, 1e-3, 0.1, 0.5, 1, 1.25, 2, 3, 7.5, 10, 100.5, 1e3, 1e6]))
    case.expect("ln_gamma", lambda r: mp.loggamma(r.x), lambda r: torch.lgamma(r.x), ["x"])
    case.expect("ln_gamma", lambda r: mp.loggamma(r.x), lambda r: scipy.special.gammaln(r.x.item()), origin="scipy")
    yield case


# ----------------------------------------------------------------------------------------------------------------------
# Discrete laws


def bernoulli():
    for name, ordinary, logits in [
        ("ordinary", True, [-4, -1.5, -0.25, 0, 0.5, 2, 6]),
        ("hard", False, [-1000, -80, -50, -20, 20, 50, 80, 1000]),
    ]:
        rows = [(p, q, b) for (p, q), b in product(zip(logits, logits[1:] + logits[:1]), [0, 1])]
        case = Case(name, ordinary, **columns(rows, "logits", "q_logits", "value"))
        p, q = lambda r: textbook.bernoulli(sigmoid(r.logits)), lambda r: textbook.bernoulli(sigmoid(r.q_logits))
        law = lambda r: td.Bernoulli(logits=r.logits)
        kl = lambda r: td.kl_divergence(law(r), td.Bernoulli(logits=r.q_logits))
        case.expect("log_prob", lambda r: mp.log(p(r)[int(r.value)]), lambda r: law(r).log_prob(r.value), ["logits"])
        case.expect("mean", lambda r: p(r)[1], lambda r: law(r).mean, ["logits"])
        case.expect("variance", lambda r: p(r)[0] * p(r)[1], lambda r: law(r).variance)
        case.expect("entropy", lambda r: textbook.entropy(p(r)), lambda r: law(r).entropy(), ["logits"])
        case.expect("kl_divergence", lambda r: textbook.kl_divergence(p(r), q(r)), kl, ["logits", "q_logits"])
        yield case


def one_hot_categorical():
    for name, ordinary, logits, q_logits in [
        ("K = 2", True, [[0.5, -1], [3, 3], [-2, 1]], [[0, 0], [1, -1], [4, 2]]),
        ("K = 3", True, [[0.5, -1, 2], [100, 101, 99], [-0.25, 0, 0.25]], [[0, 0, 0], [1, -1, 3], [7, 5, 4]]),
        ("K = 5", True, [[0, 1, 2, 3, 4], [-1, 0.5, 0.5, -2, 1]], [[1, 1, 1, 1, 1], [0, -3, 2, 0.5, 0]]),
        ("hard", False, [[50, -50, 0], [-1000, 0, 1000], [1000, 1000, 999]], [[-50, 50, 0], [0, 0, 0], [1, 2, 3]]),
    ]:
        values = [[float(j == i % len(row)) for j in range(len(row))] for i, row in enumerate(logits)]
        case = Case(name, ordinary, logits=logits, q_logits=q_logits, value=values)
        p, q = lambda r: softmax(r.logits), lambda r: softmax(r.q_logits)
        law = lambda r: td.OneHotCategorical(logits=r.logits)
        kl = lambda r: td.kl_divergence(law(r), td.OneHotCategorical(logits=r.q_logits))
        case.expect("log_prob", lambda r: mp.log(p(r)[r.value.index(1)]), lambda r: law(r).log_prob(r.value),
                    ["logits"])
        case.expect("mean", p, lambda r: law(r).mean)
        case.expect("variance", lambda r: [pk * (1 - pk) for pk in p(r)], lambda r: law(r).variance)
        case.expect("entropy", lambda r: textbook.entropy(p(r)), lambda r: law(r).entropy(), ["logits"])
        case.expect("kl_divergence", lambda r: textbook.kl_divergence(p(r), q(r)), kl, ["logits", "q_logits"])
        yield case


# ----------------------------------------------------------------------------------------------------------------------
# Location-scale laws


def location_scale_cases(hard):
    """Cases with a second law `q`; `hard` values are in units of the scale."""
    ordinary = [(loc, scale, x) for (loc, scale), x in product([(0, 1), (-1.5, 0.5), (3, 2)], [-2, -0.25, 0.5, 4])]
    tails = [(loc, scale, loc + scale * x) for (loc, scale), x in product([(0, 1), (50, 0.01), (-1000, 100)], hard)]
    for name, table in [("ordinary", ordinary), ("hard", tails)]:
        rows = [(loc, scale, x, loc + 0.75 * scale, scale * (0.5 + 0.25 * (i % 5)))
                for i, (loc, scale, x) in enumerate(table)]
        yield Case(name, name == "ordinary", **columns(rows, "loc", "scale", "value", "q_loc", "q_scale"))


X_AND_P, P_AND_Q = ["loc", "scale", "value"], ["loc", "scale", "q_loc", "q_scale"]


def logistic():
    # Torch has no logistic law; this is how its manual builds one.
    built = lambda r: td.TransformedDistribution(
        td.Uniform(torch.zeros_like(r.loc), torch.ones_like(r.loc), validate_args=False),
        [td.SigmoidTransform().inv, td.AffineTransform(r.loc, r.scale)], validate_args=False)
    law = lambda r: scipy.stats.logistic(r.loc.item(), r.scale.item())
    log_prob = lambda r: mp.log(textbook.logistic_density(r.value, r.loc, r.scale))
    log_cdf = lambda r: mp.log(sigmoid((r.value - r.loc) / r.scale))
    for case in location_scale_cases([-1000, -50, 50, 1000]):
        case.expect("log_prob", log_prob, lambda r: built(r).log_prob(r.value), X_AND_P)
        case.expect("log_prob", log_prob, lambda r: law(r).logpdf(r.value.item()), origin="scipy")
        case.expect("log_cdf", log_cdf, lambda r: F.logsigmoid((r.value - r.loc) / r.scale), X_AND_P)
        case.expect("mean", lambda r: r.loc, lambda r: law(r).mean(), origin="scipy")
        case.expect("variance", lambda r: (mp.pi * r.scale) ** 2 / 3, lambda r: law(r).var(), origin="scipy")
        case.expect("entropy", lambda r: mp.log(r.scale) + 2, lambda r: law(r).entropy(), origin="scipy")
        yield case


def gumbel():
    law = lambda r: td.Gumbel(r.loc, r.scale, validate_args=False)
    kl = lambda r: td.kl_divergence(law(r), td.Gumbel(r.q_loc, r.q_scale))
    in_scipy = lambda r: scipy.stats.gumbel_r(r.loc.item(), r.scale.item())
    log_prob = lambda r: mp.log(textbook.gumbel_density(r.value, r.loc, r.scale))
    log_cdf = lambda r: -mp.exp(-(r.value - r.loc) / r.scale)
    # Below -85 scales relaxit holds the exponential on purpose, and near there gradients leave f32.
    for case in location_scale_cases([-70, -50, 50, 1000]):
        case.expect("log_prob", log_prob, lambda r: law(r).log_prob(r.value), X_AND_P)
        case.expect("log_cdf", log_cdf, lambda r: -torch.exp(-(r.value - r.loc) / r.scale), X_AND_P)
        case.expect("log_cdf", log_cdf, lambda r: in_scipy(r).logcdf(r.value.item()), origin="scipy")
        case.expect("mean", lambda r: r.loc + mp.euler * r.scale, lambda r: law(r).mean)
        case.expect("variance", lambda r: (mp.pi * r.scale) ** 2 / 6, lambda r: law(r).variance)
        case.expect("entropy", lambda r: mp.log(r.scale) + mp.euler + 1, lambda r: law(r).entropy(), ["scale"])
        case.expect("kl_divergence", lambda r: textbook.gumbel_kl_divergence(r.loc, r.scale, r.q_loc, r.q_scale), kl,
                    P_AND_Q)
        yield case


def normal():
    law = lambda r: td.Normal(r.loc, r.scale)
    kl = lambda r: td.kl_divergence(law(r), td.Normal(r.q_loc, r.q_scale))
    for case in location_scale_cases([-1000, -50, 50, 1000]):
        case.expect("log_prob", lambda r: mp.log(textbook.normal_density(r.value, r.loc, r.scale)),
                    lambda r: law(r).log_prob(r.value), X_AND_P)
        case.expect("mean", lambda r: r.loc, lambda r: law(r).mean)
        case.expect("variance", lambda r: r.scale**2, lambda r: law(r).variance)
        case.expect("entropy", lambda r: mp.log(r.scale * mp.sqrt(2 * mp.pi * mp.e)), lambda r: law(r).entropy(),
                    ["scale"])
        case.expect("kl_divergence", lambda r: textbook.normal_kl_divergence(r.loc, r.scale, r.q_loc, r.q_scale), kl,
                    P_AND_Q)
        yield case


# ----------------------------------------------------------------------------------------------------------------------
# Relaxations


def drawn(law, uniform):
    """Torch's own reparameterised sample, with `uniform` in the place of its random numbers."""
    with mock.patch("torch.rand", lambda *_, **__: uniform):
        return law.rsample()


def relaxed_bernoulli():
    y_ordinary, z_ordinary, noise_ordinary = [0.02, 0.4, 0.5, 0.93], [-3, -0.5, 1.25], [-5, -0.75, 0.25, 1.5, 3]
    for temperature in TEMPERATURES:
        logits = [phi for phi in [-3, -0.5, 0, 1.75] for _ in range(3)]
        yield relaxed_bernoulli_case(f"τ = {temperature}", True, logits, [temperature], y_ordinary, z_ordinary,
                                     noise_ordinary)
    yield relaxed_bernoulli_case("a temperature for each", True, [-1, 0.5, 2, 0], [0.2, 0.7, 2, 10], y_ordinary,
                                 z_ordinary, noise_ordinary)
    for temperature in TEMPERATURES:
        logits = [-1000, -50, 50, 1000, -1000, -50, 50, 1000]
        # Latents where these logits put them, and one in no place that they would.
        z = [phi / temperature + x for phi, x in zip(logits[:4], [0.5, -2, 1, 3])] + [0.5] * 4
        yield relaxed_bernoulli_case(f"hard, τ = {temperature}", False, logits, [temperature],
                                     [1e-6, 0.25, 1 - 2**-20], z, [-16, -1, 0.5, 2, 16])
    yield relaxed_bernoulli_case("beyond f32", False, [-2, 0.5, 3], [0.5], [1e-100, 1 - 2**-30, NEARLY_ONE], [50] * 3,
                                 [36, -36, 1], ["f64"])


def relaxed_bernoulli_case(name, ordinary, logits, temperatures, ys, zs, noises, precisions=("f64", "f32")):
    n = len(logits)
    case = Case(name, ordinary, precisions, logits=column(logits), temperature=column(repeat(temperatures, n)),
                value=column(repeat(ys, n)), latent=column(repeat(zs, n)), noise=column(repeat(noises, n)),
                fresh=column(repeat(noises[::-1], n)), b=column(i // 2 % 2 for i in range(n)))
    law = lambda r: td.RelaxedBernoulli(r.temperature, logits=r.logits, validate_args=False)
    latent = lambda r: td.relaxed_bernoulli.LogitRelaxedBernoulli(r.temperature, logits=r.logits)
    log_prob = lambda r: mp.log(textbook.binary_concrete_density(r.value, r.logits, r.temperature))
    latent_log_prob = lambda r: mp.log(
        textbook.logistic_density(r.latent, r.logits / r.temperature, 1 / r.temperature))
    latent_sample = lambda r: (r.logits + r.noise) / r.temperature
    case.expect("log_prob", log_prob, lambda r: law(r).log_prob(r.value), ["logits", "temperature", "value"])
    case.expect("latent_log_prob", latent_log_prob, lambda r: latent(r).log_prob(r.latent),
                ["logits", "temperature", "latent"])
    case.expect("sample", lambda r: sigmoid(latent_sample(r)), lambda r: drawn(law(r), r.noise.sigmoid()),
                ["logits", "temperature"])
    case.expect("latent_sample", latent_sample, lambda r: drawn(latent(r), r.noise.sigmoid()),
                ["logits", "temperature"])
    case.expect("latent_given", lambda r: textbook.bernoulli_latent_given(r.logits, r.b, sigmoid(r.fresh))
                / r.temperature, torch_bernoulli_latent_given, ["logits", "temperature"])
    return case


def torch_bernoulli_latent_given(r):
    """As in the published code of REBAR and RELAX, which is the textbook's formula."""
    theta, v = r.logits.sigmoid(), r.fresh.sigmoid()
    v = v * theta + (1 - theta) if r.b == 1 else v * (1 - theta)
    return (r.logits + v.log() - (-v).log1p()) / r.temperature


def exp_concrete():
    for (k, logits), temperature in product(LOGITS.items(), TEMPERATURES):
        yield exp_concrete_case(f"K = {k}, τ = {temperature}", True, logits, temperature)
    for temperature in TEMPERATURES:
        yield exp_concrete_case(f"hard, τ = {temperature}", False, HARD_LOGITS, temperature)


LOGITS = {
    2: [[0.5, -1], [3, 3]],
    3: [[0.5, -1, 2], [100, 101, 99], [-0.25, 0, 0.25]],
    10: [[0.25 * j for j in range(10)], [(-1) ** j * 0.5 * (j % 4) for j in range(10)]],
}
HARD_LOGITS = [[50, -50, 0], [-1000, 0, 1000], [1000, 1000, 999]]
GUMBELS = [0.25, -1.25, 2.5, 0.75, -0.5, 4, 1.5]


def gumbels(logits, start):
    """One number for each logit, other ones for each row and each `start`."""
    rows, k = len(logits), len(logits[0])
    numbers = repeat(GUMBELS[start:] + GUMBELS[:start], rows * k)
    return [numbers[i * k:(i + 1) * k] for i in range(rows)]


def log_simplex(logits, temperature, perturbations):
    """Points that the law draws."""
    rows = [[(phi + g) / mp.mpf(f32(temperature)) for phi, g in zip(*row)] for row in zip(logits, perturbations)]
    return [[sk - textbook.log_sum_exp(scores) for sk in scores] for scores in rows]


def exp_concrete_case(name, ordinary, logits, temperature):
    case = Case(name, ordinary, logits=logits, temperature=column([temperature] * len(logits)),
                latent=log_simplex(logits, temperature, gumbels(logits, 0)))
    expect_latent(case)
    return case


def expect_latent(case):
    case.expect("latent_log_prob",
                lambda r: mp.log(textbook.exp_concrete_density(r.latent, r.logits, r.temperature)),
                lambda r: exp_relaxed(r).log_prob(r.latent), ["logits", "temperature", "latent"])


def exp_relaxed(r):
    """Torch's class for the latent; its check of the support is an equality that only rounding decides."""
    return td.relaxed_categorical.ExpRelaxedCategorical(r.temperature, logits=r.logits, validate_args=False)


def relaxed_one_hot_categorical():
    for temperature in TEMPERATURES:
        yield relaxed_one_hot_case(f"K = 3, τ = {temperature}", True, LOGITS[3], [temperature])
    yield relaxed_one_hot_case("K = 3, a temperature for each", True, LOGITS[3], [0.2, 1.5, 10])
    yield relaxed_one_hot_case("K = 2", True, LOGITS[2], [0.5])
    yield relaxed_one_hot_case("K = 10", True, LOGITS[10], [0.5])
    for temperature in TEMPERATURES:
        yield relaxed_one_hot_case(f"hard, τ = {temperature}", False, HARD_LOGITS, [temperature])
    yield relaxed_one_hot_case("beyond f32", False, LOGITS[3], [0.75], ["f64"],
                               [[1, 1e-50, 1e-100], [1e-300, 1, 1e-20], [1e-10, 1e-40, 1 - 1e-10]])


def relaxed_one_hot_case(name, ordinary, logits, temperatures, precisions=("f64", "f32"), values=None):
    n, k = len(logits), len(logits[0])
    # Flat values are inside the simplex at every temperature, in f32 too.
    values = values or [softmax([mp.mpf(g) for g in row]) for row in gumbels(logits, 1)]
    case = Case(name, ordinary, precisions, logits=logits, temperature=column(repeat(temperatures, n)), value=values,
                latent=log_simplex(logits, temperatures[0], gumbels(logits, 2)), noise=gumbels(logits, 3),
                fresh=gumbels(logits, 4), b=[[float(j == (i + 1) % k) for j in range(k)] for i in range(n)],
                cotangent=[[(-1) ** j * (1 + 0.5 * j) for j in range(k)] for _ in range(n)])
    law = lambda r: td.RelaxedOneHotCategorical(r.temperature, logits=r.logits, validate_args=False)
    uniform = lambda gumbel: (-(-gumbel).exp()).exp()
    scores = lambda r: [(phi + g) / r.temperature for phi, g in zip(r.logits, r.noise)]
    case.expect("log_prob", lambda r: mp.log(textbook.concrete_density(r.value, r.logits, r.temperature)),
                lambda r: law(r).log_prob(r.value), ["logits", "temperature", "value"])
    expect_latent(case)
    case.expect("sample", lambda r: softmax(scores(r)), lambda r: drawn(law(r), uniform(r.noise)),
                ["logits", "temperature"])
    case.expect("latent_sample", lambda r: [sk - textbook.log_sum_exp(scores(r)) for sk in scores(r)],
                lambda r: drawn(exp_relaxed(r), uniform(r.noise)), ["logits", "temperature"])
    case.expect("latent_given", exact_categorical_latent_given, torch_categorical_latent_given,
                ["logits", "temperature"])
    return case


def exact_categorical_latent_given(r):
    v = [mp.exp(-mp.exp(-g)) for g in r.fresh]
    scores = [zk / r.temperature for zk in textbook.categorical_latent_given(r.logits, r.b, v)]
    return [sk - textbook.log_sum_exp(scores) for sk in scores]


def torch_categorical_latent_given(r):
    """As in the paper and code of RELAX: at normalised probabilities, with a standard Gumbel for the winner."""
    p, exponential = r.logits.softmax(0), (-r.fresh).exp()
    winner = (exponential * r.b).sum()
    z = torch.where(r.b == 1, -winner.log(), -(exponential / p + winner).log())
    return (z / r.temperature).log_softmax(0)


if __name__ == "__main__":
    write("noise", noise())
    for law in [math, bernoulli, one_hot_categorical, logistic, gumbel, normal, exp_concrete, relaxed_bernoulli,
                relaxed_one_hot_categorical]:
        write_cases(law.__name__, law())
