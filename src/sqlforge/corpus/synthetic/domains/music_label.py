"""A record label: artists, contracts, producers, releases, tracks and the studios they used."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Composed, Domain, DomainTable, Fake
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    flag,
    key,
    listed,
    money,
    named,
    number,
    ref,
    repeated,
    year,
)

ARTIST_NAMES = """Paper Lanterns, The Velvet Tides, Mira Solano, Concrete Swans, DJ Halcyon,
    Nadia Okoro, The Rusty Kites, Blue Cassette, Juniper Wells, Static Orchard, Los Faroles,
    Ines Marquez, Northern Static, Hollow Pines, Tomas Lindqvist, The Quiet Parade, Kasimir Trio,
    Golden Mackerel, Sable and Finch, Aiko Tanabe, Brass Monday, Electric Meadow, Oumar Diallo,
    The Night Ferries, Lola Fontaine, Glass Antlers, Winter Radio, Delta Sparrows,
    Ruby Castellane, Mechanical Foxes"""
RELEASE_PARTS = (
    listed("Midnight, Paper, Neon, Broken, Distant, Silver, Slow, Electric, Lost, Summer"),
    listed("Harbours, Letters, Machines, Gardens, Signals, Weather, Rooms, Animals, Maps"),
)
TRACK_PARTS = (
    listed("Dancing, Falling, Running, Waiting, Dreaming, Driving, Singing, Sleeping, Burning"),
    listed("in, under, through, beside, without"),
    listed("the Rain, Your Shadow, the City, My Window, the Static, Blue Light, the River"),
)
STUDIO_NAMES = """Echo Barn, Red Door Sound, Lighthouse Studios, Tape Room Nine, Magnolia Sound,
    The Boiler House, Studio Kranich, Cellar Door Recording, Sunset Console, Polar Sound,
    Estudio Sur, Attic Tapes, Blackbird Room, Green Lamp Studios, Canal Sound, The Wool Shed,
    Station Eleven Audio, Chapel Recording, Analog Palace, Studio Montclair"""
COUNTRIES = """Sweden, United Kingdom, Nigeria, France, Japan, Mexico, Canada, Senegal, Finland,
    Brazil, Ireland, Portugal"""
CITIES = """Stockholm, London, Lagos, Paris, Tokyo, Berlin, Montreal, Nashville, Lisbon,
    Manchester"""

DOMAIN = Domain(
    name="music_label",
    split="train",
    tables=(
        DomainTable(
            name="Artist",
            singular=("artist", "act"),
            plural=("artists", "acts"),
            rows=30,
            columns=(
                key("ArtistID", "artist number, artist code"),
                named("StageName", "name, stage name", ARTIST_NAMES),
                repeated("HomeCountry", "country, country of origin", COUNTRIES),
                category(
                    "Genre",
                    "style, kind of music",
                    "indie rock, electronic, folk, jazz, hip hop, soul, latin",
                ),
                year(
                    "FormedYear",
                    "founding year, start of the career",
                    1978,
                    2021,
                    ("newest", "oldest"),
                ),
                number(
                    "MonthlyListeners",
                    "audience, monthly audience",
                    900,
                    4200000,
                    ("most popular", "least popular"),
                ),
                category(
                    "ManagementType",
                    "kind of management, management",
                    "agency, self-managed, family, label",
                    nulls=0.25,
                ),
            ),
        ),
        DomainTable(
            name="Contract",
            singular=("contract", "deal"),
            plural=("contracts", "deals"),
            rows=45,
            verb=("signed with",),
            columns=(
                key("ContractID", "contract number, deal number"),
                ref("ArtistID", "Artist", "artist, signed act"),
                date(
                    "SignedDate",
                    "signing date, date of signature",
                    "2004-03-01",
                    "2024-04-15",
                    ("newest", "oldest"),
                ),
                number(
                    "AlbumCount", "number of albums, agreed number of albums", 1, 6, unit="albums"
                ),
                money(
                    "AdvanceAmount",
                    "advance, payment in advance",
                    2000,
                    350000,
                    ("most generous", "least generous"),
                    decimals=0,
                ),
                number(
                    "RoyaltyRate", "royalty, royalty percentage", 8, 28, unit="percent", decimals=1
                ),
                category(
                    "Territory",
                    "market, contract area",
                    "worldwide, Europe, North America, Asia, home market",
                ),
                date(
                    "EndDate",
                    "end date, date of termination",
                    "2024-07-01",
                    "2031-12-31",
                    nulls=0.3,
                ),
            ),
        ),
        DomainTable(
            name="Producer",
            singular=("producer", "record producer"),
            plural=("producers", "record producers"),
            rows=32,
            columns=(
                key("ProducerID", "producer number, producer code"),
                named("ProducerName", "name, full name", Fake("name")),
                repeated("BaseCity", "city, home city", CITIES),
                money(
                    "DayRate",
                    "daily fee, fee per day",
                    250,
                    4800,
                    ("most expensive", "cheapest"),
                    decimals=0,
                ),
                number(
                    "AwardsWon",
                    "number of awards, prize count",
                    0,
                    19,
                    ("most decorated", "least decorated"),
                ),
                category(
                    "Signature",
                    "signature sound, trademark",
                    "warm analog, heavy drums, clean pop, lo-fi, orchestral",
                    nulls=0.15,
                ),
            ),
        ),
        DomainTable(
            name="Record",
            singular=("release", "record"),
            plural=("releases", "records"),
            rows=70,
            verb=("by",),
            columns=(
                key("RecordID", "catalogue number, release number"),
                named("Title", "name, release title", Composed(RELEASE_PARTS, unique=True)),
                ref("ArtistID", "Artist", "artist, performer"),
                category(
                    "Format", "medium, release format", "album, single, EP, live album, compilation"
                ),
                date(
                    "ReleaseDate",
                    "publication date, day it came out",
                    "2005-02-11",
                    "2024-06-07",
                    ("latest", "earliest"),
                ),
                number(
                    "UnitsSold",
                    "number of copies sold, sales figure",
                    150,
                    720000,
                    ("best-selling", "worst-selling"),
                    unit="copies",
                ),
                money(
                    "ListPrice", "price, retail price", 0.99, 39.9, ("most expensive", "cheapest")
                ),
                number("ChartPeak", "peak chart position, chart peak rank", 1, 100, nulls=0.4),
            ),
        ),
        DomainTable(
            name="Studio",
            singular=("studio", "recording studio"),
            plural=("studios", "recording studios"),
            rows=20,
            columns=(
                key("StudioID", "studio number, studio code"),
                named("StudioName", "name, studio name", STUDIO_NAMES),
                repeated("City", "town, location", CITIES),
                category(
                    "Console",
                    "mixing desk, kind of mixing desk",
                    "analog, digital, hybrid, vintage valve",
                ),
                money(
                    "HourlyRate",
                    "rate, price per hour",
                    25,
                    390,
                    ("most expensive", "cheapest"),
                    decimals=0,
                ),
                year(
                    "BuiltYear",
                    "construction year, year it was built",
                    1958,
                    2020,
                    ("newest", "oldest"),
                ),
                number(
                    "RoomCount",
                    "number of rooms, number of recording rooms",
                    1,
                    9,
                    ("largest", "smallest"),
                ),
            ),
        ),
        DomainTable(
            name="Track",
            singular=("track", "song"),
            plural=("tracks", "songs"),
            rows=120,
            verb=("appearing on", "recorded at"),
            columns=(
                key("TrackID", "track number, song number"),
                named("TrackTitle", "title, song title", Composed(TRACK_PARTS, unique=True)),
                ref("RecordID", "Record", "release, record"),
                ref("StudioID", "Studio", "studio, place of recording"),
                number(
                    "LengthSeconds",
                    "length, running time",
                    95,
                    540,
                    ("longest", "shortest"),
                    unit="seconds",
                ),
                number(
                    "TempoBpm", "tempo, speed in beats per minute", 60, 184, ("fastest", "slowest")
                ),
                number(
                    "StreamCount",
                    "number of streams, play count",
                    400,
                    58000000,
                    ("most played", "least played"),
                ),
                flag("Explicit", "explicit lyrics warning, parental warning"),
            ),
        ),
        DomainTable(
            name="TrackCredit",
            singular=("credit", "production credit"),
            plural=("credits", "production credits"),
            rows=110,
            verb=("for", "given to"),
            columns=(
                ref("TrackID", "Track", "track, song"),
                ref("ProducerID", "Producer", "producer, credited person"),
                category(
                    "CreditRole",
                    "job, kind of credit",
                    "producer, co-producer, mixing, mastering, arranger",
                ),
                number(
                    "SharePercent",
                    "share, share of the earnings",
                    1,
                    50,
                    ("largest", "smallest"),
                    unit="percent",
                ),
            ),
        ),
    ),
)
