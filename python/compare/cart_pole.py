"""Episodes that agents need for CartPole, each tuned over one and the same grid.

The criterion is the RELAX paper's: episodes until 100 of them in a row have a mean reward of 195. Every agent gets the
grid below with a few seeds, and its best setting then a number of fresh ones. A setting is better if more of its seeds
reach the threshold, and among equals if they do in fewer episodes. Nothing but Python itself is needed:

    cargo build --release
    python3 python/compare/cart_pole.py --out runs/cart-pole

A run that is there already is not made again, so the script goes on where it was stopped.
"""

import argparse
import itertools
import json
import pathlib
import statistics
import subprocess

AGENTS = ["reinforce", "reinforce-baseline", "a2c", "relax"]
LEARNING_RATES = ["0.001", "0.003", "0.01", "0.03"]
ENVIRONMENTS = ["1", "4"]
ENTROPIES = ["0", "0.01"]
TUNING_SEEDS, TUNING_STEPS = 5, 60_000
FINAL_SEEDS, FINAL_STEPS = 20, 120_000


def run(args, out, agent, setting, seed, seeds, steps):
    """The summary of a run, made unless it is there."""
    summary = out / "summary.json"
    if not summary.exists():
        rate, environments, entropy = setting
        subprocess.run(
            [args.relaxit, "rl", "--env", "cartpole", "--agent", agent, "--threshold", "195", "--learning-rate", rate,
             "--environments", environments, "--entropy", entropy, "--seed", str(seed), "--seeds", str(seeds),
             "--steps", str(steps), "--evaluations", "1", "--final-episodes", "1", "--gradients", "2",
             "--threads", str(args.threads), "--out", str(out), "--resume"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return json.loads(summary.read_text())


def episodes(summary):
    return [seed["episodes_to_threshold"] for seed in summary["seeds"] if seed["episodes_to_threshold"] is not None]


def cost(summary):
    """Less is better."""
    reached = episodes(summary)
    return -len(reached), statistics.mean(reached) if reached else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--relaxit", default="target/release/relaxit", help="the command")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="where runs go")
    parser.add_argument("--threads", type=int, default=2, help="seeds that are trained at once")
    args = parser.parse_args()
    print("| agent | learning rate, environments, entropy | seeds at 195 | episodes: mean ± standard deviation |"
          " interquartile mean | steps |\n| --- | --- | --- | --- | --- | --- |")
    for agent in AGENTS:
        tuned = {}
        for setting in itertools.product(LEARNING_RATES, ENVIRONMENTS, ENTROPIES):
            out = args.out / f"tuning-{agent}-{'-'.join(setting)}"
            tuned[setting] = cost(run(args, out, agent, setting, 1000, TUNING_SEEDS, TUNING_STEPS))
        best = min(tuned, key=tuned.get)
        summary = run(args, args.out / f"final-{agent}", agent, best, 0, FINAL_SEEDS, FINAL_STEPS)
        reached = episodes(summary)
        told = f"| `{agent}` | {', '.join(best)} | {len(reached)} of {FINAL_SEEDS} |"
        if len(reached) > 1:
            middle, steps = summary["episodes_to_threshold"], summary["steps_to_threshold"]
            told += (f" {statistics.mean(reached):.0f} ± {statistics.stdev(reached):.0f} |"
                     f" {middle['value']:.0f} [{middle['low']:.0f}, {middle['high']:.0f}] |"
                     f" {steps['value']:.0f} [{steps['low']:.0f}, {steps['high']:.0f}] |")
        print(told, flush=True)


if __name__ == "__main__":
    main()
