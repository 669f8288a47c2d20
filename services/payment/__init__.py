"""The payment service: holds money of an account, lets it go, captures it."""
