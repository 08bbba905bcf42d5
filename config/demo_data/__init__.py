"""The demo: a fictional firm and three engagements, made through the product's own flows."""
