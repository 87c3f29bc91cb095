"""A film studio: directors, films, actors, castings, shooting locations and screenings."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Composed, Domain, DomainTable, Fake
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    fake,
    key,
    listed,
    money,
    named,
    number,
    ref,
    year,
)

DIRECTOR = DomainTable(
    name="Director",
    singular=("director", "film-maker"),
    plural=("directors", "film-makers"),
    rows=28,
    columns=(
        key("DirectorID", "director number, director code"),
        named("Name", "full name, director name", Fake("name", unique=True)),
        year("BirthYear", "year of birth, birth year", 1938, 1994, ("youngest", "oldest")),
        category(
            "Nationality",
            "country of origin, home country",
            "British, Korean, Polish, Mexican, Iranian, American, Danish",
        ),
        money(
            "FeePerFilm",
            "fee per film, director fee",
            90000,
            6500000,
            ("best paid", "worst paid"),
            decimals=0,
            nulls=0.08,
        ),
        number(
            "FestivalWins",
            "number of festival wins, festival prizes",
            0,
            14,
            ("most awarded", "least awarded"),
            unit="prizes",
        ),
    ),
)

FILM_NAME_STARTS = """Midnight, Crimson, The Long, Hidden, Northern, Broken, Velvet, The Second,
    Paper, Distant"""
FILM_NAME_ENDS = """Harbour, Promise, Witness, Horizon, Frontier, Lullaby, Echo, Passenger,
    Empire, Winter, Crossing, Signal"""

FILM = DomainTable(
    name="Film",
    singular=("film", "movie"),
    plural=("films", "movies"),
    rows=70,
    verb=("directed by",),
    columns=(
        key("FilmID", "film number, movie number"),
        named(
            "Title",
            "name, film title",
            Composed((listed(FILM_NAME_STARTS), listed(FILM_NAME_ENDS)), unique=True),
        ),
        ref("DirectorID", "Director", "director number, director code"),
        category(
            "Genre",
            "film genre, kind of film",
            "drama, comedy, thriller, horror, documentary, animation, western, romance",
        ),
        date(
            "ReleaseDate",
            "date of release, opening date",
            "1996-03-01",
            "2024-08-30",
            ("newest", "oldest"),
        ),
        number("RunningTime", "length, duration", 71, 204, ("longest", "shortest"), unit="minutes"),
        money(
            "Budget",
            "production budget, production cost",
            400000,
            190000000,
            ("most expensive", "cheapest"),
            decimals=0,
        ),
        money(
            "BoxOffice",
            "box office takings, revenue",
            90000,
            820000000,
            ("highest-grossing", "lowest-grossing"),
            decimals=0,
            nulls=0.1,
        ),
    ),
)

ACTOR = DomainTable(
    name="Actor",
    singular=("actor", "performer"),
    plural=("actors", "performers"),
    rows=60,
    columns=(
        key("ActorID", "actor number, performer number"),
        named("StageName", "name, screen name", Fake("name", unique=True)),
        category("Gender", "sex, gender identity", "female, male, non-binary"),
        category(
            "Agency",
            "talent agency, artist agency",
            "Bright Star, Lantern Talent, Crescent, Marlowe and Finch, Northlight",
            nulls=0.2,
        ),
        number(
            "HeightCm", "body height, size", 148, 202, ("tallest", "shortest"), unit="centimetres"
        ),
        year("DebutYear", "year of the debut, first year on screen", 1971, 2023),
        number(
            "Fans",
            "number of followers, follower count",
            1200,
            9400000,
            ("most popular", "least popular"),
            unit="followers",
            nulls=0.1,
        ),
    ),
)

CASTING = DomainTable(
    name="Casting",
    singular=("role", "part"),
    plural=("roles", "parts"),
    rows=120,
    verb=("played by", "appearing in"),
    columns=(
        ref("ActorID", "Actor", "actor number, performer number"),
        ref("FilmID", "Film", "film number, movie number"),
        fake("CharacterName", "character name, character", "first_name"),
        category(
            "RoleType", "type of role, size of the part", "lead, supporting, cameo, voice, extra"
        ),
        money(
            "Pay", "salary, fee", 1500, 4200000, ("best paid", "worst paid"), decimals=0, nulls=0.1
        ),
        number(
            "ShootingDays",
            "number of shooting days, days on set",
            1,
            96,
            ("longest", "shortest"),
            unit="days",
        ),
    ),
)

LOCATION_NAMES = """Saltmarsh Pier, Old Foundry, Stage One, Stage Two, Stage Seven,
    Hotel Meridian, Glacier Camp, Dune Village, Courthouse Square, Riverboat Landing,
    Abandoned Mill, Castle Rauen, Night Market, Pine Cabin, Opera Cellar, Copper Mine,
    Sunken Garden, Rooftop Set, Subway Replica, Desert Airstrip, Fishing Port, Vineyard House,
    Cliff Road, Water Tank, Backlot Street, Monastery Ruin"""

LOCATION = DomainTable(
    name="Location",
    singular=("location", "shooting place"),
    plural=("locations", "shooting places"),
    rows=24,
    columns=(
        key("LocationID", "location number, place number"),
        named("PlaceName", "name, location name", LOCATION_NAMES),
        category(
            "Country",
            "nation, country of the location",
            "Spain, Iceland, Morocco, Scotland, New Zealand, Hungary",
        ),
        category(
            "Setting",
            "type of setting, kind of surroundings",
            "indoor, outdoor, studio, underwater, aerial",
        ),
        money(
            "DailyRent",
            "rent per day, daily fee",
            300,
            46000,
            ("most expensive", "cheapest"),
            decimals=0,
            nulls=0.1,
        ),
        number(
            "CrewCapacity",
            "crew limit, maximum crew size",
            15,
            400,
            ("largest", "smallest"),
            unit="people",
        ),
    ),
)

SHOOT = DomainTable(
    name="Shoot",
    singular=("shoot", "filming session"),
    plural=("shoots", "filming sessions"),
    rows=90,
    verb=("for", "taking place at"),
    columns=(
        key("ShootID", "shoot number, session number"),
        ref("FilmID", "Film", "film number, movie number"),
        ref("LocationID", "Location", "location number, place number"),
        date(
            "StartDate",
            "first day, starting date",
            "2015-01-05",
            "2024-05-20",
            ("latest", "earliest"),
        ),
        date("EndDate", "last day, finishing date", "2015-02-01", "2024-07-30", nulls=0.1),
        number("Scenes", "number of scenes, scene count", 1, 58, unit="scenes"),
        category(
            "Weather",
            "kind of weather, weather condition",
            "clear, overcast, rain, snow, fog",
            nulls=0.15,
        ),
        money("Overspend", "budget overrun, extra cost", 0, 350000, decimals=0),
    ),
)

DOMAIN = Domain(
    name="film_studio", split="train", tables=(DIRECTOR, FILM, ACTOR, CASTING, LOCATION, SHOOT)
)
