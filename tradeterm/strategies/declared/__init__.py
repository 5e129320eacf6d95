"""Strategies that are declared, not programmed: a specification file, checked, told in words, compiled and made a book.

spec        what a specification is
catalogue   the closed list of indicators
read        file or plain data → Spec, a sentence for every mistake
words       Spec → plain English
strategy    what trades it, registered as "declared"
book        Spec → the book of a configuration
"""
