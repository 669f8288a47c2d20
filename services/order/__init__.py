"""The order service: takes orders, accepts or rejects them, confirms those that were shipped. It owns the saga (fulfilment.py)."""
