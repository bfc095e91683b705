"""Writes the golden values of laws over subsets, orders and permutations: crates/relaxit/tests/golden/*.json.

As in make_distributions.py, every quantity is worked out twice: in float64 by torch, gradients by its autograd, and in
mpmath at 500 digits, gradients by differences. Neither has these laws, so both sides enumerate: torch sums over orders
or subsets of logits, mpmath over products of weights. Relaxed permutation matrices are worked out as their papers print
them. Nothing comes from relaxit itself.
"""

from itertools import combinations, permutations
from types import SimpleNamespace

import mpmath as mp
import torch

from fixture import HEADER, Case, write_cases
from textbook import softmax


def members(ranks):
    """The items drawn, in their order (in any order for a k-hot vector)."""
    drawn = [i for i, rank in enumerate(ranks) if rank != 0]
    return sorted(drawn, key=lambda i: float(ranks[i]))


# ----------------------------------------------------------------------------------------------------------------------
# mpmath: products of weights


def order_probability(logits, order):
    """Plackett (1975): each item in proportion to its weight among those left."""
    weights, probability = [mp.exp(phi) for phi in logits], mp.mpf(1)
    for j, item in enumerate(order):
        probability *= weights[item] / mp.fsum(w for i, w in enumerate(weights) if i not in order[:j])
    return probability


def set_probability(logits, items):
    return mp.fsum(order_probability(logits, order) for order in permutations(items))


def subset_probabilities(logits, count):
    weights = {s: mp.fprod(mp.exp(logits[i]) for i in s) for s in combinations(range(len(logits)), count)}
    total = mp.fsum(weights.values())
    return {s: w / total for s, w in weights.items()}


def marginals(logits, count):
    p = subset_probabilities(logits, count)
    return [mp.fsum(ps for s, ps in p.items() if i in s) for i in range(len(logits))]


# ----------------------------------------------------------------------------------------------------------------------
# torch: sums of logits


def torch_order(logits, order):
    left = list(range(len(logits)))
    total = 0
    for item in order:
        total = total + logits[item] - logits[left].logsumexp(0)
        left.remove(item)
    return total


def torch_set(logits, items):
    return torch.stack([torch_order(logits, order) for order in permutations(items)]).logsumexp(0)


def torch_subsets(logits, count):
    subsets = list(combinations(range(len(logits)), count))
    hot = torch.zeros(len(subsets), len(logits), dtype=torch.float64)
    for row, s in enumerate(subsets):
        hot[row, list(s)] = 1
    return hot, (hot @ logits).log_softmax(0)


# ----------------------------------------------------------------------------------------------------------------------

ROWS = [
    # name, ordinary, count, logits, other logits, ranks
    ("1 of 3", True, 1, [[0.5, -1, 2], [0, 0, 0]], [[0, 1, 0], [1, 2, 3]], [[0, 1, 0], [0, 0, 1]]),
    ("2 of 4", True, 2, [[0.5, -1, 2, 0.25], [3, -3, 1, 1]], [[0, 0, 0, 0], [1, -2, 3, 0]],
     [[2, 0, 1, 0], [0, 1, 0, 2]]),
    ("3 of 5", True, 3, [[0.5, -1, 2, 0.25, -0.75], [4, 3, 2, 1, 0]], [[1, 0, -1, 0, 1], [0, 1, 2, 3, 4]],
     [[0, 3, 1, 0, 2], [1, 0, 0, 2, 3]]),
    ("3 of 3", True, 3, [[0.5, -1, 2], [-2, 0, 1]], [[1, 0, 1], [0, 1, 0]], [[3, 1, 2], [1, 2, 3]]),
    ("4 of 6, far apart", False, 4, [[50, -50, 0, 20, 1, -3], [-30, 30, 31, 29, 0, 2]],
     [[-5, 5, 0, 2, 1, 3], [0, 1, 2, 3, 4, 5]], [[0, 1, 2, 3, 0, 4], [4, 3, 0, 0, 2, 1]]),
]


def hot(ranks):
    return [[float(rank != 0) for rank in row] for row in ranks]


def plackett_luce():
    for name, ordinary, _, logits, _, ranks in ROWS:
        case = Case(name, ordinary, logits=logits, value=ranks)
        case.expect("log_prob", lambda r: mp.log(order_probability(r.logits, members(r.value))),
                    lambda r: torch_order(r.logits, members(r.value)), ["logits"])
        yield case


def gumbel_top_k():
    for name, ordinary, _, logits, _, ranks in ROWS:
        case = Case(name, ordinary, logits=logits, value=hot(ranks))
        case.expect("log_prob", lambda r: mp.log(set_probability(r.logits, members(r.value))),
                    lambda r: torch_set(r.logits, members(r.value)), ["logits"])
        yield case


def k_subset():
    for name, ordinary, count, logits, q_logits, ranks in ROWS:
        case = Case(name, ordinary, logits=logits, q_logits=q_logits, value=hot(ranks))
        p, q = (lambda r: subset_probabilities(r.logits, count)), (lambda r: subset_probabilities(r.q_logits, count))

        def torch_log_prob(r):
            outcomes, log_p = torch_subsets(r.logits, count)
            return log_p[(outcomes == r.value).all(1)].sum()

        def torch_mean(r):
            outcomes, log_p = torch_subsets(r.logits, count)
            return log_p.exp() @ outcomes

        def torch_entropy(r):
            log_p = torch_subsets(r.logits, count)[1]
            return -(log_p.exp() * log_p).sum()

        def torch_kl(r):
            log_p, log_q = torch_subsets(r.logits, count)[1], torch_subsets(r.q_logits, count)[1]
            return (log_p.exp() * (log_p - log_q)).sum()

        case.expect("log_prob", lambda r: mp.log(p(r)[tuple(sorted(members(r.value)))]), torch_log_prob, ["logits"])
        case.expect("mean", lambda r: marginals(r.logits, count), torch_mean)
        case.expect("entropy", lambda r: -mp.fsum(x * mp.log(x) for x in p(r).values()), torch_entropy, ["logits"])
        case.expect("kl_divergence", lambda r: mp.fsum(x * mp.log(x / q(r)[s]) for s, x in p(r).items()), torch_kl,
                    ["logits", "q_logits"])
        yield case


TOP_K = [
    # name, ordinary, count, logits, noise
    ("1 of 3", True, 1, [[0.5, -1, 2], [0, 0.25, 0]], [[0.125, 1.5, -0.75], [2.25, -1, 0.5]]),
    ("2 of 4", True, 2, [[0.5, -1, 2, 0.25], [3, -3, 1, 1.5]], [[0.125, 1.5, -0.75, 2.25], [-1, 0.5, 3, 0.75]]),
    ("3 of 5", True, 3, [[0.5, -1, 2, 0.25, -0.75], [4, 3, 2, 1, 0]],
     [[0.125, 1.5, -0.75, 2.25, 0.5], [-1, 0.5, 3, 0.75, 1.25]]),
    ("far apart, 2 of 4", False, 2, [[100, 200, -100, 0], [1000, 0, -1000, 999]],
     [[0.125, 1.5, -0.75, 2.25], [-1, 0.5, 3, 0.75]]),
]


def exact_top_k(r):
    """Xie & Ermon (2019), as printed: alpha += log(1 - a) after each softmax a."""
    alpha = [phi + g for phi, g in zip(r.logits, r.noise)]
    total = [0] * len(alpha)
    for _ in range(int(r.count)):
        chosen = softmax([x / r.temperature for x in alpha])
        total = [t + a for t, a in zip(total, chosen)]
        alpha = [x + mp.log(1 - a) for x, a in zip(alpha, chosen)]
    return total


def torch_top_k(r):
    alpha, total = r.logits + r.noise, 0
    for _ in range(int(r.count)):
        chosen = (alpha / r.temperature).softmax(0)
        total, alpha = total + chosen, alpha + (-chosen).log1p()
    return total


def relaxed_top_k():
    for name, ordinary, count, logits, noise in TOP_K:
        for temperature in [0.5, 2]:
            n, k = len(logits), len(logits[0])
            case = Case(f"{name}, τ = {temperature}", ordinary, logits=logits, noise=noise, count=[[count]] * n,
                        temperature=[[temperature]] * n,
                        cotangent=[[((7 * i + 3 * j) % 11 - 5) / 4 for j in range(k)] for i in range(n)])
            case.expect("sample", exact_top_k, torch_top_k, ["logits", "temperature"])
            yield case


def implicit_mle():
    """Niepert et al. (2021), algorithm 1: the difference of two MAP states over the step."""
    def map_state(scores, count):
        best = sorted(range(len(scores)), key=lambda i: -scores[i])[: int(count)]
        return [float(i in best) for i in range(len(scores))]

    def torch_state(scores, count):
        return torch.zeros(len(scores), dtype=torch.float64).scatter(0, scores.topk(int(count)).indices, 1.0)

    for name, ordinary, count, logits, noise in TOP_K:
        for step in [0.25, 2, 16]:
            n, k = len(logits), len(logits[0])
            case = Case(f"{name}, λ = {step}", ordinary, logits=logits, noise=noise, count=[[count]] * n,
                        step=[[step]] * n, slope=[[(-1) ** (i + j) * (1 + 0.5 * j) for j in range(k)] for i in range(n)])
            exact_scores = lambda r: [phi + g for phi, g in zip(r.logits, r.noise)]
            case.expect("hard", lambda r: map_state(exact_scores(r), r.count),
                        lambda r: torch_state(r.logits + r.noise, r.count))
            case.expect("gradient",
                        lambda r: [(a - b) / r.step for a, b in zip(
                            map_state(exact_scores(r), r.count),
                            map_state([z - r.step * w for z, w in zip(exact_scores(r), r.slope)], r.count))],
                        lambda r: (torch_state(r.logits + r.noise, r.count)
                                   - torch_state(r.logits + r.noise - r.step * r.slope, r.count)) / r.step)
            yield case


def rows_of_softmax(scores, temperature):
    return [x for row in scores for x in softmax([score / temperature for score in row])]


def exact_soft_sort(r):
    """Prillo & Eisenschlos (2020), with the distance |.|, in descending order."""
    z = [phi + g for phi, g in zip(r.logits, r.noise)]
    return rows_of_softmax([[-abs(s - x) for x in z] for s in sorted(z, reverse=True)], r.temperature)


def torch_soft_sort(r):
    z = r.logits + r.noise
    s = z.sort(descending=True).values
    return (-(s[:, None] - z[None, :]).abs() / r.temperature).softmax(1).reshape(-1)


def exact_neural_sort(r):
    """Grover et al. (2019): row i is softmax(((n + 1 - 2i) s - A 1) / tau), A = the distances between scores."""
    z = [phi + g for phi, g in zip(r.logits, r.noise)]
    sums, n = [mp.fsum(abs(x - y) for y in z) for x in z], len(z)
    return rows_of_softmax([[(n + 1 - 2 * i) * x - a for x, a in zip(z, sums)] for i in range(1, n + 1)], r.temperature)


def torch_neural_sort(r):
    z, n = r.logits + r.noise, len(r.logits)
    factors = n + 1 - 2 * torch.arange(1, n + 1, dtype=torch.float64)
    sums = torch.cdist(z[:, None], z[:, None], p=1).sum(1)
    return ((factors[:, None] * z - sums) / r.temperature).softmax(1).reshape(-1)


def exact_gumbel_sinkhorn(r):
    """Mena et al. (2018): columns and rows of exp(. / tau) normalised in turn, eight times."""
    n = 2
    p = [mp.exp((phi + g) / r.temperature) for phi, g in zip(r.logits, r.noise)]
    for _ in range(8):
        p = [x / mp.fsum(p[i % n :: n]) for i, x in enumerate(p)]
        p = [x / mp.fsum(p[i // n * n : i // n * n + n]) for i, x in enumerate(p)]
    return p


def torch_gumbel_sinkhorn(r):
    scores = ((r.logits + r.noise) / r.temperature).reshape(2, 2)
    for _ in range(8):
        scores = scores.log_softmax(0).log_softmax(1)
    return scores.exp().reshape(-1)


def permutation_case(name, ordinary, temperatures, exact, library, logits, noise):
    width = len(exact(SimpleNamespace(logits=logits[0], noise=noise[0], temperature=1)))
    rows = [(phi, g, t) for phi, g in zip(logits, noise) for t in temperatures]
    logits, noise, temperature = ([row[i] for row in rows] for i in range(3))
    weights = [[((7 * i + 3 * j) % 11 - 5) / 4 for j in range(width)] for i in range(len(rows))]
    case = Case(name, ordinary, logits=logits, noise=noise, temperature=[[t] for t in temperature], cotangent=weights)
    case.expect("sample", exact, library, ["logits", "temperature"])
    return case


LOGITS, NOISE = [[0.5, -1, 2, 0.25], [3, 1, 1.5, -2]], [[0.125, 1.5, -0.75, 2.25], [-1, 0.5, 3, 0.75]]


def soft_sort():
    yield permutation_case("K = 4", True, [0.25, 1, 5], exact_soft_sort, torch_soft_sort, LOGITS, NOISE)


def neural_sort():
    yield permutation_case("K = 4", True, [0.5, 1, 5], exact_neural_sort, torch_neural_sort, LOGITS, NOISE)


def gumbel_sinkhorn():
    yield permutation_case("K = 2", True, [0.5, 1, 5], exact_gumbel_sinkhorn, torch_gumbel_sinkhorn, LOGITS, NOISE)


if __name__ == "__main__":
    HEADER["script"] = "python/golden/make_subsets.py"
    for law in [plackett_luce, gumbel_top_k, k_subset, relaxed_top_k, implicit_mle, soft_sort, neural_sort,
                gumbel_sinkhorn]:
        write_cases(law.__name__, law())
