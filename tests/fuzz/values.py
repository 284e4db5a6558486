"""Values that the fuzzers are made of: JSON, deep JSON, text with what is special in it."""

from __future__ import annotations

import json

from hypothesis import strategies as st

#: Text with what begins another line, header, reference or escape.
SPECIAL = st.sampled_from(
    [
        *(
            "\r\n",
            "\n",
            "\0",
            "\x1b[2J",
            "\t",
            " ",
            "",
            "\u2028",
            "\ud7ff",
            "é",
            "😀",
            ":",
            "/",
            "\\",
        ),
        *("$", "${", "}", "#", "{{", "%", "&", "*a", "<<", "__class__", "$.", "../", "'", '"'),
        *("-1", "1e999", "NaN", "null", "true", "0", "9" * 40),
    ]
)
WORDS = st.one_of(SPECIAL, st.text(max_size=20))
TEXT = st.lists(WORDS, max_size=6).map("".join)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT, st.just("x" * 5000)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(WORDS, TEXT), inner, max_size=4)
    ),
    max_leaves=12,
)
DEPTHS = st.sampled_from([1, 10, 99, 101, 253, 255, 1023, 1025, 3000, 100_000])
_OPEN = {"[": "]", '{"a":': "}"}
#: JSON texts: of values, deep ones, and what is none.
JSON_TEXTS = st.one_of(
    JSON.map(json.dumps),
    st.builds(
        lambda depth, one: one * depth + "1" + _OPEN[one] * depth, DEPTHS, st.sampled_from([*_OPEN])
    ),
    st.builds(lambda depth, one: one * depth, DEPTHS, st.sampled_from([*_OPEN])),
    TEXT,
)
