import torch
from torch import nn

from afina import features


def test_batches_go_to_the_device_that_the_model_is_on(tiny_bert):
    """Regression: after training on an accelerator the next look at the model gave it inputs in main memory."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    encoded = features.encode(tokenizer, ["my card is lost", "book a visit"], 16)
    places = set()

    def read(batch):
        places.update(values.device.type for values in batch.values())
        return torch.arange(2.0)[:, None]

    values = features.collect(nn.Linear(1, 1, device="meta"), tokenizer, encoded, read)
    assert places == {"meta"}
    assert sorted(values[:, 0].tolist()) == [0.0, 1.0]
