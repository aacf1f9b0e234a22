"""The data and the model. Replace this module by your own; nothing else has to change."""

import numpy as np

NUM_CLASSES = 10
NUM_FEATURES = 20
EXAMPLES_PER_NODE = 600
TEST_EXAMPLES = 1000
NOISE = 0.8
# Raw measurements are seldom centred; this is what makes the first rounds hard.
OFFSET = 2.0


def _class_centres() -> np.ndarray:
    """The same centres on every node and on the server: all look at one world."""
    return np.random.default_rng(7).normal(size=(NUM_CLASSES, NUM_FEATURES))


def _sample(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(scale=NOISE, size=(len(labels), NUM_FEATURES))
    return _class_centres()[labels] + noise + OFFSET


def load_partition(partition: int, num_partitions: int, skew: float) -> tuple[np.ndarray, np.ndarray]:
    """The examples of one node. Each node sees some labels far more often than others."""
    rng = np.random.default_rng(1000 + partition)
    favourites = [label for label in range(NUM_CLASSES) if label % num_partitions == partition % num_partitions]
    labels = rng.integers(NUM_CLASSES, size=EXAMPLES_PER_NODE)
    if favourites:
        skewed = rng.random(EXAMPLES_PER_NODE) < skew
        labels[skewed] = rng.choice(favourites, size=int(skewed.sum()))
    return _sample(labels, rng), labels


def load_test_set() -> tuple[np.ndarray, np.ndarray]:
    """Examples of all labels alike, that no node has seen."""
    rng = np.random.default_rng(99)
    labels = rng.integers(NUM_CLASSES, size=TEST_EXAMPLES)
    return _sample(labels, rng), labels


def new_model() -> list[np.ndarray]:
    """Weights and biases of a multinomial logistic regression."""
    return [np.zeros((NUM_FEATURES, NUM_CLASSES)), np.zeros(NUM_CLASSES)]


def _probabilities(model: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    weights, biases = model
    scores = x @ weights + biases
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def train(
    model: list[np.ndarray],
    data: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> list[np.ndarray]:
    """A few epochs of stochastic gradient descent from `model`; returns the new model."""
    x, y = data
    weights, biases = model[0].copy(), model[1].copy()
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            error = _probabilities([weights, biases], x[batch])
            error[np.arange(len(batch)), y[batch]] -= 1.0
            weights -= learning_rate * x[batch].T @ error / len(batch)
            biases -= learning_rate * error.mean(axis=0)
    return [weights, biases]


def evaluate(model: list[np.ndarray], data: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Accuracy and mean cross-entropy."""
    x, y = data
    probabilities = _probabilities(model, x)
    accuracy = float((probabilities.argmax(axis=1) == y).mean())
    loss = float(-np.log(probabilities[np.arange(len(y)), y] + 1e-12).mean())
    return accuracy, loss
