"""The sample of wrong formulas names lines that are there: `python tests/mutations.py` breaks them, which takes longer."""

import mutations
import pytest


@pytest.mark.parametrize("mutation", mutations.MUTATIONS, ids=lambda mutation: f"{mutation.file}: {mutation.before}")
def test_the_line_stands_once_and_its_tests_are_there(mutation):
    formula = (mutations.ROOT / "memory_model" / mutation.file).read_text(encoding="utf-8")
    assert formula.count(mutation.before) == 1 and mutation.before != mutation.after
    for name in mutation.tests.split():
        file, _, test = mutations.test_of(name).partition("::")
        assert f"def {test}" in (mutations.ROOT / file).read_text(encoding="utf-8")
