"""Names, streets and towns for the demonstration. All people made of them are invented."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen


@frozen(kw_only=True)
class Place:
    """A country of the demonstration: how its names, telephone numbers and addresses look, and how many come from it."""

    country: str
    weight: int
    phone: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    cities: tuple[tuple[str, str], ...]
    number_first: bool = False
    last_name_first: bool = False


AWKWARD: tuple[str, ...] = (
    "Dr. Maximiliane-Sophie von und zu Hohenlohe-Schillingsfürst",
    "Ng",
    "Ó Súilleabháin-O'Neill, Aoife",
    "<b>Robert</b>'); DROP TABLE contacts;--",
    "José María de la Concepción Fernández y García-Huidobro",
    "李 小龍",
    "אברהם כהן",
    "Nguyễn Thị Ánh Nguyệt",
    "=SUMME(A1:A9)",
    "   jürgen   GROß   ",
    "Ødegård, Åse",
    "Çağla Şimşek İpek",
    "😀 Smiley Backstube e. V.",
    "Wolfeschlegelsteinhausenbergerdorff",
    "",
)
"""Names as real forms get them: long, short, with signs, in other scripts, as attacks, and none at all."""

STREETS: Mapping[str, tuple[str, ...]] = {
    "DE": (
        "Lindenstraße", "Am Mühlbach", "Bahnhofstraße", "Kirchgasse", "Goethestraße", "Schillerplatz", "Rosenweg",
        "An der Alten Ziegelei", "Hauptstraße", "Gartenstraße", "Bergstraße", "Zum Sportplatz", "Feldweg", "Ringstraße",
    ),
    "AT": ("Mariahilfer Gasse", "Hauptplatz", "Dorfstraße", "Seestraße", "Wiener Straße"),
    "CH": ("Bahnhofstrasse", "Dorfstrasse", "Seeweg", "Rue du Lac", "Via Stazione"),
    "FR": ("rue de la Paix", "avenue des Tilleuls", "place du Marché", "rue Victor-Hugo"),
    "GB": ("High Street", "Church Lane", "Station Road", "Mill Lane"),
    "PL": ("ul. Lipowa", "ul. Kościuszki", "ul. Ogrodowa"),
    "NL": ("Dorpsstraat", "Kerkstraat", "Molenweg"),
    "TR": ("Atatürk Caddesi", "İstiklal Sokak", "Çınar Sokak"),
}
"""Country → streets."""

PLACES: tuple[Place, ...] = (
    Place(
        country="DE",
        weight=78,
        phone="+49 1{}{} {}{}{}{}{}{}{}",
        first_names=(
            "Anna", "Lukas", "Sophie", "Jürgen", "Käthe", "Björn", "Ayşe", "Mehmet", "Lena", "Paul", "Marie", "Günther",
            "Heike", "Jonas", "Emilia", "Friedrich", "Hannelore", "Sören", "Uschi", "Tobias", "Klara", "Matteo", "Ida",
            "Wolfgang", "Renate", "Amelie", "Karl-Heinz", "Anneliese", "Finn", "Zoë", "Magdalena", "Yusuf", "Olga",
            "Dieter", "Nele", "Bärbel", "Moritz", "Frieda", "Detlef", "Charlotte", "Ömer", "Ludwig", "Svenja",
        ),
        last_names=(
            "Müller", "Schmidt", "Groß", "Weiß", "Jäger", "Köhler", "Schäfer", "Bäcker", "Öztürk", "Yılmaz", "Kowalski",
            "Hoffmann", "Strauß", "Böhm", "Krämer", "Zimmermann", "Vogt", "Lindner", "Kaya", "Hübner", "Möller", "Fuchs",
            "von der Heide", "Petersen", "Schröder", "Neumann", "Brandt", "Lange", "Kühn", "Winkler", "Sommer", "Haas",
            "Graf", "Dietrich", "Ziegler", "Voß", "Nowak", "Schulte-Nölle", "Arslan", "Pohl", "Engel", "Horn", "Busch",
        ),
        cities=(
            ("Bonn", "53111"), ("Köln", "50667"), ("Königswinter", "53639"), ("Siegburg", "53721"), ("Bad Honnef", "53604"),
            ("Sankt Augustin", "53757"), ("Bornheim", "53332"), ("Troisdorf", "53840"), ("Düsseldorf", "40213"),
            ("München", "80331"), ("Würzburg", "97070"), ("Görlitz", "02826"),
        ),
    ),
    Place(
        country="AT",
        weight=6,
        phone="+43 664 {}{}{}{}{}{}{}",
        first_names=("Leopold", "Resi", "Johanna", "Xaver", "Valentina", "Florian", "Vroni"),
        last_names=("Gruber", "Huber", "Pichler", "Moser", "Steiner", "Österreicher", "Wögerbauer"),
        cities=(("Wien", "1070"), ("Graz", "8010"), ("Salzburg", "5020"), ("St. Pölten", "3100")),
    ),
    Place(
        country="CH",
        weight=5,
        phone="+41 79 {}{}{} {}{} {}{}",
        first_names=("Urs", "Reto", "Regula", "Beat", "Chiara", "Noé", "Vreni"),
        last_names=("Bürgi", "Zürcher", "Meier", "Rossi", "Favre", "Ammann", "Küng"),
        cities=(("Zürich", "8001"), ("Bern", "3011"), ("Genève", "1204"), ("Lugano", "6900")),
    ),
    Place(
        country="FR",
        weight=4,
        phone="+33 6 {}{} {}{} {}{} {}{}",
        first_names=("Chloé", "Élodie", "François", "Gaël", "Maëlle", "Benoît"),
        last_names=("Lefèvre", "d'Aubigné", "Dubois", "Le Goff", "Béranger"),
        cities=(("Strasbourg", "67000"), ("Lyon", "69002"), ("Nîmes", "30000")),
        number_first=True,
    ),
    Place(
        country="GB",
        weight=3,
        phone="+44 7{}{}{} {}{}{}{}{}{}",
        first_names=("Oliver", "Poppy", "Siobhán", "Rhys", "Imogen"),
        last_names=("O'Connor", "Smith-Jones", "Featherstonehaugh", "Ap Rhys", "Khan"),
        cities=(("Bath", "BA1 1AA"), ("York", "YO1 7HH"), ("Cardiff", "CF10 1EP")),
        number_first=True,
    ),
    Place(
        country="PL",
        weight=2,
        phone="+48 6{}{} {}{}{} {}{}{}",
        first_names=("Małgorzata", "Łukasz", "Zofia", "Grzegorz"),
        last_names=("Wójcik", "Dąbrowska", "Święcicki", "Brzęczyszczykiewicz"),
        cities=(("Wrocław", "50-101"), ("Łódź", "90-001")),
    ),
    Place(
        country="NL",
        weight=2,
        phone="+31 6 {}{}{}{}{}{}{}{}",
        first_names=("Sanne", "Daan", "Fleur", "Jeroen"),
        last_names=("van den Berg", "'t Hart", "de Vries", "IJzerman"),
        cities=(("Utrecht", "3511 AB"), ("Maastricht", "6211 CB")),
    ),
    Place(
        country="TR",
        weight=1,
        phone="+90 53{} {}{}{} {}{} {}{}",
        first_names=("Işıl", "Gökhan", "Şule", "Çetin"),
        last_names=("Demir", "Şahin", "Öğüt", "Yıldız"),
        cities=(("İzmir", "35210"), ("İstanbul", "34433")),
    ),
)
"""Where the people come from."""
