"""Runs beside the SuperLink: sends the model out, averages what comes back, prints one line per round."""

import time

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from {{module}}.task import evaluate, load_test_set, new_model

app = ServerApp()

WAIT_FOR_NODES_S = 120
WAIT_FOR_REPLIES_S = 120


@app.main()
def main(grid: Grid, context: Context) -> None:
    config = context.run_config
    rounds = int(config["num-server-rounds"])
    wait_for_nodes(grid, int(config["min-nodes"]))
    model = new_model()
    test_set = load_test_set()
    for number in range(1, rounds + 1):
        model, clients = train_round(grid, model, number)
        accuracy, loss = evaluate(model, test_set)
        print(
            f"round {number}/{rounds}  accuracy {accuracy:.3f}  loss {loss:.3f}  clients {clients}",
            flush=True,
        )
        time.sleep(float(config["round-delay"]))
    print("training finished", flush=True)


def wait_for_nodes(grid: Grid, wanted: int) -> None:
    deadline = time.monotonic() + WAIT_FOR_NODES_S
    while len(list(grid.get_node_ids())) < wanted:
        if time.monotonic() > deadline:
            raise RuntimeError(f"fewer than {wanted} nodes after {WAIT_FOR_NODES_S} s")
        time.sleep(0.5)


def train_round(grid: Grid, model: list[np.ndarray], number: int) -> tuple[list[np.ndarray], int]:
    """One round of federated averaging: every node counts by its number of examples."""
    content = RecordDict({"arrays": ArrayRecord(model), "config": ConfigRecord({"round": number})})
    messages = [
        Message(content=content, dst_node_id=node, message_type="train", group_id=str(number))
        for node in grid.get_node_ids()
    ]
    replies = [
        reply.content
        for reply in grid.send_and_receive(messages, timeout=WAIT_FOR_REPLIES_S)
        if not reply.has_error()
    ]
    if not replies:
        raise RuntimeError(f"no node answered in round {number}")
    examples = [float(reply["metrics"]["num-examples"]) for reply in replies]
    models = [reply["arrays"].to_numpy_ndarrays() for reply in replies]
    averaged = [
        np.average([other[layer] for other in models], axis=0, weights=examples)
        for layer in range(len(model))
    ]
    return averaged, len(replies)
