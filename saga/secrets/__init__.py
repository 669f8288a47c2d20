"""Where settings come from, how servers are logged in to, and how both change while a process runs. Shared by coordinator and services.

    sources    a variable, a file named by <VARIABLE>_FILE, or a file in a directory of secrets; where each value came from
    servers    the settings that a coordinator and a service have in common, and the logins that follow from them
    tls        certificates and keys, checked when they are read
    hosts      a DSN with several hosts: whoever answers first and takes writes
    renewal    SIGHUP: read again, take over what may change, keep the old where the new does not work

    environment ─┐
    *_FILE      ─┼─> settings (frozen) ──> PostgresLogin, KafkaLogin ──> pools, producer, consumer
    secrets dir ─┘        ^                                                    │ tried on a connection of its own first
                          └── SIGHUP: a new object, if every part took it <────┘

Precedence, first match: an option of the command line; the variable or its file (both at once is refused, because one of them is then
forgotten when it is rotated); the file in the directory; the default.

Why every variable may come from a file and not only passwords: the environment of a process never changes, so whatever shall be changed
by SIGHUP, the log level too, must stand in a file.

Why a new login is tried before the old one goes: a typing error in a password must cost a log line and not the service. Where a server
is away nothing can be tried; then the new login is taken, for the old one is of no more use there.

Why certificates are compared by content: whoever renews them writes the same file again.

Why TLS has no "if possible": a client that falls back to plain text can be made to fall back.
"""
