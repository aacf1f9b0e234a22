"""Runs at each data owner: trains the model on the examples of this node."""

from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from {{module}}.task import evaluate, load_partition, train

app = ClientApp()


@app.train()
def train_here(msg: Message, context: Context) -> Message:
    config = context.run_config
    partition = int(context.node_config.get("partition-id", 0))
    num_partitions = int(context.node_config.get("num-partitions", 1))
    data = load_partition(partition, num_partitions, float(config["skew"]))
    model = train(
        msg.content["arrays"].to_numpy_ndarrays(),
        data,
        epochs=int(config["local-epochs"]),
        batch_size=int(config["batch-size"]),
        learning_rate=float(config["learning-rate"]),
        seed=int(msg.content["config"]["round"]),
    )
    accuracy, loss = evaluate(model, data)
    metrics = {"num-examples": len(data[1]), "accuracy": accuracy, "loss": loss}
    content = RecordDict({"arrays": ArrayRecord(model), "metrics": MetricRecord(metrics)})
    return Message(content=content, reply_to=msg)
