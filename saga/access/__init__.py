"""Access: who asks, and whether they may. REST asks this room before it reads a body; the CLI on the database makes keys with it.

    Authorization: Bearer ─┬─ sk_….secret ─> keys (only a hash is stored) ─┐
                           └─ a.b.c ──────> tokens (keys from jwks) ───────┴─> Principal ─> RULES[operationId] ─> in, 401, 403, 404

    principal.py  a principal, its tenant, its roles by definition      rules.py  the one table: what each operation needs
    keys.py       making, writing and reading API keys; pure            rate.py   requests a second of one principal
    tokens.py     JWT: what must hold of one; pure                      jwks.py   an issuer's public keys, kept fresh
    actor.py      who acts where nobody is asked who they are
    gate.py       all of it in order                                    ledger.py keys and audit for people: add, rotate, verify

Rules of the room:
- Denied is what is not allowed: an operation that has no line in RULES is refused to everybody, and a test fails.
- One tenant a principal. What is another tenant's, or of a definition that the principal may not see, does not exist: 404, never 403.
- A token's header chooses nothing. The algorithms are the issuer's, the keys are those of its configured set, and `kid` is only a name in
  it. A token that brings keys or addresses (jwk, jku, x5u, x5c) is refused, not only not followed.
- Nothing of a credential is logged, answered or stored: of an API key SHA-256 of its secret.

What fails: the key server is away: the last good set holds for `keep_for`, then tokens get a 503, because nobody knows. Postgres is away:
keys get a 503, those seen in the last seconds go on. A revoked key is refused within KEEP seconds (gate.py) at every replica.

Why SHA-256 and no slow hash: the secret is 256 random bits, not a word that somebody chose; there is nothing to guess.

Why both credentials come as `Bearer`: one header to send, to hide and to strip in a proxy. A key has one dot, a token two.

Why starts are not in the audit: a start is the sender's, not an operator's, and stands in its saga's stream; the audit would grow with
every order. Denied starts are. Requests without a valid credential are not either: whoever has none could fill the disk.

Why the actor of a request is its principal: a header can say anything. `X-Actor` is believed only in insecure mode, where everybody may
do everything anyway.
"""
