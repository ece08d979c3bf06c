"""Make the embedded data set from the messages in benchmarks/reception: typing habits, then a stratified split.

    python benchmarks/make_reception.py        writes src/afina/data/reception/{train,test}.csv

About half of the messages were written whole, one a line, in messages/<class>.txt (English) or <class>_es.txt
(Spanish). The others come from frames.txt: a line is a sentence with choices in (a|b) and lexicons in {name}. Some of
all get the habits of people who type on a telephone. One seed decides everything.
"""

import csv
import random
import re
import unicodedata
from collections import Counter
from pathlib import Path

from afina.sameness import normal

SOURCE = Path(__file__).parent / "reception"
TARGET = Path(__file__).parents[1] / "src" / "afina" / "data" / "reception"
LABELS = {
    "booking": "appointment_booking",
    "change": "appointment_change",
    "results": "test_results",
    "refill": "prescription_refill",
    "symptoms": "symptoms_triage",
    "billing": "billing_insurance",
    "records": "records_request",
    "preop": "preop_instructions",
}
ROWS = {  # messages of each class, English and Spanish; the rarest is a twentieth of the commonest
    "booking": (180, 60),
    "change": (120, 40),
    "results": (108, 36),
    "refill": (93, 31),
    "symptoms": (75, 25),
    "billing": (57, 19),
    "records": (33, 11),
    "preop": (9, 3),
}
WHOLE = 0.38  # share of messages written whole
SEED = 7
TEST_SHARE = 0.22
HABIT = 0.06  # share of messages that get each habit
ALTERNATIVES = re.compile(r"\(([^()]*\|[^()]*)\)")
SLOT = re.compile(r"\{(\w+)\}")


def lexicons() -> dict[str, list[str]]:
    lines = (SOURCE / "slots.txt").read_text(encoding="utf-8").splitlines()
    return {name: values.split("|") for name, values in (line.split(" = ") for line in lines)}


def frames() -> dict[str, list[str]]:
    """Frames under their heading, `class` or `class es`."""
    found: dict[str, list[str]] = {}
    for line in (SOURCE / "frames.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            heading = line.removeprefix("# ")
        else:
            found.setdefault(heading, []).append(line)
    return found


def fill(frame: str, slots: dict[str, list[str]], spanish: bool, rng: random.Random) -> str:
    """One message of a frame; a lexicon used twice gives two different words."""
    frame = ALTERNATIVES.sub(lambda found: rng.choice(found[1].split("|")), frame)
    used: list[str] = []

    def word(found: re.Match[str]) -> str:
        used.append(rng.choice([value for value in slots[found[1]] if value not in used or not value]))
        return used[-1]

    text = re.sub(r"\s+", " ", SLOT.sub(word, frame)).strip()
    return re.sub(r" ([.,?!])", r"\1", contracted(text) if spanish else with_articles(text))


def with_articles(text: str) -> str:
    """English with a or an as the next word asks, and without what a lexicon and its frame say twice."""
    text = re.sub(r"\bon (tomorrow|next)\b", r"\1", text)
    text = re.sub(
        r"\b(MRI|x-ray|ultrasound|echo|biopsy|smear|swab|culture|panel|CBC|work|scan|EKG|ECG) tests?\b", r"\1", text
    )
    text = re.sub(r"\ba blood work", "blood work", re.sub(r"\ban\?? blood work", "blood work", text))
    return re.sub(r"\b([Aa])n?\?? (?=([A-Za-z]+))", lambda found: article(found[1], found[2]), text)


def contracted(text: str) -> str:
    """Spanish with its contractions."""
    text = text.replace(" de el ", " del ").replace(" a el ", " al ")
    return text.replace(" en el oculista", " con el oculista").replace(" en el otorrino", " con el otorrino")


def article(letter: str, following: str) -> str:
    """a or an, by the sound that follows; only called for English articles."""
    spelled = following.isupper() and len(following) > 1
    vowel = (
        following[0] in "AEFHILMNORSX"
        if spelled
        else following[0].lower() in "aeio" or following in ("ultrasound", "hour")
    )
    return f"{letter}n " if vowel else f"{letter} "


def typed(text: str, rng: random.Random) -> str:
    """The message as somebody in a hurry types it, now and then."""
    if rng.random() < HABIT:
        text = text.lower()
    if rng.random() < HABIT:
        text = text.rstrip(".!?").replace("¿", "").replace("¡", "")
    if rng.random() < HABIT:
        text = slip(text, rng)
    if rng.random() < HABIT:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return text


def slip(text: str, rng: random.Random) -> str:
    """Two neighbouring letters inside one longer word change places."""
    words = text.split(" ")
    longer = [place for place, word in enumerate(words) if len(word) > 5 and word.isalpha()]
    if not longer:
        return text
    place = rng.choice(longer)
    word = words[place]
    at = rng.randrange(1, len(word) - 2)
    words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def messages(name: str, spanish: bool, rng: random.Random) -> list[str]:
    """As many different messages of a class in one language as ROWS says."""
    wanted = ROWS[name][spanish]
    written = (SOURCE / "messages" / f"{name}{'_es' * spanish}.txt").read_text(encoding="utf-8").splitlines()
    rng.shuffle(written)
    chosen = {normal(text): text for text in written[: max(round(WHOLE * wanted), min(wanted, 4))]}
    patterns, slots = frames()[f"{name}{' es' * spanish}"], lexicons()
    while len(chosen) < wanted:
        text = fill(patterns[len(chosen) % len(patterns)], slots, spanish, rng)
        chosen.setdefault(normal(text), text)
    return [typed(text, rng) for text in chosen.values()]


def main() -> None:
    rng = random.Random(SEED)
    splits: dict[str, list[tuple[str, str]]] = {"train": [], "test": []}
    for name, label in LABELS.items():
        for spanish in (False, True):  # each class in each language is dealt on its own
            rows = [(text, label) for text in messages(name, spanish, rng)]
            rng.shuffle(rows)
            cut = max(1, round(TEST_SHARE * len(rows)))
            splits["test"] += rows[:cut]
            splits["train"] += rows[cut:]
    seen = Counter(normal(text) for rows in splits.values() for text, _ in rows)
    repeated = [text for text, count in seen.items() if count > 1]
    if repeated:
        raise SystemExit(f"written twice: {repeated}")
    write(splits, rng)


def write(splits: dict[str, list[tuple[str, str]]], rng: random.Random) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, rows in splits.items():
        rng.shuffle(rows)
        with (TARGET / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["text", "label"])
            writer.writerows(rows)
        print(name, len(rows), dict(Counter(label for _, label in rows).most_common()))


if __name__ == "__main__":
    main()
