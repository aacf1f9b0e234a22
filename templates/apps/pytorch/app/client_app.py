"""Runs at each data owner: trains the model on the examples of this node."""

from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from {{module}}.task import Net, load_partition, train

app = ClientApp()


@app.train()
def train_here(msg: Message, context: Context) -> Message:
    config = context.run_config
    data = load_partition(
        int(context.node_config.get("partition-id", 0)),
        int(context.node_config.get("num-partitions", 1)),
    )
    net = Net()
    net.load_state_dict(msg.content["arrays"].to_torch_state_dict())
    loss = train(
        net,
        data,
        epochs=int(config["local-epochs"]),
        batch_size=int(config["batch-size"]),
        learning_rate=float(config["learning-rate"]),
    )
    metrics = MetricRecord({"num-examples": len(data), "loss": loss})
    arrays = ArrayRecord(net.cpu().state_dict())
    return Message(content=RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=msg)
