"""Normalisations that rows and search values share.

Spec: https://hl7.org/fhir/R4/search.html#string
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver.search.keys import LONGEST_KEY_BYTES, fold, short_key, system_key


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        pytest.param("EVE", "eve", id="search.html#string/case"),
        pytest.param("Straße", "strasse", id="search.html#string/case-sharp-s"),
        pytest.param("Müller", "muller", id="search.html#string/composed-accent"),
        pytest.param("Mu\u0308ller", "muller", id="search.html#string/combining-accent"),
        pytest.param("İstanbul", "istanbul", id="search.html#string/case-adds-a-mark"),
        pytest.param("Łódź Ørsted", "lodz orsted", id="search.html#string/stroke"),
        pytest.param("Æsir", "aesir", id="search.html#string/ligature"),
        pytest.param("ﬁne Ⅳ", "fine iv", id="search.html#string/compatibility"),
        pytest.param("김철수", "김철수", id="search.html#string/hangul-stays-composed"),
        pytest.param("Smith-Jones", "smith jones", id="search.html#string/punctuation"),
        pytest.param("O'Brien", "obrien", id="search.html#string/apostrophe"),
        pytest.param("O’Brien", "obrien", id="search.html#string/typographic-apostrophe"),
        pytest.param(" 12,\tMain   St. ", "12 main st", id="search.html#string/whitespace"),
        pytest.param("a\u00adb\u200bc\0", "abc", id="search.html#string/invisible"),
        pytest.param("--", "--", id="punctuation-alone-is-kept"),
        pytest.param("'", "'", id="apostrophe-alone-is-kept"),
        pytest.param("\u200b", "", id="nothing-visible"),
        pytest.param("H₂O > 5", "h2o > 5", id="symbols-stay"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(), st.text())
def test_the_beginning_of_a_text_folds_to_the_beginning_of_its_fold(start: str, rest: str) -> None:
    """Cut at a word, where no mark or letter can belong to what follows."""
    if fold(start + " x") == fold(start) + " x":
        assert fold(f"{start} x{rest}").startswith(fold(start))


@pytest.mark.parametrize(
    "length", [pytest.param(n, id=str(n)) for n in (0, 250, 251, 1000, 1001, 100_000)]
)
@pytest.mark.parametrize("letter", ["a", "ä", "🙂"])
def test_short_key_fits_an_index_and_tells_texts_apart(letter: str, length: int) -> None:
    text = letter * length
    key = short_key(text)
    assert len(key.encode()) <= LONGEST_KEY_BYTES
    assert key == short_key(text)
    assert key != short_key(f"{text}x")
    if len(text.encode()) <= LONGEST_KEY_BYTES:
        assert key == text


def test_short_key_leaves_out_what_no_database_text_holds() -> None:
    assert short_key("a\0b") == "ab"


@given(st.text(min_size=1))
def test_system_key_is_a_signed_64_bit_number_other_than_zero(uri: str) -> None:
    key = system_key(uri)
    assert key != 0
    assert -(2**63) <= key < 2**63


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_system_has_key_zero(nothing: str | None) -> None:
    assert system_key(nothing) == 0
