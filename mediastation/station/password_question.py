"""What a job asks where nobody gave the password that it needs."""

from __future__ import annotations

from mediastation.errors import DecisionError
from mediastation.model.job import PASSWORD, Question


def password_needed(text: str, hint: str) -> DecisionError:
    """Return what stops a job until somebody gives a password."""
    return DecisionError(
        text, hint=hint, question=Question(PASSWORD, text, hint, answers=(PASSWORD,))
    )
