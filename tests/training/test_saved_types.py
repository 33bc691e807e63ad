"""The types of saved files have the fields that the tables check, no more and no fewer."""

import importlib.util

from zerone.base import saved_types
from zerone.training import fields, schema

MORE = {saved_types.Result, saved_types.SeedResult}
"""A result has more fields than are read again."""


def test_each_type_has_the_fields_of_its_table(monkeypatch):
    """The tables, also those inside of others, are those that a second copy of the module makes."""
    tables, plain = [], fields.Fields

    def noted(of, known):
        tables.append(plain(of, known))
        return tables[-1]

    monkeypatch.setattr(fields, "Fields", noted)
    spec = importlib.util.spec_from_file_location("schema_again", schema.__file__)
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)
    assert {again.CONFIG, again.SWEEP, again.RESULT, again.CHECKPOINT, again.BEST, again.LIVE} <= {*tables}
    tables = [each for each in tables if each.of.__module__ == saved_types.__name__]
    assert len({each.of for each in tables}) == len(tables) >= 15
    for table in tables:
        known, declared = set(table.known), set(table.of.__annotations__)
        assert known < declared if table.of in MORE else known == declared, table.of
