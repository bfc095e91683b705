"""Holds the event files of a run to its metrics.jsonl, through TensorBoard's own reader.

    python3 -m venv /tmp/tensorboard
    /tmp/tensorboard/bin/pip install tensorboard
    /tmp/tensorboard/bin/python python/check/event_files.py RUN

RUN is the directory that holds metrics.jsonl: of `relaxit vae --tensorboard`, or of one seed of `relaxit rl
--tensorboard`. Exits with an error where TensorBoard sees another number, another step, or a wall time that is not
from the run's files' lifetime.
"""

import json
import sys
import time
from pathlib import Path

import numpy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def expected(run):
    """The curves that the metrics say there are."""
    curves = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        metrics = json.loads(line)
        step = metrics["step"] if "step" in metrics else metrics["steps"]
        for name, value in metrics.items():
            if name not in ("seed", "step", "steps") and isinstance(value, (int, float)):
                curves.setdefault(name.replace("_", "/", 1), []).append((step, float(numpy.float32(value))))
    return curves


def main():
    run = Path(sys.argv[1])
    # Nothing is left out: the default keeps a sample of long curves.
    reader = EventAccumulator(str(run), size_guidance={"scalars": 0, "tensors": 0}).Reload()
    events = {tag: reader.Scalars(tag) for tag in reader.Tags()["scalars"]}
    seen = {tag: [(event.step, event.value) for event in curve] for tag, curve in events.items()}
    if seen != expected(run):
        sys.exit(f"TensorBoard sees {seen}, the metrics are {expected(run)}")
    times = [event.wall_time for curve in events.values() for event in curve]
    if not times or not all(time.time() - 3600 * 24 * 365 < at <= time.time() for at in times):
        sys.exit(f"wall times that cannot be: {times}")
    print(f"TensorBoard sees {len(seen)} curves of {sum(map(len, seen.values()))} points, as the metrics say")


if __name__ == "__main__":
    main()
