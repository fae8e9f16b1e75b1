"""Synthetic policy documents of many trades (never banking) and the questions that customers ask about them."""

from random import Random

import values
from facts import Fact, Section, bare, capital
from support_frames import FRAMES
from support_vocabulary import ATTRIBUTES, TRADES, Trade

# {s} the subject, {S} the same as a sentence begins, {b} without article, {a} the attribute, {x} the value.
NOUN_SENTENCES = {
    "money": ("The {a} for {s} is {x}.", "{S} carries a {a} of {x}.", "The {a} on {s} comes to {x}.", "For {s}, the {a} is {x}.", "We charge a {a} of {x} for {s}.", "{S} is subject to a {a} of {x}, payable in advance.", "With {s} there is a {a} of {x}."),
    "percent": ("The {a} for {s} is {x}.", "{S} has a {a} of {x}.", "For {s}, the {a} stands at {x}.", "The {a} on {s} was set at {x}.", "{S} comes with a {a} of {x}."),
    "duration": ("The {a} for {s} is {x}.", "{S} has a {a} of {x}.", "The {a} of {s} lasts {x}.", "For {s}, the {a} is {x} and cannot be extended.", "{S} comes with a {a} of {x}.", "Allow a {a} of {x} for {s}."),
    "count": ("The {a} for {s} is {x}.", "{S} has a {a} of {x}.", "For {s}, the {a} is {x}.", "The {a} of {s} was raised to {x}."),
    "weight": ("The {a} for {s} is {x}.", "{S} has a {a} of {x}.", "For {s}, the {a} is {x}."),
    "age": ("The {a} for {s} is {x}.", "For {s}, the {a} is {x}.", "{S} has a {a} of {x}."),
    "date": ("The {a} for {s} is {x}.", "For {s}, the {a} falls on {x}.", "The {a} of {s} is {x}."),
    "clock": ("The {a} for {s} is {x}.", "For {s}, the {a} is {x}.", "{S} has a {a} of {x}."),
    "hours": ("The {a} for {s} are {x}.", "For {s}, the {a} are {x}."),
    "role": ("The {a} for {s} is {x}.", "For {s}, the {a} is {x}."),
    "person": ("The {a} for {s} is {x}.", "{x} is the {a} for {s}."),
    "place": ("The {a} for {s} is {x}.", "For {s}, the {a} is {x}."),
    "phone": ("The {a} for {s} is {x}.", "For {s}, the {a} is {x}."),
    "email": ("The {a} for {s} is {x}.", "For {s}, the {a} is {x}."),
    "code": ("The {a} for {s} is {x}.", "{S} falls under {a} {x}.", "{S} is governed by {a} {x}."),
}
NOUN_QUESTIONS = {
    "any": ("What is the {a} for {s}?", "What is the {a} of {s}?", "What {a} applies to {s}?", "{S}: what is the {a}?", "Could you tell me the {a} for {s}?", "I need to know the {a} for {s}.", "Which {a} goes with {s}?", "My question is about {s}. What is the {a}?", "{a} for {s}?", "Do you know the {a} on {s}?", "When it comes to {s}, what is the {a}?"),
    "money": ("How much is the {a} for {s}?", "How high is the {a} on {s}?", "What does the {a} for {s} come to?", "What would I pay as {a} with {s}?", "Is there a {a} on {s}, and how much is it?", "I am thinking about {s}. How big is the {a}?"),
    "percent": ("How high is the {a} for {s}?", "What percentage is the {a} on {s}?", "How big is the {a} with {s}?", "At what level is the {a} for {s} set?"),
    "duration": ("How long is the {a} for {s}?", "How long does the {a} of {s} last?", "How many days or months is the {a} for {s}?", "I have {s}. How long is my {a}?", "What length of {a} do I get with {s}?"),
    "count": ("How high is the {a} for {s}?", "What is the figure for the {a} with {s}?", "How large is the {a} for {s}?"),
    "weight": ("How much is the {a} for {s}?", "What {a} should I keep to with {s}?"),
    "age": ("How old must I be: what is the {a} for {s}?", "Is there a {a} for {s}?"),
    "date": ("When is the {a} for {s}?", "On which date is the {a} of {s}?", "What date is given as {a} for {s}?"),
    "clock": ("At what time is the {a} for {s}?", "When exactly is the {a} for {s}?"),
    "hours": ("What are the {a} for {s}?", "When are the {a} for {s}?"),
    "role": ("Who is the {a} for {s}?", "Who acts as {a} for {s}?"),
    "person": ("Who is the {a} for {s}?", "What is the name of the {a} for {s}?"),
    "place": ("Where is the {a} for {s}?", "Where do I find the {a} for {s}?"),
    "phone": ("What number is the {a} for {s}?", "Which {a} do I call about {s}?"),
    "email": ("Where do I write: what is the {a} for {s}?", "What e-mail is the {a} for {s}?"),
    "code": ("Under which {a} does {s} fall?", "Which {a} covers {s}?"),
}

CHANNELS = ("in the app under {N} › Settings", "online through the {N} portal", "only in person at {place}", "by calling {phone}", "by e-mail to {email}", "with form {c}", "at any {N} kiosk", "by letter to {place}", "through the chat on weekdays before {clock}")
CONSEQUENCES = ("the request lapses and has to be made again", "a reminder costs {money}", "the place goes to the next person on the list", "we close the case after {duration}", "the deposit is kept", "the rate rises by {percent}", "the matter passes to {role}", "access is suspended for {duration}", "the contract is extended by {duration}")

# What can be said about doing something: sentences, questions, follow-up, row label. {v} infinitive, {g} gerund.
ACTION_KINDS = {
    "cost": (
        ("{G} costs {money}.", "There is a charge of {money} for {g}.", "The price of {g} is {money}.", "Customers pay {money} to {v}.", "To {v}, you pay {money} in advance.", "A flat amount of {money} is due for {g}."),
        ("How much does it cost to {v}?", "What is the price of {g}?", "What do you charge for {g}?", "What will I pay to {v}?", "I want to {v}. How much is that?", "Is {g} expensive?", "What does {g} cost?", "How much money do I need to {v}?"),
        "And what does that cost?", "Charge for {g}", "{money}",
    ),
    "time": (
        ("{G} takes {duration}.", "It takes up to {duration} to {v}.", "Allow {duration} for {g}.", "Requests to {v} are dealt with within {duration}.", "{G} is completed after {duration}."),
        ("How long does {g} take?", "How long will it take to {v}?", "How quickly can I {v}?", "What is the waiting time for {g}?", "I asked to {v}. When will it be done?", "How much time should I allow for {g}?", "How soon is {g} completed?"),
        "And how long does it take?", "Time for {g}", "{duration}",
    ),
    "channel": (
        ("You can {v} {channel}.", "{G} is done {channel}.", "Customers {v} {channel}.", "To {v}, contact us {channel}."),
        ("How do I {v}?", "Where can I {v}?", "What is the way to {v}?", "I would like to {v}. How is that done?", "Can you explain how to {v}?", "Which channel is there for {g}?", "What steps do I take to {v}?"),
        "And how do I do that?", None, "",
    ),
    "paper": (
        ("To {v}, you need {paper}.", "{G} requires {paper}.", "Please have {paper} ready to {v}.", "We ask for {paper} before {g}.", "{G} is possible only with {paper}."),
        ("What do I need to {v}?", "Which document is needed for {g}?", "What should I bring to {v}?", "What proof do you ask for when I {v}?", "What is required for {g}?", "Which papers does {g} call for?"),
        "And what do I need for it?", "Needed for {g}", "{paper}",
    ),
    "who": (
        ("Only {role} may approve {g}.", "{G} must be approved by {role}.", "Permission to {v} is given by {role}.", "{role} decides about {g}."),
        ("Who approves {g}?", "Who gives permission to {v}?", "Whose approval is needed to {v}?", "Who decides about {g}?", "Who has to agree before I {v}?"),
        "And who approves it?", "Approval of {g}", "{role}",
    ),
    "limit": (
        ("You may {v} up to {times}.", "{G} is limited to {times}.", "Customers can {v} no more than {times}.", "{G} is allowed {times}."),
        ("How often can I {v}?", "How many times may I {v}?", "Is there a limit on {g}?", "What is the maximum for {g}?", "Can I {v} as often as I like?", "How frequently is {g} allowed?"),
        "And how often may I do it?", "Limit on {g}", "{times}",
    ),
    "deadline": (
        ("You have {duration} to {v}.", "{G} is possible until {date}.", "Customers must {v} within {duration} of the first letter.", "The last day to {v} is {date}.", "{G} has to be done at least {duration} beforehand."),
        ("By when must I {v}?", "Until when can I {v}?", "What is the deadline for {g}?", "How much time do I have to {v}?", "What is the last moment to {v}?", "Is it too late to {v}?"),
        "And until when is that possible?", "Deadline for {g}", "{duration}",
    ),
    "free": (
        ("{G} is free for {group}.", "There is no charge for {g} for {group}.", "{group} can {v} without paying.", "We waive the charge for {g} for {group}."),
        ("Who can {v} free of charge?", "When is {g} free?", "Does anyone get {g} for nothing?", "Is there an exemption from the charge for {g}?", "Who does not have to pay for {g}?"),
        "And who gets it free?", "Free {g}", "{group}",
    ),
    "exclusion": (
        ("{group} cannot {v}.", "{G} is not possible for {group}.", "We do not allow {group} to {v}.", "{G} is ruled out for {group}."),
        ("Who cannot {v}?", "Is anyone excluded from {g}?", "For whom is {g} not possible?", "Are there people who may not {v}?"),
        "And who is excluded?", None, "",
    ),
    "consequence": (
        ("If you {v} too late, {consequence}.", "If {g} fails, {consequence}.", "After {g} without notice, {consequence}.", "Where someone does not {v} in time, {consequence}."),
        ("What happens if I {v} too late?", "What are the consequences when {g} goes wrong?", "What if I do not {v} in time?", "What do I risk over {g}?"),
        "And what happens if I am late?", None, "",
    ),
    "where": (
        ("{G} takes place at {place}.", "You can {v} at {place}.", "The place for {g} is {place}."),
        ("Where do I go to {v}?", "At which place can I {v}?", "Which location handles {g}?", "Where does {g} take place?"),
        "And where is that?", "Place for {g}", "{place}",
    ),
    "minimum": (
        ("You must be at least {age} old to {v}.", "{G} is open to people aged {age} or over.", "Nobody under {age} may {v}."),
        ("How old do I have to be to {v}?", "From what age can I {v}?", "Is there an age limit for {g}?", "Can a teenager {v}?"),
        "And from what age?", "Age for {g}", "from {age}",
    ),
}

FREE_SHARE = 0.4  # of facts that are told in free words
MATRIX_SHARE = 0.14
TWO_SIDED_KINDS = ("money", "percent", "duration")
KIND_OF = {attribute: kind for kind, attributes in ATTRIBUTES.items() for attribute in attributes}
# Kinds whose questions the other's sentence could answer: never both about one action.
CLASHES = {"channel": ("where",), "where": ("channel",), "exclusion": ("minimum",), "minimum": ("exclusion",), "free": ("cost",), "cost": ("free",)}

# Conditions with two values, asked one side at a time.
TWO_SIDED = (
    ("The {a} for {s} is {x}, but {y} for {group}.", "For {group} the {a} of {s} is {y} instead of {x}.", "{S} has a {a} of {x}; {group} get {y}."),
    ("What is the {a} of {s} for {group}?", "Which {a} do {group} get with {s}?", "How does the {a} for {s} change for {group}?", "I belong to {group}. What is my {a} on {s}?"),
)

FILLERS = (
    "We review this page regularly and publish changes on our website.", "Please read this section together with the general terms.", "Our staff are glad to help with any question.", "The aim is to be fair to everyone who uses the service.",
    "Keep a copy of your confirmation for your records.", "Some services depend on the season and on local rules.", "This part applies to private customers and to organisations alike.", "We write to you before anything important changes.",
    "Ask a member of the team if anything is unclear.", "Nothing here limits your rights under the law.", "Details may differ from one site to another.", "We know that this can be a stressful time.",
)
HEADINGS = ("Overview", "Charges", "Conditions", "How it works", "What you need", "Exceptions", "Limits and deadlines", "Before you start", "Good to know", "Who to contact", "Rules in detail", "Frequently asked", "Changes and cancellations", "Rights and duties")


def _fill(template: str, rng: Random) -> str:
    """Values inside a template, each drawn anew."""
    draws = {
        "N": values.name, "c": values.code, "money": values.money, "duration": values.duration, "percent": values.percent, "place": values.place, "phone": values.phone,
        "email": values.email, "code": values.code, "weight": values.weight, "weekday": lambda r: r.choice(values.WEEKDAYS), "count": lambda r: values.number(r, 3, 900),
        "times2": lambda r: r.choice(("twice", "three times", "four times")), "clock": values.clock, "role": values.role, "times": values.times, "date": values.date, "age": values.age,
    }
    for slot, draw in draws.items():
        while "{" + slot + "}" in template:
            template = template.replace("{" + slot + "}", draw(rng), 1)
    return template


class SupportWorld:
    """One organisation of one trade: its subjects have names for as long as a pack lasts."""

    def __init__(self, rng: Random, free_share: float | None = None):
        self.rng = rng
        self.free_share = FREE_SHARE if free_share is None else free_share
        trade = rng.randrange(len(TRADES))
        self.trade: Trade = TRADES[trade]
        self.frames = FRAMES[trade]
        self.subjects = [subject.replace("{n}", values.name(rng)) for subject in self.trade.subjects]
        self.org = values.name(rng)

    def title(self) -> str:
        doc = self.rng.choice(self.trade.docs)
        return f"{self.org} {doc[0].lower()}{doc[1:]}" if self.rng.random() < 0.2 else doc

    def noun_fact(self, subject: str, used: set, like: Fact | None) -> Fact | None:
        rng = self.rng
        attribute = like.key[1] if like else rng.choice(ATTRIBUTES[rng.choice(list(ATTRIBUTES))])
        kind = KIND_OF[attribute]
        if (subject, attribute) in used:
            return None
        if kind in TWO_SIDED_KINDS and rng.random() < 0.2:
            return self._two_sided(subject, attribute)
        return self._noun(subject, attribute)

    def _draw(self, attribute: str) -> str:
        kind = KIND_OF[attribute]
        return values.number(self.rng, 2, 900) if kind == "count" else getattr(values, kind)(self.rng)

    def _two_sided(self, subject: str, attribute: str) -> Fact:
        sentences, asked = TWO_SIDED
        slots = {"s": subject, "S": capital(subject), "a": attribute, "x": self._draw(attribute), "y": self._draw(attribute), "group": self.group()}
        return Fact((subject, attribute), capital(self.rng.choice(sentences).format(**slots)), tuple(capital(q.format(**slots)) for q in asked))

    def _noun(self, subject: str, attribute: str) -> Fact:
        rng, kind, value = self.rng, KIND_OF[attribute], self._draw(attribute)
        slots = {"s": subject, "S": capital(subject), "a": attribute, "x": value}
        sentence = capital(rng.choice(NOUN_SENTENCES[kind]).format(**slots))
        pool = [*NOUN_QUESTIONS[kind], *NOUN_QUESTIONS[kind], *NOUN_QUESTIONS["any"]] if kind != "hours" else NOUN_QUESTIONS[kind]
        questions = tuple(capital(question.format(**slots)) for question in pool)
        follow_up = rng.choice(("And the {a}?", "What about the {a}?", "And what is the {a}?")).format(a=attribute)
        return Fact((subject, attribute), sentence, questions, (capital(attribute), value), follow_up)

    def action_fact(self, action: tuple[str, str], used: set, like: Fact | None) -> Fact | None:
        rng = self.rng
        kind = like.key[1] if like else rng.choice(list(ACTION_KINDS))
        if any((action[0], other) in used for other in (kind, *CLASHES.get(kind, ()))):
            return None
        sentences, questions, follow_up, label, value = ACTION_KINDS[kind]
        inner = {
            "{channel}": lambda: rng.choice(CHANNELS), "{consequence}": lambda: rng.choice(CONSEQUENCES), "{paper}": lambda: rng.choice(self.trade.papers), "{group}": self.group,
        }

        def fill(template: str) -> str:
            for slot, draw in inner.items():
                if slot in template:
                    template = template.replace(slot, draw())
            template = template.replace("{v}", action[0]).replace("{g}", action[1]).replace("{G}", capital(action[1]))
            return _fill(template, rng)

        row = (capital(fill(label)), fill(value)) if label else None
        return Fact((action[0], kind), capital(fill(rng.choice(sentences))), tuple(capital(fill(q)) for q in questions), row, follow_up)

    def group(self) -> str:
        return self.rng.choice(self.trade.groups).replace("{n}", self.org)

    def frame_fact(self, used: set) -> Fact | None:
        sentence, questions = self.rng.choice(self.frames)
        key = (questions[0], "frame")
        return None if key in used else Fact(key, _fill(sentence, self.rng), questions)

    def draw_fact(self, theme, used: set, like: Fact | None = None) -> Fact | None:
        """A fact about the theme, which is a subject or an action; `like` another of the same kind, if that is still free."""
        for _ in range(1 if like else 50):
            if not like and self.rng.random() < self.free_share:
                fact = self.frame_fact(used)
            elif isinstance(theme, tuple):
                fact = self.action_fact(theme, used, like if like and like.key[1] in ACTION_KINDS else None)
            else:
                fact = self.noun_fact(theme, used, like if like and like.key[1] in KIND_OF else None)
            if fact:
                used.add(fact.key)
                return fact
        return None

    def themes(self) -> list:
        return [*self.subjects, *self.trade.actions]

    def heading(self, theme) -> str:
        rng = self.rng
        if rng.random() < 0.55:
            return capital(theme[1] if isinstance(theme, tuple) else bare(theme))
        return rng.choice(HEADINGS)

    def fillers(self) -> tuple[str, ...]:
        return FILLERS

    def layout(self, section: Section, theme, used: set) -> bool:
        """Now and then a table with a row for each subject and a column for each attribute."""
        rng = self.rng
        if rng.random() > MATRIX_SHARE:
            return False
        subjects = rng.sample(self.subjects, rng.randint(2, 4))
        attributes = rng.sample([a for kind in ("money", "percent", "duration", "count", "weight") for a in ATTRIBUTES[kind]], rng.choice((1, 2, 2, 3)))
        if any((subject, attribute) in used for subject in subjects for attribute in attributes):
            return False
        lines = [f"| {rng.choice(('', 'Product', 'For', 'Kind'))} | {' | '.join(capital(a) for a in attributes)} |", "| --- |" + " --- |" * len(attributes)]
        for subject in subjects:
            cells = []
            for attribute in attributes:
                fact = self._noun(subject, attribute)
                cells.append(fact.row[1])
                used.add(fact.key)
                section.facts.append(fact)
                section.answers[fact.key] = f"{capital(bare(subject))}, {attribute}: {fact.row[1]}"
            lines.append(f"| {capital(bare(subject))} | {' | '.join(cells)} |")
        before, after = (f"{rng.choice(FILLERS)}\n\n" if rng.random() < 0.4 else "" for _ in range(2))
        extra = self.draw_fact(theme, used)
        section.facts.append(extra)
        section.answers[extra.key] = extra.sentence[:-1]
        section.text = before + "\n".join(lines) + f"\n\n{extra.sentence} {after}".rstrip()
        return True

    def lead_in(self, theme) -> str:
        about = theme[1] if isinstance(theme, tuple) else theme
        return self.rng.choice(("The following applies to {t}:", "Key figures for {t}:", "{T} at a glance:", "What to know about {t}:")).format(t=about, T=capital(about))
