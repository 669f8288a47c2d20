"""The desk over REST: `Operations` for whoever is not on the machine by the database. The CLI uses it when SAGA_URL is set.

    RemoteDesk (desk) ─> Asking (tries, waits, time-outs) ─> HTTP ─> a replica's REST ─> the same Operations over there
                      <─ answers (JSON back to rows and views, problems back to errors)
    address      where the replica is and which key opens it, from SAGA_URL, SAGA_API_KEY and SAGA_API_KEY_FILE
    routes       method of Operations -> operationId, method and path: a test holds it against the application

What fails: every problem (RFC 9457) becomes the error that the desk on the machine raises, so exit codes and texts are the same. Nobody
answering is Unavailable. A request that may have been carried out, and whose answer never came, is UnknownOutcome.

Why every request may be repeated: questions change nothing, and every start and act carries an Idempotency-Key that is made once, before
the first try. So a lost connection, a 502 to 504 and a 503 with Retry-After are tried again, three times in all, with the same key.

Why the answers are read with the models of `saga.api.views`: the shape is then written once. Fields that a newer replica adds are
ignored; a field that is missing is said to be another release.

Why redirects are not followed: the bearer key would be sent to wherever they point.

What REST does not tell is not invented: the body of a dead letter (blank bytes of its size stand for it), the request of a pause.
"""
