"""The saga coordinator: an event-sourced coordinator of sagas over Kafka and Postgres. Public names are listed in `__all__`."""
