"""What is left of web pages in texts: HTML entities, HTML tags, Markdown links.

Entities (`&amp;`, `&#39;`) become the characters that they mean. Tags are taken out and what stands between them is
kept; where a paragraph or a cell ended, the line ends. A Markdown link becomes its text and its address; addresses
stay as they are. Comments, scripts and styles go.

What may be meant stays. Tags are taken out only where an element is opened and closed, or a line broken (`<br>`), by
names of HTML, and nothing else in the text looks like a tag: `x < y`, `<EUR=>`, `<e1>`, `@GENE$`, `<< drug >>` and
`an HTML <a> tag` stay, and so does every tag of a text with backticks, which is about code. `&lt;` and `&gt;` that
would make tags stay. Texts with spans pass as they are.

`cleaning.as_trained` does the same to texts that a finished model is asked about.

Cost: a few searches a text, in C. Not done: entities without their semicolon, other Markdown, scripts that hold `<`.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import replace
from html.entities import html5

from afina.records import Finding, Row
from afina.sameness import places

ORDER = 27

_INLINE = "a abbr b big em font i small span strong sub sup u"
_BLOCKS = (
    "article blockquote body br caption center code dd div dl dt footer form h1 h2 h3 h4 h5 h6 head header hr html"
)
_MORE = "img li main nav ol p pre section table tbody td tfoot th thead title tr ul"
_NAMES = frozenset(f"{_INLINE} {_BLOCKS} {_MORE}".split())
_ROUNDS = 5  # of repairs, where one uncovers another
_ENTITY = re.compile(r"&(?:amp;)*(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]*)((?:\s[^<>]*)?/?)>")
_TAG_LIKE = re.compile(r"</?[A-Za-z][^<>]*>|<<|>>")
_UNSEEN = re.compile(r"<!--[^<>]*-->|<(script|style)\b[^<>]*>[^<]*</\1\s*>", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]\n]+)\]\((https?://[^\s()]+)(?:\s+\"[^\"\n]*\")?\)")

_PROBLEMS = {  # kind of repair -> what is said of it
    "entities": ("HTML entities such as &amp;", "each was written as the character that it means"),
    "tags": ("HTML tags", "they were taken out and the text between them kept"),
    "links": ("Markdown links", "text and address were put side by side"),
}


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Take the markup out of texts; no row is lost."""
    repaired: dict[str, list[Row]] = {kind: [] for kind in _PROBLEMS}

    def row_of(row: Row) -> Row:
        if row.spans is not None:
            return row
        kinds: set[str] = set()
        text = _plain(row.text, kinds)
        pair = None if row.pair is None else _plain(row.pair, kinds)
        for kind in kinds:
            repaired[kind].append(row)
        return replace(row, text=text, pair=pair) if kinds else row

    cleaned = {name: tuple(map(row_of, rows)) for name, rows in splits.items()}
    return cleaned, tuple(_finding(kind, rows) for kind, rows in repaired.items() if rows)


def _plain(text: str, kinds: set[str]) -> str:
    """The text without markup, or as it was where nothing would be left of it."""
    done: set[str] = set()
    after = text
    for _ in range(_ROUNDS):
        before, after = after, _step(after, done)
        if after == before:
            break
    if not after:
        return text
    kinds |= done
    return after


def _step(text: str, done: set[str]) -> str:
    for kind, sign, repair in (("tags", "<", _untagged), ("entities", "&", _decoded), ("links", "](", _unlinked)):
        if sign in text:
            changed = repair(text)
            if changed != text:
                done.add(kind)
            text = changed
    return text


def _untagged(text: str) -> str:
    visible = _UNSEEN.sub(" ", text)
    if visible == text and not _is_html(text):
        return text
    broken = _TAG.sub(_end, visible) if _is_html(visible) else visible
    return "\n".join(line.strip() for line in broken.splitlines() if line.strip())


def _is_html(text: str) -> bool:
    if "`" in text:
        return False
    tags = _TAG.findall(text)
    if not tags or len(tags) != len(_TAG_LIKE.findall(text)) or any(name.lower() not in _NAMES for _, name, _ in tags):
        return False
    opened = {name.lower() for slash, name, _ in tags if not slash}
    closed = {name.lower() for slash, name, _ in tags if slash}
    return bool(opened & closed or opened & {"br", "hr", "img"})


def _end(tag: re.Match[str]) -> str:
    return "" if tag[2].lower() in _INLINE.split() else "\n"


def _decoded(text: str) -> str:
    decoded = _ENTITY.sub(_character, text)
    if len(_TAG_LIKE.findall(decoded)) == len(_TAG_LIKE.findall(text)):
        return decoded
    return _ENTITY.sub(lambda entity: entity[0] if _character(entity) in ("<", ">") else _character(entity), text)


def _character(entity: re.Match[str]) -> str:
    if entity[1][0] != "#" and f"{entity[1]};" not in html5:
        return entity[0]
    meant = html.unescape(f"&{entity[1]};")
    return " " if meant.isspace() else meant if meant.isprintable() else ""


def _unlinked(text: str) -> str:
    return _LINK.sub(r"\1 \2", text)


def _finding(kind: str, rows: list[Row]) -> Finding:
    what, done = _PROBLEMS[kind]
    return Finding(
        check="markup",
        problem=f"{len(rows):,} rows have {what}",
        action="repaired",
        fix=f"nothing: {done}",
        count=len(rows),
        where=places(rows),
    )
