"""Questions that people ask about libraries, on documentation that is really there: READMEs of installed packages.

None of them is Fastify, Undici or Pino. `quote` finds the passage, `answer` says it in the passage's words.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    quote: str  # of the passage that answers
    answer: str  # without full stop
    questions: tuple[str, ...]


QUESTIONS: dict[str, tuple[Asked, ...]] = {
    "cookie/README.md": (
        Asked("Defaults to [`decodeURIComponent`]", "`decode` specifies the function to decode a cookie-value and defaults to `decodeURIComponent`", ("How are cookie values decoded unless I say otherwise?", "Can I plug in my own decoder when parsing a Cookie header?")),
        Asked("cookie.stringify({ a:", "Use `cookie.stringifyCookie(cookieObj, options)`, which stringifies a cookie object into an HTTP `Cookie` header", ("How do I build a Cookie header out of an object?", "I have the pairs a=foo and b=bar. Which call makes the request header?")),
        Asked("does not attempt to normalize or modify", "Cookie follows the specification and ignores invalid attributes, but does not attempt to normalize or modify any attributes as a browser might", ("What happens to invalid attributes of a Set-Cookie header?", "Does the parser fix up attributes the way a browser does?")),
        Asked("Specifies the `number` (in seconds)", "`maxAge` specifies the `number` (in seconds) to be the value for the `Max-Age` attribute", ("In what unit is maxAge?", "Is the lifetime of a cookie given in milliseconds?")),
        Asked("this a \"non-persistent cookie\"", "When no expiration is set, clients consider this a \"non-persistent cookie\" and delete it when the current session is over", ("My cookie is gone after the browser was closed. Why?", "How long does a cookie live if I give no expires?")),
        Asked("`maxAge` takes precedence", "If both `expires` and `maxAge` are set, then `maxAge` takes precedence", ("I set both expires and maxAge. Which one wins?", "Which has priority, expires or maxAge?")),
        Asked("apply to the current domain only", "When no domain is set, clients consider the cookie to apply to the current domain only", ("For which hosts is a cookie valid if I leave out the domain?", "What is used when there is no domain?")),
        Asked("considered the [\"default path\"]", "When no path is set, the path is considered the \"default path\"", ("Which path does a cookie get by default?",)),
        Asked("not allow client-side JavaScript", "Enable `httpOnly`: clients will not allow client-side JavaScript to see the cookie in `document.cookie`", ("How do I keep scripts in the page from reading my cookie?", "What does httpOnly protect against?", "My front-end code cannot see the session cookie. What causes that?")),
        Asked("if the browser has an HTTPS connection", "With `secure`, clients will only send the cookie back if the browser has an HTTPS connection", ("How can I make sure that a cookie never travels over plain HTTP?", "The cookie is not sent to my http:// dev server. Which option is to blame?")),
        Asked("current domain _and_ top-level domain", "`partitioned`: clients will only send the cookie back when the current domain and top-level domain matches", ("What does the partitioned option do?",)),
        Asked("the default priority when not set", "The default priority when not set is `Medium`", ("Which priority does a cookie have unless I set one?", "What are cookies' priorities by default?")),
        Asked("`None` for an explicit cross-site cookie", "`'none'` will set the `SameSite` attribute to `None` for an explicit cross-site cookie", ("I embed my app in another site and need the cookie there. What do I set for sameSite?", "Which sameSite value permits cross-site use?")),
        Asked("`true` will set the `SameSite`", "`true` will set the `SameSite` attribute to `Strict` for strict same site enforcement", ("What does sameSite: true mean?",)),
        Asked("wrapped in a `try..catch`", "The default `decode` function is `decodeURIComponent`, wrapped in a `try..catch`; if an error is thrown it will return the cookie's original value", ("What do I get for a cookie whose value cannot be decoded?", "Does a malformed percent sign in a cookie throw?")),
    ),
    "lru-cache/README.md": (
        Asked("At least one of 'max', 'ttl', or 'maxSize'", "At least one of 'max', 'ttl', or 'maxSize' is required, to prevent unsafe unbounded storage", ("Can I create the cache without any limit?", "Which options must I give at the least?")),
        Asked("storage is allocated for `max` items", "At initial object creation, storage is allocated for `max` items", ("When is memory reserved?", "Why does a cache with a huge max use memory before anything is stored?")),
        Asked("When `maxSize` is set, every item _must_ provide", "When `maxSize` is set, every item must provide a size, either via the `sizeCalculation` method or via a `size` or `sizeCalculation` option provided to `cache.set()`", ("I limit the total size. What does every entry need?", "How does the cache know how big an item is?")),
        Asked("_must_ be a positive", "The size of every item must be a positive integer", ("May an item have size 0?", "Can sizes be fractions?")),
        Asked("_not_ preemptively deleted", "Items are not preemptively deleted when they become stale, unless `ttlAutopurge` is enabled; they are only purged the next time the key is requested", ("My expired entries stay in memory. Why?", "When do outdated items go away?", "What makes the cache delete entries as soon as their time is up?")),
        Asked("a warning is printed to standard error", "A warning is printed to standard error", ("What happens if ttlAutopurge, max and maxSize are all missing?", "Will I be told when the cache can grow without bound?")),
        Asked("consider using a `Map` object", "Consider using a `Map` object, and calling `setTimeout` to delete entries when they expire; it will perform much better than an LRU cache", ("I only need expiry by time and no size limit. What is recommended?",)),
        Asked("This cache never stores undefined values", "This cache never stores undefined values", ("Can I store undefined?", "After setting a key to undefined, has() says false. Is that a bug?")),
        Asked("just\nan alias for `cache.delete(key)`", "`cache.set(key, undefined)` is just an alias for `cache.delete(key)`", ("What does set with an undefined value do?",)),
        Asked("use a sigil object", "An easy workaround is to use a sigil object of your own", ("How can I remember that a key's value is undefined?",)),
        Asked("Most methods can accept a `status` option", "Most methods can accept a `status` option, an `LRUCache.Status` object that will be decorated along the operation with indications about what was done and why", ("How can I find out why a get missed?", "Is there a way to see what an operation did?")),
        Asked("npm install lru-cache --save", "`npm install lru-cache --save`", ("How do I install it?",)),
    ),
    "p-queue/readme.md": (
        Asked("Concurrency limit.", "`concurrency` is the concurrency limit, with default `Infinity`", ("How many jobs run at once unless I set something?", "What bounds the number of tasks running in parallel?")),
        Asked("Per-operation timeout in milliseconds", "`timeout` is the per-operation timeout in milliseconds", ("How can I stop waiting for a task that takes too long?", "In what unit is a task's timeout?")),
        Asked("Whether or not a timeout is considered an exception", "`throwOnTimeout`: whether or not a timeout is considered an exception, `false` by default", ("A task timed out and nothing was thrown. Which option changes that?", "Does a timeout raise an error by default?")),
        Asked("auto-executed as soon as they're added", "`autoStart`, `true` by default: whether queue tasks within concurrency limit are auto-executed as soon as they're added", ("How do I create a queue that does not begin by itself?", "Do tasks start right when I add them?")),
        Asked("The max number of runs in the given interval", "`intervalCap` is the max number of runs in the given interval of time", ("I may call an API only ten times a minute. Which option caps that?", "How do I rate-limit tasks per interval?")),
        Asked("before the interval count resets", "`interval` is the length of time in milliseconds before the interval count resets", ("What does interval mean?", "Where do I set the window for the rate limit?")),
        Asked("carried over into the next interval", "With `carryoverConcurrencyCount` `true`, any pending promises should be carried over into the next interval and counted against the `intervalCap`", ("Tasks that are still running when the window ends are not counted. How do I count them?", "What does carryoverConcurrencyCount do?")),
        Asked("Operations with greater priority", "Operations with greater priority will be scheduled first", ("How do I let an urgent job go first?", "Does a larger priority number run earlier or later?")),
        Asked("Put queue execution on hold", "`.pause()` puts queue execution on hold", ("How can I halt the queue for a while?",)),
        Asked("guarantees that all work from the queue has finished", "`.onIdle` guarantees that all work from the queue has finished; `.onEmpty` merely signals that the queue is empty, but some promises may not have completed yet", ("What is the difference between onEmpty and onIdle?", "I awaited onEmpty and some jobs were still running. What should I use?")),
        Asked("Emitted as each item is processed", "The `active` event is emitted as each item is processed in the queue for the purpose of tracking progress", ("How can I show a progress counter?", "Which event tells me that an item is being worked on?")),
        Asked("Emitted every time a task is completed", "The `next` event is emitted every time a task is completed and the number of pending or queued tasks is decreased", ("Which event fires when a job has finished?",)),
        Asked("Size of the queue, filtered", "`.sizeBy(options)` gives the size of the queue, filtered by the given options", ("How many jobs with priority 0 are left? How do I ask?",)),
        Asked("Number of pending promises.", "`.pending` is the number of pending promises", ("How do I read how many jobs are running right now?",)),
    ),
    "find-my-way/README.md": (
        Asked("unless you specify the `onBadUrl` option", "By default `find-my-way` will invoke the `defaultRoute`, unless you specify the `onBadUrl` option", ("What happens with a badly formatted URL?", "How do I answer 400 for an undecodable path?")),
        Asked("Trailing slashes can be ignored", "Supply the `ignoreTrailingSlash` option", ("/foo works and /foo/ gives 404. How do I treat them alike?", "Which option makes a slash at the end irrelevant?")),
        Asked("Duplicate slashes can be ignored", "Duplicate slashes can be ignored by supplying the `ignoreDuplicateSlashes` option", ("Clients send //foo. How do I route that to /foo?",)),
        Asked("the default value is 100 characters", "Use the `maxParamLength` option; the default value is 100 characters", ("How long may a route parameter be?", "Long ids in my path give not found. Which limit is that?")),
        Asked("the default route will be invoked.*", "If the maximum length limit is reached, the default route will be invoked", ("What happens when a parameter is too long?",)),
        Asked("provide a custom `onMaxParamLength` handler", "You can provide a custom `onMaxParamLength` handler", ("How do I send 414 when a parameter is over the limit?",)),
        Asked("catastrophic exponential-time", "`find-my-way` will throw an error if it detects potentially catastrophic exponential-time regular expressions; to disable this behavior, pass the option `allowUnsafeRegex`", ("My regex route throws at registration. Why, and how can I allow it?", "Does the router guard against ReDoS?")),
        Asked("find-my-way is case sensitive by default", "find-my-way is case sensitive by default; you can disable this by setting the `caseSensitive` option to `false`", ("Are paths matched with upper and lower case kept apart?", "How do I make /Users and /users the same route?")),
        Asked("default query string parser", "The default query string parser is the fast-querystring module; pass the option `querystringParser` to use a custom one", ("How can I parse nested query strings with qs?", "Which module parses the query string?")),
        Asked("also used `;` as delimiter", "Add the `useSemicolonDelimiter` option to `true`", ("How do I get back the old behaviour where a semicolon starts the query?",)),
        Asked("compiles each method's tree", "Calling `compile()` once all routes are registered compiles each method's tree into generated JavaScript", ("How can I make route look-ups faster?", "What does compile() do?")),
        Asked("roughly\n1.5 to 3 times faster", "Lookups are roughly 1.5 to 3 times faster, most on static and short parametric routes", ("How much does compiling gain?",)),
        Asked("compiled again on their next lookup", "Routes can still be added or removed after `compile()`: the trees that changed are compiled again on their next lookup", ("May I register a route after I compiled the router?",)),
        Asked("If you never configure a versioned route", "If you never configure a versioned route, the `'Accept-Version'` header will be ignored", ("Is Accept-Version looked at when I have no versioned routes?",)),
        Asked("always choose the highest compatible", "`find-my-way` will always choose the highest compatible with the `Accept-Version` header value", ("I declared 1.2 and 1.3 and a client asks for 1.x. Which one answers?",)),
        Asked("use the *colon* before the parameter name", "Use the colon before the parameter name; for wildcard use the star", ("How do I write a route with a parameter?", "What is the syntax of a wildcard route?")),
        Asked("can be made optional if you add a question mark", "The last parameter can be made optional if you add a question mark (\"?\") at the end of the parameter's name", ("Can a parameter be left out of the URL?", "I want one route for /posts and /posts/1. How?")),
        Asked("1. static", "Static nodes are matched first, then a parametric node with static ending, parametric(regex)/multi-parametric, parametric, and wildcard last", ("In what order are routes tried?", "Does a wildcard win over a static route?")),
        Asked("use a double colon", "If you just want a path containing a colon without declaring a parameter, use a double colon", ("My path has a literal colon in it. How do I escape it?",)),
        Asked("all routes with identical path and method are deregistered", "If no constraint argument is passed, all routes with identical path and method are deregistered, regardless of whether a route has constraints or not", ("Which routes does off() remove when I give no constraints?",)),
        Asked("only unconstrained routes will be deleted", "If an empty object is passed, only unconstrained routes will be deleted", ("How do I remove just the route that has no constraints?",)),
    ),
    "prom-client/README.md": (
        Asked("respond to Prometheus's scrape requests", "Respond to Prometheus's scrape requests with the result of `await registry.metrics()`", ("How do I expose the metrics?", "What should my /metrics handler send?")),
        Asked("Custom metrics are summed across workers by default", "Custom metrics are summed across workers by default; set the `aggregator` property to one of 'sum', 'first', 'min', 'max', 'average' or 'omit'", ("How are my own metrics combined in a cluster?", "I want the maximum over all workers instead of the sum. What do I set?")),
        Asked("only\navailable on Linux", "Some of the metrics, concerning File Descriptors and Memory, are only available on Linux", ("Why are some default metrics missing on my Mac?", "Are all default metrics there on Windows?")),
        Asked("call `collectDefaultMetrics`", "To collect these, call `collectDefaultMetrics`", ("How do I get the standard process metrics?",)),
        Asked("Default buckets of GC duration histogram", "Default buckets of the GC duration histogram are `[0.001, 0.01, 0.1, 1, 2, 5]` (in seconds)", ("Which buckets does the garbage collection histogram have?",)),
        Asked("with sampling rate in milliseconds", "`eventLoopMonitoringPrecision` sets the sampling rate in milliseconds; the default is 10", ("How often is event loop lag sampled?", "Which option changes the precision of event loop monitoring?")),
        Asked("an optional prefix for metric names", "`prefix` is an optional prefix for metric names, with no prefix by default", ("How do I put my application's name in front of all default metrics?",)),
        Asked("Default metrics are collected on scrape", "Default metrics are collected on scrape of the metrics endpoint, not on an interval", ("When are default metrics updated?", "How frequently does it collect in the background?")),
        Asked("two mandatory parameters", "All metric types have two mandatory parameters: `name` and `help`", ("What must I give when I make a metric?", "Can I leave out the help text?")),
        Asked("you should not update", "You should not update metric values in a `setInterval` callback; do so in the `collect` function instead", ("Is it fine to set a gauge from a timer?", "Where do I put code that reads the current memory use for a gauge?")),
        Asked("Counters go up, and reset", "Counters go up, and reset when the process restarts", ("When does a counter go back to zero?", "Does a counter keep its value over a restart?")),
        Asked("a Gauge's value can be decreased", "Gauges are similar to Counters but a Gauge's value can be decreased", ("What is the difference between a gauge and a counter?", "I need a value that goes down as well. Which type do I take?")),
        Asked("should not use arrow functions for `collect`", "You should not use arrow functions for `collect` because arrow functions will not have the correct value for `this`", ("this is undefined in my collect callback. Why?",)),
        Asked("The default percentiles are", "The default percentiles are: 0.01, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999", ("Which quantiles does a summary compute unless I change them?",)),
        Asked("how old a bucket can be", "`maxAgeSeconds` tells how old a bucket can be before it is reset", ("What is maxAgeSeconds of a summary?", "How do I let a summary forget old values?")),
        Asked("if you don't want to export it when it is empty", "Set `pruneAgedBuckets` to `true` if you don't want to export it when it is empty", ("An idle summary still exports zeros. How do I avoid that?",)),
        Asked("needs to be declared here", "All label names that the metric supports need to be declared in `labelNames`", ("Where do I declare labels?", "I get an error about an unknown label. What did I forget?")),
        Asked("can not be exported before they have been observed", "Metrics with labels can not be exported before they have been observed at least once since the possible label values are not known before they're observed", ("My labelled histogram is missing until the first request. Why?",)),
        Asked("enforce label names using `as const`", "Typescript can enforce label names using `as const`", ("How do I get a compile error for a wrong label name?",)),
    ),
}

# Plausible, and not told by the passages about the library that are shown with them.
UNANSWERED: dict[str, tuple[str, ...]] = {
    "cookie/README.md": ("How do I sign a cookie?", "How many cookies may one domain have?", "How do I delete a cookie from the browser with this library?", "Is there a middleware for Express?", "What is the largest size of a cookie value?", "Which Node versions are supported?"),
    "lru-cache/README.md": ("How do I share the cache between worker threads?", "Can the cache be saved to Redis?", "What is the default ttl?", "Does it support wildcard deletion by prefix?", "How do I encrypt cached values?"),
    "p-queue/readme.md": ("How do I retry a failed task?", "Can the queue survive a restart of the process?", "How do I spread the queue over several machines?", "What is the largest number of queued tasks?", "How do I cancel one single task by its id?"),
    "find-my-way/README.md": ("How do I add middleware to a route?", "Does the router serve static files?", "How do I set a timeout for a handler?", "How many routes can I register at most?", "How do I enable CORS?", "Is there a websocket route type?"),
    "prom-client/README.md": ("How do I write metrics to InfluxDB?", "Which port does the metrics server listen on by default?", "How do I protect the metrics endpoint with a password?", "What is the largest number of labels?", "How do I send alerts?"),
}
