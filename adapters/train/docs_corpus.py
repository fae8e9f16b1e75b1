"""Synthetic documentation of invented libraries: options, methods, errors, hooks, versions and behaviours.

Names and libraries are made up, so that nothing of Fastify, Undici or Pino is seen in training.
"""

from random import Random

import values
from facts import Fact, Section, capital

PRE = "max min allow disable enable use strict auto keep initial custom lazy force skip share trim pin merge warn".split()
MID = "Lease Shard Cursor Palette Sprite Replica Ticket Probe Glyph Ledger Quota Beacon Tile Vault Anchor Marker Patch Bucket Feed Ring Segment Slot Snapshot Topic Voucher Layer Mesh".split()
END = "Count Size Delay Mode Path Format Policy Interval Factory Depth Window Prefix Name Hint Ratio Age".split()
VERBS = "open close flush attach detach rotate resolve compile split fold drain seal mount probe replay rewind scale lift park trace".split()
EVENTS = "on before after pre".split()

# {d} what the option does, {n} a thing of the library. Each with questions that name the purpose and not the option.
PURPOSES = (
    ("limits how many {n}s may be open at once", ("Which option caps the number of open {n}s?", "How do I keep too many {n}s from being open?", "I want at most a few {n}s at the same time. What do I set?", "What restricts concurrent {n}s?")),
    ("sets the time in milliseconds before an idle {n} is closed", ("Which setting closes a {n} that nobody uses?", "How can I get rid of idle {n}s?", "Where is the idle time of a {n} set?", "What controls when an unused {n} goes away?")),
    ("turns off compression of {n}s", ("How do I send {n}s uncompressed?", "What disables compressing {n}s?", "Compression of {n}s is slow for me. How can I avoid it?")),
    ("decides whether {n}s survive a restart", ("Which option keeps {n}s across restarts?", "How do I make a {n} persistent?", "My {n}s are lost when the process restarts. What helps?")),
    ("names the header that carries the {n}", ("How do I choose the header for the {n}?", "Where do I set which header holds the {n}?", "What lets me rename the {n} header?")),
    ("is called for every {n} that fails", ("How can I react to a failing {n}?", "Where do I put a callback for broken {n}s?", "What is invoked when a {n} goes wrong?")),
    ("adds the {n} to each log line", ("How do I see the {n} in my logs?", "What puts the {n} into log output?", "Which option logs the {n}?")),
    ("rejects a {n} larger than this many bytes", ("How do I refuse huge {n}s?", "What is the guard against a big {n}?", "Which setting bounds the size of a {n}?")),
    ("makes {n} names case sensitive", ("How can I tell apart {n}s by upper and lower case?", "What makes matching of {n}s respect case?")),
    ("replaces the built-in {n} parser", ("How do I plug in my own parser for {n}s?", "What swaps the parser of {n}s?", "I wrote a {n} parser. Where does it go?")),
    ("retries a {n} when the connection was reset", ("How do I repeat a {n} after a reset connection?", "What makes a {n} try again?", "Is there something that retries {n}s?")),
    ("freezes the {n} after start", ("How can I make a {n} immutable once running?", "What prevents changes of the {n} after start-up?")),
    ("hides the listed fields of a {n} from output", ("How do I keep secrets of a {n} out of the output?", "What removes sensitive fields from a {n}?", "Which option masks fields of a {n}?")),
    ("gives each {n} an identifier of its own", ("How do {n}s get unique ids?", "What generates the id of a {n}?")),
    ("shares one {n} between all workers", ("How can workers use a common {n}?", "What avoids a {n} for every worker?")),
    ("trusts the {n} that a proxy sends", ("I run behind a proxy. How is its {n} accepted?", "What makes the library believe a proxy's {n}?")),
)

# Behaviours in prose. {f} {g} methods, {o} option, {e} error code, {h} hook, {n} noun, {L} library, {ver} version, {num} number.
BEHAVIOURS = (
    ("If `{f}()` is called twice on one {n}, it throws `{e}`.", ("What happens when I call {f} a second time?", "Can I call {f}() twice?", "Why do I get {e}?", "Which error does a repeated {f} give?")),
    ("Errors thrown inside `{h}` are passed to `{f}()`.", ("Where do errors of {h} end up?", "What handles an exception in {h}?", "My {h} throws. Who receives the error?")),
    ("{Ns} are processed in the order in which they were registered.", ("In what order do {n}s run?", "Does the order of {n}s matter?", "Which {n} is handled first?")),
    ("`{f}()` must be awaited before `{g}()` is used.", ("Do I have to wait for {f}?", "When may I use {g}?", "Why does {g} fail right after {f}?")),
    ("`{f}()` returns a promise that resolves to the number of {n}s.", ("What does {f} return?", "What do I get from {f}()?", "Is {f} asynchronous, and what is its result?")),
    ("A {n} that is not read to its end keeps its connection busy.", ("Why do my connections stay in use?", "What if I do not read a whole {n}?", "Do I need to consume the {n}?")),
    ("`{h}` is not executed for {n}s that were rejected.", ("Does {h} run for rejected {n}s?", "Why was my {h} not called?", "When is {h} skipped?")),
    ("`{f}()` was deprecated in v{ver} and removed in v{ver}.", ("Since when is {f} deprecated?", "Is {f}() still there?", "In which release did {f} disappear?", "Which version dropped {f}?")),
    ("Since v{ver}, `{f}()` accepts a list of {n}s.", ("From which version on can I give {f} several {n}s?", "When did {f} learn to take lists?", "Which release made {f} accept many {n}s?")),
    ("{L} {ver} needs Node.js {num} or newer.", ("Which Node.js do I need for {L} {ver2}?", "What runtime does {L} require?", "Does {L} work on an old Node.js?", "What is the oldest Node.js that {L} supports?")),
    ("The port is taken from the environment variable `{E}`.", ("How do I change the port without code?", "Which environment variable sets the port?", "Where does the port come from?")),
    ("`{e}` is sent with status code {status}.", ("What HTTP status goes with {e}?", "Which status code does {e} have?", "What does the client see for {e}?")),
    ("`{o}` and `{o2}` cannot be used together.", ("Can I combine {o} and {o2}?", "Why is {o} refused beside {o2}?", "Which option conflicts with {o}?", "What excludes {o2}?")),
    ("When `{o}` is `true`, each {n} is copied before it is changed.", ("What does {o} do when it is on?", "How does {o} treat a {n}?", "What changes if I set {o} to true?")),
    ("Setting `{o}` to `0` switches the limit off.", ("How do I get rid of the limit of {o}?", "What does zero mean for {o}?", "Can {o} be unlimited?", "What happens if {o} is 0?")),
    ("Plugins that use `{f}()` have to be registered before `{g}()`.", ("Why does my plugin come too late?", "When must a plugin with {f} be registered?", "What comes first, {f} or {g}?")),
    ("The {n} is passed as the {ordinal} argument of `{h}`.", ("Which argument of {h} is the {n}?", "How does {h} get the {n}?", "In what position does {h} receive the {n}?")),
    ("`{f}()` runs in a worker thread, so its options must be serializable.", ("Where does {f} run?", "Why can I not pass a function to {f}?", "What limits the options of {f}?")),
    ("After {num} failed attempts the {n} is marked as broken.", ("When is a {n} given up?", "How many failures does a {n} survive?", "After how many tries is a {n} broken?")),
    ("`{f}()` is an alias of `{g}()`.", ("What is the difference between {f} and {g}?", "Is there another name for {g}?", "What does {f} stand for?")),
    ("The `{n}` decorator is not available inside `{h}`.", ("Can I use the {n} decorator in {h}?", "Why is {n} undefined in {h}?", "Where is the {n} decorator missing?")),
    ("Type definitions for `{f}()` live in the package `@{lib}/types`.", ("Which package has the types of {f}?", "Where do I find type definitions?", "How do I get {f} typed?")),
    ("To test {n}s without a network, use `{f}()` from `{lib}/testing`.", ("How can I test {n}s offline?", "What is there for testing {n}s?", "Is there a fake for {n}s in tests?")),
    ("{L} does not validate {n}s unless `{o}` is set.", ("Are {n}s validated by default?", "How do I switch on validation of {n}s?", "What do I need for {n}s to be checked?")),
    ("The long-term support of {L} {ver} ends on {date}.", ("How long is {L} {ver2} maintained?", "When does support for my version of {L} end?", "Until when do I get fixes for {L}?")),
    ("Numbers beyond {big} are written as strings.", ("What happens to very large numbers?", "How are big integers written?", "From what value on do numbers become strings?")),
    ("`{h}` runs {before} `{h2}` and {before2} the {n} is sent.", ("When does {h} run?", "Is {h} earlier or later than {h2}?", "At what point is {h} called?")),
    ("A second `{f}()` with the same name replaces the first {n}.", ("What if two {n}s have one name?", "Does {f} overwrite an earlier {n}?", "Can I register a {n} twice?")),
)

FILLERS = (
    "See the examples folder for a complete program.", "Most applications never need to change this.", "The following section goes into more detail.", "Contributions to this page are welcome.", "Note that this is an advanced feature.", "This also works with TypeScript.",
    "It behaves the same on all platforms.", "Keep in mind that measuring comes before tuning.", "Refer to the guide for background.", "The names follow the conventions of the ecosystem.",
)
REFERENCE_SHARE = 0.5
FREE_SHARE = 0.35  # of facts that are told in free words
HEADINGS = ("Options", "Usage", "API", "Parameters", "Errors", "Hooks", "Notes", "Lifecycle", "Migration", "Examples", "Configuration", "Factory", "Return values", "Advanced", "Troubleshooting")


def _camel(parts: list[str]) -> str:
    text = "".join(part[0].upper() + part[1:] for part in parts)
    return text[0].lower() + text[1:]


class DocsWorld:
    """One invented library: its names last as long as a pack."""

    def __init__(self, rng: Random, free_share: float | None = None):
        self.rng = rng
        self.free_share = FREE_SHARE if free_share is None else free_share
        self.library = values.name(rng)
        self.nouns = rng.sample([noun.lower() for noun in MID], 6)
        self.options = [("option", self._option()) for _ in range(7)]
        self.methods = [("method", _camel([rng.choice(VERBS), rng.choice(MID)])) for _ in range(4)]
        self.errors = [("error", self._error()) for _ in range(4)]
        self.hooks = [_camel([rng.choice(EVENTS), rng.choice(MID)]) for _ in range(3)]
        self.purposes = dict(zip([name for _, name in self.options], rng.sample(PURPOSES, len(self.options))))
        self.docs = [rng.choice((self.library, f"{self.library} {capital(rng.choice(self.nouns))}", f"Class: {self.library}{rng.choice(MID)}", rng.choice(("Server", "Client", "Reference", "Guide", "API", "Transports", "Pooling", "Errors")))) for _ in range(2)]

    def _option(self) -> str:
        rng = self.rng
        shape = rng.random()
        if shape < 0.6:
            return _camel([rng.choice(PRE), rng.choice(MID), *([rng.choice(END)] if rng.random() < 0.4 else [])])
        return _camel([rng.choice(MID).lower(), rng.choice(END)])

    def _error(self) -> str:
        rng = self.rng
        return f"{self.library.upper()[:4]}_ERR_{rng.choice(MID).upper()}_{rng.choice(('TAKEN', 'CLOSED', 'MISSING', 'TOO_LARGE', 'INVALID', 'TIMEOUT', 'DUPLICATE', 'UNKNOWN', 'FROZEN'))}"

    def title(self) -> str:
        return self.rng.choice(self.docs)

    def themes(self) -> list:
        return [*self.options, *self.methods, *self.errors]

    def heading(self, theme) -> str:
        if self.rng.random() < 0.55:
            kind, name = theme
            return f"`{name}()`" if kind == "method" else self.rng.choice((f"`{name}`", name))
        return self.rng.choice(HEADINGS)

    def lead_in(self, theme) -> str:
        return self.rng.choice(("Options:", "Arguments:", "It takes an object with these properties:", f"`{theme[1]}`:", "Summary:"))

    def fillers(self) -> tuple[str, ...]:
        rng = self.rng
        option, method = rng.choice(self.options)[1], rng.choice(self.methods)[1]
        snippet = f"\n\n```js\nconst {rng.choice(self.nouns)} = {method}({{ {option}: {rng.choice((rng.randint(1, 500), 'true', 'false', chr(39) + rng.choice(self.nouns) + chr(39)))} }})\n```\n\n"
        return (*FILLERS, snippet, snippet, snippet)

    def _default(self) -> tuple[str, str]:
        """A type and a value of it."""
        rng = self.rng
        return rng.choice((
            ("number", str(rng.randint(0, 99))), ("number", f"{rng.randint(1, 600)}e3"), ("number", str(1024 * rng.randint(1, 64))), ("boolean", rng.choice(("true", "false"))), ("string", f"'{rng.choice(self.nouns)}'"),
            ("number | null", str(rng.randint(100, 90000))), ("string[]", "[]"), ("function", "undefined"), ("object", "{}"), ("boolean | object", "false"), ("string | Buffer", "null"), ("Array", f"['{rng.choice(self.nouns)}']"),
        ))

    def _asked(self, questions) -> tuple[str, ...]:
        """Half of the people type back quotes around names."""
        return tuple(capital(question.replace("`", "") if self.rng.random() < 0.5 else question) for question in questions)

    def draw_fact(self, theme, used: set, like: Fact | None = None) -> Fact | None:
        for _ in range(1 if like else 50):
            kind, name = theme
            if not like and self.rng.random() < self.free_share:
                fact = self._behaviour()
            elif kind == "option":
                fact = self._option_fact(name, like)
            elif kind == "method":
                fact = self._method_fact(name, like)
            else:
                fact = self._error_fact(name, like)
            if fact and fact.key not in used:
                used.add(fact.key)
                return fact
        return None

    def layout(self, section: Section, theme, used: set) -> bool:
        """Option by option, in the ways in which reference pages are written."""
        rng = self.rng
        if theme[0] != "option" or rng.random() > REFERENCE_SHARE:
            return False
        style = rng.choice(("dash", "heading", "plus"))
        names = [theme[1], *(name for _, name in rng.sample(self.options, rng.randint(0, 2)) if name != theme[1])]
        entries = []
        for name in names:
            if any((name, attribute) in used for attribute in ("default", "type", "purpose")):
                continue
            type_name, value = self._default()
            what, asked = self.purposes[name]
            noun = rng.choice(self.nouns)
            what = what.replace("{n}", noun)
            note = rng.choice(("", f" {self._behaviour().sentence}"))
            if style == "dash":
                entries.append(f"* **{name}** `{type_name}` (optional) - Default: `{value}` - {capital(what)}.{note}")
            elif style == "heading":
                entries.append(f"#### `{name}` ({capital(type_name)})\n\nDefault: `{value}`\n\n{capital(what)}.{note}")
            else:
                entries.append(f"### `{name}`\n\n+ Type: `{type_name}`\n+ Default: `{value}`\n\n{capital(what)}.{note}")
            told = {
                "default": (f"Default of `{name}`: `{value}`", self.default_questions(name), "And its default?"),
                "type": (f"Type of `{name}`: `{type_name}`", self.type_questions(name), "And what type is it?"),
                "purpose": (f"`{name}` {what}", (*(q.replace("{n}", noun) for q in asked), *self.purpose_questions(name)), "And what is it for?"),
            }
            for attribute, (answer, questions, follow_up) in told.items():
                fact = Fact((name, attribute), f"{answer}.", self._asked(questions), None, follow_up)
                used.add(fact.key)
                section.facts.append(fact)
                section.answers[fact.key] = answer
        section.text = ("\n" if style == "dash" else "\n\n").join(entries)
        return bool(entries)

    @staticmethod
    def default_questions(name: str) -> tuple[str, ...]:
        return (
            f"What is the default of `{name}`?", f"What value does `{name}` take when I do not set it?", f"If I leave out `{name}`, what is used?", f"Which default has `{name}`?", f"What does `{name}` default to?",
            f"What is `{name}` set to out of the box?", f"`{name}` default value?", f"Do I have to set `{name}`, or is there a default?", f"What will `{name}` be unless I change it?",
        )

    @staticmethod
    def type_questions(name: str) -> tuple[str, ...]:
        return (f"What type is `{name}`?", f"What kind of value does `{name}` expect?", f"Which type must `{name}` have?", f"What can I pass as `{name}`?", f"Is `{name}` a string or something else?")

    @staticmethod
    def purpose_questions(name: str) -> tuple[str, ...]:
        return (f"What is `{name}` for?", f"What does `{name}` do?", f"Why would I use `{name}`?")

    def _option_fact(self, name: str, like: Fact | None) -> Fact | None:
        rng = self.rng
        attribute = like.key[1] if like else rng.choice(("default", "default", "type", "purpose", "purpose", "unit", "since", "deprecated", "bounds", "environment", "flag"))
        type_name, value = self._default()
        ver, ver2 = f"{rng.randint(1, 12)}.{rng.randint(0, 30)}.0", f"{rng.randint(13, 20)}"
        if attribute == "default":
            sentence = rng.choice((f"`{name}` defaults to `{value}`.", f"The default of `{name}` is `{value}`.", f"By default, `{name}` is `{value}`.", f"`{name}` (default: `{value}`).", f"If `{name}` is not given, `{value}` is used.", f"**{name}** `{type_name}` (optional) - Default: `{value}`."))
            questions = self.default_questions(name)
            row = (rng.choice((f"Default of `{name}`", f"`{name}` (default)")), f"`{value}`")
            follow_up = "And its default?"
        elif attribute == "type":
            sentence = rng.choice((f"`{name}` is of type `{type_name}`.", f"`{name}` must be a `{type_name}`.", f"**{name}** `{type_name}` (required)."))
            questions = self.type_questions(name)
            row = (f"Type of `{name}`", f"`{type_name}`")
            follow_up = "And what type is it?"
        elif attribute == "purpose":
            what, asked = self.purposes[name]
            noun = self.nouns[len(name) % len(self.nouns)]
            sentence = f"`{name}` {what}.".replace("{n}", noun)
            questions = (*(question.replace("{n}", noun) for question in asked), *self.purpose_questions(name))
            row = (f"`{name}`", what.replace("{n}", noun))
            follow_up = "And what is it for?"
        elif attribute == "unit":
            unit = rng.choice(("milliseconds", "seconds", "bytes", "kibibytes", "entries", "percent"))
            sentence = rng.choice((f"`{name}` is given in {unit}.", f"The value of `{name}` is measured in {unit}."))
            questions = (f"In what unit is `{name}`?", f"Does `{name}` count bytes or time?", f"What is the unit of `{name}`?", f"How is `{name}` measured?")
            row = (f"Unit of `{name}`", unit)
            follow_up = "And in what unit?"
        elif attribute == "since":
            sentence = rng.choice((f"`{name}` was added in v{ver}.", f"`{name}` is available since version {ver}.", f"`{name}` came with v{ver}."))
            questions = (f"Since which version is there `{name}`?", f"When was `{name}` introduced?", f"Which release brought `{name}`?", f"Do I have `{name}` in my old version?", f"In what version did `{name}` appear?")
            row = (f"`{name}` added in", f"v{ver}")
            follow_up = "And since when does it exist?"
        elif attribute == "deprecated":
            sentence = rng.choice((f"`{name}` is deprecated since v{ver} and goes away in v{ver2}.", f"`{name}` will be removed in v{ver2}; it was deprecated in v{ver}.", f"Do not use `{name}` after v{ver}, where it became obsolete."))
            questions = (f"Is `{name}` deprecated?", f"Should I still use `{name}`?", f"What is the future of `{name}`?", f"When does `{name}` go away?")
            row = None
            follow_up = "And is it deprecated?"
        elif attribute == "bounds":
            low, high = rng.randint(0, 9), rng.randint(10, 5000)
            sentence = rng.choice((f"`{name}` must lie between {low} and {high}.", f"The largest value of `{name}` is {high}.", f"Values of `{name}` below {low} are refused."))
            questions = (f"What range may `{name}` have?", f"How large or small can `{name}` be?", f"Which values of `{name}` are accepted?", f"What are the bounds of `{name}`?")
            row = None
            follow_up = "And which values are allowed?"
        elif attribute == "environment":
            variable = f"{self.library.upper()}_{name.upper()}"
            sentence = rng.choice((f"`{name}` can be overridden by the environment variable `{variable}`.", f"The environment variable `{variable}` takes precedence over `{name}`."))
            questions = (f"Which environment variable sets `{name}`?", f"How do I set `{name}` from the environment?", f"Can `{name}` be configured without code?")
            row = (f"Environment variable of `{name}`", f"`{variable}`")
            follow_up = "And how do I set it from the environment?"
        elif attribute == "flag":
            flag = f"--{name.lower()}"
            sentence = rng.choice((f"On the command line, `{name}` is `{flag}`.", f"Use `{flag}` to set `{name}` in a terminal."))
            questions = (f"What is the command line flag for `{name}`?", f"How do I pass `{name}` in a terminal?", f"Which switch sets `{name}`?")
            row = (f"Flag of `{name}`", f"`{flag}`")
            follow_up = "And on the command line?"
        else:
            return None
        return Fact((name, attribute), sentence, self._asked(questions), row, follow_up)

    def _method_fact(self, name: str, like: Fact | None) -> Fact | None:
        rng = self.rng
        attribute = like.key[1] if like else rng.choice(("returns", "throws", "arguments", "purpose", "when"))
        noun, error, hook = rng.choice(self.nouns), rng.choice(self.errors)[1], rng.choice(self.hooks)
        if attribute == "returns":
            result = rng.choice((f"a `Promise` of the {noun}", f"the {noun} itself, so that calls can be chained", "`true` if anything was changed", f"a `Map` of all {noun}s", f"an async iterator over {noun}s", "`undefined`", f"the number of closed {noun}s", "a `Readable` stream"))
            sentence = rng.choice((f"`{name}()` returns {result}.", f"The return value of `{name}()` is {result}.", f"`{name}()` gives back {result}."))
            questions = (f"What does `{name}()` return?", f"What do I get back from `{name}`?", f"What is the result of `{name}()`?", f"What comes out of `{name}`?")
            follow_up = "And what does it return?"
        elif attribute == "throws":
            sentence = rng.choice((f"`{name}()` throws `{error}` if the {noun} is unknown.", f"`{name}()` fails with `{error}` when the {noun} is closed.", f"Calling `{name}()` after start throws `{error}`."))
            questions = (f"Which error does `{name}()` throw?", f"How can `{name}` fail?", f"When does `{name}()` throw?", f"What goes wrong with `{name}`?")
            follow_up = "And which error can it throw?"
        elif attribute == "arguments":
            sentence = rng.choice((f"`{name}()` takes the {noun} and an optional callback.", f"The first argument of `{name}()` is the name of the {noun}.", f"`{name}()` accepts a {noun} or a list of them.", f"`{name}()` is called with an options object and the {noun}."))
            questions = (f"What arguments does `{name}()` take?", f"How do I call `{name}`?", f"What do I pass to `{name}()`?", f"What is the signature of `{name}`?")
            follow_up = "And what arguments does it take?"
        elif attribute == "purpose":
            deed = rng.choice((f"closes every {noun} and waits for those in use", f"writes the {noun} to disk at once", f"copies a {noun} without its children", f"checks whether a {noun} is still alive", f"registers a {noun} under a name", f"prints all {noun}s as a tree", f"moves a {noun} to another worker", f"forgets a cached {noun}"))
            sentence = f"`{name}()` {deed}."
            questions = (f"What does `{name}()` do?", f"What is `{name}` good for?", f"What happens when I call `{name}()`?", f"Which method {deed}?", f"When would I call `{name}`?")
            follow_up = "And what does it do?"
        elif attribute == "when":
            sentence = rng.choice((f"`{name}()` may be called only inside `{hook}`.", f"`{name}()` has to be called before the first {noun} is opened.", f"`{name}()` is called by itself when the process ends."))
            questions = (f"When may I call `{name}()`?", f"At what moment is `{name}` called?", f"Where can `{name}()` be used?")
            follow_up = "And when may it be called?"
        else:
            return None
        return Fact((name, attribute), sentence, self._asked(questions), None, follow_up)

    def _error_fact(self, name: str, like: Fact | None) -> Fact | None:
        rng = self.rng
        attribute = like.key[1] if like else rng.choice(("meaning", "meaning", "status", "remedy"))
        noun, option = rng.choice(self.nouns), rng.choice(self.options)[1]
        if attribute == "meaning":
            cause = rng.choice((f"the {noun} was closed while in use", f"two {noun}s have the same name", f"the {noun} is larger than the limit", f"no {noun} was found", f"the value of `{option}` is not allowed", f"a {noun} was changed after start", f"the {noun} did not answer in time", f"the callback was called twice"))
            sentence = rng.choice((f"`{name}` means that {cause}.", f"`{name}` is thrown when {cause}.", f"You see `{name}` if {cause}."))
            questions = (f"What does `{name}` mean?", f"When is `{name}` thrown?", f"I get {name}. What is wrong?", f"What causes `{name}`?", f"Why do I see {name}?")
            row, follow_up = (f"`{name}`", capital(cause)), "And what does it mean?"
        elif attribute == "status":
            status = rng.choice((400, 404, 405, 408, 409, 410, 413, 414, 415, 422, 425, 429, 500, 501, 503))
            sentence = rng.choice((f"`{name}` has status code {status}.", f"For `{name}` the client gets status {status}."))
            questions = (f"What status code has `{name}`?", f"Which HTTP status does {name} lead to?", f"What does the client get for `{name}`?")
            row, follow_up = (f"Status of `{name}`", str(status)), "And its status code?"
        elif attribute == "remedy":
            cure = rng.choice((f"raise `{option}`", f"close the {noun} first", f"give the {noun} another name", f"set `{option}` to `false`", f"await the {noun} before you go on", f"register the {noun} earlier"))
            sentence = rng.choice((f"To solve `{name}`, {cure}.", f"`{name}` goes away if you {cure}.", f"The remedy for `{name}` is to {cure}."))
            questions = (f"How do I fix `{name}`?", f"What helps against {name}?", f"How can I avoid `{name}`?", f"What is the remedy for {name}?")
            row, follow_up = (f"Remedy for `{name}`", capital(cure)), "And how do I fix it?"
        else:
            return None
        return Fact((name, attribute), sentence, self._asked(questions), row, follow_up)

    def _behaviour(self) -> Fact:
        rng = self.rng
        index = rng.randrange(len(BEHAVIOURS))
        sentence, questions = BEHAVIOURS[index]
        first, second = rng.sample(self.methods, 2)
        option, other = rng.sample(self.options, 2)
        hook, hook2 = rng.sample(self.hooks, 2)
        noun = rng.choice(self.nouns)
        major = str(rng.randint(2, 19))
        slots = {
            "f": first[1], "g": second[1], "o": option[1], "o2": other[1], "h": hook, "h2": hook2, "e": rng.choice(self.errors)[1], "n": noun, "Ns": capital(noun) + "s", "L": self.library, "lib": self.library.lower(), "ver2": major, "num": str(rng.choice((3, 5, 14, 16, 18, 20, 22, 24))),
            "E": f"{self.library.upper()}_{noun.upper()}_PORT", "status": str(rng.choice((400, 404, 409, 413, 415, 422, 503))), "ordinal": rng.choice(("first", "second", "third", "last")), "date": values.date(rng), "big": str(rng.randint(10, 900) * 1000), "before": rng.choice(("before", "after")), "before2": rng.choice(("before", "after")),
        }
        told = sentence
        if "{ver}" in told:
            told = told.replace("{ver}", f"{major}.{rng.randint(0, 20)}" if rng.random() < 0.6 else major, 1).replace("{ver}", str(int(major) + 1))
        for slot, value in slots.items():
            told = told.replace("{" + slot + "}", value)
        asked = []
        for question in questions:
            question = question.replace("{ver2}", major)
            for slot, value in slots.items():
                question = question.replace("{" + slot + "}", value)
            asked.append(question)
        return Fact((f"behaviour {index}", "behaviour"), told, tuple(asked))
