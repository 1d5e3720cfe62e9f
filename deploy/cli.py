# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The `dengwen` command: which verbs there are.

An error is one sentence on standard error and exit code 1.
"""

from __future__ import annotations

import click

from deploy.errors import DeployError
from deploy.verbs.apps import desk_verb, source_verb, vault_verb
from deploy.verbs.demo import demo_verb
from deploy.verbs.desk_key import desk_key_verbs, onion_key_verbs
from deploy.verbs.doctor import doctor_verb
from deploy.verbs.host import render_verb, setup_verb
from deploy.verbs.person import person_close, person_list, person_renew
from deploy.verbs.server import person_add, server_verbs
from deploy.verbs.watch import watch_key_verbs, watch_verb
from source_app.settings import SettingsError
from store.errors import StoreError


class Sentences(click.Group):
    """
    Verbs whose errors are one sentence.
    """

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; say an error as one sentence."""
        try:
            return super().invoke(ctx)
        except (DeployError, SettingsError, StoreError) as error:
            raise click.ClickException(str(error) or (error.__doc__ or "").strip()) from None


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Dengwen: an anonymous-submission server."""


VERBS = (
    server_verbs,
    *(person_add, person_renew, person_close, person_list),
    *(source_verb, desk_verb, vault_verb),
    *(render_verb, setup_verb, doctor_verb),
    *(desk_key_verbs, onion_key_verbs, watch_key_verbs, watch_verb),
    demo_verb,
)
for verb in VERBS:
    main.add_command(verb)
