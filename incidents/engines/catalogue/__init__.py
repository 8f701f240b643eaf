"""The rule catalogue: knowledge of the field, a line of sense each. The first rule that fits decides, so order is meaning.

Guards come first: what must not be answered with a change at all. Then what a change cures, the narrower case before the
wider one. Then what can wait for working hours, and last, by category, why a person has to look.
"""
