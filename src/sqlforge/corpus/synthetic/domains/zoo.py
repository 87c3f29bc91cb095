"""A zoo: enclosures, species, animals, keepers, feedings and check-ups."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Domain, DomainTable, Fake, Words
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

ENCLOSURE_NAMES = """Savannah Plain, Lion Ridge, Penguin Cove, Reptile House, Tropical Dome,
    Bamboo Grove, Nocturnal Hall, Seal Harbour, Elephant Valley, Monkey Island, Wolf Forest,
    Desert Walk, Flamingo Lagoon, Butterfly Garden, Bear Canyon, Insect Vault, Aviary North,
    Aviary South, Otter Creek, Giraffe Terrace, Tapir Swamp, Owl Tower, Koala Corner,
    Mangrove Tank, Red Panda Heights, Bison Meadow"""

ENCLOSURE = DomainTable(
    name="Enclosure",
    singular=("enclosure", "exhibit"),
    plural=("enclosures", "exhibits"),
    rows=24,
    columns=(
        key("EnclosureID", "enclosure number, exhibit number"),
        named("Label", "name, enclosure name", ENCLOSURE_NAMES),
        category("Climate", "climate, climate zone", "tropical, arid, temperate, polar, aquatic"),
        number(
            "AreaSqm",
            "area, surface area",
            30,
            14000,
            ("largest", "smallest"),
            unit="square metres",
        ),
        year(
            "BuiltYear", "construction year, year of construction", 1931, 2022, ("newest", "oldest")
        ),
        money(
            "UpkeepCost",
            "monthly upkeep cost, maintenance cost",
            400,
            26000,
            ("most costly", "cheapest"),
            decimals=0,
            nulls=0.1,
        ),
    ),
)

SPECIES_COMMON_NAMES = """African Lion, Snow Leopard, Plains Zebra, Humboldt Penguin,
    Green Iguana, Red Panda, Asian Elephant, Grey Wolf, Harbour Seal, Scarlet Macaw,
    Giant Anteater, Meerkat, Barn Owl, Nile Crocodile, Malayan Tapir, Brown Bear,
    Ring-tailed Lemur, Okapi, Reticulated Giraffe, Chilean Flamingo, Komodo Dragon, Capybara,
    Pygmy Hippo, Fennec Fox, Black-footed Cat, Sloth Bear, Orangutan, Galapagos Tortoise, Emu,
    Eurasian Lynx, Bactrian Camel, Sea Otter, Snowy Owl"""

SPECIES = DomainTable(
    name="Species",
    singular=("species", "kind of animal"),
    plural=("species", "kinds of animals"),
    rows=30,
    columns=(
        key("SpeciesID", "species number, species id"),
        named("CommonName", "common name, everyday name", SPECIES_COMMON_NAMES),
        category("AnimalClass", "class, taxonomic class", "mammal, bird, reptile, amphibian, fish"),
        category(
            "Diet", "diet, feeding type", "carnivore, herbivore, omnivore, insectivore, piscivore"
        ),
        category(
            "RedListStatus",
            "conservation status, threat level",
            "least concern, near threatened, vulnerable, endangered, critically endangered",
            nulls=0.1,
        ),
        number(
            "LifespanYears",
            "life expectancy, typical lifespan",
            4,
            120,
            ("longest-lived", "shortest-lived"),
            unit="years",
        ),
        category(
            "Continent",
            "continent of origin, home continent",
            "Africa, Asia, Europe, North America, South America, Australia",
        ),
    ),
)

ANIMAL_NAMES = """Kiko, Nala, Boris, Luna, Tarek, Mochi, Zuri, Odin, Pepper, Sasha, Bruno,
    Amara, Figaro, Juno, Otis, Wanda, Rafiki, Hazel, Diego, Maple, Suki, Atlas, Biscuit, Freya,
    Gizmo"""

ANIMAL = DomainTable(
    name="Animal",
    singular=("animal", "zoo animal"),
    plural=("animals", "zoo animals"),
    rows=90,
    verb=("belonging to", "living in"),
    columns=(
        key("AnimalID", "animal number, animal id"),
        named("GivenName", "name, pet name", Words(listed(ANIMAL_NAMES))),
        ref("SpeciesID", "Species", "species number, species id"),
        ref("EnclosureID", "Enclosure", "enclosure number, exhibit number"),
        category("Sex", "sex, gender", "female, male, unknown"),
        date(
            "BirthDate",
            "birth date, date of birth",
            "1989-04-01",
            "2024-05-20",
            ("youngest", "oldest"),
            nulls=0.1,
        ),
        number(
            "WeightKg",
            "weight, body weight",
            0.4,
            3900,
            ("heaviest", "lightest"),
            unit="kilograms",
            decimals=1,
            nulls=0.05,
        ),
        date(
            "ArrivalDate",
            "arrival date, day of arrival",
            "1998-01-15",
            "2024-09-30",
            ("most recently arrived", "longest staying"),
        ),
    ),
)

KEEPER = DomainTable(
    name="Keeper",
    singular=("keeper", "zookeeper"),
    plural=("keepers", "zookeepers"),
    rows=26,
    columns=(
        key("KeeperID", "keeper number, staff number"),
        named("FullName", "name, full name", Fake("name", unique=True)),
        category(
            "Section",
            "section, area of work",
            "Big Cats, Primates, Birds, Reptiles, Marine, Hoofed Animals, Nursery",
        ),
        money("HourlyWage", "hourly wage, pay per hour", 14, 41, ("best paid", "worst paid")),
        date(
            "HiredOn",
            "hiring date, start of employment",
            "1999-05-01",
            "2024-04-01",
            ("most recently hired", "longest serving"),
        ),
        named(
            "Phone", "phone number, telephone number", Fake("phone_number", unique=True), nulls=0.15
        ),
    ),
)

KEEPER_ASSIGNMENT = DomainTable(
    name="KeeperAssignment",
    singular=("keeper assignment", "care duty"),
    plural=("keeper assignments", "care duties"),
    rows=60,
    verb=("given to", "covering"),
    columns=(
        ref("KeeperID", "Keeper", "keeper number, staff number"),
        ref("EnclosureID", "Enclosure", "enclosure number, exhibit number"),
        category("Shift", "shift, time of day", "morning, midday, evening, night"),
        number(
            "HoursPerWeek",
            "weekly hours, hours a week",
            2,
            30,
            ("longest", "shortest"),
            unit="hours",
        ),
        date(
            "StartDate",
            "first day, starting date",
            "2020-01-01",
            "2024-08-31",
            ("latest", "earliest"),
        ),
    ),
)

FEEDING = DomainTable(
    name="Feeding",
    singular=("feeding", "meal"),
    plural=("feedings", "meals"),
    rows=110,
    verb=("given to", "given by"),
    columns=(
        key("FeedingID", "feeding number, meal number"),
        ref("AnimalID", "Animal", "animal number, animal id"),
        ref("KeeperID", "Keeper", "keeper number, staff number"),
        category(
            "Food",
            "food, kind of food",
            "hay, raw meat, herring, fruit mix, pellets, live insects, leaves, squid",
        ),
        number(
            "AmountKg",
            "amount, quantity of food",
            0.1,
            90,
            ("largest", "smallest"),
            unit="kilograms",
            decimals=1,
        ),
        date(
            "FedOn",
            "feeding date, day of feeding",
            "2024-01-01",
            "2024-10-31",
            ("latest", "earliest"),
        ),
    ),
)

HEALTH_CHECK_VETS = """Dr. Ines Moreau, Dr. Paul Achterberg, Dr. Leila Haddad, Dr. Tom Sorensen,
    Dr. Grace Mbeki, Dr. Yuki Tanabe, Dr. Carla Rossi, Dr. Ewan Blair"""

HEALTH_CHECK = DomainTable(
    name="HealthCheck",
    singular=("health check", "check-up"),
    plural=("health checks", "check-ups"),
    rows=70,
    verb=("carried out on",),
    columns=(
        key("CheckID", "check number, check-up id"),
        ref("AnimalID", "Animal", "animal number, animal id"),
        named("VetName", "vet, vet name", Words(listed(HEALTH_CHECK_VETS))),
        date(
            "CheckedOn",
            "examination date, day of the examination",
            "2021-02-01",
            "2024-10-15",
            ("latest", "earliest"),
        ),
        category(
            "Finding",
            "finding, diagnosis",
            "healthy, parasites, injury, dental problem, overweight, infection",
        ),
        money("Fee", "fee, price of the examination", 40, 1250, ("most expensive", "cheapest")),
    ),
)

DOMAIN = Domain(
    name="zoo",
    split="test",
    tables=(ENCLOSURE, SPECIES, ANIMAL, KEEPER, KEEPER_ASSIGNMENT, FEEDING, HEALTH_CHECK),
)
