"""A museum: artists, galleries, artworks, exhibitions, loans and tickets."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Dates, Domain, Fake, Numbers
from sqlforge.corpus.synthetic.notation import col, composed, key, link, listed, table

ARTISTS = table(
    "artists",
    "artist, creator",
    "artists, creators",
    40,
    "",
    key("id", "artist number, artist id"),
    col("artistName", "name", "name, full name", Fake("name", unique=True)),
    col(
        "nationality",
        "category",
        "country of origin, home country",
        listed("Dutch, Italian, Mexican, Japanese, Nigerian, French, American, Indian"),
    ),
    col(
        "movement",
        "category",
        "art movement, style",
        listed("Baroque, Impressionism, Cubism, Surrealism, Realism, Abstract, Pop Art"),
        share_null=0.1,
    ),
    col("birthYear", "year", "year of birth, birth year", Numbers(1590, 1985), "youngest, oldest"),
    col("deathYear", "year", "year of death, death year", Numbers(1650, 2021, 0, 0.3)),
)

GALLERIES = table(
    "galleries",
    "gallery, exhibition room",
    "galleries, exhibition rooms",
    22,
    "",
    key("id", "gallery number, room number"),
    col(
        "galleryName",
        "name",
        "name, room name",
        listed(
            """East Wing, Sculpture Court, Long Room, Rotunda, Blue Salon, Print Cabinet,
            Garden Hall, Upper Gallery, Lower Gallery, Mirror Room, Founders Hall,
            Glass Pavilion, Textile Room, Coin Room, Crypt, Skylight Room, Founders Annex,
            Map Room, Ivory Hall, Tower Room, Lecture Hall, Project Space, Clock Room,
            Cedar Room""",
            unique=True,
        ),
    ),
    col("floor", "number", "storey, level", Numbers(0, 4)),
    col(
        "wallMetres",
        "number",
        "length of wall, hanging space",
        Numbers(12, 140, 1),
        "most spacious, smallest",
        "metres",
    ),
    col(
        "lighting",
        "category",
        "kind of lighting, light",
        listed("daylight, dimmed, spotlights, ultraviolet-free"),
    ),
    col(
        "lastRenovated",
        "year",
        "year of the last renovation, renovation year",
        Numbers(1985, 2024, 0, 0.15),
        "most recently renovated, longest unrenovated",
    ),
)

ARTWORKS = table(
    "artworks",
    "artwork, work of art",
    "artworks, works of art",
    80,
    "created by, hanging in",
    key("id", "artwork number, inventory number"),
    col(
        "title",
        "name",
        "name, artwork title",
        composed(
            "The, A, Study of the, Portrait of the, Return of the, Dream of the",
            """Lighthouse, Weaver, Red Orchard, Sleeping Dog, Violinist, Harvest,
            Winter Market, Drowned City, Milliner, Old Bridge, Gleaners, Ferryman, Empty Chair,
            Blue Horse""",
            unique=True,
        ),
    ),
    link("artistId", "artists", "artist number, artist id"),
    link("galleryId", "galleries", "gallery number, room number"),
    col(
        "medium",
        "category",
        "technique, material",
        listed("oil on canvas, bronze, watercolour, marble, photograph, etching, ceramic"),
    ),
    col(
        "createdYear",
        "year",
        "year of creation, creation year",
        Numbers(1610, 2020),
        "newest, oldest",
    ),
    col(
        "insuredValue",
        "money",
        "insurance value, insured sum",
        Numbers(1500, 9000000, 0, 0.08),
        "most valuable, least valuable",
        "euros",
    ),
    col(
        "heightCm",
        "number",
        "height, vertical size",
        Numbers(8, 420, 1),
        "tallest, shortest",
        "centimetres",
    ),
)

EXHIBITIONS = table(
    "exhibitions",
    "exhibition, show",
    "exhibitions, shows",
    30,
    "",
    key("id", "exhibition number, show number"),
    col(
        "exhibitionTitle",
        "name",
        "title, name",
        composed(
            "Colours of, Voices from, Beyond, Inside, Masters of, Letters to, Echoes of",
            "the North, Silk, the Sea, Paper, the Night, Clay, the City, Memory",
            unique=True,
        ),
    ),
    col(
        "curator",
        "name",
        "curator name, organiser",
        listed(
            """Helena Brandt, Marco Tellini, Aiko Sato, Samuel Osei, Ruth Feldman,
            Pedro Alarcon, Nadia Rahimi, Jonas Eklund"""
        ),
    ),
    col(
        "opensOn",
        "date",
        "opening date, first day",
        Dates("2018-02-01", "2024-09-15"),
        "latest, earliest",
    ),
    col("closesOn", "date", "closing date, last day", Dates("2018-06-01", "2025-03-31", 0.1)),
    col(
        "theme",
        "category",
        "topic, subject",
        listed("landscape, portraiture, design, archaeology, photography, folk art"),
    ),
    col(
        "budget",
        "money",
        "cost, production budget",
        Numbers(15000, 900000),
        "most expensive, cheapest",
        "euros",
    ),
)

EXHIBITION_WORKS = table(
    "exhibitionWorks",
    "exhibited piece, exhibition entry",
    "exhibited pieces, exhibition entries",
    110,
    "shown in, showing",
    link("exhibitionId", "exhibitions", "exhibition number, show number"),
    link("artworkId", "artworks", "artwork number, inventory number"),
    col("catalogueNo", "number", "catalogue number, number in the catalogue", Numbers(1, 250)),
    col(
        "labelLanguage",
        "category",
        "language of the label, label language",
        listed("English, French, Spanish, German"),
    ),
    col(
        "condition",
        "category",
        "state, state of preservation",
        listed("excellent, good, fair, fragile"),
        share_null=0.1,
    ),
)

VISITS = table(
    "visits",
    "visit, guest visit",
    "visits, guest visits",
    110,
    "paid to",
    key("id", "visit number, visit id"),
    link("exhibitionId", "exhibitions", "exhibition number, show number"),
    col(
        "visitedOn",
        "date",
        "visit date, day of the visit",
        Dates("2019-01-05", "2024-10-30"),
        "latest, earliest",
    ),
    col(
        "ticketType",
        "category",
        "kind of ticket, ticket category",
        listed("adult, student, senior, family, member"),
    ),
    col(
        "price",
        "money",
        "ticket price, entrance fee",
        Numbers(0, 32, 2),
        "most expensive, cheapest",
        "euros",
    ),
    col(
        "groupSize", "number", "number of people, size of the group", Numbers(1, 34), unit="people"
    ),
    col(
        "rating",
        "number",
        "visitor rating, score",
        Numbers(1, 10, 0, 0.25),
        "best rated, worst rated",
    ),
)

DOMAIN = Domain(
    "museum", "validation", (ARTISTS, GALLERIES, ARTWORKS, EXHIBITIONS, EXHIBITION_WORKS, VISITS)
)
