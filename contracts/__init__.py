"""The words that the four reference services speak: commands, replies and domain events as pydantic models.

    contracts/<participant>.py     what that participant is asked, what it answers, what it publishes
    contracts/values.py            values that several messages hold
    contracts/registry.py          every message by its type on the wire
    contracts/examples.py          one example of each; `python -m contracts.export` writes the folders below
    contracts/schemas/<type>.json  JSON Schema 2020-12 per message version: what a service in another language reads
    contracts/samples/<type>.json  one payload per message version, recorded once and decoded for ever

Nothing here imports anything of ours but `saga.messages`: a contract must not know who sends it or who keeps what where.

Within a major only optional fields are added (wire.md section 7). Anything else is a new class keyword `version=` and so a new
file in both folders; the old ones stay as long as a saga may hold the old message. A test fails when a schema and its file
differ, and when a sample no longer decodes.

Why samples besides schemas: a schema says what is legal today, a sample proves that what was once written is still read.

Anybody replaces this package by their own; the `saga` package never imports it.
"""
