"""Densities and conditional latents as printed: at 500 digits no formula needs care."""

import mpmath as mp


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def softmax(x):
    weights = [mp.exp(xk) for xk in x]
    return [w / mp.fsum(weights) for w in weights]


def log_sum_exp(x):
    return mp.log(mp.fsum(mp.exp(xk) for xk in x))


def bernoulli(p):
    """The probabilities of 0 and 1."""
    return [1 - p, p]


def entropy(p):
    return -mp.fsum(pk * mp.log(pk) for pk in p)


def kl_divergence(p, q):
    return mp.fsum(pk * mp.log(pk / qk) for pk, qk in zip(p, q))


def logistic_density(x, loc, scale):
    e = mp.exp(-(x - loc) / scale)
    return e / (scale * (1 + e) ** 2)


def gumbel_density(x, loc, scale):
    e = mp.exp(-(x - loc) / scale)
    return e * mp.exp(-e) / scale


def normal_density(x, loc, scale):
    return mp.exp(-(((x - loc) / scale) ** 2) / 2) / (scale * mp.sqrt(2 * mp.pi))


def gumbel_kl_divergence(loc, scale, q_loc, q_scale):
    """C. Bauckhage (2014), Computing the Kullback-Leibler divergence between two generalized gamma distributions."""
    ratio = scale / q_scale
    tilt = mp.exp((q_loc - loc) / q_scale) * mp.gamma(ratio + 1)
    return mp.log(q_scale / scale) + mp.euler * (ratio - 1) + (loc - q_loc) / q_scale + tilt - 1


def normal_kl_divergence(loc, scale, q_loc, q_scale):
    return mp.log(q_scale / scale) + (scale**2 + (loc - q_loc) ** 2) / (2 * q_scale**2) - mp.mpf(1) / 2


def binary_concrete_density(y, logit, temperature):
    """Maddison, Mnih & Teh (2017), appendix B."""
    alpha = mp.exp(logit)
    numerator = temperature * alpha * y ** (-temperature - 1) * (1 - y) ** (-temperature - 1)
    return numerator / (alpha * y**-temperature + (1 - y) ** -temperature) ** 2


def concrete_density(y, logits, temperature):
    """Maddison, Mnih & Teh (2017), section 3.1."""
    k, alpha = len(y), [mp.exp(phi) for phi in logits]
    total = mp.fsum(a * yk**-temperature for a, yk in zip(alpha, y))
    product = mp.fprod(a * yk ** (-temperature - 1) / total for a, yk in zip(alpha, y))
    return mp.factorial(k - 1) * temperature ** (k - 1) * product


def exp_concrete_density(x, logits, temperature):
    """Maddison, Mnih & Teh (2017), appendix C."""
    k, alpha = len(x), [mp.exp(phi) for phi in logits]
    terms = [a * mp.exp(-temperature * xk) for a, xk in zip(alpha, x)]
    return mp.factorial(k - 1) * temperature ** (k - 1) * mp.fprod(terms) / mp.fsum(terms) ** k


def bernoulli_latent_given(logit, b, v):
    """z given b: the uniform behind z, truncated to the side of b. Tucker et al. (2017), appendix C."""
    theta = sigmoid(logit)
    v = v * theta + (1 - theta) if b == 1 else v * (1 - theta)
    return logit + mp.log(v / (1 - v))


def categorical_latent_given(logits, b, v):
    """z given b: the maximum is Gumbel(lse), the others are truncated below it. Maddison, Tarlow & Minka (2014)."""
    gumbel = [-mp.log(-mp.log(vk)) for vk in v]
    maximum = log_sum_exp(logits) + gumbel[b.index(1)]
    truncated = [-mp.log(mp.exp(-phi - g) + mp.exp(-maximum)) for phi, g in zip(logits, gumbel)]
    return [maximum if bk == 1 else zk for bk, zk in zip(b, truncated)]
