"""A chain of bakeries: shops, bakers, recipes, ingredients and what was sold."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Domain, DomainTable, Fake
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    flag,
    key,
    money,
    named,
    number,
    ref,
    repeated,
    year,
)

SHOP_NAMES = """The Copper Oven, Morning Crust, Flour & Salt, Three Sheaves, Old Mill Bakehouse,
    Golden Crumb, Harbour Street Bakery, The Proving Room, Sunday Loaf, Brick Lane Bakes,
    Wheatfield Corner, The Rolling Pin, Daily Rise, Station Road Bakery, The Honey Bun,
    Stone & Grain, Little Brioche, The Warm Basket, Maple Lane Bakery, Crust & Co,
    The Sugar Shelf, Hilltop Hearth"""
PRODUCT_NAMES = """Country Sourdough, Seeded Rye, Olive Focaccia, Butter Croissant,
    Almond Croissant, Cinnamon Knot, Lemon Drizzle Slice, Carrot Cake, Chocolate Eclair,
    Custard Tart, Apple Turnover, Cherry Danish, Pretzel Bun, Ham and Cheese Roll, Spinach Pasty,
    Sausage Roll, Walnut Loaf, Spelt Bloomer, Potato Bread, Milk Roll, Brioche Bun, Raisin Scone,
    Cheese Scone, Ginger Biscuit, Oat Cookie, Hazelnut Brownie, Blueberry Muffin, Banana Bread,
    Poppy Seed Strudel, Plum Crumble, Coffee Walnut Cake, Pistachio Financier, Rosemary Ciabatta,
    Baguette Tradition, Corn Bread"""
INGREDIENT_NAMES = """strong white flour, wholemeal flour, rye flour, spelt flour, cane sugar,
    brown sugar, icing sugar, sea salt, unsalted butter, whole milk, double cream,
    free-range eggs, fresh yeast, baking powder, vanilla extract, dark chocolate, cocoa powder,
    ground almonds, walnuts, hazelnuts, raisins, dried cherries, cinnamon, cardamom, olive oil,
    sunflower seeds, poppy seeds, lemon zest, honey, oat flakes"""
TOWNS = """Ashford, Brindleton, Carrow, Dunmere, Eastleigh, Fallbrook, Granton, Hartwell,
    Inverlea, Kelsey"""
SUPPLIERS = """Millstone Grains, Dairy Union, Sweet Harvest, Nordsee Salt, Orchard Brothers,
    Golden Hen Farm, Cocoa Traders, Field and Seed, Spice Harbour, Alpine Dairies"""

DOMAIN = Domain(
    name="bakery",
    split="train",
    tables=(
        DomainTable(
            name="shops",
            singular=("shop", "bakery", "branch"),
            plural=("shops", "bakeries", "branches"),
            rows=22,
            columns=(
                key("shop_id", "shop number, shop code"),
                named("shop_name", "name, shop name", SHOP_NAMES),
                repeated("town", "town, city", TOWNS),
                year(
                    "opened_in", "opening year, year of opening", 1931, 2023, ("newest", "oldest")
                ),
                number("seats", "number of seats, seating", 0, 48, ("most spacious", "smallest")),
                money("monthly_rent", "rent, rent per month", 850, 6400, ("priciest", "cheapest")),
                flag("has_parking", "customer parking, parking space"),
            ),
        ),
        DomainTable(
            name="bakers",
            singular=("baker", "member of the baking staff"),
            plural=("bakers", "members of the baking staff"),
            rows=60,
            verb=("working at",),
            columns=(
                key("baker_id", "baker number, staff number"),
                named("full_name", "name, full name", Fake("name")),
                category(
                    "speciality",
                    "specialty, main craft",
                    "bread, viennoiserie, cakes, biscuits, savoury, decoration",
                ),
                category("shift", "working shift, shift time", "early, day, late, night"),
                money("hourly_wage", "wage, pay per hour", 11.5, 26, ("best paid", "worst paid")),
                date(
                    "hired_on",
                    "hiring date, start date",
                    "2009-03-01",
                    "2024-05-30",
                    ("newest", "longest-serving"),
                ),
                named("phone", "phone number, telephone", Fake("phone_number"), nulls=0.2),
                ref("shop_id", "shops", "shop, workplace"),
            ),
        ),
        DomainTable(
            name="products",
            singular=("product", "baked good"),
            plural=("products", "baked goods"),
            rows=35,
            columns=(
                key("product_id", "product number, article number"),
                named("title", "name, product name", PRODUCT_NAMES),
                category(
                    "kind",
                    "type, product type",
                    "bread, roll, pastry, cake, biscuit, savoury snack",
                ),
                money(
                    "price", "unit price, selling price", 0.9, 24, ("most expensive", "cheapest")
                ),
                number("weight_g", "weight, weight in grams", 45, 1400, ("heaviest", "lightest")),
                number("bake_minutes", "baking time, time in the oven", 9, 65, unit="minutes"),
                number("shelf_days", "shelf life, keeping time", 1, 14, unit="days", nulls=0.15),
                flag("vegan", "vegan mark, suitability for vegans"),
            ),
        ),
        DomainTable(
            name="ingredients",
            singular=("ingredient", "raw material"),
            plural=("ingredients", "raw materials"),
            rows=30,
            columns=(
                key("ingredient_id", "ingredient number, ingredient code"),
                named("ingredient", "name, ingredient name", INGREDIENT_NAMES),
                repeated("supplier", "supplier name, supplying firm", SUPPLIERS),
                category(
                    "allergen",
                    "declared allergen, allergen warning",
                    "gluten, milk, egg, nuts, sesame, sulphites",
                    nulls=0.35,
                ),
                money("cost_per_kg", "cost, price per kilogram", 0.6, 42, ("dearest", "cheapest")),
                number("stock_kg", "stock, amount in stock", 0, 320, unit="kilograms", decimals=1),
                date("best_before", "best-before date, expiry date", "2024-06-10", "2025-09-30"),
            ),
        ),
        DomainTable(
            name="product_ingredients",
            singular=("recipe line", "use of an ingredient"),
            plural=("recipe lines", "uses of ingredients"),
            rows=115,
            verb=("for", "using"),
            columns=(
                ref("product_id", "products", "product, baked good"),
                ref("ingredient_id", "ingredients", "ingredient, raw material"),
                number("grams", "quantity used, amount in grams", 2, 650, ("largest", "smallest")),
                category("stage", "recipe step, mixing stage", "dough, filling, glaze, topping"),
            ),
        ),
        DomainTable(
            name="sales",
            singular=("sale", "purchase"),
            plural=("sales", "purchases"),
            rows=120,
            verb=("made at", "of"),
            columns=(
                key("sale_id", "sale number, receipt number"),
                ref("shop_id", "shops", "shop, branch"),
                ref("product_id", "products", "product, item"),
                date(
                    "sold_on",
                    "sale date, day of sale",
                    "2023-01-02",
                    "2024-05-31",
                    ("latest", "earliest"),
                ),
                number("quantity", "quantity sold, units sold", 1, 60, ("largest", "smallest")),
                category("payment", "payment method, way of paying", "cash, card, phone, voucher"),
                money("discount", "reduction, price reduction", 0.2, 6, nulls=0.4),
            ),
        ),
    ),
)
