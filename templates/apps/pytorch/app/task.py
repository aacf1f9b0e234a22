"""The data and the model. Replace this module by your own; nothing else has to change."""

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

NUM_CLASSES = 10
SIDE = 16
EXAMPLES_PER_NODE = 800
TEST_EXAMPLES = 1000
NOISE = 1.0


class Net(nn.Module):
    """Two convolutions and one linear layer, for images of one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.head = nn.Linear(16 * (SIDE // 4) ** 2, NUM_CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images).flatten(1))


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _images(labels: Tensor, generator: torch.Generator) -> Tensor:
    """One pattern per label, the same for all nodes, under noise."""
    patterns = torch.randn(NUM_CLASSES, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(7))
    return patterns[labels] + NOISE * torch.randn(len(labels), 1, SIDE, SIDE, generator=generator)


def load_partition(partition: int, num_partitions: int) -> TensorDataset:
    """The examples of one node; three in four have one of the labels that this node sees most."""
    generator = torch.Generator().manual_seed(1000 + partition)
    labels = torch.randint(NUM_CLASSES, (EXAMPLES_PER_NODE,), generator=generator)
    favourites = torch.arange(partition % num_partitions, NUM_CLASSES, num_partitions)
    if len(favourites) > 0:
        picks = favourites[torch.randint(len(favourites), (EXAMPLES_PER_NODE,), generator=generator)]
        skewed = torch.rand(EXAMPLES_PER_NODE, generator=generator) < 0.75
        labels = torch.where(skewed, picks, labels)
    return TensorDataset(_images(labels, generator), labels)


def load_test_set() -> TensorDataset:
    """Examples of all labels alike, that no node has seen."""
    generator = torch.Generator().manual_seed(99)
    labels = torch.randint(NUM_CLASSES, (TEST_EXAMPLES,), generator=generator)
    return TensorDataset(_images(labels, generator), labels)


def train(net: Net, data: TensorDataset, *, epochs: int, batch_size: int, learning_rate: float) -> float:
    """A few epochs of stochastic gradient descent; returns the mean loss of the last one."""
    where = device()
    net.to(where).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=learning_rate, momentum=0.9)
    loss_of = nn.CrossEntropyLoss()
    mean = 0.0
    for _ in range(epochs):
        total = 0.0
        for images, labels in DataLoader(data, batch_size=batch_size, shuffle=True):
            optimizer.zero_grad()
            loss = loss_of(net(images.to(where)), labels.to(where))
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        mean = total / len(data)
    return mean


@torch.no_grad()
def evaluate(net: Net, data: TensorDataset) -> tuple[float, float]:
    """Accuracy and mean cross-entropy."""
    where = device()
    net.to(where).eval()
    loss_of = nn.CrossEntropyLoss(reduction="sum")
    right, total = 0, 0.0
    for images, labels in DataLoader(data, batch_size=256):
        scores = net(images.to(where))
        right += int((scores.argmax(dim=1) == labels.to(where)).sum())
        total += float(loss_of(scores, labels.to(where)))
    return right / len(data), total / len(data)
