"""The form in which conditions are combined: what was sent, what a button does to it, and the conditions it means.

Without scripts each button sends the whole form and comes back with it, changed; so everything that stands in it is in
it: `node` names each condition and group with the group it is in (`c3@g0`), in the order of the page, and their fields
begin with their names (`c3-filter`, `g0-join`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from attrs import define, field

from core.contacts.choices import read_choices
from core.contacts.criteria import JOINS, MAX_DEPTH, Criterion, Group, Join
from core.errors import InvalidInput
from core.site import Site
from core.web.contact_list.typed import Typed, from_fields, from_value, to_value
from core.web.requests import Form

ROOT = "g0"
MAX_NODES = 120


@define
class Condition:
    """A condition as it stands in the form, perhaps not complete."""

    name: str
    filter: str = ""
    negated: bool = False
    values: list[str] = field(factory=list)
    typed: Typed = field(factory=Typed)
    find: str = ""
    error: InvalidInput | None = None


@define
class Box:
    """A group as it stands in the form."""

    name: str
    join: Join = "all"
    items: list[Condition | Box] = field(factory=list)
    depth: int = 1

    @property
    def may_hold_groups(self) -> bool:
        """Whether a group can still be put into it."""
        return self.depth < MAX_DEPTH - 1


Item: TypeAlias = Condition | Box


def from_group(site: Site, group: Group) -> Box:
    """The form for conditions that are stored; with one empty condition when there are none."""
    names = _Names()
    box = _box(site, group, names, 1)
    if not box.items:
        box.items.append(Condition(name=names.condition()))
    return box


def _box(site: Site, group: Group, names: _Names, depth: int) -> Box:
    box = Box(name=names.group(), join=group.join, depth=depth)
    for part in group.parts:
        if isinstance(part, Group):
            box.items.append(_box(site, part, names, depth + 1))
            continue
        offered = site.contributions.contact_filters.get(part.filter)
        if offered is None or offered.kind == "choices":
            box.items.append(
                Condition(name=names.condition(), filter=part.filter, negated=part.negated, values=list(part.values))
            )
        elif len(part.values) == 1:
            typed = from_value(offered, part.values[0])
            box.items.append(Condition(name=names.condition(), filter=part.filter, negated=part.negated, typed=typed))
        else:
            # One condition has the inputs of one range; several ranges are a group.
            each = tuple(Criterion(filter=part.filter, values=(value,)) for value in part.values)
            box.items.append(_box(site, Group(join="none" if part.negated else "any", parts=each), names, depth + 1))
    return box


def from_form(site: Site, form: Form) -> Box:
    """The form as it was sent."""
    root = Box(name=ROOT, join=_join(form, ROOT))
    boxes = {ROOT: root}
    for node in form.texts("node")[:MAX_NODES]:
        name, _, parent = node.partition("@")
        inside = boxes.get(parent, root)
        if name.startswith("g") and name not in boxes and inside.depth < MAX_DEPTH:
            boxes[name] = Box(name=name, join=_join(form, name), depth=inside.depth + 1)
            inside.items.append(boxes[name])
        elif name.startswith("c"):
            inside.items.append(_condition(site, form, name))
    return root


def _join(form: Form, name: str) -> Join:
    join = form.text(f"{name}-join")
    return next((one for one in JOINS if one == join), "all")


def _condition(site: Site, form: Form, name: str) -> Condition:
    key = form.text(f"{name}-filter")
    offered = site.contributions.contact_filters.get(key)
    condition = Condition(
        name=name,
        filter=key,
        negated=form.text(f"{name}-negated") == "1",
        values=list(dict.fromkeys(form.texts(f"{name}-value"))),
        find=form.text(f"{name}-find"),
    )
    # The values belong to the filter they were chosen for.
    if form.text(f"{name}-of") != key:
        condition.values, condition.find = [], ""
    elif offered is not None and offered.kind != "choices":
        condition.typed = from_fields(form.text, f"{name}-")
    return condition


def apply(box: Box, step: str) -> str:
    """Do what a button says: `add:g0`, `group:g0`, `remove:c3`. Answers the name of what the focus goes to."""
    what, _, name = step.partition(":")
    names = _Names(box)
    for one in _boxes(box):
        if one.name == name and what == "add":
            one.items.append(Condition(name=names.condition()))
            return one.items[-1].name
        if one.name == name and what == "group" and one.may_hold_groups:
            inner = Box(name=names.group(), join="any" if one.join == "all" else "all", depth=one.depth + 1)
            inner.items.append(Condition(name=names.condition()))
            one.items.append(inner)
            return inner.items[0].name
        for item in one.items:
            if what == "remove" and item.name == name:
                one.items.remove(item)
                return one.name
    return ""


def to_group(site: Site, box: Box, allows: Callable[[str | None], bool], *, complete: bool) -> Group:
    """The conditions that the form means. Those that are not complete are left out and, if they must be, told.

    What is wrong with a condition becomes its `error`; `has_errors` finds it.
    """
    parts: list[Criterion | Group] = []
    for item in box.items:
        if isinstance(item, Box):
            inner = to_group(site, item, allows, complete=complete)
            if inner:
                parts.append(inner)
            continue
        try:
            values = _values(site, item, allows)
        except InvalidInput as error:
            item.error = error if complete else None
            continue
        parts.append(Criterion(filter=item.filter, values=values, negated=item.negated))
    return Group(join=box.join, parts=tuple(parts))


def has_errors(box: Box) -> bool:
    """Whether a condition is not complete."""
    return any(item.error for one in _boxes(box) for item in one.items if isinstance(item, Condition))


def _values(site: Site, condition: Condition, allows: Callable[[str | None], bool]) -> tuple[str, ...]:
    offered = site.contributions.contact_filters.get(condition.filter)
    if offered is None or not allows(offered.permission):
        if condition.filter and condition.values:
            # Of a plugin that is off, or of what the person may not see: it stays as it was.
            return tuple(condition.values)
        raise InvalidInput("Choose what is asked.")
    if offered.kind == "choices":
        if not condition.values:
            raise InvalidInput("Choose at least one.")
        return tuple(condition.values)
    units = [one.value for one in read_choices(site, offered)] if offered.units is not None else []
    return (to_value(offered, condition.typed, units),)


def _boxes(box: Box) -> list[Box]:
    return [box, *(one for item in box.items if isinstance(item, Box) for one in _boxes(item))]


class _Names:
    """Names that are not taken."""

    def __init__(self, box: Box | None = None) -> None:
        taken = [one.name for one in (_boxes(box) if box else [])]
        taken += [item.name for one in (_boxes(box) if box else []) for item in one.items]
        numbers = [int(name[1:]) for name in taken if name[1:].isascii() and name[1:].isdigit() and len(name) < 9]
        self._next = max(numbers, default=-1) + 1

    def group(self) -> str:
        self._next += 1
        return f"g{self._next - 1}"

    def condition(self) -> str:
        self._next += 1
        return f"c{self._next - 1}"
