"""Wine estates: plots, grape varieties, winemakers, the wines, their blends and their tastings."""

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

ESTATE_NAMES = """Château Bellerive, Domaine des Tilleuls, Tenuta Monteluce, Bodega Valdemora,
    Weingut Lindenhof, Quinta da Ribeira, Silver Ridge Cellars, Black Heron Estate,
    Stonecrop Winery, Villa Serafina, Domaine du Vieux Pont, Castello Ombroso,
    Weingut Falkenstein, Bodega Sierra Alta, Quinta do Carvalho, Red Gum Creek,
    Willow Bend Vineyards, Château Morvaine, Podere La Quercia, Fox Hollow Estate,
    Clos Saint-Amour, Azienda Belcolle"""
PLOT_PARTS = (
    listed("Upper, Lower, Old, Long, South, East, Stony, Chapel, Sunny, Hidden"),
    listed("Slope, Terrace, Field, Hill, Parcel, Garden, Ridge, Hollow"),
)
VARIETY_NAMES = """Pinot Noir, Merlot, Cabernet Sauvignon, Cabernet Franc, Syrah, Grenache,
    Mourvèdre, Tempranillo, Sangiovese, Nebbiolo, Barbera, Malbec, Zinfandel, Touriga Nacional,
    Chardonnay, Sauvignon Blanc, Riesling, Chenin Blanc, Viognier, Gewürztraminer, Albariño,
    Grüner Veltliner, Vermentino, Sémillon, Muscat, Silvaner"""
WINE_PARTS = (
    listed("Grand, Silent, Crimson, Golden, Velvet, Noble, Wild, First, Amber, Midnight"),
    listed("Reserve, Harvest, Cuvée, Promise, Orchard, Hour, Path, Lantern, Meadow, Crown"),
)
TOWNS = """Libourne, Montalcino, Haro, Bernkastel, Pinhão, Saumur, Angaston, Alba, Tanunda,
    Beaune"""
CRITICS = """Hugo Delacroix, Anna Brandt, Miriam Castell, James Whitby, Paolo Ferri,
    Sofia Almeida, Claire Bonnet, Viktor Hahn, Ines Robledo"""

DOMAIN = Domain(
    name="winery",
    split="test",
    tables=(
        DomainTable(
            name="Estate",
            singular=("estate", "winery"),
            plural=("estates", "wineries"),
            rows=22,
            columns=(
                key("estateId", "estate number, estate code"),
                named("estateName", "name, estate name", ESTATE_NAMES),
                category(
                    "region",
                    "wine region, growing area",
                    "Bordeaux, Tuscany, Rioja, Mosel, Douro, Napa Valley, Barossa, Loire",
                ),
                year(
                    "foundedYear",
                    "founding year, year of foundation",
                    1720,
                    2012,
                    ("newest", "oldest"),
                ),
                number(
                    "hectares", "vineyard area, size in hectares", 4, 180, ("biggest", "smallest")
                ),
                flag("isOrganic", "organic certificate, organic status"),
                money("tourPrice", "price of a tour, visitor fee", 8, 75, nulls=0.25),
            ),
        ),
        DomainTable(
            name="Plot",
            singular=("plot", "parcel of vines"),
            plural=("plots", "parcels of vines"),
            rows=60,
            verb=("owned by", "planted with"),
            columns=(
                key("plotId", "plot number, parcel number"),
                ref("estateId", "Estate", "estate, owner"),
                ref("varietyId", "GrapeVariety", "grape, planted variety"),
                named("plotName", "name, plot name", Composed(PLOT_PARTS, unique=True)),
                category(
                    "soilType", "soil, kind of soil", "clay, limestone, slate, gravel, sand, loam"
                ),
                number(
                    "altitude",
                    "height above sea level, elevation",
                    40,
                    720,
                    ("highest", "lowest"),
                    unit="metres",
                ),
                number("vineCount", "number of vines, number of plants", 350, 9000),
                year(
                    "plantedYear",
                    "planting year, year of planting",
                    1948,
                    2018,
                    ("youngest", "oldest"),
                ),
            ),
        ),
        DomainTable(
            name="GrapeVariety",
            singular=("grape variety", "grape"),
            plural=("grape varieties", "grapes"),
            rows=26,
            columns=(
                key("varietyId", "variety number, grape code"),
                named("varietyName", "name, grape name", VARIETY_NAMES),
                category(
                    "skinColour",
                    "colour, colour of the skin",
                    "blue-black, red, pink, yellow, green",
                ),
                category(
                    "originCountry",
                    "country of origin, home country",
                    "France, Italy, Spain, Portugal, Germany, Austria",
                ),
                number("ripeningDays", "ripening time, time until ripeness", 95, 170, unit="days"),
                number(
                    "acidity",
                    "acid level, typical acidity",
                    4,
                    9.5,
                    ("most acidic", "mildest"),
                    decimals=1,
                ),
            ),
        ),
        DomainTable(
            name="Winemaker",
            singular=("winemaker", "cellar master"),
            plural=("winemakers", "cellar masters"),
            rows=32,
            verb=("employed by",),
            columns=(
                key("winemakerId", "winemaker number, staff number"),
                named("fullName", "name, full name", Fake("name")),
                ref("estateId", "Estate", "estate, employer"),
                repeated("homeTown", "home town, town of residence", TOWNS, nulls=0.15),
                category(
                    "education",
                    "training, qualification",
                    "apprenticeship, oenology degree, self-taught, master of wine, diploma",
                ),
                date(
                    "startDate",
                    "start date, entry date",
                    "1998-02-01",
                    "2023-09-30",
                    ("newest", "longest-serving"),
                ),
                money(
                    "salary",
                    "pay, yearly salary",
                    31000,
                    118000,
                    ("best-paid", "worst-paid"),
                    decimals=0,
                ),
            ),
        ),
        DomainTable(
            name="Wine",
            singular=("wine", "bottling"),
            plural=("wines", "bottlings"),
            rows=80,
            verb=("made by",),
            columns=(
                key("wineId", "wine number, label number"),
                named("label", "name, wine name", Composed(WINE_PARTS, unique=True)),
                ref("winemakerId", "Winemaker", "winemaker, maker"),
                category(
                    "style",
                    "wine style, kind of wine",
                    "red, white, rosé, sparkling, sweet, fortified",
                ),
                year("vintage", "vintage year, harvest year", 2005, 2022, ("youngest", "oldest")),
                number(
                    "alcohol",
                    "alcohol content, strength",
                    8.5,
                    19.5,
                    ("strongest", "lightest"),
                    decimals=1,
                ),
                money(
                    "bottlePrice",
                    "price, price per bottle",
                    6.5,
                    240,
                    ("most expensive", "cheapest"),
                ),
                number("bottlesMade", "number of bottles, production", 300, 42000, nulls=0.1),
            ),
        ),
        DomainTable(
            name="Blend",
            singular=("blend component", "share of a grape"),
            plural=("blend components", "shares of grapes"),
            rows=110,
            verb=("used in", "made from"),
            columns=(
                ref("wineId", "Wine", "wine, bottling"),
                ref("varietyId", "GrapeVariety", "grape variety, grape"),
                number("percentage", "share, share in percent", 3, 100, ("largest", "smallest")),
                number(
                    "barrelMonths", "time in barrel, time in oak", 2, 30, unit="months", nulls=0.2
                ),
            ),
        ),
        DomainTable(
            name="Tasting",
            singular=("tasting", "review"),
            plural=("tastings", "reviews"),
            rows=110,
            verb=("of",),
            columns=(
                key("tastingId", "tasting number, review number"),
                ref("wineId", "Wine", "wine, tasted wine"),
                repeated("criticName", "critic, reviewer", CRITICS),
                number("points", "score, rating", 78, 100, ("most favourable", "least favourable")),
                date(
                    "tastedOn",
                    "tasting date, day of the tasting",
                    "2016-01-10",
                    "2024-06-01",
                    ("latest", "earliest"),
                ),
                category("medal", "award, medal won", "gold, silver, bronze, trophy", nulls=0.45),
            ),
        ),
    ),
)
