"""The shipping service: buys labels from a carrier that is sometimes busy."""
