"""What a model's final answer about a finding must look like; anything else is refused."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from agents.choices import Severity
from agents.functions.function import PLAIN_TEXT

Prose = Annotated[
    str, StringConstraints(min_length=1, max_length=4000, pattern=PLAIN_TEXT, strip_whitespace=True)
]
FENCE = "```"


class FindingAnswer(BaseModel):
    """A model's assessment of one finding. It proposes; code decides what follows from it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    severity: Severity
    confidence: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    reasoning: Prose
    recommendation: Prose
    nvd_lookup_skipped: Annotated[str, StringConstraints(max_length=500, pattern=PLAIN_TEXT)] = ""


class NonsenseError(ValueError):
    """The answer does not fit; the message says how, without repeating it."""


def parse(content: str) -> FindingAnswer:
    """The answer in `content`: one JSON object, at most in a Markdown code fence.

    Raises:
        NonsenseError: it is something else.
    """
    try:
        return FindingAnswer.model_validate_json(_without_fence(content.strip()))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        listed = [
            f"{'.'.join(map(str, problem['loc'])) or 'answer'}: {problem['msg']}" for problem in problems
        ]
        raise NonsenseError(f"{'; '.join(listed)[:1000]}.") from error


def _without_fence(content: str) -> str:
    if content.startswith(FENCE) and content.endswith(FENCE) and "\n" in content:
        return content.partition("\n")[2].removesuffix(FENCE)
    return content
