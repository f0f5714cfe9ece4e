"""Templates: one environment for each language of a site, so that macros translate without being handed anything."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, MutableMapping
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined, Template, nodes
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.environment import TemplateModule

from core.contacts.cells import drawn_filters
from core.i18n import LANGUAGES, Language
from core.staff.access import ROLE_LABELS
from core.values import Money
from core.web.cookies import cookie_name
from core.web.toasts import read_toasts

if TYPE_CHECKING:
    from core.site import Site
    from core.web.requests import Request

CORE_FOLDER = Path(__file__).parent.parent

MAX_MADE = 500
"""Compiled templates of sources that are in no file: as many tables with chosen columns as are kept."""


def environment(site: Site, language: Language) -> Environment:
    """The site's templates in one language; made once and kept with the site.

    A template is looked for in the site's own folder `data/templates`, then in the core, then in the plugin whose key
    is its first folder (`notes/panel.html` is in `plugins/notes/templates/notes/`).
    """
    cache: dict[str, Environment] = site.__dict__.setdefault("_environments", {})
    if language.code not in cache:
        cache[language.code] = _make_environment(site, language)
    return cache[language.code]


class CompiledTemplates(BytecodeCache):
    """Compiled templates, shared by the sites of a process and kept when plugins are switched.

    Jinja works out constant expressions, such as a translated word, while it compiles. So what is compiled belongs to a
    language and its catalogues; within them sources are told apart by their checksums.
    """

    _kept: ClassVar[dict[object, tuple[str, CodeType]]] = {}
    _made: ClassVar[dict[object, CodeType]] = {}

    def __init__(self, language: Language) -> None:
        self._owner = (language.code, str(language.zone), language.catalogues)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket with what was compiled before, unless the source has changed since."""
        checksum, code = self._kept.get((self._owner, bucket.key), ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        if bucket.code is not None:
            self._kept[self._owner, bucket.key] = (bucket.checksum, bucket.code)

    def from_string(self, templates: Environment, source: str) -> Template:
        """A template of a source that was put together here, and is in no file."""
        code = self._made.get((self._owner, source))
        if code is None:
            if len(self._made) >= MAX_MADE:
                self._made.clear()
            code = self._made[self._owner, source] = templates.compile(source)
        return templates.template_class.from_code(templates, code, templates.make_globals(None), None)


class Templates(Environment):
    """Jinja's environment, which keeps what it compiled of sources that are in no file, too."""

    bytecode_cache: CompiledTemplates

    def from_string(
        self,
        source: str | nodes.Template,
        globals: MutableMapping[str, Any] | None = None,
        template_class: type[Template] | None = None,
    ) -> Template:
        """As Jinja's; a plain source is compiled once for a language."""
        if isinstance(source, str) and globals is None and template_class is None:
            return self.bytecode_cache.from_string(self, source)
        return super().from_string(source, globals, template_class)


def _make_environment(site: Site, language: Language) -> Environment:
    plugins = {
        plugin.key: FileSystemLoader(plugin.folder / "templates" / plugin.key)
        for plugin in site.plugins.installed
        if plugin.key in site.enabled
    }
    made = Templates(
        loader=ChoiceLoader(
            [
                FileSystemLoader(site.settings.data_dir / "templates"),
                FileSystemLoader(CORE_FOLDER / "templates"),
                PrefixLoader(plugins),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=CompiledTemplates(language),
    )
    made.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(static=static_url, language=language, countries=language.countries)
    # {% call drawn_once('name') %}: a part that is the same on every page of this language, drawn once.
    parts: dict[str, object] = {}

    def drawn_once(name: str, caller: Callable[[], object]) -> object:
        return parts[name] if name in parts else parts.setdefault(name, caller())

    made.globals["drawn_once"] = drawn_once
    made.filters.update(
        datetime=language.datetime,
        date=language.date,
        long_date=language.long_date,
        short_date=language.short_date,
        time=language.time,
        number=language.number,
        money=language.money,
        moneys=lambda amounts: [language.money(amount) for amount in amounts],
        country=language.country,
        translate=language.text,
        error=lambda error: language.text(error.message, **error.values) if error else None,
    )
    made.filters.update(drawn_filters(made))
    made.tests["money"] = lambda value: isinstance(value, Money)
    return made


def static_url(path: str) -> str:
    """The address of a file below `core/static/`, with a part that changes with the files: they are cached for good."""
    return f"/static/{_static_version()}/{path}"


@lru_cache(maxsize=1)
def _static_version() -> str:
    # One for all files: a script imports its neighbours by their relative addresses.
    digest = hashlib.sha256()
    for file in sorted((CORE_FOLDER / "static").rglob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]


def render(request: Request, template: str, values: Mapping[str, object]) -> str:
    """Render a template with what every page has, and `values`."""
    site, language = request.site, request.language
    context = {**frame(request), **values}
    return environment(site, language).get_template(template).render(context)


def render_part(
    request: Request, template: str, values: Mapping[str, object], page: Mapping[str, object]
) -> TemplateModule:
    """Render a plugin's template to be put into a page: print it there, and autoescaping leaves it as it is.

    Rendered at once, so that a template that raises does it here, where it can be caught, and not within the page.
    `page` is what `frame` answered for the page.
    """
    made = environment(request.site, request.language).get_template(template)
    return made.make_module({**page, **values})


def frame(request: Request) -> dict[str, Any]:
    """What every page has: names, menus, the person, the languages, and a message from the page before."""
    from core.web.jump import JUMP_PATH
    from core.web.jump import PERMISSION as JUMP_PERMISSION
    from core.web.requests import THEME_COOKIE
    from core.zone.overview import zone_frame
    from core.zone.sessions import Customer

    site, language, path = request.site, request.language, request.scope["path"]
    person = request.person

    def entries(area: str) -> list[dict[str, Any]]:
        allowed = [
            item for item in site.contributions.nav_items if item.area == area and request.allows(item.permission)
        ]
        addresses = [item.href for item in allowed]

        def is_here(href: str) -> bool:
            # An address that others begin with, as the overview's, is where one is only when it is the very page.
            begins_others = any(other.startswith(href + "/") for other in addresses)
            return path == href or (path.startswith(href + "/") and not begins_others)

        return [
            {
                "label": language.text(item.label),
                "href": item.href,
                "icon": item.icon,
                "description": language.text(item.description),
                "current": is_here(item.href),
                "count": None,
                "shortcut": item.shortcut,
            }
            for item in allowed
        ]

    back = path + (f"?{request.scope['query_string'].decode('latin-1')}" if request.scope["query_string"] else "")
    theme = request.cookies.get(cookie_name(site, THEME_COOKIE))
    customer = request.scope.get("customer")
    return {
        "request": request,
        "site": site,
        "site_name": site.setting("site.name"),
        "path": path,
        "languages": [
            {
                "code": code,
                "label": label,
                "href": "/language?" + urlencode({"code": code, "next": back}),
                "current": code == language.code,
            }
            for code, label in LANGUAGES.items()
        ],
        "person": {
            "name": person.name or person.email,
            "email": person.email,
            "role_label": language.text(ROLE_LABELS[person.role]),
        }
        if person
        else None,
        "nav": entries("dashboard") if person else [],
        "public_nav": entries("public"),
        "zone": zone_frame(request, customer) if isinstance(customer, Customer) else None,
        "toasts": read_toasts(request),
        "site_style": f"/site.css?{site.revision}",
        "settings_url": "/dashboard/account" if person else None,
        "jump_url": JUMP_PATH if person and request.allows(JUMP_PERMISSION) else None,
        "theme": theme if theme in ("light", "dark") else None,
        "allows": request.allows,
    }
