"""Writes the golden values of the laws of counts and of the simplex: crates/relaxit/tests/golden/*.json.

As in make_distributions.py, every quantity is worked out twice: by a library in float64 and by the textbook's formula in
mpmath, and nothing comes from relaxit itself.
"""

from itertools import product

import mpmath as mp
import numpy as np
import scipy.special
import torch
import torch.distributions as td

import fixture
from fixture import Case, as_list, write_cases
from textbook import entropy, kl_divergence, normal_density, sigmoid

fixture.HEADER["script"] = "python/golden/make_counts.py"


def column(entries):
    return [[x] for x in entries]


def columns(rows, *names):
    return {name: column(entries) for name, entries in zip(names, zip(*rows), strict=True)}


def digamma():
    case = Case("digamma", True, x=column([0.1, 0.5, 1, 1.25, 2, 3, 7.5, 10, 100.5, 1e3, 1e6]))
    case.expect("digamma", lambda r: mp.digamma(r.x), lambda r: torch.digamma(r.x))
    case.ordinary = False  # torch's trigamma function is good to 1e-9
    case.expect("digamma", lambda r: mp.digamma(r.x), lambda r: torch.digamma(r.x), ["x"])
    yield case
    case = Case("near the pole", False, x=column([1e-8, 1e-3, 1.4616321449683623]))
    case.expect("digamma", lambda r: mp.digamma(r.x), lambda r: torch.digamma(r.x))
    yield case


def poisson():
    for name, ordinary, precisions, log_rates, counts in [
        ("ordinary", True, ("f64", "f32"), [-2, -0.25, 0.5, 2], [0, 1, 2, 5, 12]),
        ("hard", False, ("f64",), [-700, -40, 10, 15], [0, 1, 20000, 3000000]),
    ]:
        rows = [(x, 0.75 * x + 0.5, k) for x, k in product(log_rates, counts)]
        case = Case(name, ordinary, precisions, **columns(rows, "log_rate", "q_log_rate", "value"))
        rate, q_rate = lambda r: mp.exp(r.log_rate), lambda r: mp.exp(r.q_log_rate)
        law = lambda r: td.Poisson(r.log_rate.exp())
        kl = lambda r: td.kl_divergence(law(r), td.Poisson(r.q_log_rate.exp()))
        case.expect("log_prob", lambda r: r.value * r.log_rate - rate(r) - mp.loggamma(r.value + 1),
                    lambda r: law(r).log_prob(r.value), ["log_rate"])
        case.expect("mean", rate, lambda r: law(r).mean)
        case.expect("variance", rate, lambda r: law(r).variance)
        case.expect("kl_divergence", lambda r: rate(r) * mp.log(rate(r) / q_rate(r)) - rate(r) + q_rate(r), kl,
                    ["log_rate", "q_log_rate"])
        yield case


def geometric():
    for name, ordinary, logits, counts in [
        ("ordinary", True, [-3, -0.25, 0.5, 2], [0, 1, 2, 5, 40]),
        ("hard", False, [-40, -15, 30, 50], [0, 1, 1000]),
    ]:
        rows = [(x, 0.75 * x + 0.5, k) for x, k in product(logits, counts)]
        case = Case(name, ordinary, **columns(rows, "logits", "q_logits", "value"))
        law = lambda r: td.Geometric(logits=r.logits)
        p, q = lambda r: sigmoid(r.logits), lambda r: sigmoid(r.q_logits)
        entropy_of = lambda p: entropy([p, 1 - p]) / p
        # Per trial, a Bernoulli divergence; there are 1/p trials.
        kl = lambda r: kl_divergence([p(r), 1 - p(r)], [q(r), 1 - q(r)]) / p(r)
        case.expect("log_prob", lambda r: mp.log(p(r)) + r.value * mp.log(1 - p(r)),
                    lambda r: law(r).log_prob(r.value), ["logits"])
        case.expect("mean", lambda r: (1 - p(r)) / p(r), lambda r: law(r).mean)
        case.expect("variance", lambda r: (1 - p(r)) / p(r) ** 2, lambda r: law(r).variance)
        case.expect("entropy", lambda r: entropy_of(p(r)), lambda r: law(r).entropy(), ["logits"])
        case.expect("kl_divergence", kl, lambda r: td.kl_divergence(law(r), td.Geometric(logits=r.q_logits)),
                    ["logits", "q_logits"])
        yield case


def binomial():
    for total_count, precisions, logits, counts in [
        (1, ("f64", "f32"), [-3, 0.5], [0, 1]),
        (12, ("f64", "f32"), [-3, -0.25, 0.5, 2], [0, 1, 5, 12]),
        (300, ("f64",), [-3, 0.5, 40, -40], [0, 2, 150, 300]),
    ]:
        rows = [(total_count, x, 0.75 * x + 0.5, k) for x, k in product(logits, counts)]
        case = Case(f"n = {total_count}", total_count < 100, precisions,
                    **columns(rows, "total_count", "logits", "q_logits", "value"))
        law = lambda r: td.Binomial(r.total_count, logits=r.logits)
        p, q = lambda r: sigmoid(r.logits), lambda r: sigmoid(r.q_logits)
        case.expect("log_prob",
                    lambda r: mp.log(mp.binomial(r.total_count, r.value)) + r.value * mp.log(p(r))
                    + (r.total_count - r.value) * mp.log(1 - p(r)),
                    lambda r: law(r).log_prob(r.value), ["logits"])
        case.expect("mean", lambda r: r.total_count * p(r), lambda r: law(r).mean)
        case.expect("variance", lambda r: r.total_count * p(r) * (1 - p(r)), lambda r: law(r).variance)
        case.expect("kl_divergence",
                    lambda r: r.total_count * kl_divergence([p(r), 1 - p(r)], [q(r), 1 - q(r)]),
                    lambda r: td.kl_divergence(law(r), td.Binomial(r.total_count, logits=r.q_logits)),
                    ["logits", "q_logits"])
        yield case


def negative_binomial():
    for name, ordinary, precisions, total_counts, logits, counts in [
        ("ordinary", True, ("f64", "f32"), [0.5, 1, 3.5], [-2, 0.5, 2], [0, 1, 2, 9]),
        ("hard", False, ("f64",), [0.01, 200], [-40, 5], [0, 1, 500]),
    ]:
        rows = list(product(total_counts, logits, counts))
        case = Case(name, ordinary, precisions, **columns(rows, "total_count", "logits", "value"))
        law = lambda r: td.NegativeBinomial(r.total_count, logits=r.logits)
        p = lambda r: sigmoid(r.logits)
        case.expect("log_prob",
                    lambda r: mp.loggamma(r.value + r.total_count) - mp.loggamma(r.total_count)
                    - mp.loggamma(r.value + 1) + r.value * mp.log(p(r)) + r.total_count * mp.log(1 - p(r)),
                    lambda r: law(r).log_prob(r.value), ["total_count", "logits"])
        case.expect("mean", lambda r: r.total_count * p(r) / (1 - p(r)), lambda r: law(r).mean)
        case.expect("variance", lambda r: r.total_count * p(r) / (1 - p(r)) ** 2, lambda r: law(r).variance)
        yield case


def truncated():
    """Poisson laws; the atoms are as many as the cotangents."""
    for atoms, log_rates in [(2, [-1, 0.5, 1.125]), (6, [1.125, 1.5, 2]), (12, [1.75, 2, 2.5])]:
        # In f32 what is left of 1 after twelve terms has lost a digit too many.
        case = Case(f"n = {atoms}", True, ("f64", "f32") if atoms < 12 else ("f64",), log_rate=column(log_rates),
                    cotangent=[[(-1) ** j * (1 + 0.5 * j) for j in range(atoms)] for _ in log_rates])

        def exact(r, atoms=atoms):
            p = [mp.exp(k * r.log_rate - mp.exp(r.log_rate)) / mp.factorial(k) for k in range(atoms - 1)]
            return [mp.log(pk) for pk in p] + [mp.log(1 - mp.fsum(p))]

        def library(r, atoms=atoms):
            head = td.Poisson(r.log_rate.exp()).log_prob(torch.arange(atoms - 1, dtype=torch.float64))
            tail = torch.special.gammainc(torch.tensor(atoms - 1.0, dtype=torch.float64), r.log_rate.exp())
            return torch.cat([head, tail.log().reshape(1)])

        case.expect("logits", exact, library, ["log_rate"])
        mean = lambda r: mp.fsum(k * mp.exp(x) for k, x in enumerate(exact(r)))
        case.expect("mean", mean, lambda r, atoms=atoms: (library(r).exp() * torch.arange(atoms)).sum(), ["log_rate"])
        yield case


def generalized_gumbel_softmax():
    """Joo et al. (2020): a softmax of perturbed logits, weighing the atoms."""
    atoms, noise = [0, 1, 2.5, -4], [[0.125, 1.5, -0.75, 2.25], [-1, 0.5, 3, 0.75], [0.25, -0.5, 1, -1.25]]
    for temperature in [0.25, 1, 5]:
        logits = [[0.5, -1, 2, 0.25], [3, 1, 1.5, -2], [-0.5, -0.25, -1, -2]]
        case = Case(f"τ = {temperature}", True, logits=logits, noise=noise, atoms=[atoms] * 3,
                    temperature=column([temperature] * 3))
        perturbed = lambda r: [phi + g for phi, g in zip(r.logits, r.noise)]

        def exact(r):
            weights = [mp.exp(z / r.temperature) for z in perturbed(r)]
            return mp.fsum(w * c for w, c in zip(weights, r.atoms)) / mp.fsum(weights)

        library = lambda r: (((r.logits + r.noise) / r.temperature).softmax(0) * r.atoms).sum()
        case.expect("value", exact, library, ["logits", "temperature"])
        best = lambda r: max(zip(perturbed(r), r.atoms))[1]
        hard = [[float(best(case._exact_row(i)))] for i in range(3)]
        case._record("hard value", "torch", hard, [[r.atoms[(r.logits + r.noise).argmax()]] for r in
                                                   (case._torch_row(i) for i in range(3))])
        yield case


def log_beta(a):
    return mp.fsum(mp.loggamma(x) for x in a) - mp.loggamma(mp.fsum(a))


def exact_gamma(a, noise):
    """The gamma variable at the probability sigmoid(noise), by bisection and secants."""
    p = sigmoid(noise)
    guess = mp.mpf(float(scipy.special.gammaincinv(float(a), float(p))))
    return mp.findroot(lambda z: mp.gammainc(a, 0, z, regularized=True) - p, guess)


def dirichlet_sample(concentration, noise):
    gammas = [exact_gamma(a, x) for a, x in zip(concentration, noise)]
    return [g / mp.fsum(gammas) for g in gammas]


def scipy_dirichlet_sample(concentration, noise):
    gammas = scipy.special.gammaincinv(np.array(concentration, dtype=float), scipy.special.expit(np.array(noise)))
    return gammas / gammas.sum()


def dirichlet():
    values = {2: [[0.25, 0.75], [0.5, 0.5]], 3: [[0.25, 0.5, 0.25], [0.125, 0.125, 0.75]]}
    for name, concentration, q_concentration, noise in [
        ("K = 2", [[0.5, 1.5], [3, 20]], [[1, 1], [2.5, 25]], [[-1.5, 2], [0.25, -0.5]]),
        ("K = 3", [[1, 2, 3], [0.25, 0.75, 6]], [[2, 1, 1.5], [0.5, 0.5, 4]], [[0.5, -2, 3], [1, -0.25, -1]]),
    ]:
        k = len(noise[0])
        case = Case(name, True, concentration=concentration, q_concentration=q_concentration, noise=noise,
                    value=values[k], cotangent=[[(-1) ** j * (1 + 0.5 * j) for j in range(k)] for _ in noise])
        law = lambda r: td.Dirichlet(r.concentration)
        total = lambda r: mp.fsum(r.concentration)
        case.expect("log_prob",
                    lambda r: mp.fsum((a - 1) * mp.log(y) for a, y in zip(r.concentration, r.value))
                    - log_beta(r.concentration),
                    lambda r: law(r).log_prob(r.value), ["concentration"])
        case.expect("mean", lambda r: [a / total(r) for a in r.concentration], lambda r: law(r).mean)
        case.expect("variance",
                    lambda r: [a * (total(r) - a) / (total(r) ** 2 * (total(r) + 1)) for a in r.concentration],
                    lambda r: law(r).variance)
        case.ordinary = False  # torch's trigamma function is good to 1e-9
        case.expect("entropy",
                    lambda r: log_beta(r.concentration) + (total(r) - len(r.concentration)) * mp.digamma(total(r))
                    - mp.fsum((a - 1) * mp.digamma(a) for a in r.concentration),
                    lambda r: law(r).entropy(), ["concentration"])
        case.expect("kl_divergence",
                    lambda r: log_beta(r.q_concentration) - log_beta(r.concentration)
                    + mp.fsum((a - b) * (mp.digamma(a) - mp.digamma(total(r)))
                              for a, b in zip(r.concentration, r.q_concentration)),
                    lambda r: td.kl_divergence(law(r), td.Dirichlet(r.q_concentration)),
                    ["concentration", "q_concentration"])
        with mp.workdps(60):
            exact = lambda r: dirichlet_sample(r.concentration, r.noise)
            rows = range(case.rows)
            case._record("sample", "scipy", [exact(case._exact_row(i)) for i in rows],
                         [scipy_dirichlet_sample(concentration[i], noise[i]) for i in rows])
            # Scipy's inverse is not differentiable, and torch's implicit gradient is an approximation.
            for name, step in [("concentration", 1e-5), ("noise", 1e-5)]:
                gradients = [case._exact_gradient(exact, name, i) for i in rows]
                case._record(f"sample by {name}", "differences of scipy", gradients,
                             [scipy_differences(case, name, i, step) for i in rows])
        yield case


def scipy_differences(case, name, i, step):
    weights = np.array(case.inputs["cotangent"][i])

    def objective(j, by):
        row = {key: list(case.inputs[key][i]) for key in ["concentration", "noise"]}
        row[name][j] += by
        return weights @ scipy_dirichlet_sample(row["concentration"], row["noise"])

    return [(objective(j, step) - objective(j, -step)) / (2 * step) for j in range(len(weights))]


def logistic_normal():
    for name, loc, scale, value in [
        ("K = 2", [[0.5], [-1]], [[0.5], [2]], [[0.25, 0.75], [0.875, 0.125]]),
        ("K = 3", [[0.5, -1], [0, 3]], [[1, 0.25], [2, 1.5]], [[0.25, 0.5, 0.25], [0.125, 0.125, 0.75]]),
    ]:
        case = Case(name, True, loc=loc, scale=scale, value=value)

        def exact(r):
            ratios = [mp.log(y / r.value[-1]) for y in r.value[:-1]]
            normal = [normal_density(*row) for row in zip(ratios, as_list(r.loc), as_list(r.scale))]
            return mp.log(mp.fprod(normal) / mp.fprod(r.value))

        def library(r):
            ratios = (r.value[:-1] / r.value[-1]).log()
            return td.Normal(r.loc, r.scale).log_prob(ratios).sum() - r.value.log().sum()

        case.expect("log_prob", exact, library, ["loc", "scale", "value"])
        yield case


def logistic_normal_softmax():
    """The log-ratios to the last entry are jointly normal; the shift is not integrated out, as it does not occur."""
    for name, loc, scale, value in [
        ("K = 2", [[0.5, 0], [-1, 1]], [[0.5, 1], [2, 0.25]], [[0.25, 0.75], [0.875, 0.125]]),
        ("K = 3", [[0.5, -1, 0], [0, 3, 1]], [[1, 0.25, 3], [2, 1.5, 0.5]], [[0.25, 0.5, 0.25], [0.125, 0.125, 0.75]]),
    ]:
        case = Case(name, True, loc=loc, scale=scale, value=value)

        def exact(r):
            k = len(r.value) - 1
            off = mp.matrix([mp.log(r.value[j] / r.value[k]) - r.loc[j] + r.loc[k] for j in range(k)])
            covariance = mp.matrix(k, k)
            for i, j in product(range(k), range(k)):
                covariance[i, j] = r.scale[k] ** 2 + (r.scale[i] ** 2 if i == j else 0)
            form = (off.T * covariance**-1 * off)[0]
            determinant = mp.det(2 * mp.pi * covariance)
            return -form / 2 - mp.log(determinant) / 2 - mp.fsum(mp.log(y) for y in r.value)

        def library(r):
            covariance = torch.diag(r.scale[:-1] ** 2) + r.scale[-1] ** 2
            law = td.MultivariateNormal(r.loc[:-1] - r.loc[-1], covariance)
            return law.log_prob((r.value[:-1] / r.value[-1]).log()) - r.value.log().sum()

        case.expect("log_prob", exact, library, ["loc", "scale", "value"])
        yield case


def laplace_bridge():
    for name, concentration, loc, scale in [
        ("K = 2", [[0.5, 1.5], [3, 20]], [[0.5, 0], [-1, 1]], [[0.5, 1], [2, 0.25]]),
        ("K = 4", [[1, 2, 3, 0.25], [100, 7, 30, 1]], [[0.5, -1, 0, 2], [0, 3, 1, -3]], [[1, 0.25, 3, 1], [2, 1, 0.5, 1]]),
    ]:
        case = Case(name, True, concentration=concentration, loc=loc, scale=scale,
                    cotangent=[[(-1) ** j * (1 + 0.5 * j) for j in range(len(row))] for row in loc])

        def bridge_loc(r):
            logs = [mp.log(a) for a in r.concentration]
            return [x - mp.fsum(logs) / len(logs) for x in logs]

        def bridge_scale(r):
            k = len(r.concentration)
            shared = mp.fsum(1 / a for a in r.concentration) / k**2
            return [mp.sqrt((1 - mp.mpf(2) / k) / a + shared) for a in r.concentration]

        def back(r):
            k = len(r.loc)
            tilt = mp.fsum(mp.exp(-x) for x in r.loc) / k**2
            return [(1 - mp.mpf(2) / k + mp.exp(x) * tilt) / s**2 for x, s in zip(r.loc, r.scale)]

        def covariance(r):
            """Inverse Hessian of the Dirichlet density in centred logits, by projecting: MacKay (1998)."""
            k = len(r.concentration)
            centre = torch.eye(k, dtype=torch.float64) - torch.ones(k, k, dtype=torch.float64) / k
            return centre @ torch.diag(1 / r.concentration) @ centre

        case.expect("bridge_loc", bridge_loc, lambda r: r.concentration.log() - r.concentration.log().mean(),
                    ["concentration"])
        case.expect("bridge_scale", bridge_scale, lambda r: torch.diagonal(covariance(r)).sqrt(), ["concentration"])
        case.expect("bridge_concentration", back,
                    lambda r: (1 - 2 / len(r.loc) + r.loc.exp() * (-r.loc).exp().sum() / len(r.loc) ** 2) / r.scale**2,
                    ["loc", "scale"])
        yield case


if __name__ == "__main__":
    for law in [digamma, poisson, geometric, binomial, negative_binomial, truncated,
                generalized_gumbel_softmax, dirichlet, logistic_normal, logistic_normal_softmax, laplace_bridge]:
        write_cases(law.__name__, law())
