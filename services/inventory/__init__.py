"""The inventory service: reserves pieces for an order, releases them, lets them leave the house."""
