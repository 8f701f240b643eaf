"""Which alerts tell of the same problem, and which of them is its most likely root. Pure: values in, cases out.

Alerts are put together by evidence, never by nearness: they are about the same thing, or what the one is about explains
the other. Alerts come one by one and causes often after their symptoms, so a case stays findable by what its root may
still be explained by: a late cause becomes the root, and one alert that explains two cases makes them one. A symptom that
two cases could explain joins the nearer one; it never makes them one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from incidents.clues.clue import WEAK, Clue
from incidents.clues.trouble import Trouble
from incidents.conf import IncidentsConf

MAX_THINGS = 300  # by so many things one case is found; a flood adds alerts, not ever longer rows
MAX_KEY = 300  # as much of a key is stored

# How near an alert is to a case, beside the hops of `Clue.needs`.
SAME = 0  # about the very thing that the root is about
STRUCK = 1  # the root brings down what the alert is about
SHARED = 2  # about a thing that suffers already: what its own machine or dependency says is nearer
BINDING = 3  # a cause further off may take a symptom in, but not make two cases one


@dataclass(slots=True)
class Case:
    """Alerts that belong together: an open incident, or one that is about to be opened (`incident` is None).

    `root_alert` None: its row is gone. `split_from`: a person took it apart from that incident, so it never goes back.
    `things` are what its alerts are about, True where others may suffer from it; `classes` the shared causes among them;
    `touches` the namespaces with trouble. `acted`: somebody or something acts on it; it takes others in, but is never
    folded into one. `alerts` are only those added here.
    """

    root: Clue
    root_alert: int | None
    opened_at: datetime
    last_at: datetime
    incident: int | None = None
    acted: bool = False
    split_from: int | None = None
    things: dict[str, bool] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)
    touches: set[str] = field(default_factory=set)
    alerts: list[int] = field(default_factory=list)
    absorbed: list["Case"] = field(default_factory=list)
    into: "Case | None" = None

    def takes(self, clue: Clue, at: datetime, conf: IncidentsConf) -> bool:
        """Within the window after its last alert, and within the longest time in all.

        What a forecast foretold may come at any moment of the longest time: a disk fills for half an hour.
        """
        root = self.root
        foretold = root.nature.forecast and root.nature.resource == clue.nature.resource and _overlap(root.about, clue.about)
        window = conf.correlation_max_s if foretold else conf.correlation_window_s
        return at - self.last_at <= timedelta(seconds=window) and at - self.opened_at <= timedelta(seconds=conf.correlation_max_s)

    def keys(self) -> frozenset[str]:
        """By what the case is found and known: see `looked_up` for the marks; `.` is a namespace that it touches."""
        keys = {("=" if harms else "-") + name for name, harms in self.things.items()}
        keys |= {f"!{name}" for name in self.classes}
        keys |= {f".{name}" for name in self.touches}
        keys |= {f"!{shared_namespace(self.root, name)}" for name in self.touches if self._is_shared_in(name)}
        keys |= {f"<{name}" for name in (*self.root.needs, *self.root.hurts, *self.root.strains)}
        return frozenset(key[:MAX_KEY] for key in keys)

    @staticmethod
    def known_by(keys: Iterable[str]) -> tuple[dict[str, bool], set[str], set[str]]:
        """Things, classes and touched namespaces back from `keys`; what follows from the root is derived again."""
        things: dict[str, bool] = {}
        classes: set[str] = set()
        touches: set[str] = set()
        for key in keys:
            mark, name = key[:1], key[1:]
            if mark in ("=", "-"):
                things[name] = mark == "=" or things.get(name, False)
            elif mark == "!" and not name.startswith("~namespace:"):
                classes.add(name)
            elif mark == ".":
                touches.add(name)
        return things, classes, touches

    def _is_shared_in(self, namespace: str) -> bool:
        """Whether what broke is no workload of `namespace`: then users of all of it notice."""
        mine = any(name.startswith(f"{namespace}/") for name in self.root.about)
        return not mine and self.root.nature.trouble <= Trouble.CRASH

    def explains_at_once(self, name: str) -> bool:
        """Whether the case is the shared cause `name`."""
        if name.startswith("~namespace:"):
            namespace = name.removeprefix("~namespace:").rpartition("@")[0]
            return namespace in self.touches and self._is_shared_in(namespace)
        return name in self.classes

    def add(self, clue: Clue, alert: int, at: datetime) -> None:
        self.alerts.append(alert)
        self.last_at = max(self.last_at, at)
        self._learn(dict.fromkeys((*clue.about, *clue.hurts), clue.nature.harms), clue.classes, clue.touches)

    def _learn(self, things: Mapping[str, bool], classes: Iterable[str], touches: Iterable[str]) -> None:
        for name, harms in things.items():
            if name in self.things or len(self.things) < MAX_THINGS:
                self.things[name] = harms or self.things.get(name, False)
        self.classes.update(classes)
        self.touches.update(touches)

    @property
    def survivor(self) -> "Case":
        """The case that this one is a part of now, or itself."""
        case = self
        while case.into is not None:
            case = case.into
        return case

    def absorb(self, other: "Case") -> None:
        """Take in everything of `other`, which is no case of its own any more. The root stays the caller's to choose."""
        other.into = self
        self.absorbed += [other, *other.absorbed]
        self.alerts += other.alerts
        self.opened_at = min(self.opened_at, other.opened_at)
        self.last_at = max(self.last_at, other.last_at)
        self._learn(other.things, other.classes, other.touches)


def shared_namespace(clue: Clue, namespace: str) -> str:
    return f"~namespace:{namespace}@{clue.scope.cluster}"


def looked_up(clue: Clue) -> frozenset[str]:
    """Every key of a case that may have to do with the alert.

    `=` a thing that others may suffer from, `-` a thing that a case is merely about, `!` a class, `<` what the root of a
    case needs, hurts or strains.
    """
    mine = [f"{mark}{name}" for name in clue.about for mark in "=-!<"]
    theirs = [f"{'!' if name[0] == '~' else '='}{name}" for name in clue.needs]
    struck = [f"{mark}{name}" for name in clue.hurts | clue.strains for mark in "=-"]
    shared = [f"<{shared_namespace(clue, name)}" for name in clue.touches]
    return frozenset(key[:MAX_KEY] for key in (*mine, *theirs, *struck, *shared, *(f"<{name}" for name in clue.harms)))


def _overlap(one: Iterable[str], other: Iterable[str]) -> bool:
    return not set(one).isdisjoint(other)


def strikes(cause: Clue, effect: Clue) -> bool:
    """Whether `cause` brings down the very thing that `effect` is about: a full volume its database, a hog its machine."""
    if not cause.nature.harms:
        return False
    if not cause.hurts.isdisjoint(effect.about):
        return True
    one, other = cause.nature.resource, effect.nature.resource
    worn = effect.nature.trouble >= Trouble.EXHAUSTED and (not one or not other or one == other)
    return worn and not cause.strains.isdisjoint(effect.about)


def explains(cause: Clue, effect: Clue) -> bool:
    """Whether `cause` may be the reason of `effect`."""
    if strikes(cause, effect):
        return True
    return effect.nature.suffers and not strikes(effect, cause) and not cause.harms.isdisjoint(effect.needs)


def is_likelier_root(new: Clue, old: Clue) -> bool:
    """Whether `new` explains `old`, or tells of an earlier link of the same chain."""
    if strikes(new, old) != strikes(old, new):
        return strikes(new, old)
    if not _overlap(new.about, old.about):
        return explains(new, old) and not explains(old, new)
    if new.nature.harms != old.nature.harms:
        return new.nature.harms
    if new.nature.rank != old.nature.rank:
        return new.nature.rank < old.nature.rank
    return new.at < old.at


class Casebook:
    """Open cases, and the way to find those that have to do with an alert. What one alert costs depends on those alone."""

    def __init__(self, cases: Iterable[Case] = (), *, conf: IncidentsConf) -> None:
        self._conf = conf
        self._found_by: dict[str, dict[int, Case]] = defaultdict(dict)
        self._keys: dict[int, frozenset[str]] = {}
        self._cases: dict[int, Case] = {}
        for case in cases:
            self._cases[id(case)] = case
            self._index(case)

    @property
    def cases(self) -> list[Case]:
        return list(self._cases.values())

    def take(self, clue: Clue, alert: int, at: datetime) -> Case:
        """Put one alert where it belongs: into the case that it has most to do with, or into one of its own."""
        near = self._near(clue, at)
        home, bound = _place(clue, near)
        if home is None:
            home = Case(root=clue, root_alert=alert, opened_at=at, last_at=at)
            self._cases[id(home)] = home
        elif is_likelier_root(clue, home.root):
            home.root, home.root_alert = clue, alert
        home.add(clue, alert, at)
        for other in bound:
            home = self._merge(home, other)
        if home.root is clue and (cause := _explanation(clue, [case for case in near if case.into is None and case is not home])):
            home = self._merge(cause, home)
        for other in near:
            if other is not home and other.into is None and _is_shared_effect(clue, home, other):
                home = self._merge(home, other)
        self._index(home)
        return home

    def forget(self, before: datetime) -> None:
        """Cases opened before that take nothing any more."""
        for case in [case for case in self._cases.values() if case.opened_at < before]:
            del self._cases[id(case)]
            self._drop(case)

    def _drop(self, case: Case) -> None:
        for key in self._keys.pop(id(case), frozenset()):
            self._found_by[key].pop(id(case), None)
            if not self._found_by[key]:
                del self._found_by[key]

    def _near(self, clue: Clue, at: datetime) -> list[Case]:
        found: dict[int, Case] = {}
        for key in looked_up(clue):
            if cases := self._found_by.get(key):
                found |= cases
        return [case for case in found.values() if case.root.scope.meets(clue.scope) and case.takes(clue, at, self._conf)]

    def _index(self, case: Case) -> None:
        old = self._keys.pop(id(case), frozenset())
        new = case.keys() if case.into is None else frozenset()
        for key in old - new:
            self._found_by[key].pop(id(case), None)
            if not self._found_by[key]:
                del self._found_by[key]
        for key in new - old:
            self._found_by[key][id(case)] = case
        if new:
            self._keys[id(case)] = new

    def _merge(self, one: Case, other: Case) -> Case:
        """Make two cases one, unless both are acted on. The one that is acted on stays, else the older.

        `one` is known to explain `other`, through the alert that binds them; only a plain word to the contrary changes that.
        """
        if other is one or other.into is not None or (one.acted and other.acted) or _were_split(one, other):
            return one
        cause = other if is_likelier_root(other.root, one.root) else one
        root, root_alert = cause.root, cause.root_alert
        stays, goes = sorted((one, other), key=_standing)
        stays.absorb(goes)
        stays.root, stays.root_alert = root, root_alert
        del self._cases[id(goes)]
        self._index(goes)
        return stays


def _were_split(one: Case, other: Case) -> bool:
    apart = [(one.split_from, other.incident), (other.split_from, one.incident)]
    return any(split_from is not None and split_from == incident for split_from, incident in apart)


def _standing(case: Case) -> tuple[bool, bool, datetime, int]:
    return (not case.acted, case.incident is None, case.opened_at, case.incident or 0)


def _place(clue: Clue, near: Sequence[Case]) -> tuple[Case | None, list[Case]]:
    """The case to join, and others that the alert proves to be the same problem."""
    bound = [case for case in near if _is_bound(clue, case)]
    home = _explanation(clue, near) or min(bound, key=_standing, default=None)
    return home, [case for case in bound if case is not home]


def _explanation(clue: Clue, near: Sequence[Case]) -> Case | None:
    """The case that is or explains the alert: a thing by being nearest, a class only if no other explains it as well."""
    ranked = sorted(
        ((distance, -case.last_at.timestamp(), case) for case in near if (distance := _distance(clue, case)) is not None),
        key=lambda found: found[:2],
    )
    if ranked and (ranked[0][0] < WEAK or len(ranked) == 1 or ranked[0][0] < ranked[1][0]):
        return ranked[0][2]
    return None


def _distance(clue: Clue, case: Case) -> int | None:
    """How near the case is to the alert, as the same problem or as its cause; None: not at all."""
    if _overlap(clue.about, case.root.about):
        return SAME
    hops = [SHARED] if any(name in case.things for name in clue.about) else []
    if strikes(case.root, clue):
        hops.append(STRUCK)
    if clue.nature.suffers:
        hops += [far for name, far in clue.needs.items() if case.things.get(name)]
        hops += [far for name, far in clue.needs.items() if far >= WEAK and case.explains_at_once(name)]
    return min(hops, default=None)


def _is_bound(clue: Clue, case: Case) -> bool:
    """Whether alert and case are surely one: about the same thing, or the case's root is explained by the alert."""
    root = case.root
    if _overlap(clue.about, root.about) or strikes(clue, root):
        return True
    near = {name for name, far in root.needs.items() if far <= BINDING}
    return root.nature.suffers and not clue.harms.isdisjoint(near)


def _is_shared_effect(clue: Clue, home: Case, other: Case) -> bool:
    """Whether the root of `other` is a symptom that nothing explains but a shared cause, which `clue` shows `home` to be."""
    if not clue.nature.harms or not other.root.nature.suffers:
        return False
    shown = clue.classes | {shared_namespace(clue, name) for name in clue.touches}
    return any(far >= WEAK and name in shown and home.explains_at_once(name) for name, far in other.root.needs.items())
