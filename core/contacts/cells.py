"""The cells of the list: what a value of each kind must be, and how it is shown.

The rows are the largest part of the page, and a macro called for each cell would take four times as long as
markup that is compiled in place. So one template is put together for a set of columns, compiled once and kept
with the site. It draws what `components/lists.html` and `components/signs.html` draw.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

from jinja2 import Environment, Template
from markupsafe import Markup, escape

from core.i18n import Language
from core.values import CellKind, Column, Indicator, Link, Money

if TYPE_CHECKING:
    from core.site import Site

MAX_KEPT = 200


# What a value must be


def check_cells(kind: CellKind, values: Iterable[object]) -> list[object]:
    """The values, fit to be shown; None for nothing. Raises TypeError for what the kind can't be."""
    check = _CHECKS[kind]
    checked = [None if value is None else check(value) for value in values]
    return [None if value in NOTHING else value for value in checked]


NOTHING = ("", (), None)


def _refuse(kind: str, value: object, wanted: str) -> TypeError:
    return TypeError(f"answered {repr(value)[:80]}, and a column of kind {kind!r} takes {wanted}")


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise _refuse("text", value, "str")
    return value


def _datetime(value: object) -> object:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _refuse("datetime", value, "a datetime with a time zone")
    return value


def _date(value: object) -> object:
    if not isinstance(value, date) or (isinstance(value, datetime) and value.tzinfo is None):
        raise _refuse("date", value, "a date")
    return value


def _number(value: object) -> object:
    # PostgreSQL answers the sum of whole numbers as a Decimal.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _refuse("number", value, "int")
    return value


def _money(value: object) -> object:
    amounts = (value,) if isinstance(value, Money) else value
    if not isinstance(amounts, Sequence) or not all(isinstance(amount, Money) for amount in amounts):
        raise _refuse("money", value, "Money or a sequence of Money")
    return tuple(amounts)


def _chips(value: object) -> object:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(one, str) for one in value):
        raise _refuse("chips", value, "a sequence of str")
    return tuple(value)


def _indicator(value: object) -> object:
    if not isinstance(value, Indicator):
        raise _refuse("indicator", value, "Indicator")
    return value


def _link(value: object) -> object:
    if not isinstance(value, Link):
        raise _refuse("link", value, "Link")
    return value


_CHECKS: Mapping[CellKind, Callable[[object], object]] = MappingProxyType(
    {
        "text": _text,
        "datetime": _datetime,
        "date": _date,
        "number": _number,
        "money": _money,
        "country": _text,
        "chips": _chips,
        "badge": _text,
        "indicator": _indicator,
        "link": _link,
    }
)


# How a value is shown


def _icon(name: str) -> str:
    return (
        f'<svg class="icon" width="20" height="20" aria-hidden="true"><use href="{{{{ icons }}}}#{name}"></use></svg>'
    )


def _chips_markup(loop: str, style: str, inner: str) -> str:
    return f'<span class="chips">{loop}<span class="{style}">{inner}</span>{{% endfor %}}</span>'


INDICATOR = (
    '<span class="indicator indicator-{{ "other" if v.state == "pending" else v.state }}">'
    f'{{% if v.state == "on" %}}{_icon("on")}{{% elif v.state == "off" %}}{_icon("off")}'
    f"{{% else %}}{_icon('clock')}{{% endif %}}{{{{ v.label|translate }}}}</span>"
)
# A laptop shows the sign alone; the word is for screen readers, cards, wide windows, and who points at it.
MODULE_CHIP = (
    '<span class="chip" title="{{ v.label|translate }}">'
    + _icon("{{ v.icon }}")
    + '<span class="chip-text">{{ v.label|translate }}</span></span>'
)


def drawn_filters(templates: Environment) -> Mapping[str, Callable[[object], Markup]]:
    """Filters that draw what a list has a hundred times and a site few of: each is drawn once and kept."""

    def filter_of(source: str) -> Callable[[object], Markup]:
        icons = templates.globals["static"]("icons.svg")  # type: ignore[operator]
        template = templates.from_string(source)
        kept: dict[object, Markup] = {}

        def draw(value: object) -> Markup:
            if value not in kept:
                if len(kept) >= MAX_KEPT:
                    kept.clear()
                # What a template of this file has drawn: every value in it was escaped there, and the cell that it
                # goes into would escape its tags a second time.
                kept[value] = Markup(template.render(v=value, icons=icons))  # noqa: S704
            return kept[value]

        return draw

    return {"indicator": filter_of(INDICATOR), "module_chip": filter_of(MODULE_CHIP)}


KIND_MARKUP: Mapping[CellKind, str] = MappingProxyType(
    {
        "text": "{{ v }}",
        "datetime": '<time datetime="{{ v.isoformat() }}">{{ v|datetime }}</time>',
        "date": '<time datetime="{{ v.isoformat() }}">{{ v|date }}</time>',
        "number": "{{ v|number }}",
        "money": "{% for one in v %}{% if not loop.first %}<br>{% endif %}{{ one|money }}{% endfor %}",
        "country": '<abbr title="{{ v|country }}">{{ v }}</abbr>',
        "chips": _chips_markup("{% for one in v %}", "chip", "{{ one }}"),
        "badge": '<span class="badge">{{ v|translate }}</span>',
        "indicator": "{{ v|indicator }}",
        "link": '<a href="{{ v.href }}">{{ v.text }}</a>',
    }
)
"""Kind → the markup of a value `v` that is not empty."""

OWN_MARKUP: Mapping[str, str] = MappingProxyType(
    {
        "contact.name": (
            '<span class="person"><span class="avatar avatar-{{ r["tone"] }}" aria-hidden="true">'
            '{% if r["picture_url"] %}<img src="{{ r["picture_url"] }}" alt="" width="64" height="64" '
            'loading="lazy" decoding="async">{% else %}{{ r["initials"] }}{% endif %}</span>'
            '<span><a href="/dashboard/contacts/{{ r["id"] }}" data-row-link>{{ r["label"] }}</a>'
            "</span></span>"
        ),
        # Of plugins that are off nothing is said.
        "contact.modules": (
            '<span class="chips">{% for one in v if one in modules %}{{ modules[one]|module_chip }}'
            '{% else %}<span class="none">–</span>{% endfor %}</span>'
        ),
        "contact.tags": _chips_markup("{% for one in v %}", "chip chip-tag", "{{ one }}"),
        "contact.view": (
            '<a href="{{ v.href }}">{{ v.text|translate }}<span class="sr-only"> {{ r["label"] }}</span></a>'
        ),
    }
)
"""Key of a column of the core's own → its markup, where its kind alone would not do."""

ON_CARDS: Mapping[str, str] = MappingProxyType({"contact.name": "", "contact.email": "bare", "contact.modules": "bare"})
"""What a card on a phone shows (UX.md), and the class it has there."""

STYLES: Mapping[str, str] = MappingProxyType(
    {"contact.email": "cell-email", "contact.phone": "cell-phone", "contact.modules": "cell-modules"}
)
"""Columns that the stylesheet knows, so that the usual ones fit a laptop."""


def is_numeric(column: Column) -> bool:
    """Whether a column's values are figures, aligned at their end."""
    return column.kind in ("number", "money")


def table_source(template: str, columns: Sequence[Column], language: Language, icons: str) -> str:
    """The source of `contacts/table.html` with these columns in it, and with the words that are the same in every row.

    Values: `columns` (heads), `rows`, `modules`, `caption`, `menu_text`, `row_menus`, `bulk` (whether rows can be
    ticked), and `here`, the address to come back to.
    """

    def about_row(found: re.Match[str]) -> str:
        before, _, after = language.text(found[1]).partition("%(name)s")
        return f'{settled(before)}{{{{ r["label"] }}}}{settled(after)}'

    cells = "".join(_cell_source(number, column, language) for number, column in enumerate(columns))
    source = ABOUT_ROW.sub(about_row, template.replace("{# cells #}", cells))
    return source.replace("{{ icons }}", settled(icons))


ABOUT_ROW = re.compile(r"""\{\{ _\('([^']*%\(name\)s[^']*)', name=r\["label"\]\) \}\}""")
"""In the template: words with the name of the row's contact among them."""


def settled(text: str) -> str:
    """A text as a part of a template's source: as it will stand in the page, and nothing that a template would do."""
    return str(escape(text)).replace("{", "&#123;")


def _cell_source(number: int, column: Column, language: Language) -> str:
    name = f"c{number}"
    markup = OWN_MARKUP.get(column.key, KIND_MARKUP[column.kind])
    styles = ("numeric" if is_numeric(column) else "", ON_CARDS.get(column.key, "no-phone"), STYLES.get(column.key, ""))
    style = " ".join(filter(None, styles))
    if number == 0:
        return f'<th scope="row" role="rowheader">{{% set v = r["{name}"] %}}{markup}</th>'
    cell = f'<td role="cell" data-label="{settled(language.text(column.label))}"'
    filled = f'{cell} class="{style}">{markup}</td>' if style else f"{cell}>{markup}</td>"
    empty = (
        f'{cell} class="{style} empty-cell"><span class="none" aria-hidden="true">–</span>'
        f'<span class="sr-only">{settled(language.text("none"))}</span></td>'
    )
    return f'{{% set v = r["{name}"] %}}{{% if v is none %}}{empty}{{% else %}}{filled}{{% endif %}}'


def table_template(site: Site, language: Language, columns: Sequence[Column]) -> Template:
    """The table's template for these columns in one language, compiled at first use."""
    from core.web.rendering import environment, static_url

    kept: dict[tuple[str, ...], Template] = site.__dict__.setdefault("_contact_tables", {})
    key = (language.code, *(f"{column.key} {column.label}" for column in columns))
    if key not in kept:
        if len(kept) >= MAX_KEPT:
            kept.clear()
        templates = environment(site, language)
        assert templates.loader is not None
        source, _, _ = templates.loader.get_source(templates, "contacts/table.html")
        kept[key] = templates.from_string(table_source(source, columns, language, static_url("icons.svg")))
    return kept[key]
