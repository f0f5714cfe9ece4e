"""Pictures for the demonstration: simple shapes, drawn when they are needed, so that the repository holds none."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT = 960, 720

CRUST, CRUMB, DARK, BUTTER = "#c98a4b", "#f3dcb4", "#8a5526", "#f7c873"
CREAM, CHOCOLATE, CHERRY, WHITE = "#fff6e5", "#5b3622", "#b3202c", "#ffffff"


def _loaf(draw: ImageDraw) -> None:
    draw.ellipse((170, 190, 790, 590), fill=CRUST)
    draw.ellipse((200, 205, 760, 540), fill="#d79a5b")
    for x in (330, 460, 590):
        draw.line((x - 60, 470, x + 70, 270), fill=CRUMB, width=26)


def _tin_loaf(draw: ImageDraw) -> None:
    draw.rounded_rectangle((180, 330, 780, 570), 40, fill=CRUST)
    for x in (180, 380, 580):
        draw.ellipse((x, 230, x + 200, 430), fill="#d79a5b")
    for x, y in ((260, 400), (350, 480), (450, 420), (560, 500), (650, 420), (700, 490), (300, 520)):
        draw.ellipse((x, y, x + 26, y + 14), fill=DARK)


def _baguette(draw: ImageDraw) -> None:
    for shift in (-90, 60):
        draw.line((190, 500 + shift, 770, 280 + shift), fill=CRUST, width=110)
        draw.ellipse((135, 445 + shift, 245, 555 + shift), fill=CRUST)
        draw.ellipse((715, 225 + shift, 825, 335 + shift), fill=CRUST)
        for x in range(240, 760, 110):
            y = 500 + shift - (x - 190) * 220 // 580
            draw.line((x - 22, y + 36, x + 30, y - 40), fill=CRUMB, width=16)


def _rolls(draw: ImageDraw) -> None:
    for x, y in ((230, 330), (430, 250), (630, 330), (330, 450), (540, 450)):
        draw.ellipse((x - 105, y - 85, x + 105, y + 85), fill=CRUST)
        draw.ellipse((x - 85, y - 75, x + 85, y + 55), fill="#dba565")
        draw.line((x - 60, y + 4, x + 60, y - 16), fill=CRUMB, width=14)


def _crescents(draw: ImageDraw) -> None:
    for x, y in ((330, 360), (620, 500)):
        draw.arc((x - 190, y - 150, x + 190, y + 210), 185, 355, fill=BUTTER, width=105)
        for angle in range(200, 350, 30):
            draw.arc((x - 190, y - 150, x + 190, y + 210), angle, angle + 4, fill=CRUST, width=105)


def _cake(draw: ImageDraw) -> None:
    draw.rounded_rectangle((190, 330, 770, 540), 30, fill=CRUST)
    draw.ellipse((190, 230, 770, 430), fill=BUTTER)
    for x, y in ((300, 300), (420, 270), (540, 275), (650, 310), (480, 350), (360, 355), (600, 360)):
        draw.ellipse((x - 40, y - 22, x + 40, y + 22), fill=CREAM)
    draw.ellipse((120, 520, 840, 600), outline="#b9b2a6", width=12)


def _torte(draw: ImageDraw) -> None:
    for place, colour in enumerate((CHOCOLATE, WHITE, CHOCOLATE, CHERRY, CHOCOLATE)):
        draw.rectangle((210, 520 - 50 * place, 750, 570 - 50 * place), fill=colour)
    draw.ellipse((210, 250, 750, 370), fill=WHITE)
    for x in (270, 375, 480, 585, 690):
        draw.ellipse((x - 28, 262, x + 28, 318), fill=CHERRY)


def _braid(draw: ImageDraw) -> None:
    for place in range(5):
        x = 200 + place * 115
        draw.ellipse((x, 290, x + 170, 430), fill=BUTTER)
        draw.ellipse((x, 370, x + 170, 510), fill=CRUST)
        draw.arc((x + 20, 310, x + 150, 420), 200, 330, fill=CREAM, width=10)


def _stollen(draw: ImageDraw) -> None:
    draw.ellipse((150, 260, 810, 570), fill=CRUST)
    draw.pieslice((150, 240, 810, 520), 180, 360, fill=WHITE)
    for x, y in ((300, 450), (400, 490), (520, 470), (640, 440), (460, 430), (580, 505)):
        draw.ellipse((x, y, x + 26, y + 20), fill=CHERRY)


def _cookies(draw: ImageDraw) -> None:
    for place, (x, y) in enumerate(((260, 270), (480, 240), (700, 280), (300, 480), (520, 470), (710, 490))):
        colour = (BUTTER, CHOCOLATE, CRUST)[place % 3]
        if place % 2:
            draw.regular_polygon((x, y, 105), 5, rotation=place * 20, fill=colour)
        else:
            draw.ellipse((x - 90, y - 90, x + 90, y + 90), fill=colour)
        draw.ellipse((x - 24, y - 24, x + 24, y + 24), fill=CREAM)


def _basket(draw: ImageDraw) -> None:
    draw.arc((250, 90, 710, 640), 180, 360, fill=DARK, width=26)
    _rolls(draw)
    draw.polygon(((190, 380), (770, 380), (700, 620), (260, 620)), fill="#b57f45")
    for y in range(410, 620, 50):
        draw.line((205, y, 755, y), fill=DARK, width=8)


def _bowl(draw: ImageDraw) -> None:
    draw.pieslice((170, 60, 790, 620), 0, 180, fill="#d9b98a")
    draw.ellipse((170, 280, 790, 400), fill="#efdcb9")
    for inset in range(40, 200, 40):
        draw.arc((170 + inset, 60 + inset, 790 - inset, 620 - inset), 20, 160, fill="#b8925c", width=8)


def _book(draw: ImageDraw) -> None:
    draw.rounded_rectangle((300, 150, 680, 600), 18, fill="#35604f")
    draw.rectangle((300, 150, 345, 600), fill="#24473a")
    draw.rectangle((400, 230, 630, 300), fill=CREAM)
    draw.ellipse((430, 370, 600, 500), fill=CRUST)


def _apron(draw: ImageDraw) -> None:
    draw.arc((400, 80, 560, 260), 180, 360, fill="#24405e", width=16)
    draw.polygon(((400, 170), (560, 170), (600, 330), (680, 640), (280, 640), (360, 330)), fill="#2f5b88")
    draw.rectangle((380, 430, 580, 540), fill="#24405e")


DRAWINGS: Mapping[str, tuple[Callable[[ImageDraw], None], str, str]] = MappingProxyType(
    {
        "loaf": (_loaf, "#efe6d6", "Ein runder Laib Brot mit drei Schnitten"),
        "tin": (_tin_loaf, "#e9e2d0", "Ein Kastenbrot mit Körnern"),
        "baguette": (_baguette, "#f1e7d8", "Zwei Baguettes"),
        "rolls": (_rolls, "#e6ebe4", "Fünf Brötchen"),
        "crescents": (_crescents, "#e8ecf0", "Zwei Hörnchen"),
        "cake": (_cake, "#f0e3e0", "Ein runder Kuchen auf einer Platte"),
        "torte": (_torte, "#ecdfe3", "Eine Torte mit Sahne und Kirschen"),
        "braid": (_braid, "#eee7da", "Ein geflochtener Zopf"),
        "stollen": (_stollen, "#dfe6e8", "Ein Stollen unter Puderzucker"),
        "cookies": (_cookies, "#e4e8df", "Plätzchen in drei Farben"),
        "basket": (_basket, "#e9ecdf", "Ein Korb mit Henkel, voller Brötchen"),
        "bowl": (_bowl, "#e5e1da", "Ein runder Korb aus Peddigrohr"),
        "book": (_book, "#eae4d8", "Ein grünes Backbuch"),
        "apron": (_apron, "#e4e6ea", "Eine blaue Schürze"),
    }
)
"""Name → what draws it, the colour behind it, and what it shows in words."""


def draw_picture(name: str) -> tuple[io.BytesIO, str]:
    """One of the drawings as a PNG file, and what it shows."""
    from PIL import Image, ImageDraw

    drawing, background, alt = DRAWINGS[name]
    picture = Image.new("RGB", (WIDTH, HEIGHT), background)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((130, 500, 830, 640), fill=_shade(background))
    drawing(draw)
    target = io.BytesIO()
    picture.save(target, "PNG", compress_level=1)
    target.seek(0)
    return target, alt


def _shade(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[place : place + 2], 16) * 9 // 10 for place in (1, 3, 5))
