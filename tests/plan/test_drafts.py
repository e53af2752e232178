"""What a draft leaves out of a plan."""

from mpsjobs.model.change import Plan
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic
from mpsjobs.plan.drafts import as_draft


def test_what_a_draft_does_not_do_cannot_forbid_it() -> None:
    """A branch may remove as much as it likes: the limit is for the apply after the merge."""
    codes = [Code.MUST_NOT_RETIRE, Code.TOO_MANY_RETIRED, Code.TOO_MANY_GENERATIONS]
    diagnostics = tuple(Diagnostic("No.", code=code) for code in codes)
    drafted = as_draft(Plan("emulator", "L", 1, (), (), diagnostics=diagnostics))
    assert [each.code for each in drafted.diagnostics] == [Code.TOO_MANY_GENERATIONS]
