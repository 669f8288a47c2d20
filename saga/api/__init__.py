"""REST v1: people and programs ask and act over HTTP. Translates between HTTP and `runtime.operations`, decides nothing itself.

    request ─> admitting (who, and may they: saga.access)
      ─> reading (bytes, depth, strict JSON) ─> asking (bounds) ─> Operations ─> views (listed fields) ─> answer
                  └────────────┴── wrong ──> problems (RFC 9457: code, and a pointer at what is wrong) <── refused

    sagas     start, list, show, events, as of version N         acts     cancel, retry, skip
    catalog   definitions, diagrams, acts on all their sagas     probes   livez, readyz, metrics
    records   dead letters and held records: look, redrive, discard, try now

Conventions:
  - `Idempotency-Key` is required on a start. The same key and body again: 201 and the same answer. Another body: 422. The header's
    internet draft has expired; this paragraph is what we mean by it. On acts it is optional and makes a repetition change nothing.
  - The ETag of a saga is its version. `If-Match` on an act is the expected version: another one is a 412, and nothing happens.
  - Lists go by keyset: `next` of a page is the cursor of the one after it, also in `Link: rel=next`.
  - An act on many records takes two calls: without `confirm` it counts and gives a word; with it, it acts on that many, or on none.
  - An act whose definition version is not loaded here is answered 202: a replica that has it will decide it.

What fails: the database away is a 503 with Retry-After; a commit without an answer is a 503 too, and the same request with the same key
finds out. A bug is a 500 without internals. Anything a client can send wrong is a 4xx that points at it, never a 500.

Why our own reading of bodies: `json.loads` takes two equal keys, NaN and integers that other readers turn into floats; what two readers
understand differently must not get in, and a body without bounds is memory without bounds (hazards A4, P14).

Why 404 for what is another tenant's: a 403 would say that it exists. What a principal's roles do not reach is a 404 too.

Why the gate stands in the route class and not in a middleware: only there the operation is known, and a route that is not of the class
fails a test. It asks before the body is read. A new route has one line in saga.access.rules, takes `Who` (or `By` for an act), and hands
the principal's tenant on.

Why /livez, /readyz, /metrics and /openapi.json are open: those who look after a process have no key of its users. They say nothing of any
saga; keep the port away from strangers all the same.

Why a problem for readiness: what is wrong must be readable by the person who got the alarm, by part, without another tool.

The document `contracts/openapi.json` is written by `python -m saga.api.export`; a test compares it with the routes, so no route is
undocumented. There are no documentation pages: they load scripts from elsewhere.
"""
