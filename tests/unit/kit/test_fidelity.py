"""The fidelity table says what the tests show."""

from tests.fidelity import DOCUMENT, document


def test_the_table_is_made_from_the_tests() -> None:
    assert DOCUMENT.read_text() == document(), "make it again: python -m tests.fidelity"
