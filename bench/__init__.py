"""What is measured, and against what: `make bench` prints a table and writes var/bench/results.json.

A speed says nothing about another machine; so every measure that matters is a ratio of two sides measured in
turns in the same run, or a count. Nothing here is a test: tests assert counts and never times.
"""
