"""Writes the golden values of straight-through choices, the invertible Gaussian and sparse maps.

As make_distributions.py: every quantity is worked out by torch or scipy in float64 and by mpmath at 500 digits. The
gradients of the choices are no derivatives of their values; in mpmath they are differences of the function whose
Jacobian the paper takes, or the paper's own product of Jacobian and vector, in torch the published code's autograd.
"""

from itertools import product

import mpmath as mp
import scipy.integrate
import scipy.special
import torch
import torch.distributions as td

import fixture
import philox
import textbook
from fixture import Case, as_list, write_cases
from make_distributions import column, columns, gumbels
from textbook import log_sum_exp, softmax

fixture.HEADER["script"] = "python/golden/make_choices.py"

LOGITS = [[0.5, -1, 2], [100, 101, 99], [-0.25, 0, 0.25]]
HARD_LOGITS = [[50, -50, 0], [-1000, 0, 1000], [1000, 1000, 999]]


def one_hot(k, size):
    return [float(j == k) for j in range(size)]


def cotangents(rows, size):
    return [[(-1) ** j * (1 + 0.5 * j) + 0.25 * i for j in range(size)] for i in range(rows)]


def dot(x, y):
    return mp.fsum(a * b for a, b in zip(x, y))


def jacobian_product(p, v):
    """J(p) v of a softmax with value p."""
    mean = dot(p, v)
    return [pk * (vk - mean) for pk, vk in zip(p, v)]


def expect_choice(case, quantity, value, exact, library):
    """Records a hard value and its gradient in the logits, `exact(i)` by mpmath and `library(i)` by torch."""
    values = [as_list(value(i)) for i in range(case.rows)]
    case._record(quantity, "torch", values, values)
    rows = range(case.rows)
    case._record(f"{quantity} by logits", "torch", [exact(i) for i in rows], [library(i) for i in rows])


def soft_gradients(case, exact, library):
    """The gradients of soft functions of the logits, in both arithmetics."""
    return (lambda i: case._exact_gradient(lambda r: exact(r, i), "logits", i),
            lambda i: case._torch_gradient(lambda r: library(r, i), "logits", i))


def argmax(x):
    return max(range(len(x)), key=lambda k: x[k])


def decoupled():
    for name, ordinary, logits in [("ordinary", True, LOGITS), ("hard", False, HARD_LOGITS)]:
        for forward, temperature in [(0.5, 1), (2, 0.5)]:
            n, k = len(logits), len(logits[0])
            case = Case(f"{name}, {forward} and {temperature}", ordinary, logits=logits,
                        forward=column([forward] * n), temperature=column([temperature] * n),
                        noise=gumbels(logits, 2), value=[one_hot(i % k, k) for i in range(n)],
                        cotangent=cotangents(n, k))
            case.expect("log_prob", lambda r: mp.log(softmax([x / r.forward for x in r.logits])[r.value.index(1)]),
                        lambda r: td.OneHotCategorical(logits=r.logits / r.forward).log_prob(r.value),
                        ["logits", "forward"])

            def choice(i, case=case):
                r = case._exact_row(i)
                return one_hot(argmax([x / r.forward + g for x, g in zip(r.logits, r.noise)]), len(r.logits))

            expect_choice(case, "perturbed", choice, *soft_gradients(
                case, lambda r, i: softmax([(x + g) / r.temperature for x, g in zip(r.logits, r.noise)]),
                lambda r, i: ((r.logits + r.noise) / r.temperature).softmax(0)))
            expect_choice(case, "probabilities", choice, *soft_gradients(
                case, lambda r, i: softmax([x / r.temperature for x in r.logits]),
                lambda r, i: (r.logits / r.temperature).softmax(0)))
            yield case


def given(name, ordinary, logits, temperature, precisions=("f64", "f32")):
    n, k = len(logits), len(logits[0])
    return Case(f"{name}, τ = {temperature}", ordinary, precisions, logits=logits,
                temperature=column([temperature] * n), b=[one_hot(i % k, k) for i in range(n)],
                cotangent=cotangents(n, k))


def rein_max():
    for name, ordinary, logits in [("ordinary", True, LOGITS), ("hard", False, HARD_LOGITS)]:
        for temperature in [1, 1.5, 0.5]:
            case = given(name, ordinary, logits, temperature)

            def exact(i, case=case):
                r, v = case._exact_row(i), case.inputs["cotangent"][i]
                cold = softmax([x / r.temperature for x in r.logits])
                q = [(p + b) / 2 for p, b in zip(cold, r.b)]
                return [2 * a - c / 2 for a, c in
                        zip(jacobian_product(q, v), jacobian_product(softmax(r.logits), v))]

            def library(i, case=case):
                """The published module, by autograd: softmax of log-probabilities that are not differentiated."""
                r = case._torch_row(i)
                logits = r.logits.requires_grad_()
                p0 = logits.softmax(0)
                p1 = ((logits / r.temperature).softmax(0) + r.b) / 2
                p1 = (p1.log() - logits).detach() + logits
                p2 = 2 * p1.softmax(0) - p0 / 2
                weights = torch.tensor(case.inputs["cotangent"][i], dtype=torch.float64)
                return torch.autograd.grad((p2 * weights).sum(), logits)[0]

            expect_choice(case, "sample", lambda i, case=case: case.inputs["b"][i], exact, library)
            yield case


def gumbel_rao():
    """The noise of the two types differs, so each has its own cases."""
    draws = 3
    for precision, (name, ordinary, logits) in product(
        ["f64", "f32"], [("ordinary", True, LOGITS), ("hard", False, HARD_LOGITS)],
    ):
        for temperature in [0.5, 1.5]:
            case = given(name, ordinary, logits, temperature, [precision])
            k, fresh = len(logits[0]), []
            for draw in range(draws):
                fresh.append(philox.elements("gumbel", precision, 0, draw, 0, case.rows * k))

            def latents(i, draw, case=case, fresh=fresh, k=k):
                r = case._exact_row(i)
                v = [mp.exp(-mp.exp(-mp.mpf(g))) for g in fresh[draw][i * k:(i + 1) * k]]
                return textbook.categorical_latent_given(r.logits, r.b, v)

            def exact(i, case=case, latents=latents):
                r, v = case._exact_row(i), case.inputs["cotangent"][i]
                all_ = [jacobian_product(softmax([z / r.temperature for z in latents(i, s)]), v) for s in range(draws)]
                return [mp.fsum(entries) / draws / r.temperature for entries in zip(*all_)]

            def library(i, case=case, fresh=fresh, k=k):
                """As in the authors' code: exponentials given the choice, whose difference from the logits is held."""
                r = case._torch_row(i)
                logits = r.logits.requires_grad_()
                soft = 0
                for draw in range(draws):
                    exponential = (-torch.tensor(fresh[draw][i * k:(i + 1) * k], dtype=torch.float64)).exp()
                    winner = (exponential * r.b).sum()
                    total = logits.detach().logsumexp(0)
                    z = torch.where(r.b == 1, total - winner.log(),
                                    -(exponential / logits.detach().exp() + winner / total.exp()).log())
                    soft = soft + (((z - logits).detach() + logits) / r.temperature).softmax(0) / draws
                weights = torch.tensor(case.inputs["cotangent"][i], dtype=torch.float64)
                return torch.autograd.grad((soft * weights).sum(), logits)[0]

            expect_choice(case, "sample", lambda i, case=case: case.inputs["b"][i], exact, library)
            yield case


def gapped():
    for name, ordinary, logits in [("ordinary", True, LOGITS), ("hard", False, HARD_LOGITS)]:
        for temperature in [0.5, 1.5]:
            case = given(name, ordinary, logits, temperature)
            for quantity in ["constant", "expected"]:
                def move(i, case=case, quantity=quantity):
                    """The paper's two terms of the perturbation."""
                    r = case._exact_row(i)
                    chosen, top = r.b.index(1), max(r.logits)
                    p = softmax(r.logits)[chosen]
                    # In the library certainty is held at the largest number below 1.
                    gap = 1 if quantity == "constant" else -mp.log(1 - min(p, 1 - mp.mpf(2) ** -53)) / p
                    return [top - x if k == chosen else -max(x + gap - top, 0) for k, x in enumerate(r.logits)]

                def exact(r, i, move=move):
                    return softmax([(x + m) / r.temperature for x, m in zip(r.logits, move(i))])

                def library(r, i, quantity=quantity):
                    """As in the authors' code."""
                    fixed = r.logits.detach()
                    top, p = fixed.max(), (fixed.softmax(0) * r.b).sum()
                    gap = 1.0 if quantity == "constant" else -(1 - p).log() / p
                    moved = r.logits + ((top - fixed) * r.b - (fixed - top + gap).clamp(min=0) * (1 - r.b))
                    return ((moved - moved.mean()) / r.temperature).softmax(0)

                expect_choice(case, quantity, lambda i, case=case: case.inputs["b"][i],
                              *soft_gradients(case, exact, library))
            yield case


def latent_of(r):
    return [r.tau * mp.log(g * r.delta / r.value[-1]) for g in as_list(r.value)[:-1]]


def invertible_gaussian():
    for name, loc, log_scale, values, temperature, delta in [
        ("K = 2", [[0.5], [-1], [3]], [[0.25], [-0.5], [0]], [[0.25, 0.75], [0.125, 0.875], [0.5, 0.5]], 0.75, 1),
        ("K = 3", [[0.5, -1], [3, 3], [0, 2]], [[0, 0.5], [-0.5, 0.25], [0.25, 0]],
         [[0.5, 0.25, 0.25], [0.125, 0.625, 0.25], [0.0625, 0.0625, 0.875]], 0.5, 2),
        ("K = 4", [[0.5, -1, 0], [1, 0, -1]], [[0, 0.5, -0.25], [0.25, -0.25, 0]],
         [[0.5, 0.25, 0.125, 0.125], [0.125, 0.5, 0.25, 0.125]], 2, 0.25),
    ]:
        n, k = len(values), len(values[0])
        case = Case(name, True, loc=loc, log_scale=log_scale, value=values, tau=column([temperature] * n),
                    delta=column([delta] * n), noise=[row[:-1] for row in gumbels(values, 1)],
                    q_loc=[[0.25 * j - 0.5 for j in range(k - 1)]] * n,
                    q_log_scale=[[0.5 - 0.25 * j for j in range(k - 1)]] * n, cotangent=cotangents(n, k))

        def exact_log_prob(r):
            y, g = latent_of(r), as_list(r.value)[:-1]
            normal = mp.fsum(mp.log(textbook.normal_density(yk, m, mp.exp(s))) for yk, m, s in
                             zip(y, as_list(r.loc), as_list(r.log_scale)))
            slopes = mp.matrix([[gk * ((a == b) - gl) / r.tau for b, gl in enumerate(g)]
                                for a, gk in enumerate(g)])
            return normal - mp.log(mp.det(slopes))

        def torch_log_prob(r):
            """Torch's law of the normal variables and the determinant of autograd's Jacobian."""
            y = r.tau * (r.value[:-1] * r.delta / r.value[-1]).log()
            slopes = torch.autograd.functional.jacobian(lambda y: squash(y, r)[:-1], y, create_graph=True)
            normal = td.Normal(r.loc.reshape(-1), r.log_scale.exp().reshape(-1))
            return normal.log_prob(y).sum() - slopes.det().log()

        def squash(y, r):
            weights = torch.cat([(y / r.tau).exp(), r.delta.reshape(1)])
            return weights / weights.sum()

        def exact_sample(r):
            y = [m + mp.exp(s) * e for m, s, e in zip(as_list(r.loc), as_list(r.log_scale), as_list(r.noise))]
            weights = [mp.exp(yk / r.tau) for yk in y] + [r.delta]
            return [w / mp.fsum(weights) for w in weights]

        case.expect("log_prob", exact_log_prob, torch_log_prob, ["loc", "log_scale", "tau"])
        case.expect("sample", exact_sample,
                    lambda r: squash((r.loc + r.log_scale.exp() * r.noise).reshape(-1), r),
                    ["loc", "log_scale", "tau"])
        case.expect("unsquash", latent_of, lambda r: r.tau * (r.value[:-1] * r.delta / r.value[-1]).log())
        case.expect("kl_divergence",
                    lambda r: mp.fsum(textbook.normal_kl_divergence(m, mp.exp(s), qm, mp.exp(qs)) for m, s, qm, qs in
                                      zip(*map(as_list, [r.loc, r.log_scale, r.q_loc, r.q_log_scale]))),
                    lambda r: td.kl_divergence(td.Normal(r.loc, r.log_scale.exp()),
                                               td.Normal(r.q_loc, r.q_log_scale.exp())).sum(),
                    ["loc", "log_scale", "q_loc", "q_log_scale"])
        rows = range(n)
        case._record("category_probs", "scipy", [exact_probs(case._exact_row(i)) for i in rows],
                     [scipy_probs(case._exact_row(i)) for i in rows])
        yield case


def exact_probs(r):
    """By mpmath's quadrature, at fewer digits."""
    loc, scale = as_list(r.loc), [mp.exp(s) for s in as_list(r.log_scale)]
    with mp.workdps(30):
        threshold = r.tau * mp.log(r.delta)
        cdf = lambda j, y: mp.ncdf((y - loc[j]) / scale[j])
        ends = [threshold] + [threshold + x for x in [1, 2, 4, 8, 16, 32]]
        probs = []
        for k in range(len(loc)):
            density = lambda y, k=k: textbook.normal_density(y, loc[k], scale[k]) * mp.fprod(
                cdf(j, y) for j in range(len(loc)) if j != k)
            probs.append(mp.quad(density, ends))
        return probs + [mp.fprod(cdf(j, threshold) for j in range(len(loc)))]


def scipy_probs(r):
    loc, scale = [float(m) for m in as_list(r.loc)], [float(mp.exp(s)) for s in as_list(r.log_scale)]
    threshold = float(r.tau * mp.log(r.delta))
    cdf = lambda j, y: scipy.special.ndtr((y - loc[j]) / scale[j])
    others = lambda k, y: float(mp.fprod(cdf(j, y) for j in range(len(loc)) if j != k))
    pdf = lambda k, y: float(textbook.normal_density(mp.mpf(y), mp.mpf(loc[k]), mp.mpf(scale[k])))
    probs = []
    with mp.workdps(20):
        for k in range(len(loc)):
            part = lambda a, b, k=k: scipy.integrate.quad(lambda y: pdf(k, y) * others(k, y), a, b, epsabs=1e-15,
                                                          epsrel=1e-13)[0]
            probs.append(part(threshold, threshold + 4) + part(threshold + 4, threshold + 30))
    return probs + [float(mp.fprod(cdf(j, threshold) for j in range(len(loc))))]


def supports(x):
    """All prefixes of the sorted entries."""
    order = sorted(range(len(x)), key=lambda k: -x[k])
    return [order[:size] for size in range(1, len(x) + 1)]


def exact_sparsemax(x):
    for support in reversed(supports(x)):
        theta = (mp.fsum(x[k] for k in support) - 1) / len(support)
        if min(x[k] for k in support) > theta:
            return [x[k] - theta if k in support else mp.mpf(0) for k in range(len(x))]


def exact_entmax15(x):
    for support in reversed(supports(x)):
        half = [x[k] / 2 for k in support]
        mean = mp.fsum(half) / len(half)
        excess = (1 - mp.fsum((h - mean) ** 2 for h in half)) / len(half)
        if excess >= 0 and min(half) > mean - mp.sqrt(excess):
            theta = mean - mp.sqrt(excess)
            return [(x[k] / 2 - theta) ** 2 if k in support else mp.mpf(0) for k in range(len(x))]


def torch_sparsemax(r):
    """Martins & Astudillo (2016), algorithm 1."""
    z = r.x.sort(descending=True).values
    rank = torch.arange(1, len(z) + 1, dtype=torch.float64)
    size = int((1 + rank * z > z.cumsum(0)).sum())
    return (r.x - (z[:size].sum() - 1) / size).clamp(min=0)


def torch_entmax15(r):
    """The Lagrangian solved by bisection, then two of Newton's steps that carry the gradient."""
    x = r.x / 2
    low, high = x.max().detach() - 1, x.max().detach()
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if (x.detach() - middle).clamp(min=0).square().sum() > 1 else (low, middle)
    theta = low
    for _ in range(2):
        gaps = (x - theta).clamp(min=0)
        theta = theta + (gaps.square().sum() - 1) / (2 * gaps.sum())
    return (x - theta).clamp(min=0).square()


def sparse():
    for name, ordinary, x in [
        ("K = 3", True, [[0.5, 0.25, -3], [0.1, 0.7, 0.3], [3, 0, 0.5], [0, 0, 0]]),
        ("K = 6", True, [[0.5, -0.3, 0.9, 0.7, -1.2, 0.05], [0.1, 0.12, 0.14, 0.11, 0.13, 0.1], [5, 4.25, 3, 2, 1, 0]]),
        ("hard", True, [[1000, 1000.25, 999.5], [-1000, -1000.5, -2000], [8192.5, 0, 8192]]),
    ]:
        case = Case(name, ordinary, x=x, cotangent=cotangents(len(x), len(x[0])))
        case.expect("sparsemax", lambda r: exact_sparsemax(r.x), torch_sparsemax, ["x"])
        case.expect("entmax15", lambda r: exact_entmax15(r.x), torch_entmax15, ["x"])
        yield case


if __name__ == "__main__":
    for family in [decoupled, rein_max, gumbel_rao, gapped, invertible_gaussian, sparse]:
        write_cases(f"choices_{family.__name__}", family())
