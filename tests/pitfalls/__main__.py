"""``python -m tests.pitfalls``: ask everything, and write docs/pitfalls.md."""

import sys
import tempfile
from pathlib import Path

from tests.pitfalls.answers import ask
from tests.pitfalls.laboratory import laboratory
from tests.pitfalls.page import PAGE, write_page
from tests.pitfalls.pitfall import PITFALLS


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, laboratory(Path(folder)) as own:
        answers = [ask(own, pitfall) for pitfall in PITFALLS]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(write_page(answers))
    wrong = [each for each in answers if each.is_naive_true or not each.is_ours_true]
    for each in wrong:
        truth = each.pitfall.written.truth.value
        print(f"{each.pitfall.name}: naive {each.naive}, ours {each.ours}, true {truth}")
    print(f"{PAGE}: {len(answers)} pitfalls, {len(wrong)} to put right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
