"""Staff accounts: added, changed, switched off. The site always keeps one owner who can sign in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import state
from core.contacts.addresses import parse_address
from core.contacts.models import now
from core.errors import Conflict, InvalidInput, NotFound
from core.staff.access import ROLE_LABELS
from core.staff.models import StaffAccount, StaffSession
from core.staff.passwords import check_password, hash_password
from core.staff.sessions import end_other_sessions, end_sessions, is_alive
from core.values import Role

MAX_NAME = 120


@frozen(kw_only=True)
class Account:
    """A staff account as pages and the command line show it. `seen_at` is when it was last used."""

    id: int
    email: str
    name: str
    role: Role
    disabled_at: datetime | None
    seen_at: datetime | None
    sessions: int

    @property
    def label(self) -> str:
        """What to call the person."""
        return self.name or self.email


def has_accounts(session: Session) -> bool:
    """Whether there is any account; while there is none, the set-up page makes the first."""
    return session.scalar(select(StaffAccount.id).limit(1)) is not None


def list_accounts(session: Session, *, only: int | None = None) -> list[Account]:
    """All accounts: the active ones first, by name."""
    seen = func.max(StaffSession.seen_at).label("seen_at")
    alive = func.count(StaffSession.id).filter(is_alive()).label("sessions")
    statement = (
        select(
            StaffAccount.id,
            StaffAccount.email,
            StaffAccount.name,
            StaffAccount.role,
            StaffAccount.disabled_at,
            seen,
            alive,
        )
        .outerjoin(StaffSession, StaffSession.account_id == StaffAccount.id)
        .group_by(StaffAccount.id)
    )
    if only is not None:
        statement = statement.where(StaffAccount.id == only)
    found = [Account(**row) for row in session.execute(statement).mappings()]
    return sorted(found, key=lambda one: (one.disabled_at is not None, one.label.casefold(), one.id))


def get_account(session: Session, account_id: int) -> Account:
    """One account. Raises NotFound."""
    found = list_accounts(session, only=account_id)
    if not found:
        raise NotFound("There is no account with this number.")
    return found[0]


def find_account(session: Session, email: str) -> Account:
    """The account with this address. Raises InvalidEmail or NotFound."""
    account_id = session.scalar(select(StaffAccount.id).where(StaffAccount.email_key == parse_address(email).key))
    if account_id is None:
        raise NotFound("There is no account with the e-mail address %(email)s.", email=email)
    return get_account(session, account_id)


def parse_role(role: str) -> Role:
    """A role by its key. Raises InvalidInput (field "role")."""
    for known in ROLE_LABELS:
        if known == role:
            return known
    raise InvalidInput("Choose a role.", field="role")


def parse_name(name: str) -> str:
    """A person's name, trimmed. Raises InvalidInput (field "name") when it is missing or too long."""
    cleaned = " ".join(name.replace("\x00", "").split())
    if not cleaned:
        raise InvalidInput("Enter a name.", field="name")
    if len(cleaned) > MAX_NAME:
        raise InvalidInput("The name can have at most %(max)s characters.", field="name", max=MAX_NAME)
    return cleaned


def names_around(session: Session, email: str, name: str) -> list[str]:
    """The words that make no password: address, name, and the site's name."""
    return [email, name, "Tresen", state.saved_settings(session).get("site.name", "")]


def add_account(session: Session, *, email: str, name: str, role: str, password: str) -> int:
    """Add an account, as the command line does; answers its id.

    Raises InvalidInput for an address that is none or has an account, a missing name, an unknown role, or a
    password that is too easy.
    """
    check_password(password, names=names_around(session, email, name))
    return insert_account(session, email=email, name=name, role=role, password_hash=hash_password(password))


def insert_account(session: Session, *, email: str, name: str, role: str, password_hash: str) -> int:
    """Add an account whose password was checked and hashed before the transaction; answers its id."""
    address = parse_address(email)
    account = StaffAccount(
        email=address.email,
        email_key=address.key,
        name=parse_name(name),
        role=parse_role(role),
        password_hash=password_hash,
    )
    try:
        with session.begin_nested():
            session.add(account)
    except IntegrityError as error:
        raise InvalidInput("There is an account with this e-mail address already.", field="email") from error
    return account.id


def insert_first_owner(session: Session, *, email: str, name: str, password_hash: str) -> int:
    """Make the first account, an owner. Raises Conflict when there is any: of two at once, one wins."""
    lock_accounts(session)
    if has_accounts(session):
        raise Conflict("This site is set up already. Sign in with your account.")
    return insert_account(session, email=email, name=name, role="owner", password_hash=password_hash)


def lock_accounts(session: Session) -> None:
    """Let no second transaction add accounts. SQLite's writers take turns anyway."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(text("LOCK TABLE staff_accounts IN SHARE ROW EXCLUSIVE MODE"))


def change_account(session: Session, account_id: int, *, name: str | None = None, role: str | None = None) -> None:
    """Change an account's name or role; a lowered role counts from the next request (THREATS T-A7).

    Raises InvalidInput (field "role") when it would leave the site without an owner, and NotFound.
    """
    account = _locked(session, account_id)
    if role is not None and parse_role(role) != account.role:
        if account.role == "owner":
            _keep_an_owner(session, account_id)
        account.role = parse_role(role)
    if name is not None:
        account.name = parse_name(name)


def disable_account(session: Session, account_id: int) -> None:
    """Switch an account off and end its sessions; its name stays in the logs.

    Raises InvalidInput when it would leave the site without an owner, and NotFound.
    """
    account = _locked(session, account_id)
    if account.disabled_at is None:
        if account.role == "owner":
            _keep_an_owner(session, account_id)
        account.disabled_at = now()
    end_sessions(session, account_id)


def enable_account(session: Session, account_id: int) -> None:
    """Switch an account on again. Raises NotFound."""
    _locked(session, account_id).disabled_at = None


def set_password(session: Session, account_id: int, password: str, *, keep_session: int | None = None) -> None:
    """Check, hash and store a new password, as the command line does. Raises InvalidInput and NotFound."""
    account = get_account(session, account_id)
    check_password(password, names=names_around(session, account.email, account.name))
    store_password(session, account_id, hash_password(password), keep_session=keep_session)


def store_password(session: Session, account_id: int, password_hash: str, *, keep_session: int | None = None) -> None:
    """Store a password that was checked and hashed before the transaction; ends all sessions but
    `keep_session`."""
    # First the account's row, which a sign-in locks too: no session begins with the old password after this.
    _locked(session, account_id).password_hash = password_hash
    session.flush()
    end_other_sessions(session, account_id, keep_session)


def _locked(session: Session, account_id: int) -> StaffAccount:
    # Owners first and in one order for everybody: two transactions that take the last two owners can't
    # deadlock.
    _active_owners(session)
    account = session.get(StaffAccount, account_id, with_for_update=True, populate_existing=True)
    if account is None:
        raise NotFound("There is no account with this number.")
    return account


def _active_owners(session: Session) -> Sequence[int]:
    return session.scalars(
        select(StaffAccount.id)
        .where(StaffAccount.role == "owner", StaffAccount.disabled_at.is_(None))
        .order_by(StaffAccount.id)
        .with_for_update()
    ).all()


def _keep_an_owner(session: Session, account_id: int) -> None:
    if set(_active_owners(session)) <= {account_id}:
        raise InvalidInput("This is the only owner who can sign in. Make somebody else an owner first.", field="role")
