"""A Modelfile for Ollama, whose template writes the prompts that the chat template writes.

Ollama's templates are Go's (https://pkg.go.dev/text/template). The texts round a turn are found by
rendering the chat template with marked contents, and what was made is held against it on
conversations before it is handed out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sqlforge.core.errors import ModelError
from sqlforge.prompt.template import Message

Render = Callable[[Sequence[Message], bool], str]
"""The chat template: messages, and whether an answer is to follow, to text."""

_SYSTEM, _USER, _ANSWER, _AGAIN = "⟦system⟧", "⟦user⟧", "⟦answer⟧", "⟦again⟧"
_ACTION = re.compile(r"{{ (.*?) }}")
_CONDITION = re.compile(r'(eq|ne) (\.Role|\(index \.Messages 0\)\.Role) ("\w+")')


def modelfile(weights: str, render: Render, *, end: str, context: int) -> str:
    """The Modelfile of ``weights``, a file beside it.

    Args:
        render: the chat template.
        end: the token that ends an answer.
        context: the model's longest sequence, in tokens.

    Raises:
        ModelError: a chat template that cannot be written as Ollama's.
    """
    template = go_template(render)
    return (
        f"FROM ./{weights}\n"
        f'TEMPLATE """{template}"""\n'
        f'PARAMETER stop "{end}"\n'
        "PARAMETER temperature 0\n"
        f"PARAMETER num_ctx {min(context, 8_192)}\n"
    )


def go_template(render: Render) -> str:
    """The chat template as one of Go's, over Ollama's ``.Messages``.

    Raises:
        ModelError: the template does not render turn by turn.

    >>> def render(messages, generate):
    ...     turns = "".join(f"<{m['role']}>{m['content']}</>" for m in messages)
    ...     return turns + "<assistant>" * generate
    >>> print(go_template(render).replace("{{ else", "\\n{{ else"))
    {{ range .Messages }}{{ if eq .Role "system" }}<system>{{ .Content }}</>
    {{ else if eq .Role "user" }}<user>{{ .Content }}</>
    {{ else if eq .Role "assistant" }}<assistant>{{ .Content }}</>{{ end }}{{ end }}<assistant>
    """
    made = _made(render)
    for messages in _CONVERSATIONS:
        if messages[0]["role"] == "system" and _SYSTEM not in _of_system(render):
            continue  # a template that knows no system messages
        if render_go(made, messages) != render(messages, True):
            raise _unwritable("it does not render turn by turn")
    return made


def _made(render: Render) -> str:
    user, answer = _said("user", _USER), _said("assistant", _ANSWER)
    first = render([user], False)
    after_user = _after(first, _USER)
    talk = render([user, answer, _said("user", _AGAIN)], False)
    after_answer = _after(render([user, answer], False), _ANSWER)
    before_answer = _between(talk, _USER, _ANSWER).removeprefix(after_user)
    before_user = _between(talk, _ANSWER, _AGAIN).removeprefix(after_answer)
    begin = first.partition(_USER)[0].removesuffix(before_user)
    turns = {
        "user": (before_user, after_user),
        "assistant": (before_answer, after_answer),
    }
    told = _of_system(render)
    if _SYSTEM in told:
        before, after = told.partition(_SYSTEM)[0], _between(told, _SYSTEM, _USER)
        turns = {"system": (before, after.removesuffix(before_user)), **turns}
    texts = [begin, *(text for turn in turns.values() for text in turn)]
    generation = render([user], True).removeprefix(first)
    if any("{{" in text or '"""' in text for text in (*texts, generation)):
        raise _unwritable('it writes {{ or """')
    opening = f'{{{{ if ne (index .Messages 0).Role "system" }}}}{begin}{{{{ end }}}}'
    if "system" not in turns:
        opening = begin
    cases = "{{ else ".join(
        f'if eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{after}'
        for role, (before, after) in turns.items()
    )
    return (
        opening if begin else ""
    ) + f"{{{{ range .Messages }}}}{{{{ {cases}{{{{ end }}}}{{{{ end }}}}{generation}"


def render_go(template: str, messages: Sequence[Message]) -> str:
    """What Ollama makes of a template that :func:`go_template` wrote: the few actions it uses.

    >>> render_go("{{ range .Messages }}[{{ .Content }}]{{ end }}", [_said("user", "hi")])
    '[hi]'
    """
    from jinja2 import Environment

    ends: list[str] = []

    def as_jinja(found: re.Match[str]) -> str:
        action = found.group(1)
        if action == ".Content":
            return "{{ message.content }}"
        if action == "end":
            return f"{{% end{ends.pop()} %}}"
        if action == "range .Messages":
            ends.append("for")
            return "{% for message in messages %}"
        if not action.startswith("else "):
            ends.append("if")
        return "{% " + _CONDITION.sub(_as_comparison, action.replace("else if", "elif")) + " %}"

    text = _ACTION.sub(as_jinja, template)
    told = Environment(keep_trailing_newline=True).from_string(text)
    return told.render(messages=messages)


def _as_comparison(found: re.Match[str]) -> str:
    sign = {"eq": "==", "ne": "!="}[found.group(1)]
    first = {".Role": "message.role"}.get(found.group(2), "messages[0].role")
    return f"{first} {sign} {found.group(3)}"


def _said(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _of_system(render: Render) -> str:
    """A conversation with a system message; empty where the template refuses one."""
    from jinja2 import TemplateError

    try:
        return render([_said("system", _SYSTEM), _said("user", _USER)], False)
    except TemplateError:
        return ""


def _after(text: str, mark: str) -> str:
    if mark not in text:
        raise _unwritable("it leaves out what is said")
    return text.rpartition(mark)[2]


def _between(text: str, first: str, second: str) -> str:
    return _after(text.partition(second)[0], first)


def _unwritable(why: str) -> ModelError:
    return ModelError(
        f"a chat template that cannot be written as Ollama's ({why})",
        "one that writes its turns one after the other",
        "write the Modelfile's TEMPLATE by hand",
    )


_CONVERSATIONS: tuple[tuple[Message, ...], ...] = (
    (_said("user", "How many?"),),
    (_said("user", "a\nb"), _said("assistant", "SELECT 1"), _said("user", "And {now}?")),
    (_said("system", "Answer in SQL."), _said("user", "How many?")),
)
