"""The hookimpls, one for every hook; each does a little that a test can see from outside."""

from __future__ import annotations

import hashlib
import hmac
import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from attrs import evolve
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import ColumnElement, Select, delete, func, literal, select, update
from sqlalchemy.orm import Session

from core import (
    Action,
    Activity,
    ActivityKind,
    Actor,
    Bounce,
    BulkAction,
    BulkField,
    Capture,
    Captured,
    Check,
    Choice,
    Column,
    Command,
    Contact,
    ContactField,
    Demo,
    Erased,
    ExportSection,
    FieldValue,
    Filter,
    FormInput,
    ImportChoice,
    ImportStatement,
    InvalidInput,
    Job,
    LeftOut,
    MessageTemplate,
    MessageTopic,
    Module,
    Money,
    NavItem,
    Outgoing,
    Panel,
    PaymentMessage,
    PaymentMethod,
    PaymentRequest,
    PaymentResult,
    PaymentStart,
    Permission,
    PublicField,
    Request,
    Screening,
    SearchHit,
    SearchSource,
    SendVerdict,
    SettingsField,
    Site,
    Submission,
    Task,
    Tile,
    TileData,
    ZoneSection,
    add_activities,
    add_activity,
    count_rows,
    get,
    hookimpl,
    insert_missing,
    post,
    sign,
    unsign,
    upsert,
    write_many,
)
from tests.sample_plugin.models import Heard, Points

# What it contributes


@hookimpl
def modules() -> list[Module]:
    return [Module(key="sample_plugin", label="Loyalty", description="Points for loyal contacts", icon="star")]


@hookimpl
def permissions() -> list[Permission]:
    return [Permission(key="sample_plugin.give", label="Give points", roles=("owner", "manager"))]


@hookimpl
def settings_fields() -> list[SettingsField]:
    return [
        SettingsField(key="sample_plugin.word", label="Name of a point", default="Point", demo="Taler"),
        SettingsField(key="sample_plugin.bank", label="Pay at the points bank", kind="yesno", default="yes"),
    ]


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    return [
        ActivityKind(
            key="sample_plugin.given",
            label="Points",
            text="Got %(points)s points",
            source="Points",
            icon="star",
        )
    ]


@hookimpl
def contact_fields() -> list[ContactField]:
    return [
        ContactField(
            key="sample_plugin.points",
            label="Points",
            kind="number",
            read=points_of_many,
            write=set_points,
            on_profile=False,
            permission="sample_plugin.give",
        )
    ]


def points_of_many(session: Session, contact_ids: Sequence[int]) -> Mapping[int, FieldValue]:
    rows = session.execute(select(Points.contact_id, Points.points).where(Points.contact_id.in_(contact_ids)))
    return {contact_id: Decimal(points) for contact_id, points in rows}


def set_points(
    session: Session, site: Site, contact_id: int, values: Mapping[str, FieldValue | None], actor: Actor
) -> None:
    points = values["sample_plugin.points"] or 0
    if not isinstance(points, int | Decimal) or points < 0:
        raise InvalidInput("Points are never less than none.", field="sample_plugin.points")
    add_points(
        session, contact_id, -(session.scalar(select(Points.points).where(Points.contact_id == contact_id)) or 0)
    )
    add_points(session, contact_id, int(points))


@hookimpl
def contact_columns() -> list[Column]:
    return [
        Column(
            key="sample_plugin.points",
            label="Points",
            kind="number",
            expression=Points.__table__.c.points,
            side_table=Points.__table__,
        ),
        Column(key="sample_plugin.level", label="Level", load=levels, sortable=False),
    ]


def levels(session: Session, contact_ids: Sequence[int]) -> Mapping[int, object]:
    rows = session.execute(select(Points.contact_id, Points.points).where(Points.contact_id.in_(contact_ids)))
    return {contact_id: "gold" if points >= 100 else "silver" for contact_id, points in rows}


@hookimpl
def import_choices() -> list[ImportChoice]:
    return [
        ImportChoice(
            key="sample_plugin.welcome",
            label="Welcome with a point",
            column="Wants points",
            refusal_column="Wants no points",
            headings=["Collects points"],
            apply=welcome,
            take_back=forget_welcome,
        )
    ]


def welcome(session: Session, site: Site, statements: Sequence[ImportStatement], actor: Actor) -> list[int]:
    """A point for each contact that has none yet; answers the others."""
    ids = [one.contact_id for one in statements]
    known = set(session.scalars(select(Points.contact_id).where(Points.contact_id.in_(ids))))
    for one in statements:
        if one.yes and one.contact_id not in known:
            add_points(session, one.contact_id, 1)
    return [one.contact_id for one in statements if one.contact_id in known or not one.yes]


def forget_welcome(session: Session, site: Site, contact_ids: Sequence[int], source: str, actor: Actor) -> None:
    """Take away what was no more than the welcome."""
    session.execute(delete(Points).where(Points.contact_id.in_(contact_ids), Points.points == 1))


@hookimpl
def jobs() -> list[Job]:
    return [
        Job(key="sample_plugin.spread", label="Spread points", step=spread_points),
        Job(key="sample_plugin.yearly", label="Forget points", every=timedelta(days=365), run=lambda site: None),
    ]


def spread_points(session: Session, site: Site, task: Task) -> bool:
    """Give one point to each of the contacts in `task.data["left"]`, one a step."""
    first, *left = task.data["left"]
    add_points(session, first, 1)
    task.data = {"left": left}
    task.done += 1
    return not left


@hookimpl
def checks() -> list[Check]:
    return [Check(key="sample_plugin.points", label="Points", find=find_debts, repair=forgive_debts)]


def find_debts(session: Session, site: Site) -> list[str]:
    indebted = select(Points.contact_id, Points.points).where(Points.points < 0).order_by(Points.contact_id)
    return [f"Contact {contact_id} has {points} points." for contact_id, points in session.execute(indebted)]


def forgive_debts(session: Session, site: Site) -> None:
    session.execute(update(Points).where(Points.points < 0).values(points=0))


@hookimpl
def commands() -> list[Command]:
    return [
        Command(
            key="sample_plugin.give_all",
            help="give points to every contact",
            arguments=lambda parser: parser.add_argument("points", type=int),
            run=give_to_all,
        )
    ]


def give_to_all(site: Site, arguments: Namespace) -> int:
    with site.begin() as session:
        ids = session.scalars(select(Contact.id)).all()
        for contact_id in ids:
            add_points(session, contact_id, arguments.points)
    print(f"{len(ids)} contacts have {arguments.points} points more.")
    return 0


@hookimpl
def contact_filters() -> list[Filter]:
    return [
        Filter(
            key="sample_plugin.level",
            label="Level",
            predicate=has_level,
            choices=lambda session: [
                Choice(value="gold", label="Gold"),
                Choice(value="silver", label="Silver"),
            ],
            translate_choices=True,
        )
    ]


def has_level(value: str) -> ColumnElement[bool] | None:
    wanted = {"gold": Points.points >= 100, "silver": Points.points < 100}.get(value)
    return None if wanted is None else Contact.id.in_(select(Points.contact_id).where(wanted))


@hookimpl
def contact_panels() -> list[Panel]:
    return [
        Panel(
            key="sample_plugin.points",
            title="Points",
            template="sample_plugin/panel.html",
            load=points_of,
            side="person",
        )
    ]


def points_of(session: Session, contact_id: int) -> object:
    return {"points": session.scalar(select(Points.points).where(Points.contact_id == contact_id)) or 0}


@hookimpl
def contact_actions() -> list[Action]:
    return [
        Action(
            key="sample_plugin.give",
            label="Give points",
            href="/dashboard/sample_plugin/{contact_id}/give",
            permission="sample_plugin.give",
            icon="star",
        )
    ]


@hookimpl
def contact_bulk_actions() -> list[BulkAction]:
    return [
        BulkAction(
            key="sample_plugin.give_many",
            label="Give points",
            permission="sample_plugin.give",
            icon="star",
            fields=[BulkField(name="points", label="Points")],
            prepare=check_points,
            run=give_many,
            done=("%(count)s contact got %(points)s points.", "%(count)s contacts got %(points)s points."),
        )
    ]


def check_points(session: Session, site: Site, values: Mapping[str, str]) -> Mapping[str, str]:
    if not values["points"].isdigit() or not 0 < int(values["points"]) <= 1000:
        raise InvalidInput("Enter a number up to %(max)s.", field="points", max=1000)
    return values


def give_many(
    session: Session, site: Site, contact_ids: Select[tuple[int]], values: Mapping[str, str], actor: Actor
) -> int:
    points = int(values["points"])
    known = contact_ids.scalar_subquery()
    session.execute(
        insert_missing(
            session,
            Points,
            ["contact_id", "points"],
            select(Contact.id, literal(0)).where(Contact.id.in_(known)),
            keys=["contact_id"],
        )
    )
    write_many(
        session,
        update(Points).where(Points.contact_id.in_(known)).values(points=Points.points + points),
    )
    given = Activity(kind="sample_plugin.given", data={"points": points})
    return add_activities(session, contact_ids, given, actor=actor)


@hookimpl
def nav_items() -> list[NavItem]:
    return [
        NavItem(
            key="sample_plugin.best",
            label="Loyalty",
            href="/dashboard/sample_plugin",
            permission="sample_plugin.give",
        ),
        NavItem(key="sample_plugin.public", label="Our points", href="/points", area="public"),
    ]


@hookimpl
def overview_tiles() -> list[Tile]:
    return [Tile(key="sample_plugin.points", title="Points given", load=all_points)]


def all_points(session: Session) -> TileData:
    return TileData(value=session.scalar(select(func.coalesce(func.sum(Points.points), 0))))


@hookimpl
def search_sources() -> list[SearchSource]:
    return [SearchSource(key="sample_plugin.levels", label="Levels", search=find_levels, translate=True)]


def find_levels(session: Session, text: str, limit: int) -> list[SearchHit]:
    levels = [level for level in ("Gold", "Silver") if text.casefold() in level.casefold()]
    return [SearchHit(title=level, href=f"/dashboard/sample_plugin?level={level}") for level in levels[:limit]]


@hookimpl
def routers() -> list[Any]:
    return [about_points, best, ask_points, give_points, show_bank, answer_bank, own_points]


@hookimpl
def zone_sections() -> list[ZoneSection]:
    return [
        ZoneSection(
            key="sample_plugin.points",
            label="Points",
            href="/account/points",
            icon="star",
            template="sample_plugin/own.html",
            load=points_of,
        )
    ]


@get("/account/points", customer=True)
def own_points(request: Request) -> Response[str]:
    with request.site.session() as session:
        own = points_of(session, request.customer.contact_id)
    return request.page("sample_plugin/own_page.html", section=own)


@get("/points", public=True)
def about_points(request: Request) -> Response[str]:
    return request.page("sample_plugin/about.html", word=request.site.setting("sample_plugin.word"))


@get("/dashboard/sample_plugin", permission="sample_plugin.give")
def best(request: Request) -> Response[str]:
    with request.site.session() as session:
        rows = session.execute(
            select(Contact.id, Contact.email, Points.points).join(Points).order_by(Points.points.desc()).limit(20)
        ).all()
    return request.page("sample_plugin/best.html", rows=[tuple(row) for row in rows])


@get("/dashboard/sample_plugin/{contact_id:int}/give", permission="sample_plugin.give")
def ask_points(request: Request, contact_id: FromPath[int]) -> Response[str]:
    return request.page("sample_plugin/give.html", contact_id=contact_id, error=None)


@post("/dashboard/sample_plugin/{contact_id:int}/give", permission="sample_plugin.give")
def give_points(request: Request, form: FormInput, contact_id: FromPath[int]) -> Response[str] | Redirect:
    points = form.whole_number("points")
    if form.errors or not points:
        return request.page(
            "sample_plugin/give.html", status=422, contact_id=contact_id, error=form.errors.get("points")
        )
    with request.site.begin() as session:
        add_points(session, contact_id, points)
        add_activity(
            session,
            contact_id,
            Activity(kind="sample_plugin.given", data={"points": points}),
            actor=request.actor,
        )
    return request.redirect(f"/dashboard/contacts/{contact_id}", "%(points)s points given.", points=points)


def add_points(session: Session, contact_id: int, points: int) -> None:
    session.execute(
        upsert(
            session,
            Points,
            {"contact_id": contact_id, "points": points},
            keys=["contact_id"],
            update={"points": Points.points + points},
        )
    )


@hookimpl
def message_templates() -> list[MessageTemplate]:
    return [
        MessageTemplate(
            key="sample_plugin.thanks",
            label="Thanks for your points",
            subject="Your points, {{name}}",
            body="Thank you, {{name}}.",
        )
    ]


# A provider of payments: a bank with a page of its own, whose every word is signed.


@hookimpl
def payment_methods() -> list[PaymentMethod]:
    return [
        PaymentMethod(
            key="sample_plugin.bank",
            label="Points bank",
            icon="star",
            note=lambda site, language: language.text("You go to the bank to pay."),
            available=lambda site: site.setting("sample_plugin.bank") == "yes",
            start=start_payment,
            read=read_payment,
            pay_back=pay_back,
        )
    ]


def start_payment(site: Site, request: PaymentRequest) -> PaymentStart:
    asked = {
        "reference": request.reference,
        "minor": request.amount.minor,
        "currency": request.amount.currency,
        "return_url": request.return_url,
        "notify_url": request.notify_url,
    }
    order = sign(site.secret, "sample_plugin.bank", json.dumps(asked))
    return PaymentStart(
        url=f"{site.settings.base_url}/bank/{order}", provider_reference=f"bank-{request.reference[:8]}"
    )


@get("/bank/{order:str}", public=True)
def show_bank(request: Request, order: FromPath[str]) -> Response[str]:
    """The bank's page, which would be on another site."""
    asked = json.loads(unsign(request.site.secret, "sample_plugin.bank", order) or "{}")
    amount = Money(minor=asked["minor"], currency=asked["currency"])
    return request.page("sample_plugin/bank.html", amount=amount, order=order)


@post("/bank/{order:str}", public=True)
def answer_bank(request: Request, form: FormInput, order: FromPath[str]) -> Redirect:
    """Pay, or not, and go back with a signed word about it."""
    asked = json.loads(unsign(request.site.secret, "sample_plugin.bank", order) or "{}")
    amount = Money(minor=asked["minor"], currency=asked["currency"])
    state = "paid" if form.ticked("pay") else "failed"
    told = sign(request.site.secret, "sample_plugin.return", bank_word(asked["reference"], state, amount).decode())
    return Redirect(f"{asked['return_url']}?{urlencode({'word': told})}", status_code=303)


def bank_word(reference: str, state: str, amount: Money | None) -> bytes:
    """What the bank says of a payment."""
    said = {"reference": reference, "state": state, "id": f"bank-{reference[:8]}"}
    if amount is not None and state == "paid":
        said |= {"minor": amount.minor, "currency": amount.currency}  # type: ignore[dict-item]
    return json.dumps(said).encode()


def bank_seal(site: Site, body: bytes) -> str:
    """The signature that the bank's server sends along."""
    return hmac.new(site.secret.encode(), body, hashlib.sha256).hexdigest()


def read_payment(site: Site, message: PaymentMessage) -> PaymentResult:
    if message.kind == "return":
        word = unsign(site.secret, "sample_plugin.return", message.query.get("word", ""))
    else:
        seal = message.headers.get("x-bank-seal", "")
        genuine = hmac.compare_digest(seal.encode(), bank_seal(site, message.body).encode())
        word = message.body.decode() if genuine else None
    if word is None:
        raise InvalidInput("The bank did not say this.")
    said = json.loads(word)
    paid = said["state"] == "paid"
    return PaymentResult(
        reference=said["reference"],
        state=said["state"],
        amount=Money(minor=said["minor"], currency=said["currency"]) if paid else None,
        provider_reference=said["id"],
    )


TELLER = Lock()
"""The bank looks into its book and writes into it with nobody else in between."""


def pay_back(site: Site, result: PaymentResult, amount: Money, key: str) -> None:
    told = f"{key} {result.provider_reference} {amount.minor} {amount.currency}"
    with TELLER, site.begin() as session:
        known = session.scalars(select(Heard.detail).where(Heard.hook == "pay_back")).all()
        if not any(detail.startswith(f"{key} ") for detail in known):
            hear(session, "pay_back", None, told)


@hookimpl
def public_fields(form: str) -> list[PublicField]:
    return [PublicField(key="sample_plugin.join", wording="I want to collect points.")]


# What it decides and hears


@hookimpl
def screen_capture(capture: Capture) -> Screening | None:
    if capture.email.endswith("@blocked.example.org"):
        return Screening(verdict="reject", reason="This address can't be used here.")
    if capture.details.city == "Bad City":
        return Screening(verdict="change", capture=evolve(capture, details=evolve(capture.details, city="Good City")))
    return None


@hookimpl
def may_send(session: Session, message: Outgoing) -> SendVerdict | None:
    if message.email.endswith("@silent.example.org"):
        return SendVerdict(verdict="refuse", reason="This person wants no mail.")
    if message.purpose == "system":
        return SendVerdict(verdict="add", headers={"X-Points": "yes"}, footer="Collect points.")
    return None


@hookimpl
def may_send_many() -> list[LeftOut]:
    return [LeftOut(reason="This person wants no mail.", condition=Contact.email.endswith("@silent.example.org"))]


@hookimpl
def message_topics(language: str) -> list[MessageTopic]:
    return [MessageTopic(key="sample_plugin.club", label="Punkteclub" if language == "de" else "Club of points")]


def hear(session: Session, hook: str, contact_id: int | None, detail: str = "") -> None:
    session.add(Heard(hook=hook, contact_id=contact_id, detail=detail))
    session.flush()


@hookimpl
def contact_created(session: Session, contact_id: int) -> None:
    hear(session, "contact_created", contact_id)


@hookimpl
def contacts_created(session: Session, contact_ids: Sequence[int]) -> None:
    for contact_id in contact_ids:
        hear(session, "contacts_created", contact_id, f"{len(contact_ids)}")


@hookimpl
def contact_captured(session: Session, capture: Capture, captured: Captured) -> None:
    hear(session, "contact_captured", captured.contact_id, capture.activity.kind)
    if capture.makes_customer:
        add_points(session, captured.contact_id, 10)


@hookimpl
def contact_updated(session: Session, contact_id: int, changed: frozenset[str]) -> None:
    hear(session, "contact_updated", contact_id, " ".join(sorted(changed)))


@hookimpl
def stage_changed(session: Session, contact_id: int, before: str, after: str) -> None:
    hear(session, "stage_changed", contact_id, f"{before} {after}")


@hookimpl
def contact_deactivated(session: Session, contact_id: int) -> None:
    hear(session, "contact_deactivated", contact_id)


@hookimpl
def message_received(session: Session, message_id: int, contact_id: int) -> None:
    hear(session, "message_received", contact_id, str(message_id))


@hookimpl
def message_sent(session: Session, message_id: int, contact_id: int) -> None:
    hear(session, "message_sent", contact_id, str(message_id))


@hookimpl
def message_bounced(session: Session, message_id: int, contact_id: int, bounce: Bounce) -> None:
    hear(session, "message_bounced", contact_id, f"{message_id} {bounce.status}")


@hookimpl
def message_complained(session: Session, message_id: int, contact_id: int, purpose: str, topic: str) -> None:
    hear(session, "message_complained", contact_id, f"{message_id} {purpose} {topic}")


@hookimpl
def public_form_submitted(session: Session, submission: Submission) -> None:
    hear(
        session,
        "public_form_submitted",
        submission.contact_id,
        f"{submission.form} {sorted(submission.ticked)}",
    )


@hookimpl
def plugin_enabled(session: Session, plugin: str) -> None:
    hear(session, "plugin_enabled", None, plugin)


@hookimpl
def plugin_disabled(session: Session, plugin: str) -> None:
    hear(session, "plugin_disabled", None, plugin)


@hookimpl
def demo_history(site: Site, demo: Demo) -> None:
    with site.begin() as session:
        for contact_id in session.scalars(select(Contact.id).order_by(Contact.id)).all():
            add_points(session, contact_id, demo.random.randrange(200))


# What it owes the contacts it keeps points of


@hookimpl
def merge_contacts(session: Session, kept_id: int, merged_id: int) -> None:
    points = session.scalar(select(Points.points).where(Points.contact_id == merged_id))
    if points is not None:
        add_points(session, kept_id, points)
        session.execute(delete(Points).where(Points.contact_id == merged_id))
    hear(session, "merge_contacts", kept_id, str(merged_id))


@hookimpl
def contacts_unmerged(session: Session, kept_id: int, restored_id: int) -> None:
    hear(session, "contacts_unmerged", kept_id, str(restored_id))


@hookimpl
def erase_contacts(session: Session, contact_ids: Sequence[int]) -> list[Erased]:
    number = count_rows(session, Points, contact_ids)
    # What it heard has no reference that would take it along.
    session.execute(delete(Heard).where(Heard.contact_id.in_(contact_ids)))
    return [Erased(label="Points", number=number)]


@hookimpl
def export_contact(session: Session, contact_id: int) -> list[ExportSection]:
    points = session.scalar(select(Points.points).where(Points.contact_id == contact_id))
    records = [] if points is None else [{"points": points}]
    return [ExportSection(key="sample_plugin.points", title="Points", labels={"points": "Points"}, records=records)]
