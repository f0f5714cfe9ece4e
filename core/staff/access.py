"""Who is signed in, and what they may do: the one place where a permission is decided (FEATURES H7)."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from core.values import Actor, Permission, Role

ROLE_LABELS: Mapping[Role, str] = {"owner": "Owner", "manager": "Manager", "assistant": "Assistant"}
"""Role → its name for people, a message id."""


@frozen(kw_only=True)
class SignedIn:
    """The staff account behind a request, read anew for each one: a lowered role counts at once (THREATS T-A7)."""

    id: int
    name: str
    email: str
    role: Role
    session_id: int

    @property
    def actor(self) -> Actor:
        """As the activity log names this person."""
        return Actor(kind="staff", id=self.id, name=self.name or self.email)

    def has(self, permission: str, permissions: Mapping[str, Permission]) -> bool:
        """Whether this person has a permission. The owner has all; one that nobody declares, nobody else has."""
        if self.role == "owner":
            return True
        declared = permissions.get(permission)
        return declared is not None and self.role in declared.roles
