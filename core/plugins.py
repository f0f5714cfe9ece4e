"""Plugins: found, checked one by one, and called with each kept apart from the others.

pluggy calls all implementations of a hook or, at the first error, none, and the last registered first. Tresen calls
them itself, over pluggy's own list: in a stable order, each isolated, timed and named when it fails.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from threading import Lock
from time import monotonic
from types import ModuleType
from typing import Any, TypeVar, cast

import pluggy
from attrs import define, field, frozen
from pluggy import HookimplOpts

from core import hookspecs
from core.duties import missing_duty
from core.errors import PluginError

log = logging.getLogger("tresen.plugins")

ENTRY_POINT_GROUP = "tresen.plugins"
PLUGIN_KEY = re.compile(r"[a-z][a-z0-9_]*")
HOOKIMPL = f"{hookspecs.PROJECT}_impl"
"""Where `@hookimpl` notes its options on a function."""

T = TypeVar("T")


@frozen(kw_only=True)
class Plugin:
    """An installed plugin: its key, the module with its hookimpls, and the folder of its templates and migrations."""

    key: str
    module: ModuleType
    package: str
    folder: Path
    version: str = ""
    requires: tuple[str, ...] = ()

    @property
    def migrations(self) -> Path:
        """Folder of its migrations; need not exist."""
        return self.folder / "migrations"


@frozen(kw_only=True)
class Refusal:
    """A plugin that does not fit: who, and the sentence that says what and the way out (FEATURES H4)."""

    plugin: str
    message: str


@frozen(kw_only=True)
class Failure:
    """What went wrong in one call of one plugin, at one place (a column's key, a hook's name)."""

    plugin: str
    place: str
    message: str


@frozen(kw_only=True)
class Implementation:
    """One plugin's implementation of one hook."""

    plugin: str
    hook: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]

    def __call__(self, **values: object) -> Any:
        """Call it with those of `values` that it asks for."""
        return self.function(**{name: values[name] for name in self.arguments})


def describe(error: BaseException) -> str:
    """One line that names an error: its class and its first line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def make_plugin(module: ModuleType, key: str | None = None, version: str = "") -> Plugin:
    """Describe the plugin whose hookimpls are in `module`; its key is its package's last name unless given."""
    package = module.__package__ or module.__name__
    file = getattr(module, "__file__", None)
    key = key or package.rpartition(".")[2]
    if not PLUGIN_KEY.fullmatch(key):
        raise PluginError(
            "Plugin '%(key)s' needs another name: small letters, digits and underscores, a letter first.",
            key=key,
        )
    return Plugin(
        key=key,
        module=module,
        package=package,
        folder=Path(file).parent if file else Path(),
        version=version,
        requires=tuple(getattr(module, "requires", ())),
    )


def discover(extra: Sequence[str] = ()) -> tuple[list[Plugin], list[Refusal]]:
    """Find all installed plugins: folders of `plugins/`, entry points, and the modules named in `extra`.

    A plugin that can't be imported becomes a `Refusal`; the others are not touched by it.
    """
    found: dict[str, Plugin] = {}
    refused: list[Refusal] = []

    def add(key: str, load: Callable[[], ModuleType], version: str = "") -> None:
        try:
            plugin = make_plugin(load(), key, version)
        except (Exception, SystemExit) as error:
            log.exception("Plugin %r can't be loaded", key)
            refused.append(Refusal(plugin=key, message=f"Plugin '{key}' can't be loaded: {describe(error)}"))
            return
        if plugin.key in found:
            refused.append(
                Refusal(
                    plugin=plugin.key,
                    message=f"Plugin '{plugin.key}' is installed twice ({found[plugin.key].package}, "
                    f"{plugin.package}). Remove or rename one.",
                )
            )
            return
        found[plugin.key] = plugin

    for folder in _plugin_folders():
        add(folder.name, lambda name=folder.name: importlib.import_module(f"plugins.{name}.plugin"))  # type: ignore[misc]
    for point in sorted(metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
        version = point.dist.version if point.dist else ""
        add(point.name, point.load, version)
    for name in extra:
        key = name.removesuffix(".plugin").rpartition(".")[2]
        add(key, lambda name=name: importlib.import_module(name))  # type: ignore[misc]
    return [found[key] for key in sorted(found)], refused


def _plugin_folders() -> Iterator[Path]:
    # `plugins` has no __init__.py: a namespace package, so that a site can have a folder of its own beside ours.
    try:
        roots = importlib.import_module("plugins").__path__
    except ModuleNotFoundError:
        return
    seen = set()
    for root in roots:
        for folder in sorted(Path(root).iterdir()) if Path(root).is_dir() else ():
            if (folder / "plugin.py").is_file() and folder.name not in seen:
                seen.add(folder.name)
                yield folder


def in_order(plugins: Sequence[Plugin]) -> tuple[list[Plugin], list[Refusal]]:
    """Sort plugins so that each comes after those it requires, by key otherwise; refuse what can't be satisfied."""
    waiting = {plugin.key: plugin for plugin in sorted(plugins, key=lambda plugin: plugin.key)}
    done: dict[str, Plugin] = {}
    while ready := [plugin for plugin in waiting.values() if all(key in done for key in plugin.requires)]:
        done[ready[0].key] = waiting.pop(ready[0].key)
    refused = [
        Refusal(
            plugin=plugin.key,
            message=f"Plugin '{plugin.key}' requires "
            f"{', '.join(repr(key) for key in plugin.requires if key not in done)}, "
            "which is not installed or requires it in turn. Install it, or remove the requirement.",
        )
        for plugin in waiting.values()
    ]
    return list(done.values()), refused


class _Hookimpls:
    """What pluggy is handed for a plugin: its implementations of hooks, and nothing else that is in its module.

    Equal for one module, so that pluggy refuses it under a second name.
    """

    def __init__(self, plugin: Plugin) -> None:
        self.module = plugin.module
        self.options: dict[str, HookimplOpts] = {}
        for name in dir(plugin.module):
            function = getattr(plugin.module, name)
            options = getattr(function, HOOKIMPL, None)
            if isinstance(options, dict):
                setattr(self, name, function)
                self.options[name] = cast(HookimplOpts, options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hookimpls) and other.module is self.module

    def __hash__(self) -> int:
        return hash(self.module)

    def __repr__(self) -> str:
        return repr(self.module)

    @property
    def hooks(self) -> frozenset[str]:
        """The hooks that it implements."""
        return frozenset(options["specname"] or name for name, options in self.options.items())


class _Manager(pluggy.PluginManager):
    """Pluggy's manager, which has a closer look at implementations only."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> HookimplOpts | None:
        """As pluggy's."""
        marked = isinstance(plugin, _Hookimpls) and name in plugin.options
        return super().parse_hookimpl_opts(plugin, name) if marked else None


@cache
def _arguments_of(hook: str) -> tuple[str, ...] | None:
    """The arguments that a hook has; None when there is no such hook."""
    specification = getattr(hookspecs, hook, None)
    if specification is None or not hasattr(specification, f"{hookspecs.PROJECT}_spec"):
        return None
    return tuple(inspect.signature(specification).parameters)


@lru_cache(maxsize=2000)
def _parameters_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The arguments that a function must be given; one with a default is the plugin's own, as for pluggy."""
    parameters = inspect.signature(function).parameters.values()
    return tuple(one.name for one in parameters if one.default is one.empty)


def _mistake_in_hooks(plugin: Plugin, hookimpls: _Hookimpls) -> str | None:
    """What is wrong with a plugin's hookimpls, before pluggy sees them: it says less, and lets unknown hooks pass."""
    for name, options in hookimpls.options.items():
        hook = options["specname"] or name
        known = _arguments_of(hook)
        if known is None:
            return (
                f"Plugin '{plugin.key}' implements the unknown hook '{hook}'. "
                "docs/hooks.md lists all hooks; correct the name or remove the function."
            )
        if options["wrapper"] or options["hookwrapper"]:
            return f"Plugin '{plugin.key}' wraps the hook '{hook}', which can't be done. Write it as a plain @hookimpl."
        for argument in _parameters_of(getattr(hookimpls, name)):
            if argument not in known:
                has = f"has {', '.join(known)}" if known else "has none"
                return (
                    f"Plugin '{plugin.key}' takes the argument '{argument}' in its hook '{hook}', which {has}. "
                    "Correct the name or leave it out."
                )
    return None


class Plugins:
    """The installed plugins, checked against the hooks, and the calls to them.

    One instance belongs to a process; which plugins are enabled is passed to each call, because it changes while
    the process runs.
    """

    def __init__(
        self, installed: Sequence[Plugin], refused: Sequence[Refusal] = (), builtin: Sequence[Plugin] = ()
    ) -> None:
        ordered, unsatisfied = in_order(installed)
        self.refused: tuple[Refusal, ...] = (*refused, *unsatisfied)
        self._manager = _Manager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.installed: tuple[Plugin, ...] = tuple(one for one in (*builtin, *ordered) if self._register(one))
        self._order = {one.key: index for index, one in enumerate(self.installed)}
        self._implementations: dict[str, list[Implementation]] = {}

    def __getitem__(self, key: str) -> Plugin:
        return next(plugin for plugin in self.installed if plugin.key == key)

    def __contains__(self, key: str) -> bool:
        return any(plugin.key == key for plugin in self.installed)

    def _register(self, plugin: Plugin) -> bool:
        """Register one plugin and answer True, or refuse it with a sentence that names the mistake."""
        hookimpls = _Hookimpls(plugin)
        message = _mistake_in_hooks(plugin, hookimpls)
        if message is None:
            try:
                message = missing_duty(plugin, hookimpls.hooks)
            except (Exception, SystemExit) as error:
                message = f"Plugin '{plugin.key}' can't be loaded: {describe(error)}"
        if message is None:
            try:
                self._manager.register(hookimpls, name=plugin.key)
            except (pluggy.PluginValidationError, ValueError) as error:
                message = f"Plugin '{plugin.key}' can't be registered: {describe(error)}"
        if message is not None:
            self.refused = (*self.refused, Refusal(plugin=plugin.key, message=message))
        return message is None

    def implementations(self, hook: str, enabled: frozenset[str] | None = None) -> list[Implementation]:
        """Who implements `hook`, in the order of dependencies and keys; only `enabled` plugins, or all installed.

        `@hookimpl(tryfirst=True)` and `trylast=True` put an implementation before or after all others.
        """
        if hook not in self._implementations:
            found = getattr(self._manager.hook, hook).get_hookimpls()
            # LIFO in pluggy; sorted here so that the order is stable. Its own tryfirst and trylast come before that.
            found.sort(key=lambda impl: (impl.trylast - impl.tryfirst, self._order.get(impl.plugin_name, -1)))
            self._implementations[hook] = [
                Implementation(
                    plugin=impl.plugin_name, hook=hook, function=impl.function, arguments=tuple(impl.argnames)
                )
                for impl in found
            ]
        return [one for one in self._implementations[hook] if enabled is None or one.plugin in enabled]


@frozen(kw_only=True)
class Call:
    """One piece of plugin code to run for a page: whose it is, what it is for, and the function.

    `here` runs it in the page's own thread: for what is known to be quick, and not a stranger's.
    """

    plugin: str
    place: str
    function: Callable[[], Any]
    here: bool = False


@frozen(kw_only=True)
class Outcome:
    """What came of a `Call`: a `value`, or a `failure` that names the plugin."""

    value: Any = None
    failure: Failure | None = None


@define
class SideBySide:
    """Runs plugins' code for a page in threads, within a time budget (FEATURES P4, THREATS T-G1).

    A call that is still running when the budget is spent is given up by the page, not by Python: its thread goes on.
    While `patience` calls of a plugin hang like that, further calls to it fail at once, so that a hanging plugin never
    uses up the threads of the others.
    """

    threads: int = 32
    patience: int = 3
    _hanging: dict[str, int] = field(factory=dict, init=False)
    _lock: Lock = field(factory=Lock, init=False)
    _pool: ThreadPoolExecutor | None = field(default=None, init=False)

    def run(self, calls: Sequence[Call], budget: float) -> list[Outcome]:
        """Run all calls and answer their outcomes in order, after `budget` seconds at the latest."""
        deadline = monotonic() + budget
        # Those in threads are on their way while the others run here.
        futures = [None if call.here else self._start(call) for call in calls]
        futures = [_done(call) if call.here else future for call, future in zip(calls, futures, strict=True)]
        return [self._outcome(call, future, deadline) for call, future in zip(calls, futures, strict=True)]

    def close(self) -> None:
        """Let go of the threads, without waiting for hanging ones."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, call: Call) -> Future[Any] | None:
        with self._lock:
            if self._hanging.get(call.plugin, 0) >= self.patience:
                return None
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="tresen-plugin")
            return self._pool.submit(_without_exit, call.function)

    def _outcome(self, call: Call, future: Future[Any] | None, deadline: float) -> Outcome:
        if future is None:
            return _failed(call, "still busy with earlier calls")
        if not future.done():
            wait([future], timeout=max(0.0, deadline - monotonic()))
        if not future.done():
            if not future.cancel():
                self._watch(call.plugin, future)
            return _failed(call, "took too long")
        error = future.exception()
        if error is not None:
            log.error("Plugin %r failed at %s", call.plugin, call.place, exc_info=error)
            return _failed(call, describe(error))
        return Outcome(value=future.result())

    def _watch(self, plugin: str, future: Future[Any]) -> None:
        """Count a hanging call until it ends."""

        def ended(_: Future[Any]) -> None:
            with self._lock:
                self._hanging[plugin] -= 1

        with self._lock:
            self._hanging[plugin] = self._hanging.get(plugin, 0) + 1
        future.add_done_callback(ended)


def _done(call: Call) -> Future[Any]:
    """Run a call here and now; what it raised is in its future, as that of a thread."""
    future: Future[Any] = Future()
    try:
        future.set_result(_without_exit(call.function))
    except Exception as error:
        future.set_exception(error)
    return future


def _without_exit(function: Callable[[], T]) -> T:
    """Run `function`; a SystemExit becomes an error like any other, so that no plugin can end a thread or process."""
    try:
        return function()
    except SystemExit as error:
        raise RuntimeError("called sys.exit()") from error


def _failed(call: Call, message: str) -> Outcome:
    log.warning("Plugin %r failed at %s: %s", call.plugin, call.place, message)
    return Outcome(failure=Failure(plugin=call.plugin, place=call.place, message=message))


def plugin_of(key: str) -> str:
    """The plugin a key belongs to: what stands before its first dot."""
    return key.partition(".")[0]


def by_key(values: Sequence[T]) -> Mapping[str, T]:
    """Index values that have a `key` by it."""
    return {value.key: value for value in values}  # type: ignore[attr-defined]
