"""Weights in 16 bits (IEEE half precision), arithmetic in fp32: inputs, outputs and activations stay as they are.

Size: half. Cost: a relative error of at most 2^-11 in each weight, which seldom changes an answer; as fast as fp32,
since the runtime widens the weights once, when the file is opened. A text's answer does not depend on its batch.
It does not save working memory, and unlike a conversion of the whole graph it cannot overflow between layers.

Source: Micikevicius et al. 2018, arXiv:1710.03740, section 3 (what half precision can hold).
"""

from pathlib import Path

from afina.onnxfiles import Edit, halve, write

ORDER = 5


def quantize(source: Path, target: Path) -> None:
    """Write the narrowed copy of the model `source` to `target`."""
    edit = Edit(source)
    edit.nodes = edit.waiting
    halve(edit)
    write(edit.done(), target)
