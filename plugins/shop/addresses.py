"""The person of an order as a form asks for them: e-mail, name, phone and address, with an error beside each
field.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import asdict

from core import Details, Form, InvalidInput, Language, Site, clean_details, parse_address

FIELDS = ("name", "phone", "street", "street2", "postal_code", "city", "region", "country")

REQUIRED = {
    "name": "Enter a name.",
    "street": "Enter street and house number.",
    "postal_code": "Enter a postal code.",
    "city": "Enter a town or city.",
    "country": "Choose a country.",
}


def read_email(form: Form) -> str:
    """The address that was typed; a wrong one becomes an error of its field."""
    try:
        return parse_address(form.text("email")).email
    except InvalidInput as error:
        form.fail(error, "email")
        return ""


def read_details(form: Form, language: Language, *, required: Iterable[str] = REQUIRED, spoken: str = "") -> Details:
    """Name, phone and address that were typed; what is wrong becomes errors. `spoken` is the person's
    language.
    """
    values = {"language": spoken}
    for name in FIELDS:
        try:
            values[name] = getattr(clean_details({name: form.text(name)}), name)
        except InvalidInput as error:
            form.fail(error, name)
            values[name] = ""
    if values["country"] and values["country"] not in {code for code, _ in language.countries}:
        form.fail(InvalidInput("Choose a country from the list."), "country")
        values["country"] = ""
    for name in required:
        if not values[name]:
            form.fail(InvalidInput(REQUIRED[name]), name)
    return Details(**values)


DELIVERY = "delivery_"
"""Fields `delivery_street` and so on say where an order goes, when `elsewhere` is ticked."""


def read_delivery(form: Form, language: Language) -> Details | None:
    """Another address of delivery that was typed, with errors beside its fields; None when it goes to the customer."""
    if not form.ticked("elsewhere"):
        return None
    names = [name for name in FIELDS if name != "phone"]
    inner = Form(fields={name: [form.text(DELIVERY + name)] for name in names})
    details = read_details(inner, language)
    for name, error in inner.errors.items():
        form.fail(InvalidInput(error.message, field=DELIVERY + name, **dict(error.values)), DELIVERY + name)
    return details


def values_of(details: Details) -> dict[str, str]:
    """Details as values of a form's fields."""
    return {name: value for name, value in asdict(details).items() if name in FIELDS}


def home_country(site: Site) -> str:
    """The country that is chosen when a form opens: where the site's language is at home."""
    return {"de": "DE", "en": "GB"}.get(site.settings.language, "")
