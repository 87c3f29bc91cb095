"""A football league: stadiums, clubs, players, referees, matches and transfers."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Domain, DomainTable, Fake
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    fake,
    key,
    money,
    named,
    number,
    ref,
    year,
)

STADIUM_NAMES = """Anchor Park, Foundry Lane, Kingsmead Arena, The Quarry, Beacon Field,
    Harbour Stadium, Queens Meadow, Union Ground, Mill End, Tanner Street, Hillside Road,
    Cathedral Park, Ironworks Arena, Lockside, Priory Field, The Bowl, Sandhurst Lane,
    Viaduct Park, Northern Cross, Canal Street, Victory Oval, The Orchard, Copperfield,
    Watermead"""

STADIUM = DomainTable(
    name="stadium",
    singular=("stadium", "ground"),
    plural=("stadiums", "grounds"),
    rows=24,
    columns=(
        key("stadium_id", "stadium number, ground number"),
        named("stadium_name", "name, ground name", STADIUM_NAMES),
        fake("stadium_city", "city, town of the ground", "city"),
        number(
            "capacity",
            "number of seats, seating capacity",
            4200,
            78000,
            ("largest", "smallest"),
            unit="seats",
        ),
        category(
            "surface",
            "playing surface, kind of turf",
            "grass, hybrid, artificial, reinforced grass",
        ),
        year("opened_year", "year of opening, opening year", 1889, 2022, ("newest", "oldest")),
    ),
)

CLUB_NAMES = """Ashford Rovers, Brindale United, Calder Athletic, Dunmore Town, Eastmoor Albion,
    Fenwick City, Granton Rangers, Holloway Wanderers, Ironbridge, Jarrow Harriers,
    Kelham Victoria, Lindale Thistle, Marston Park, Northolt Borough, Oakhurst, Penrose Argyle,
    Queensway, Redcliffe Orient, Saltburn Spartans, Thornaby Forest, Upton Crusaders,
    Verwood County, Wexley Celtic, Yarmouth Corinthians"""

CLUB = DomainTable(
    name="club",
    singular=("club", "team"),
    plural=("clubs", "teams"),
    rows=24,
    verb=("playing at",),
    columns=(
        key("club_id", "club number, team number"),
        named("club_name", "name, team name", CLUB_NAMES),
        ref("stadium_id", "stadium", "stadium number, ground number"),
        category("division", "league division, level", "premier, first, second, third"),
        named("manager_name", "manager, head coach", Fake("name", unique=True), nulls=0.08),
        year(
            "founded_year", "year of foundation, founding year", 1871, 1998, ("youngest", "oldest")
        ),
        money(
            "wage_budget",
            "wage bill, budget for wages",
            700000,
            94000000,
            ("richest", "poorest"),
            decimals=0,
        ),
        number(
            "trophies",
            "number of trophies, titles won",
            0,
            31,
            ("most successful", "least successful"),
            unit="trophies",
        ),
    ),
)

PLAYER = DomainTable(
    name="player",
    singular=("player", "footballer"),
    plural=("players", "footballers"),
    rows=110,
    verb=("playing for",),
    columns=(
        key("player_id", "player number, player id"),
        named("player_name", "name, full name", Fake("name", unique=True)),
        ref("club_id", "club", "club number, team number"),
        category(
            "position",
            "playing position, role",
            "goalkeeper, defender, midfielder, winger, striker",
        ),
        category("preferred_foot", "stronger foot, foot", "right, left, both", nulls=0.1),
        date(
            "birth_date",
            "date of birth, birthday",
            "1986-01-01",
            "2007-06-30",
            ("youngest", "oldest"),
        ),
        money(
            "market_value",
            "transfer value, estimated value",
            40000,
            62000000,
            ("most valuable", "least valuable"),
            decimals=0,
            nulls=0.06,
        ),
        number(
            "caps",
            "number of international matches, international appearances",
            0,
            112,
            ("most capped", "least capped"),
            unit="caps",
        ),
    ),
)

REFEREE = DomainTable(
    name="referee",
    singular=("referee", "match official"),
    plural=("referees", "match officials"),
    rows=22,
    columns=(
        key("referee_id", "referee number, official number"),
        named("referee_name", "name, full name", Fake("name", unique=True)),
        category("home_region", "region, area", "Midlands, Coast, Highlands, Capital, Lakes"),
        category("licence", "licence level, badge", "A, B, C, international"),
        money(
            "match_fee",
            "fee per match, pay per match",
            120,
            2900,
            ("best paid", "worst paid"),
            decimals=0,
        ),
        year(
            "active_since",
            "first year, year of the first match",
            1996,
            2023,
            ("least experienced", "most experienced"),
        ),
    ),
)

FIXTURE = DomainTable(
    name="fixture",
    singular=("match", "game"),
    plural=("matches", "games"),
    rows=120,
    verb=("hosted by", "visited by", "refereed by"),
    columns=(
        key("fixture_id", "match number, game number"),
        ref("home_club_id", "club", "home team number, home club"),
        ref("away_club_id", "club", "away team number, away club"),
        ref("referee_id", "referee", "referee number, official number"),
        date(
            "played_on",
            "match date, day of the match",
            "2022-08-06",
            "2024-05-26",
            ("latest", "earliest"),
        ),
        number("home_goals", "home goals, goals scored at home", 0, 6, unit="goals"),
        number(
            "attendance",
            "crowd, number of spectators",
            900,
            76500,
            ("best attended", "worst attended"),
            unit="spectators",
            nulls=0.08,
        ),
        category("result", "outcome, final result", "home win, draw, away win"),
    ),
)

SPONSOR = DomainTable(
    name="sponsor",
    singular=("sponsor", "backer"),
    plural=("sponsors", "backers"),
    rows=22,
    columns=(
        key("sponsor_id", "sponsor number, backer number"),
        named("sponsor_name", "name, company", Fake("company", unique=True)),
        category(
            "industry",
            "line of business, sector",
            "banking, telecoms, beverages, betting, airlines, cars, software",
        ),
        category(
            "headquarters",
            "head office, main seat",
            "London, Dubai, Munich, Tokyo, Chicago",
            nulls=0.1,
        ),
        money(
            "annual_turnover",
            "turnover, yearly sales",
            900000,
            4000000000,
            ("largest", "smallest"),
            decimals=0,
        ),
    ),
)

SPONSORSHIP = DomainTable(
    name="sponsorship",
    singular=("sponsorship deal", "sponsorship"),
    plural=("sponsorship deals", "sponsorships"),
    rows=50,
    verb=("signed by", "funded by"),
    columns=(
        ref("club_id", "club", "club number, team number"),
        ref("sponsor_id", "sponsor", "sponsor number, backer number"),
        category(
            "placement",
            "place of the logo, advertising space",
            "shirt front, sleeve, stadium name, boards, training kit",
        ),
        money(
            "fee_per_season",
            "yearly fee, fee for a season",
            15000,
            12000000,
            ("most lucrative", "least lucrative"),
            decimals=0,
        ),
        date(
            "valid_until",
            "end date, expiry date",
            "2024-06-30",
            "2030-06-30",
            ("longest-running", "first to end"),
            nulls=0.12,
        ),
    ),
)

DOMAIN = Domain(
    name="football_league",
    split="train",
    tables=(STADIUM, CLUB, PLAYER, REFEREE, FIXTURE, SPONSOR, SPONSORSHIP),
)
