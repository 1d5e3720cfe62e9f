# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The templates, as Jinja compiles them for each language.

A sentence without values is the same on every page of a language, so it is put into the compiled template as if it were written there: a page looks up
only what depends on its request. What the sentences say is `languages`' matter, what a page shows is `render`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app
from flask.templating import Environment
from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from source_app.languages import LANGUAGES, sentences

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from typing import Any

    from jinja2 import Template
    from markupsafe import Markup

    from source_app.languages import Language


class Pages(Environment):
    """
    Jinja as Flask sets it up, but for what every template knows: a plain dictionary of it is copied for a page at a tenth of the cost
    of the chained one, which is walked three times. Nothing is added to it once the first page was made.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        #: That its sentences are in; None for a page of several.
        self.language: Language | None = None
        self._spoken: dict[Language, Pages] = {}

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """What the app gives every template, and what one has of its own."""
        return {**self.globals, **(d or {})}

    def speaking(self, language: Language) -> Pages:
        """
        The same templates in one language. They know `language`, `languages` and its `_`.

        Args:
            language: its catalogue is read within a request.
        """
        spoken = self._spoken.get(language)
        if spoken is None:
            # Two threads may make them at once; what the one that is forgotten compiled is compiled again.
            spoken = self.overlay()
            spoken.language = language
            spoken.globals = {**self.globals, "_": sentences(language), "language": language, "languages": LANGUAGES}
            self._spoken[language] = spoken
        return spoken

    def _generate(self, source: nodes.Template, *named: Any, **further: Any) -> str:
        # Jinja calls this a hook that can be overridden. A template that gives `_` another meaning, as pages in several languages do, stays as it is.
        own = any(name.name == "_" and name.ctx != "load" for name in source.find_all(nodes.Name))
        if self.language is not None and not own:
            _Written(self, sentences(self.language)).visit(source)
        return super()._generate(source, *named, **further)


class _Written(NodeTransformer):
    def __init__(self, pages: Pages, said: Callable[[str], Markup]) -> None:
        self._pages = pages
        self._said = said

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        match node:
            case nodes.Call(
                node=nodes.Name(name="_"),
                args=[nodes.Const(value=str(text))],
                kwargs=[],
                dyn_args=None,
                dyn_kwargs=None,
            ):
                said = nodes.MarkSafe(nodes.Const(str(self._said(text))), lineno=node.lineno)
                return said.set_environment(self._pages)
        return node


def template(name: str, language: Language) -> Template:
    """
    A template of the present app.

    Args:
        name: without `.html`.
        language: that it speaks.
    """
    return cast("Pages", current_app.jinja_env).speaking(language).get_template(f"{name}.html")
