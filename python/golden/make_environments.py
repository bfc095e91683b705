"""Golden traces of Gymnasium, for `crates/relaxit-rl/tests/golden_environments.rs`.

    python3.11 -m venv /tmp/gymnasium
    /tmp/gymnasium/bin/pip install gymnasium==1.4.0 numpy==2.4.6
    /tmp/gymnasium/bin/python python/golden/make_environments.py

Run it on x86-64 Linux with glibc 2.28 or later, on a processor with fused multiply-add: the mathematical library's sine
and cosine depend on it in the last bit. The same machine writes the same bytes.

Traces are kept as digests of their bits, which a failure can be narrowed down with: by blocks of single steps and by
episodes. A few are kept in the clear.
"""

import hashlib
import json
import math
import platform
import re
import struct
from pathlib import Path

import gymnasium as gym
import numpy as np

OUT = Path(__file__).resolve().parents[2] / "crates" / "relaxit-rl" / "tests" / "golden"
BLOCK, BLOCKS = 100, 250
EPISODES = 100


def generator(seed):
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))


def words(values):
    """The bits of f64 numbers, as 16 hexadecimal digits each."""
    return [struct.pack(">d", x).hex() for x in values]


class Digest:
    """MD5 of everything a step shows, in little-endian order."""

    def __init__(self):
        self.hash = hashlib.md5(usedforsecurity=False)

    def f64(self, values):
        self.hash.update(np.asarray(values, dtype="<f8").tobytes())

    def step(self, state, observation, reward, terminated, truncated):
        self.f64(state)
        self.hash.update(np.asarray(observation, dtype="<f4").tobytes())
        self.f64([reward])
        self.hash.update(bytes([terminated, truncated]))

    def mask(self, mask):
        self.hash.update(bytes(mask.tolist()))

    def text(self):
        return self.hash.hexdigest()


def random_numbers():
    """Every method that Gymnasium uses, from small and large seeds; a bound of 3 leaves half of 64 bits behind."""
    bounds = [3, 10, 1, 2**31 + 1, 2**32 - 1, 2**32, 2**32 + 1, 3 * 2**61, 7]
    for seed in [0, 1, 123, 2**32 - 1, 2**32, 0x0123456789ABCDEF, 2**64 - 1]:
        g = generator(seed)
        yield {
            "seed": str(seed),
            "state": [str(x) for x in np.random.SeedSequence(seed).generate_state(4, np.uint64)],
            "random": words(g.random() for _ in range(8)),
            "uniform": words(g.uniform(low, high) for low, high in [(-0.05, 0.05), (-0.1, 0.1), (3.0, 1e9)]),
            "below": [str(g.integers(bound)) for bound in bounds],
            "integers": [str(g.integers(-5, 17)) for _ in range(8)],
            "choice": [int(g.choice([2, 3, 5, 7])) for _ in range(8)],
            "after": words([g.random()]),
        }


def library():
    """What the mathematical library gives at a thousand points: whether a trace can be the same to the last bit."""
    g, digest = generator(0), hashlib.md5(usedforsecurity=False)
    for _ in range(1000):
        x = g.uniform(-10.0, 10.0)
        assert np.sin(x) == math.sin(x) and np.cos(x) == math.cos(x)
        digest.update(struct.pack("<ddd", math.sin(x), math.cos(x), math.pow(x, 2)))
    return digest.hexdigest()


CLASSIC = {
    "CartPole-v1": {
        "high": [2.6, 4.0, 0.25, 4.0],
        # Balances for a long time.
        "controller": lambda o: int(np.float32(o[2]) + np.float32(0.5) * np.float32(o[3]) > 0),
    },
    "Acrobot-v1": {
        "high": [math.pi, math.pi, 4 * math.pi, 9 * math.pi],
        # Pushes the second link on, which swings it up.
        "controller": lambda o: 2 if o[5] > 0 else 0,
    },
}


def single_steps(name, high):
    """Steps from random states."""
    env = gym.make(name).unwrapped
    env.reset(seed=0)
    g = generator(1)
    shown, digests = [], []
    for _ in range(BLOCKS):
        digest = Digest()
        for _ in range(BLOCK):
            state = np.array([g.uniform(-x, x) for x in high])
            action = int(g.integers(env.action_space.n))
            env.state = state
            if name == "CartPole-v1":
                env.steps_beyond_terminated = None
            observation, reward, terminated, truncated, _ = env.step(action)
            digest.step(env.state, observation, reward, terminated, truncated)
            if len(shown) < 20:
                shown.append({"state": words(state), "action": action, "next": words(env.state), "reward": reward,
                              "observation": words(observation), "terminated": terminated})
        digests.append(digest.text())
    return {"high": words(high), "block": BLOCK, "shown": shown, "digests": digests}


def classic_episodes(name, controller):
    """Episodes of seeds 0, 1, 2, …: even ones act at random, odd ones well."""
    env = gym.make(name)
    for seed in range(EPISODES):
        g, digest = generator(1000 + seed), Digest()
        observation, _ = env.reset(seed=seed)
        digest.step(env.unwrapped.state, observation, 0.0, False, False)
        length, total, ended = 0, 0.0, False
        while not ended:
            action = controller(observation) if seed % 2 else int(g.integers(env.action_space.n))
            observation, reward, terminated, truncated, _ = env.step(action)
            digest.step(env.unwrapped.state, observation, reward, terminated, truncated)
            length, total, ended = length + 1, total + reward, terminated or truncated
        yield {"length": length, "total": total, "terminated": terminated, "truncated": truncated,
               "last": words(env.unwrapped.state), "digest": digest.text()}


def restarts(name):
    """Resets without a seed continue the random numbers. Many: f32 cosines seldom differ from library to library."""
    env = gym.make(name)
    env.reset(seed=5)
    digest = Digest()
    for _ in range(5000):
        observation, _ = env.reset()
        digest.step(env.unwrapped.state, observation, 0.0, False, False)
    return digest.text()


def classic(name):
    known = CLASSIC[name]
    return {"single_steps": single_steps(name, known["high"]),
            "episodes": list(classic_episodes(name, known["controller"])), "restarts": restarts(name)}


def after_the_fall():
    env = gym.make("CartPole-v1").unwrapped
    env.reset(seed=3)
    digest, rewards = Digest(), []
    for _ in range(40):
        observation, reward, terminated, truncated, _ = env.step(1)
        digest.step(env.state, observation, reward, terminated, truncated)
        rewards.append(int(reward))
    return {"rewards": rewards, "digest": digest.text()}


def sutton_barto():
    env = gym.make("CartPole-v1", sutton_barto_reward=True)
    env.reset(seed=3)
    rewards, terminated = [], False
    while not terminated:
        _, reward, terminated, _, _ = env.step(1)
        rewards.append(int(reward))
    return rewards


TAXI = [("plain", {}), ("rain", {"is_rainy": True}), ("fickle", {"fickle_passenger": True}),
        ("both", {"is_rainy": True, "fickle_passenger": True, "rainy_probability": 0.6, "fickle_probability": 0.9})]


def taxi_table(options):
    env = gym.make("Taxi-v4", **options).unwrapped
    flat = [t for s in range(500) for a in range(6) for t in env.P[s][a]]
    return {"counts": [len(env.P[0][a]) for a in range(6)], "probs": sorted(set(float(t[0]) for t in flat)),
            "prob": [sorted(set(float(t[0]) for t in flat)).index(t[0]) for t in flat],
            "state": [int(t[1]) for t in flat], "reward": [int(t[2]) for t in flat],
            "terminated": [int(i) for i, t in enumerate(flat) if t[3]]}


def taxi_episodes(options):
    """Even episodes act at random, odd ones at random among what the mask allows."""
    env = gym.make("Taxi-v4", **options)
    for seed in range(EPISODES):
        g, digest = generator(1000 + seed), Digest()
        state, info = env.reset(seed=seed)
        digest.step([], [state], 0.0, False, False)
        digest.mask(info["action_mask"])
        length, total, ended = 0, 0.0, False
        while not ended:
            allowed = np.flatnonzero(info["action_mask"]) if seed % 2 else np.arange(6)
            state, reward, terminated, truncated, info = env.step(int(g.choice(allowed)))
            digest.step([], [state], reward, terminated, truncated)
            digest.mask(info["action_mask"])
            length, total, ended = length + 1, total + reward, terminated or truncated
        yield {"length": length, "total": total, "terminated": terminated, "truncated": truncated, "last": state,
               "digest": digest.text()}


def taxi():
    env = gym.make("Taxi-v4").unwrapped
    masks = ["".join(str(x) for x in env.action_mask(state)) for state in range(500)]
    starts = [int(x) for x in np.flatnonzero(env.initial_state_distrib)]
    assert set(env.initial_state_distrib[starts]) == {1 / 300}
    return {"masks": masks, "starts": starts, "tables": {name: taxi_table(options) for name, options in TAXI[:2]},
            "episodes": {name: list(taxi_episodes(options)) for name, options in TAXI}}


def write(name, content):
    header = {"script": "python/golden/make_environments.py", "python": platform.python_version(),
              "gymnasium": gym.__version__, "numpy": np.__version__, "libc": " ".join(platform.libc_ver()),
              "machine": platform.machine(), "library": library()}
    text = json.dumps({"header": header, **content}, indent=1, allow_nan=False)
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r",\s+", ", ", m[1]) + "]", text)
    text = re.sub(r"\{\s+([^{}]*?)\s+\}(?=,?\n)", lambda m: "{" + re.sub(r",\n\s+", ", ", m[1]) + "}", text)
    (OUT / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    write("random", {"cases": list(random_numbers())})
    cart_pole = {"after_the_fall": after_the_fall(), "sutton_barto": sutton_barto()}
    write("cart_pole", {**classic("CartPole-v1"), **cart_pole})
    write("acrobot", classic("Acrobot-v1"))
    write("taxi", taxi())
