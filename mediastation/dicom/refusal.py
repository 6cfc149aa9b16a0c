"""Why an instance cannot be prepared, on its way from a decoder to a finding."""

from __future__ import annotations


class RefusalError(ValueError):
    """The pixels cannot be written in native form with certainty.

    Parameters
    ----------
    rule : str
        The finding's rule.
    message : str
        What is wrong, without the instance's name.
    hint : str
        What the operator can do.
    """

    def __init__(self, rule: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.hint = hint


def not_decodable(message: str) -> RefusalError:
    """Return the refusal of a frame that no decoder should or could read."""
    return RefusalError(
        "not-decodable",
        f"the pixels cannot be decoded: {message}",
        "Ask the sender for the instance in another encoding; the store keeps it as it came.",
    )
