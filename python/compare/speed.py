"""Times the same work in PyTorch and in relaxit, alternately, in one run, with the same number of threads.

    cargo build --release --workspace --bin speed
    python python/compare/speed.py

Needs a Python with torch, and nothing else; with gymnasium, its vector environment is timed too. Every round times each
way of each piece of work once, one after the other, so that whatever else the machine does falls on all of them alike;
medians over rounds are compared. Ours is done by `target/release/speed`, a process that waits in between.

What is timed, without data loading, and after a first repetition that warms it up:

gumbel-softmax, binary-concrete
    logits -> relaxed sample, temperature 0.5 -> sum -> gradient of the logits. In PyTorch by `torch.distributions`, as
    the Python library does it, and in the fewest operations: `functional.gumbel_softmax`, and the formula by hand.
st-gumbel-softmax
    The same with the one-hot sample, and the gradient of the relaxed one.
vae
    A training step of 784-400-20-400-784 with relaxed bits on 128 images: the divergence of the bits, binary
    cross-entropy, Adam; in PyTorch with its default Adam and with its fused one.
relax
    Steps of CartPole that a RELAX agent learns from, a second. The Python library's agent, re-expressed: one
    environment, Python at every step, for each step of an episode a gradient of its own, kept differentiable, whose
    square the control variate descends; episodes are cut after 200 steps. Ours: what `relaxit rl --env cartpole
    --agent relax` does. Both have policies and control variates of one hidden layer of 64 units.
cartpole
    Steps of 1024 CartPoles under random actions, on one thread. Beside it Gymnasium's vector environment, if installed.
"""

import argparse
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

GOALS = {
    "gumbel-softmax@1024x32x512": 8,
    "gumbel-softmax@256x64x64": 8,
    "gumbel-softmax@128x20x10": 5,
    "st-gumbel-softmax@256x64x64": None,
    "binary-concrete@128x200": 8,
    "binary-concrete@4096x1000": 8,
    "vae": 1.3,
    "relax": 500,
    "cartpole": None,
}


# --- PyTorch -----------------------------------------------------------------------------------------------------------


def repeated(logits, sample):
    def run(repetitions):
        for _ in range(repetitions):
            logits.grad = None
            sample().sum().backward()
        return repetitions

    return run


def gumbel_softmax(torch, shape):
    logits = torch.randn(shape).requires_grad_()
    temperature = torch.tensor(0.5)
    law = torch.distributions.RelaxedOneHotCategorical
    return {
        "torch.distributions": repeated(logits, lambda: law(temperature, logits=logits).rsample()),
        "torch": repeated(logits, lambda: torch.nn.functional.gumbel_softmax(logits, tau=0.5)),
    }


def straight_through_gumbel_softmax(torch, shape):
    logits = torch.randn(shape).requires_grad_()
    temperature = torch.tensor(0.5)
    law = torch.distributions.RelaxedOneHotCategorical

    def hardened():
        soft = law(temperature, logits=logits).rsample()
        hard = torch.nn.functional.one_hot(soft.argmax(-1), shape[-1])
        return hard + soft - soft.detach()

    return {
        "torch.distributions": repeated(logits, hardened),
        "torch": repeated(logits, lambda: torch.nn.functional.gumbel_softmax(logits, tau=0.5, hard=True)),
    }


def binary_concrete(torch, shape):
    logits = torch.randn(shape).requires_grad_()
    temperature = torch.tensor(0.5)
    law = torch.distributions.RelaxedBernoulli

    def by_hand():
        u = torch.rand(shape).clamp_(1e-7, 1 - 1e-7)
        return torch.sigmoid((logits + u.logit()) / 0.5)

    return {
        "torch.distributions": repeated(logits, lambda: law(temperature, logits=logits).rsample()),
        "torch": repeated(logits, by_hand),
    }


def auto_encoder(torch):
    from torch.nn import Linear, ReLU, Sequential
    from torch.nn.functional import binary_cross_entropy_with_logits

    x = torch.rand(128, 784)

    def training(**options):
        encoder = Sequential(Linear(784, 400), ReLU(), Linear(400, 20))
        decoder = Sequential(Linear(20, 400), ReLU(), Linear(400, 784))
        parameters = [*encoder.parameters(), *decoder.parameters()]
        adam = torch.optim.Adam(parameters, lr=1e-3, **options)
        temperature = torch.tensor(0.5)
        prior = torch.distributions.Bernoulli(logits=torch.zeros(128, 20))

        def run(repetitions):
            for _ in range(repetitions):
                logits = encoder(x)
                code = torch.distributions.RelaxedBernoulli(temperature, logits=logits).rsample()
                explained = -binary_cross_entropy_with_logits(decoder(code), x, reduction="sum")
                posterior = torch.distributions.Bernoulli(logits=logits)
                divergence = torch.distributions.kl_divergence(posterior, prior).sum()
                loss = (divergence - explained) / 128
                adam.zero_grad()
                loss.backward()
                adam.step()
                if not math.isfinite(loss.item()):
                    sys.exit("training diverged")
            return repetitions

        return run

    return {"torch, default Adam": training(), "torch, fused Adam": training(fused=True)}


class CartPole:
    """Barto, Sutton & Anderson's, with the numbers of Gymnasium's CartPole-v1, in plain Python."""

    def reset(self):
        self.state = [random.uniform(-0.05, 0.05) for _ in range(4)]
        return self.state

    def step(self, action):
        x, x_dot, theta, theta_dot = self.state
        force = 10.0 if action == 1 else -10.0
        sin, cos = math.sin(theta), math.cos(theta)
        pushed = (force + 0.05 * theta_dot**2 * sin) / 1.1
        theta_acc = (9.8 * sin - cos * pushed) / (0.5 * (4.0 / 3.0 - 0.1 * cos**2 / 1.1))
        x_acc = pushed - 0.05 * theta_acc * cos / 1.1
        self.state = [x + 0.02 * x_dot, x_dot + 0.02 * x_acc, theta + 0.02 * theta_dot, theta_dot + 0.02 * theta_acc]
        return self.state, abs(self.state[0]) > 2.4 or abs(self.state[2]) > 12 * 2 * math.pi / 360


def relax_agent(torch):
    """One environment, one episode an update, everything step by step."""
    from torch.nn import Linear, Sequential, Tanh

    policy = Sequential(Linear(4, 64), Tanh(), Linear(64, 2))
    control = Sequential(Linear(6, 64), Tanh(), Linear(64, 1))
    weights = list(policy.parameters())
    policy_adam = torch.optim.Adam(weights, lr=3e-3)
    control_adam = torch.optim.Adam(control.parameters(), lr=3e-3)
    environment = CartPole()

    def gumbel(shape):
        return -torch.log(-torch.log(torch.rand(shape).clamp(1e-7, 1 - 1e-7)))

    def value(observation, z):
        return control(torch.cat([observation, torch.softmax(z, -1)]))

    def conditional(log_probs, action):
        # Of the latent given its argmax: Grathwohl et al. (2018), appendix B; log-probabilities are normalised.
        v = torch.rand(2).clamp(1e-7, 1 - 1e-7)
        top = -torch.log(-torch.log(v[action]))
        others = -torch.log(-torch.log(v) / log_probs.exp() - torch.log(v[action]))
        return torch.where(torch.arange(2) == action, top, others)

    def episode():
        taken = []
        observation = environment.reset()
        for _ in range(200):
            observation = torch.tensor(observation, dtype=torch.float32)
            log_probs = torch.log_softmax(policy(observation), -1)
            z = log_probs + gumbel(2)
            action = int(z.argmax())
            taken.append((observation, log_probs, z, action))
            observation, fallen = environment.step(action)
            if fallen:
                break
        returns = torch.tensor([sum(0.99**k for k in range(len(taken) - t)) for t in range(len(taken))])
        returns = (returns - returns.mean()) / (returns.std() + 1e-6) if len(taken) > 1 else returns
        total = [torch.zeros_like(weight) for weight in weights]
        variance = 0.0
        for (observation, log_probs, z, action), gain in zip(taken, returns):
            z_tilde = conditional(log_probs, action)
            c, c_tilde = value(observation, z), value(observation, z_tilde)
            score = torch.autograd.grad(log_probs[action], weights, create_graph=True, retain_graph=True)
            c_slope = torch.autograd.grad(c, weights, create_graph=True, retain_graph=True)
            c_tilde_slope = torch.autograd.grad(c_tilde, weights, create_graph=True, retain_graph=True)
            for index, (s, a, b) in enumerate(zip(score, c_slope, c_tilde_slope)):
                gradient = (gain - c_tilde) * s + a - b
                total[index] -= gradient.detach()
                variance = variance + gradient.square().sum()
        control_adam.zero_grad()
        variance.backward()
        control_adam.step()
        for weight, gradient in zip(weights, total):
            weight.grad = gradient / len(taken)
        policy_adam.step()
        return len(taken)

    return {"the Python library's": lambda repetitions: sum(episode() for _ in range(repetitions))}


def cart_pole():
    try:
        import gymnasium
        import numpy
    except ImportError:
        return {}
    environments = gymnasium.make_vec("CartPole-v1", num_envs=1024, vectorization_mode="vector_entry_point")
    environments.reset(seed=0)
    actions = numpy.random.default_rng(0).integers(2, size=(64, 1024))

    def run(repetitions):
        for index in range(repetitions):
            environments.step(actions[index % 64])
        return repetitions * 1024

    return {f"gymnasium {gymnasium.__version__}": run}


def theirs(torch, work):
    kind, _, shape = work.partition("@")
    shape = [int(size) for size in shape.split("x")] if shape else None
    ways = {
        "gumbel-softmax": lambda: gumbel_softmax(torch, shape),
        "st-gumbel-softmax": lambda: straight_through_gumbel_softmax(torch, shape),
        "binary-concrete": lambda: binary_concrete(torch, shape),
        "vae": lambda: auto_encoder(torch),
        "relax": lambda: relax_agent(torch),
        "cartpole": cart_pole,
    }[kind]()
    return {name: Timed(run) for name, run in ways.items()}


class Timed:
    def __init__(self, run):
        self.run = run
        run(1)

    def __call__(self, repetitions):
        start = time.perf_counter()
        units = self.run(repetitions)
        return time.perf_counter() - start, units


# --- relaxit -----------------------------------------------------------------------------------------------------------


class Relaxit:
    """The process that does our work on request."""

    def __init__(self, binary, threads):
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([binary], stdin=pipe, stdout=pipe, text=True, env=environment)

    def way(self, work):
        def run(repetitions):
            self.process.stdin.write(f"{work} {repetitions}\n")
            self.process.stdin.flush()
            seconds, units = self.process.stdout.readline().split()
            return float(seconds), int(units)

        run(1)
        return run


def peaks(binary, works):
    """Peak memory of forward and backward in multiples of the input, each in a fresh process."""
    run = lambda work: subprocess.run([binary, "memory", work], capture_output=True, text=True, check=True).stdout
    return {work: float(run(work)) for work in works}


CURVES = {
    "batch": [f"gumbel-softmax@{batch}x32x64" for batch in (5, 49, 488, 4883, 48828)],
    "variables": [f"gumbel-softmax@16x{variables}x64" for variables in (10, 98, 977, 9766, 97656)],
    "categories": [f"gumbel-softmax@16x32x{categories}" for categories in (20, 195, 1953, 19531, 195312)],
    "hard": [f"st-gumbel-softmax@{batch}x32x64" for batch in (5, 49, 488, 4883, 48828)],
    "bits": [f"binary-concrete@{batch}x1000" for batch in (10, 100, 1000, 10000, 100000)],
}


# --- Measuring ---------------------------------------------------------------------------------------------------------


def calibrated(way, seconds):
    """How many repetitions take about so long."""
    repetitions, taken = 1, way(1)[0]
    while taken < seconds / 4:
        repetitions = max(repetitions + 1, int(repetitions * min(8.0, 0.5 * seconds / max(taken, 1e-9))))
        taken = way(repetitions)[0]
    return max(1, round(repetitions * seconds / taken))


def measure(ways, rounds, seconds):
    """Seconds a unit of each way: one number a round."""
    repetitions = {name: calibrated(way, seconds) for name, way in ways.items()}
    taken = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            time.sleep(0.02)  # until the other's threads have stopped looking for work
            elapsed, units = way(repetitions[name])
            taken[name].append(elapsed / units)
    return taken


def shown(seconds_per_unit, work):
    if work in ("relax", "cartpole"):
        return f"{1 / seconds_per_unit:,.0f} steps/s"
    return f"{seconds_per_unit * 1e3:.3f} ms"


def compare(torch, relaxit, arguments):
    rows = []
    print(f"{'work':28} {'way':24} {'median':>18} {'slower than relaxit':>20} {'range over rounds':>20}")
    for work, goal in GOALS.items():
        if arguments.only and not any(wanted in work for wanted in arguments.only):
            continue
        ways = {**theirs(torch, work), "relaxit": relaxit.way(work)}
        taken = measure(ways, arguments.rounds, arguments.seconds)
        ours = taken["relaxit"]
        for name, seconds in taken.items():
            # Round by round, so that a round in which the machine was busy counts as one.
            ratios = sorted(other / own for other, own in zip(seconds, ours))
            row = {
                "work": work,
                "way": name,
                "seconds": statistics.median(seconds),
                "rounds": seconds,
                "ratio": statistics.median(seconds) / statistics.median(ours),
                "ratio_range": [ratios[0], ratios[-1]],
                "goal": goal,
            }
            rows.append(row)
            ratio, spread = ("", "") if name == "relaxit" else (f"{row['ratio']:.2f}", f"{ratios[0]:.2f} – {ratios[-1]:.2f}")
            print(f"{work:28} {name:24} {shown(row['seconds'], work):>18} {ratio:>20} {spread:>20}", flush=True)
    return rows


def curve(relaxit, arguments):
    rows = []
    print(f"\n{'growing':12} {'elements':>12} {'ms':>12} {'ns an element':>14} {'peak/input':>11}")
    for growing, works in CURVES.items():
        works = [work for work in works if elements(work) <= arguments.curve]
        memory = peaks(arguments.binary, works)
        for work in works:
            way = relaxit.way(work)
            seconds = statistics.median(measure({"relaxit": way}, arguments.rounds, arguments.seconds)["relaxit"])
            count = elements(work)
            rows.append({"growing": growing, "work": work, "elements": count, "seconds": seconds, "peak": memory[work]})
            print(f"{growing:12} {count:12,} {seconds * 1e3:12.3f} {seconds / count * 1e9:14.3f} {memory[work]:11.2f}", flush=True)
    return rows


def elements(work):
    return math.prod(int(size) for size in work.split("@")[1].split("x"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "target" / "release" / "speed"), help="ours")
    parser.add_argument("--threads", type=int, default=2, help="of both (default: 2)")
    parser.add_argument("--rounds", type=int, default=9, help="default: 9")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each timing (default: 0.5)")
    parser.add_argument("--only", nargs="*", help="only work whose name has one of these in it")
    parser.add_argument("--curve", type=float, default=0, metavar="ELEMENTS", help="also time ours from 10^4 up to so many")
    parser.add_argument("--json", type=Path, help="where to write everything")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    import torch

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    random.seed(0)
    about = {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": processor(),
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
    }
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    relaxit = Relaxit(arguments.binary, arguments.threads)
    rows = compare(torch, relaxit, arguments)
    curves = curve(relaxit, arguments) if arguments.curve else []
    if arguments.json:
        arguments.json.write_text(json.dumps({"about": about, "rows": rows, "curves": curves}, indent=1) + "\n")


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
