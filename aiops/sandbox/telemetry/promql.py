"""PromQL as text: tokens and the tree of a query.

The part of the language that alert rules and dashboards use: selectors with matchers, ranges and `offset`, functions,
aggregations with `by` and `without`, arithmetic, comparisons with `bool`, set operators, `on`, `ignoring`, `group_left`.
Left out: subqueries, `@`, `group_right`, native histograms.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

AGGREGATIONS = frozenset({"sum", "avg", "min", "max", "count", "group", "stddev", "topk", "bottomk", "quantile"})
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<comment>\#[^\n]*)
  | (?P<duration>(?:\d+(?:ms|[smhdwy]))+)(?![A-Za-z0-9_])
  | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
  | (?P<op>=~|!~|==|!=|<=|>=|[-+*/%^<>=(){}\[\],])
    )""",
    re.VERBOSE,
)
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
# Binding strength of binary operators, weakest first; `^` binds to the right.
_PRECEDENCE = (
    ("or",), ("and", "unless"), ("==", "!=", "<=", "<", ">=", ">"), ("+", "-"), ("*", "/", "%"), ("^",),
)  # fmt: skip


class QueryError(ValueError):
    """A query that cannot be read or answered."""


@dataclass(frozen=True)
class Matcher:
    name: str
    op: Literal["=", "!=", "=~", "!~"]
    value: str

    def fits(self, value: str) -> bool:
        match self.op:
            case "=":
                return value == self.value
            case "!=":
                return value != self.value
            case "=~":
                return _pattern(self.value).fullmatch(value) is not None
            case _:
                return _pattern(self.value).fullmatch(value) is None


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise QueryError(f"{text!r} is no regular expression: {error}") from None


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Text:
    value: str


@dataclass(frozen=True)
class Selector:
    """`range_s` 0 is an instant vector."""

    name: str
    matchers: tuple[Matcher, ...]
    range_s: float = 0.0
    offset_s: float = 0.0


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Aggregation:
    """Over `of`; `labels` are kept, or dropped where it says `without`."""

    function: str
    of: "Node"
    parameter: "Node | None"
    labels: tuple[str, ...]
    without: bool


@dataclass(frozen=True)
class Binary:
    op: str
    left: "Node"
    right: "Node"
    as_bool: bool = False
    on: tuple[str, ...] | None = None  # None: all labels, but for those that are ignored
    ignoring: tuple[str, ...] = ()
    group_left: tuple[str, ...] | None = None  # many left ones may meet one on the right, and take these labels from it


@dataclass(frozen=True)
class Negation:
    of: "Node"


Node = Number | Text | Selector | Call | Aggregation | Binary | Negation


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


@lru_cache(maxsize=512)
def parse(query: str) -> Node:
    """The tree of `query`, or QueryError with the place that cannot be read."""
    return _Parser(query).whole()


def seconds(duration: str) -> float:
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", duration))


class _Parser:
    def __init__(self, query: str) -> None:
        self._tokens = list(self._scan(query))
        self._place = 0

    @staticmethod
    def _scan(query: str) -> list[_Token]:
        tokens, place = [], 0
        while query[place:].strip():
            match = _TOKEN.match(query, place)
            if match is None or match.lastgroup is None:
                raise QueryError(f"parse error at {place}: unexpected {query[place : place + 10]!r}")
            if match.lastgroup != "comment":
                tokens.append(_Token(match.lastgroup, match[match.lastgroup]))
            place = match.end()
        return tokens

    def whole(self) -> Node:
        if not self._tokens:
            raise QueryError("parse error: no expression found in input")
        node = self._binary(0)
        if self._peek():
            raise QueryError(f"parse error: unexpected {self._peek()!r}")
        return node

    # tokens

    def _peek(self) -> str:
        return self._tokens[self._place].text if self._place < len(self._tokens) else ""

    def _next(self) -> _Token:
        if self._place >= len(self._tokens):
            raise QueryError("parse error: unexpected end of input")
        self._place += 1
        return self._tokens[self._place - 1]

    def _take(self, text: str) -> bool:
        if self._peek() == text:
            self._place += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise QueryError(f"parse error: expected {text!r}, found {self._peek() or 'the end'!r}")

    # grammar

    def _binary(self, level: int) -> Node:
        if level == len(_PRECEDENCE):
            return self._unary()
        node = self._binary(level + 1)
        while self._peek().lower() in _PRECEDENCE[level] and self._tokens[self._place].kind in ("op", "name"):
            op = self._next().text.lower()
            as_bool = self._take("bool")
            on, ignoring, group_left = self._matching()
            right = self._binary(level if op == "^" else level + 1)
            node = Binary(op, node, right, as_bool, on, ignoring, group_left)
        return node

    def _matching(self) -> tuple[tuple[str, ...] | None, tuple[str, ...], tuple[str, ...] | None]:
        on: tuple[str, ...] | None = None
        ignoring: tuple[str, ...] = ()
        group_left: tuple[str, ...] | None = None
        if self._take("on"):
            on = self._names()
        elif self._take("ignoring"):
            ignoring = self._names()
        if self._take("group_left"):
            group_left = self._names() if self._peek() == "(" else ()
        elif self._peek() == "group_right":
            raise QueryError("group_right is not answered here")
        return on, ignoring, group_left

    def _names(self) -> tuple[str, ...]:
        self._expect("(")
        names: list[str] = []
        while not self._take(")"):
            names.append(self._next().text)
            self._take(",")
        return tuple(names)

    def _unary(self) -> Node:
        if self._take("-"):
            return Negation(self._binary(len(_PRECEDENCE) - 1))  # -2^2 is -4
        if self._take("+"):
            return self._unary()
        return self._postfix(self._primary())

    def _postfix(self, node: Node) -> Node:
        if self._take("["):
            if not isinstance(node, Selector):
                raise QueryError("parse error: ranges are taken of selectors only")
            token = self._next()
            if token.kind != "duration":
                raise QueryError(f"parse error: {token.text!r} is no duration")
            self._expect("]")
            node = Selector(node.name, node.matchers, seconds(token.text))
        if self._take("offset"):
            if not isinstance(node, Selector):
                raise QueryError("parse error: offset belongs to a selector")
            node = Selector(node.name, node.matchers, node.range_s, seconds(self._next().text))
        return node

    def _primary(self) -> Node:
        if self._take("("):
            node = self._binary(0)
            self._expect(")")
            return node
        if self._peek() == "{":
            return Selector("", self._matchers())
        token = self._next()
        if token.kind == "number":
            return Number(float(token.text))
        if token.kind == "string":
            return Text(_unquoted(token.text))
        if token.kind != "name":
            raise QueryError(f"parse error: unexpected {token.text!r}")
        name = token.text
        if name.lower() in ("inf", "nan"):
            return Number(float(name))
        if name in AGGREGATIONS and self._peek() in ("(", "by", "without"):
            return self._aggregation(name)
        if self._peek() == "(":
            return Call(name, self._arguments())
        return Selector(name, self._matchers() if self._peek() == "{" else ())

    def _arguments(self) -> tuple[Node, ...]:
        self._expect("(")
        arguments: list[Node] = []
        while not self._take(")"):
            arguments.append(self._binary(0))
            if self._peek() != ")":
                self._expect(",")
        return tuple(arguments)

    def _aggregation(self, function: str) -> Node:
        names: tuple[str, ...] = ()
        without = grouped = False
        if self._peek() in ("by", "without"):
            without, grouped = self._next().text == "without", True
            names = self._names()
        arguments = self._arguments()
        if not grouped and self._peek() in ("by", "without"):
            without = self._next().text == "without"
            names = self._names()
        if len(arguments) not in (1, 2):
            raise QueryError(f"{function} takes one or two arguments")
        parameter = arguments[0] if len(arguments) == 2 else None
        return Aggregation(function, arguments[-1], parameter, names, without)

    def _matchers(self) -> tuple[Matcher, ...]:
        self._expect("{")
        found: list[Matcher] = []
        while not self._take("}"):
            name, op, value = self._next(), self._next().text, self._next()
            if value.kind != "string" or op not in ("=", "!=", "=~", "!~"):
                raise QueryError(f"parse error: bad matcher {name.text}{op}{value.text}")
            found.append(Matcher(name.text, op, _unquoted(value.text)))  # type: ignore[arg-type]
            if self._peek() != "}":
                self._expect(",")
        return tuple(found)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text[1:-1])
