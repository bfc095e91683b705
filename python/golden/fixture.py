"""Golden cases: inputs by rows, and quantities worked out twice."""

import json
import platform
import re
from pathlib import Path
from types import SimpleNamespace

import mpmath as mp
import numpy as np
import scipy
import torch

mp.mp.dps = 500  # 1 - e^-1000, the most certain event in the fixtures, begins with 434 nines

OUT = Path(__file__).resolve().parents[2] / "crates" / "relaxit" / "tests" / "golden"
HEADER = {
    "script": "python/golden/make_distributions.py",
    "python": platform.python_version(),
    "torch": torch.__version__,
    "scipy": scipy.__version__,
    "numpy": np.__version__,
    "mpmath": mp.__version__,
}

AGREEMENT = 1e-11  # a tenth of what the Rust test allows, so that the library's own rounding does not count


class Case:
    """Named inputs, each a list of rows; a row is one event.

    A formula sees one row at a time: an entry alone as a number, several as a list (mpmath) or a tensor (torch).
    Inputs are f32 numbers, unless f32 cannot hold what the case is about.
    """

    def __init__(self, name, ordinary, precisions=("f64", "f32"), **inputs):
        self.name, self.ordinary, self.precisions = name, ordinary, precisions
        rounded = f32 if "f32" in precisions else float
        self.inputs = {key: [[rounded(x) for x in as_list(row)] for row in rows] for key, rows in inputs.items()}
        (self.rows,) = {len(rows) for rows in self.inputs.values()}
        self.expected, self.source = {}, {}

    def expect(self, quantity, exact, library, by=(), origin="torch"):
        """Records `quantity`, and the gradient of its sum (weighted by the input `cotangent`) by each input of `by`."""
        self._record(quantity, origin, [as_list(exact(self._exact_row(i))) for i in range(self.rows)],
                     [as_list(library(self._torch_row(i))) for i in range(self.rows)])
        for name in by:
            self._record(f"{quantity} by {name}", origin,
                         [self._exact_gradient(exact, name, i) for i in range(self.rows)],
                         [self._torch_gradient(library, name, i) for i in range(self.rows)])

    def _record(self, quantity, origin, exact, library):
        # Adding 0 takes the sign from a zero, where it is an accident of rounding.
        exact, library = [float(x) + 0.0 for x in flat(exact)], [float(x) for x in flat(library)]
        assert len(exact) == len(library), f"{self.name}: {quantity}"
        errors = [abs(got - x) / max(abs(x), 1e-300) if got != x else 0.0 for got, x in zip(library, exact)]
        if self.ordinary:
            # Near a zero of the quantity a relative error says nothing: compare with 1 there.
            errors = [error * min(abs(x), 1.0) for error, x in zip(errors, exact)]
        worst = float(np.max(errors))  # a NaN stays one
        assert worst < AGREEMENT or not self.ordinary, f"{self.name}: {quantity}: {origin} {library} != {exact}"
        said = origin if worst < AGREEMENT else f"not {origin}, which is off by {worst:.0e}"
        before = self.source.get(quantity, "mpmath")
        self.expected[quantity], self.source[quantity] = exact, f"{before}, {said}"

    def _exact_row(self, i):
        return SimpleNamespace(**{name: alone([mp.mpf(x) for x in rows[i]]) for name, rows in self.inputs.items()})

    def _torch_row(self, i):
        row = {name: torch.tensor(alone(rows[i]), dtype=torch.float64) for name, rows in self.inputs.items()}
        return SimpleNamespace(**row)

    def _exact_gradient(self, exact, name, i):
        def objective(j, x):
            row = self._exact_row(i)
            moved = as_list(getattr(row, name))
            moved[j] = x
            setattr(row, name, alone(moved))
            output = as_list(exact(row))
            return mp.fdot(output, self._weights(i, len(output)))

        point = as_list(getattr(self._exact_row(i), name))
        return [mp.diff(lambda x, j=j: objective(j, x), xj) for j, xj in enumerate(point)]

    def _torch_gradient(self, library, name, i):
        row = self._torch_row(i)
        leaf = getattr(row, name).requires_grad_()
        output = library(row).reshape(-1)
        weights = torch.tensor(self._weights(i, len(output)), dtype=torch.float64)
        return torch.autograd.grad((output * weights).sum(), leaf)[0].reshape(-1)

    def _weights(self, i, width):
        """The cotangent where it fits the output: the sum of a normalised vector has no gradient to compare."""
        cotangent = self.inputs.get("cotangent", [[]] * self.rows)[i]
        return cotangent if len(cotangent) == width > 1 else [1.0] * width

    def _json(self):
        inputs = {name: flat(rows) for name, rows in self.inputs.items()}
        return {"name": self.name, "precisions": self.precisions, "rows": self.rows, "inputs": inputs,
                "expected": self.expected, "source": self.source}


def write(name, content):
    """One fixture, with each list on one line."""
    text = json.dumps({"header": HEADER, **content}, indent=1, ensure_ascii=False, allow_nan=False)
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r",\s+", ", ", m[1]) + "]", text)
    (OUT / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def write_cases(name, cases):
    write(name, {"cases": [case._json() for case in cases]})


def f32(x):
    return float(np.float32(float(x))) + 0.0


def as_list(x):
    return [x] if isinstance(x, (int, float, mp.mpf)) or np.ndim(x) == 0 else list(x)


def alone(row):
    return row[0] if len(row) == 1 else row


def flat(rows):
    return [x for row in rows for x in row]
