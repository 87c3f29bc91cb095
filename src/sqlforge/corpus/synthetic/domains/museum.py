"""A museum: artists, galleries, artworks, exhibitions, loans and tickets."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Composed, Domain, DomainTable, Fake, Words
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    key,
    listed,
    money,
    named,
    number,
    ref,
    year,
)

ARTISTS = DomainTable(
    name="artists",
    singular=("artist", "creator"),
    plural=("artists", "creators"),
    rows=40,
    columns=(
        key("id", "artist number, artist id"),
        named("artistName", "name, full name", Fake("name", unique=True)),
        category(
            "nationality",
            "country of origin, home country",
            "Dutch, Italian, Mexican, Japanese, Nigerian, French, American, Indian",
        ),
        category(
            "movement",
            "art movement, style",
            "Baroque, Impressionism, Cubism, Surrealism, Realism, Abstract, Pop Art",
            nulls=0.1,
        ),
        year("birthYear", "year of birth, birth year", 1590, 1985, ("youngest", "oldest")),
        year("deathYear", "year of death, death year", 1650, 2021, nulls=0.3),
    ),
)

GALLERY_NAMES = """East Wing, Sculpture Court, Long Room, Rotunda, Blue Salon, Print Cabinet,
    Garden Hall, Upper Gallery, Lower Gallery, Mirror Room, Founders Hall, Glass Pavilion,
    Textile Room, Coin Room, Crypt, Skylight Room, Founders Annex, Map Room, Ivory Hall,
    Tower Room, Lecture Hall, Project Space, Clock Room, Cedar Room"""

GALLERIES = DomainTable(
    name="galleries",
    singular=("gallery", "exhibition room"),
    plural=("galleries", "exhibition rooms"),
    rows=22,
    columns=(
        key("id", "gallery number, room number"),
        named("galleryName", "name, room name", GALLERY_NAMES),
        number("floor", "storey, level", 0, 4),
        number(
            "wallMetres",
            "length of wall, hanging space",
            12,
            140,
            ("most spacious", "smallest"),
            unit="metres",
            decimals=1,
        ),
        category(
            "lighting",
            "kind of lighting, lighting type",
            "daylight, dimmed, spotlights, ultraviolet-free",
        ),
        year(
            "lastRenovated",
            "year of the last renovation, renovation year",
            1985,
            2024,
            ("most recently renovated", "longest unrenovated"),
            nulls=0.15,
        ),
    ),
)

ARTWORK_NAME_STARTS = "The, After the, Study of the, Portrait of the, Return of the, Dream of the"
ARTWORK_NAME_ENDS = """Lighthouse, Weaver, Red Orchard, Sleeping Dog, Violinist, Harvest,
    Winter Market, Drowned City, Milliner, Old Bridge, Gleaners, Ferryman, Empty Chair,
    Blue Horse"""

ARTWORKS = DomainTable(
    name="artworks",
    singular=("artwork", "work of art"),
    plural=("artworks", "works of art"),
    rows=80,
    verb=("created by", "hanging in"),
    columns=(
        key("id", "artwork number, inventory number"),
        named(
            "title",
            "name, artwork title",
            Composed((listed(ARTWORK_NAME_STARTS), listed(ARTWORK_NAME_ENDS)), unique=True),
        ),
        ref("artistId", "artists", "artist number, artist id"),
        ref("galleryId", "galleries", "gallery number, room number"),
        category(
            "medium",
            "technique, material",
            "oil on canvas, bronze, watercolour, marble, photograph, etching, ceramic",
        ),
        year("createdYear", "year of creation, creation year", 1610, 2020, ("newest", "oldest")),
        money(
            "insuredValue",
            "insurance value, insured sum",
            1500,
            9000000,
            ("most valuable", "least valuable"),
            decimals=0,
            nulls=0.08,
        ),
        number(
            "heightCm",
            "height, vertical size",
            8,
            420,
            ("tallest", "shortest"),
            unit="centimetres",
            decimals=1,
        ),
    ),
)

EXHIBITION_TITLE_STARTS = """Colours of, Voices from, Beyond, Inside, Masters of, Letters to,
    Echoes of"""
EXHIBITION_TITLE_ENDS = "the North, Silk, the Sea, Paper, the Night, Clay, the City, Memory"
EXHIBITION_CURATOR_NAMES = """Helena Brandt, Marco Tellini, Aiko Sato, Samuel Osei,
    Ruth Feldman, Pedro Alarcon, Nadia Rahimi, Jonas Eklund"""

EXHIBITIONS = DomainTable(
    name="exhibitions",
    singular=("exhibition", "show"),
    plural=("exhibitions", "shows"),
    rows=30,
    columns=(
        key("id", "exhibition number, show number"),
        named(
            "exhibitionTitle",
            "title, name",
            Composed((listed(EXHIBITION_TITLE_STARTS), listed(EXHIBITION_TITLE_ENDS)), unique=True),
        ),
        named("curator", "curator name, organiser", Words(listed(EXHIBITION_CURATOR_NAMES))),
        date(
            "opensOn", "opening date, first day", "2018-02-01", "2024-09-15", ("latest", "earliest")
        ),
        date("closesOn", "closing date, last day", "2018-06-01", "2025-03-31", nulls=0.1),
        category(
            "theme",
            "topic, subject",
            "landscape, portraiture, design, archaeology, photography, folk art",
        ),
        money(
            "budget",
            "cost, production budget",
            15000,
            900000,
            ("most expensive", "cheapest"),
            decimals=0,
        ),
    ),
)

EXHIBITION_WORKS = DomainTable(
    name="exhibitionWorks",
    singular=("exhibited piece", "exhibition entry"),
    plural=("exhibited pieces", "exhibition entries"),
    rows=110,
    verb=("shown in", "showing"),
    columns=(
        ref("exhibitionId", "exhibitions", "exhibition number, show number"),
        ref("artworkId", "artworks", "artwork number, inventory number"),
        number("catalogueNo", "catalogue number, number in the catalogue", 1, 250),
        category(
            "labelLanguage",
            "language of the label, label language",
            "English, French, Spanish, German",
        ),
        category(
            "condition", "state, state of preservation", "excellent, good, fair, fragile", nulls=0.1
        ),
    ),
)

VISITS = DomainTable(
    name="visits",
    singular=("visit", "guest visit"),
    plural=("visits", "guest visits"),
    rows=110,
    verb=("paid to",),
    columns=(
        key("id", "visit number, visit id"),
        ref("exhibitionId", "exhibitions", "exhibition number, show number"),
        date(
            "visitedOn",
            "visit date, day of the visit",
            "2019-01-05",
            "2024-10-30",
            ("latest", "earliest"),
        ),
        category(
            "ticketType",
            "kind of ticket, ticket category",
            "adult, student, senior, family, member",
        ),
        money("price", "ticket price, entrance fee", 0, 32, ("most expensive", "cheapest")),
        number("groupSize", "number of people, size of the group", 1, 34, unit="people"),
        number("rating", "visitor rating, score", 1, 10, ("best rated", "worst rated"), nulls=0.25),
    ),
)

DOMAIN = Domain(
    name="museum",
    split="validation",
    tables=(ARTISTS, GALLERIES, ARTWORKS, EXHIBITIONS, EXHIBITION_WORKS, VISITS),
)
