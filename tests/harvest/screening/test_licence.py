from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vidal.harvest.screening.licence import CHARACTERS, allowed, normalise

FREESOUND = {
    "http://creativecommons.org/publicdomain/zero/1.0/": "CC0-1.0",
    "https://creativecommons.org/licenses/by/4.0/": "CC-BY-4.0",
    "http://creativecommons.org/licenses/by/3.0/": "CC-BY-3.0",
    "https://creativecommons.org/licenses/by-nc/4.0/": "CC-BY-NC-4.0",
    "http://creativecommons.org/licenses/by-nc/3.0/": "CC-BY-NC-3.0",
    "http://creativecommons.org/licenses/sampling+/1.0/": "LicenseRef-http-creativecommons-org-licenses-sampling-1-0",
    "Attribution": "CC-BY",
    "Attribution NonCommercial": "CC-BY-NC",
    "Attribution Noncommercial": "CC-BY-NC",
    "Creative Commons 0": "CC0-1.0",
    "Sampling+": "LicenseRef-sampling",
}
PEERTUBE = {
    "Attribution": "CC-BY",
    "Attribution - Share Alike": "CC-BY-SA",
    "Attribution - No Derivatives": "CC-BY-ND",
    "Attribution - Non Commercial": "CC-BY-NC",
    "Attribution - Non Commercial - Share Alike": "CC-BY-NC-SA",
    "Attribution - Non Commercial - No Derivatives": "CC-BY-NC-ND",
    "Public Domain Dedication": "CC0-1.0",
    "Unknown": None,
}
YOUTUBE = {
    "Creative Commons Attribution license (reuse allowed)": "CC-BY",
    "Creative Commons Attribution licence (reuse allowed)": "CC-BY",
    "Standard YouTube License": "LicenseRef-standard-youtube-license",
}
WIKIMEDIA = {
    "CC BY-SA 4.0": "CC-BY-SA-4.0",
    "CC BY 2.0": "CC-BY-2.0",
    "CC BY-SA 3.0 de": "CC-BY-SA-3.0",
    "CC BY-SA 3.0 igo": "CC-BY-SA-3.0",
    "Creative Commons Attribution-Share Alike 4.0 International": "CC-BY-SA-4.0",
    "Creative Commons Attribution-ShareAlike 3.0 Unported": "CC-BY-SA-3.0",
    "Creative Commons Zero, Public Domain Dedication": "CC0-1.0",
    "CC0": "CC0-1.0",
    "CC0 1.0 Universal": "CC0-1.0",
    "CC-PD-Mark": "LicenseRef-cc-pd-mark",
    "Public Domain Mark 1.0": "CC-PDM-1.0",
    "https://creativecommons.org/publicdomain/mark/1.0/": "CC-PDM-1.0",
    "Public domain": "LicenseRef-public-domain",
    "GFDL": "LicenseRef-gfdl",
    "https://creativecommons.org/licenses/by-sa/3.0/de/legalcode": "CC-BY-SA-3.0",
    "https://creativecommons.org/licenses/by-nc-nd/4.0/deed.en": "CC-BY-NC-ND-4.0",
}
SPDX = {
    name: name
    for name in (
        "CC0-1.0", "CC-PDM-1.0", "CC-BY-1.0", "CC-BY-2.5", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-ND-4.0", "CC-BY-NC-4.0",
        "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0",
    )
} | {"CC-BY-3.0-DE": "CC-BY-3.0", "CC-BY-2.5-AU": "CC-BY-2.5", "CC-BY-SA-3.0-IGO": "CC-BY-SA-3.0"}  # fmt: skip
CODES = {
    "CC BY 4": "CC-BY-4.0",
    "by": "CC-BY",
    "by-nc-sa": "CC-BY-NC-SA",
    "cc-by": "CC-BY",
    "cc_by_sa": "CC-BY-SA",
    "CCBY": "LicenseRef-ccby",
}
UNCLEAR = {
    "CC BY or CC BY-NC": None,
    "CC BY 3.0, CC BY 4.0": None,
    "https://creativecommons.org/licenses/by/4.0/ and https://creativecommons.org/licenses/by-nc/4.0/": None,
    "https://evilcreativecommons.org/licenses/by/4.0/": None,
    "https://creativecommons.org/licenses/nc-sa/1.0/": None,
    "https://creativecommons.org/licenses/by-nd-sa/4.0/": None,
    "attribution, no derivatives, share alike": None,
    "All rights reserved": None,
    "No attribution needed": None,
    "Sound by Anna": None,
    "CC0-2.0": None,
}
UNSTATED = (None, "", "  ", "none", "N/A", "null", "not specified", "Unspecified", "no licence", "---", "LicenseRef-")


@pytest.mark.parametrize(
    ("stated", "known"),
    [*(pair for site in (FREESOUND, PEERTUBE, YOUTUBE, WIKIMEDIA, SPDX, CODES) for pair in site.items())],
)
def test_what_sites_state(stated, known):
    assert normalise(stated) == known
    assert normalise(f"  {(stated or '').upper()}\n") == (known if known is None else normalise(known))


@pytest.mark.parametrize("stated", UNCLEAR)
def test_what_may_be_another_licence_is_a_name_of_its_own(stated):
    assert normalise(stated).startswith("LicenseRef-")


@pytest.mark.parametrize("stated", UNSTATED)
def test_what_states_nothing(stated):
    assert normalise(stated) is None


WORDS = [
    "cc",
    "by",
    "nc",
    "sa",
    "nd",
    "4.0",
    "3.0",
    "-",
    " ",
    "/",
    "licenseref-",
    "creativecommons.org/licenses/",
    "0",
    "zero",
]


@given(st.text(max_size=400) | st.lists(st.sampled_from(WORDS), max_size=10).map("".join))
@example("x" * (2 * CHARACTERS))
@example("ﷺ" * CHARACTERS)
@example("a-" * CHARACTERS)
@example("licenseref-licenseref-by")
@example("licenseref-unknown")
def test_normalising_twice_is_normalising_once(stated):
    once = normalise(stated)
    assert once is None or (normalise(once) == once and once == once.strip("- "))


@given(st.sampled_from([*FREESOUND, *PEERTUBE, *YOUTUBE, *WIKIMEDIA, *SPDX]), st.sampled_from([str.upper, str.lower]))
def test_case_and_space_say_nothing(stated, change):
    assert normalise(f"\u00a0{change(stated)}\t") == normalise(stated)


@pytest.mark.parametrize(
    ("licence", "allow", "taken"),
    [
        ("CC-BY-4.0", {"CC-BY"}, True),
        ("CC-BY", {"CC-BY"}, True),
        ("CC-BY-4.0", {"CC-BY-4.0"}, True),
        ("CC-BY-3.0", {"CC-BY-4.0"}, False),
        ("CC-BY", {"CC-BY-4.0"}, False),
        ("CC-BY-SA-4.0", {"CC-BY"}, False),
        ("CC-BY-SA-4.0", {"CC-BY-SA"}, True),
        ("CC0-1.0", {"CC-BY"}, False),
        ("CC0-1.0", {"CC0-1.0"}, True),
        ("LicenseRef-x", {"LicenseRef-x"}, True),
        ("LicenseRef-x-4.0", {"LicenseRef-x"}, False),
        ("CC-BY-4.0", set(), False),
    ],
)
def test_a_list_without_versions_stands_for_all_of_them(licence, allow, taken):
    assert allowed(licence, frozenset(allow)) is taken
