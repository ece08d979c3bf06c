"""General language that ships with this package; data/reference/README.md says how it was made."""

from pathlib import Path

REFERENCE = Path(__file__).parent / "data" / "reference"


def nearest(language: str) -> str:
    """The language of the sentences that stand for general language beside texts in `language`: English if not Spanish.

    >>> nearest("es"), nearest("?")
    ('es', 'en')
    """
    return "es" if language == "es" else "en"


def sentences(name: str) -> tuple[str, ...]:
    """The general sentences in 'en' or 'es'."""
    return tuple((REFERENCE / f"{name}.txt").read_text(encoding="utf-8").splitlines())
