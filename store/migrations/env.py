# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Alembic's door into this room. It runs on the connection, and inside the transaction, that `store.schema` gives it.
"""

from __future__ import annotations

from alembic import context

from store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
context.run_migrations()
