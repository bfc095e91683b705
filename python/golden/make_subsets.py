"""Writes the golden values of laws over subsets and orders: crates/relaxit/tests/golden/*.json.

As in make_distributions.py, every quantity is worked out twice: in float64 by torch, gradients by its autograd, and in
mpmath at 500 digits, gradients by differences. Neither has these laws, so both sides enumerate: torch sums over orders
or subsets of logits, mpmath over products of weights. Nothing comes from relaxit itself.
"""

from itertools import combinations, permutations

import mpmath as mp
import torch

from fixture import HEADER, Case, write_cases


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


if __name__ == "__main__":
    HEADER["script"] = "python/golden/make_subsets.py"
    for law in [plackett_luce, gumbel_top_k, k_subset]:
        write_cases(law.__name__, law())
