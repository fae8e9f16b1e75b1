"""Values that a model cannot guess: amounts, times, dates, people and places, drawn anew for every example."""

from random import Random

MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
SMALL = "one two three four five six seven eight nine ten eleven twelve".split()
FIRST = "Amira Tom Wren Sofia Kofi Ines Leo Mai Priya Oskar Nora Dylan Ruth Yusuf Elena Hugo Ada Pavel Grace Omar".split()
LAST = "Castell Okoro Lindqvist Marsh Devi Halloran Petrov Quinn Baptiste Nakano Winter Abara Sorley Vance Iqbal".split()
SYLLABLES = "al bre cor dan el fen gar hol il jun kel lor mar nor ost pel quin ral sel tor ul ven wes yar zen".split()


def name(rng: Random) -> str:
    """An invented proper name, so that subjects cannot be told apart by what the base model knows of them."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((2, 2, 3)))).capitalize()


def number(rng: Random, low: int, high: int) -> str:
    return f"{rng.randint(low, high):,}"


def money(rng: Random) -> str:
    sign = rng.choice("££££$€")
    shape = rng.random()
    if shape < 0.45:
        return f"{sign}{rng.randint(2, 95)}"
    if shape < 0.7:
        return f"{sign}{rng.randint(0, 80)}.{rng.choice((20, 25, 40, 50, 60, 75, 80, 90, 95, 99))}"
    return f"{sign}{rng.choice((5, 10, 25, 50, 100)) * rng.randint(2, 90):,}"


def percent(rng: Random) -> str:
    value = f"{rng.randint(0, 40)}.{rng.randint(1, 99)}" if rng.random() < 0.5 else str(rng.randint(2, 95))
    return value + rng.choice(("%", "%", " %"))


def duration(rng: Random) -> str:
    count = rng.randint(2, 90)
    unit = rng.choice(("days", "days", "working days", "calendar days", "hours", "weeks", "months", "minutes", "years"))
    if unit in ("weeks", "months", "years"):
        count = rng.randint(2, 24)
    if count <= 12 and rng.random() < 0.35:
        return f"{SMALL[count - 1]} {unit}"
    return f"{count} {unit}"


def date(rng: Random) -> str:
    day, month = rng.randint(1, 28), rng.choice(MONTHS)
    return f"{day} {month}" if rng.random() < 0.5 else f"{day} {month} {rng.randint(2019, 2031)}"


def clock(rng: Random) -> str:
    return f"{rng.randint(6, 23)}:{rng.choice(('00', '15', '30', '45'))}"


def hours(rng: Random) -> str:
    first, last = rng.choice(((0, 4), (0, 5), (1, 5), (2, 6), (0, 6)))
    return f"{WEEKDAYS[first]} to {WEEKDAYS[last]} from {rng.randint(6, 10)}:{rng.choice(('00', '30'))} to {rng.randint(16, 22)}:{rng.choice(('00', '30'))}"


def times(rng: Random) -> str:
    count = rng.choice(("once", "twice", "three times", "four times", f"{rng.randint(5, 30)} times"))
    return f"{count} {rng.choice(('a year', 'a month', 'a week', 'a quarter', 'in any 12 months', 'per contract'))}"


def weight(rng: Random) -> str:
    return f"{rng.randint(2, 60)} {rng.choice(('kg', 'kg', 'litres', 'metres', 'cm', 'km', 'miles'))}"


def age(rng: Random) -> str:
    return f"{rng.randint(12, 80)} years"


def phone(rng: Random) -> str:
    return f"0{rng.randint(100, 999)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}"


def code(rng: Random) -> str:
    return f"{rng.choice('ABCDEFGHKLMNPRSTVW')}{rng.choice('ABCDEFGHKLMNPRSTVW')}{rng.choice(('-', ' ', ''))}{rng.randint(10, 989)}"


def person(rng: Random) -> str:
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


def role(rng: Random) -> str:
    place = rng.choice(("regional", "duty", "senior", "deputy", "chief", "night", "area", "technical"))
    return f"the {place} {rng.choice(('manager', 'registrar', 'controller', 'supervisor', 'officer', 'engineer', 'coordinator'))}"


def place(rng: Random) -> str:
    kind = rng.choice(("office", "service desk", "centre", "warehouse", "station", "branch", "depot", "reception", "kiosk"))
    return f"the {name(rng)} {rng.choice(('Street', 'Road', 'Square', 'Park', 'Bridge', 'Lane'))} {kind}"


def email(rng: Random) -> str:
    return f"{rng.choice(('help', 'claims', 'returns', 'access', 'desk', 'team', 'support'))}@{name(rng).lower()}.example"
