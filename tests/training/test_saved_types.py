"""The types of saved files have the fields that the tables check, no more and no fewer."""

import gc

from zerone.base import saved_types
from zerone.training import schema
from zerone.training.fields import Fields

MORE = {saved_types.Result, saved_types.SeedResult}
"""A result has more fields than are read again."""


def test_each_type_has_the_fields_of_its_table():
    # By type, not by `isinstance`, which would ask a weak reference for its object, and that may be gone.
    found = [each for each in gc.get_objects() if type(each) is Fields]
    tables = [each for each in found if each.of.__module__ == saved_types.__name__]
    assert {schema.CONFIG, schema.SWEEP, schema.RESULT, schema.CHECKPOINT, schema.BEST, schema.LIVE} <= {*tables}
    assert len({each.of for each in tables}) == len(tables) >= 15
    for table in tables:
        known, declared = set(table.known), set(table.of.__annotations__)
        assert known < declared if table.of in MORE else known == declared, table.of
