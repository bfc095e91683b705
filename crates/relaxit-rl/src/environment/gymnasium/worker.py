"""Steps environments of Gymnasium for relaxit: a JSON request on each line of stdin, a JSON reply on each of stdout.

Floating-point numbers travel as their bits, in whole numbers, so that none is rounded and infinities can pass.
"""

import inspect
import json
import os
import signal
import struct
import sys

# An interrupt at the terminal is for relaxit to handle; the end of stdin ends us.
signal.signal(signal.SIGINT, signal.SIG_IGN)

# Whatever an environment prints goes to stderr: stdout is ours.
replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

import gymnasium  # noqa: E402
import numpy as np  # noqa: E402
from gymnasium.envs.registration import load_env_creator  # noqa: E402


def f32(array):
    return np.asarray(array, dtype="<f4").ravel().view("<u4").tolist()


def f64(number):
    return struct.unpack("<Q", struct.pack("<d", float(number)))[0]


def accepted(id):
    entry_point = gymnasium.spec(id.rpartition(":")[2]).entry_point
    maker = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    return [*inspect.signature(maker).parameters, "max_episode_steps"]


class Environments:
    def __init__(self, id, count, autoreset, keywords):
        try:
            self.envs = [gymnasium.make(id, **keywords) for _ in range(count)]
        except TypeError as error:
            raise TypeError(f"{error}; {id} takes {', '.join(accepted(id))}") from error
        self.autoreset = autoreset
        self.space, self.actions = self.envs[0].observation_space, self.envs[0].action_space
        if not isinstance(self.actions, gymnasium.spaces.Discrete):
            raise ValueError(f"the action space must be Discrete, got {self.actions}")
        self.discrete = isinstance(self.space, gymnasium.spaces.Discrete)

    def describe(self):
        if self.discrete:
            space = {"discrete": int(self.space.n)}
        else:
            flat = gymnasium.spaces.flatten_space(self.space)
            if not isinstance(flat, gymnasium.spaces.Box):
                raise ValueError(f"the observation space must be of fixed size, got {self.space}")
            space = {"box": [f32(flat.low), f32(flat.high)]}
        masked = "action_mask" in self.envs[0].reset(seed=0)[1]
        return {"made": {"actions": int(self.actions.n), "space": space, "masked": masked}}

    def seen(self, observation):
        if self.discrete:
            return f32([int(observation) - int(self.space.start)])
        return f32(gymnasium.spaces.flatten(self.space, observation))

    def mask(self, info):
        return [bool(x) for x in info["action_mask"]] if "action_mask" in info else [True] * int(self.actions.n)

    def reset(self, seeds):
        starts = [env.reset(seed=seed) for env, seed in zip(self.envs, seeds)]
        return {"started": {"observations": [x for start in starts for x in self.seen(start[0])],
                            "masks": [x for start in starts for x in self.mask(start[1])]}}

    def step(self, actions):
        reply = {"observations": [], "final_observations": [], "rewards": [], "terminated": [], "truncated": [],
                 "masks": []}
        for env, action in zip(self.envs, actions):
            observation, reward, terminated, truncated, info = env.step(action + int(self.actions.start))
            final = self.seen(observation)
            if self.autoreset and (terminated or truncated):
                observation, info = env.reset()
            reply["observations"] += self.seen(observation)
            reply["final_observations"] += final
            reply["rewards"].append(f64(reward))
            reply["terminated"].append(bool(terminated))
            reply["truncated"].append(bool(truncated))
            reply["masks"] += self.mask(info)
        return {"stepped": reply}


environments = None
for line in sys.stdin:
    try:
        ((command, argument),) = json.loads(line).items()
        if command == "make":
            environments = Environments(**argument)
            reply = environments.describe()
        elif command == "reset":
            reply = environments.reset(argument)
        elif command == "restart":
            reply = environments.reset([None])
        else:
            reply = environments.step(argument)
    except Exception as error:
        reply = {"failed": f"{type(error).__name__}: {error}"}
    replies.write(json.dumps(reply) + "\n")
    replies.flush()
