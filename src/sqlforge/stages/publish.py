"""``publish``: put a run's model, with its card, on a model hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlforge.core.errors import UserError
from sqlforge.core.run_dir import RunDir
from sqlforge.publish.contents import Upload, contents
from sqlforge.publish.holds import holds
from sqlforge.publish.hub import check_name, upload
from sqlforge.report.card_data import Part, card_of


@dataclass(frozen=True, slots=True)
class Publication:
    """What would be, or was, uploaded; ``held`` are the reasons that need the user's word."""

    repository: str
    part: Part
    files: tuple[Upload, ...]
    held: tuple[str, ...]
    digests_noted: bool

    @property
    def card(self) -> str:
        """The text of the model's page."""
        content = next(file.source for file in self.files if file.path == "README.md")
        assert isinstance(content, bytes)
        return content.decode()


def plan_publication(
    run: RunDir, repository: str, part: Part | None = None, *, with_data: bool = False
) -> Publication:
    """Gather and check everything; nothing is sent and no token is needed.

    Args:
        part: the adapter or the merged model; else what the run has, the merged model first.

    Raises:
        UserError: the name has no user, or what is to go was not trained, merged or scored.
        ModelError: a file may not be uploaded.
    """
    check_name(repository)
    part = _part(run, part)
    card = card_of(run, part)
    if part == "merged" and not card.scored:
        raise UserError(
            f"{run.path}, whose merged/ was not scored",
            "figures of the weights that are uploaded",
            f"start 'sqlforge run {run.recipe_file} --out {run.path}' first, or publish the "
            "--adapter",
        )
    files = contents(run, part, card, repository, with_data=with_data)
    held = holds(run, card, with_data=with_data)
    noted = f"{part}_sha256" in run.manifest()
    return Publication(repository, part, tuple(files), tuple(held), noted)


def publish_run(
    run: RunDir,
    planned: Publication,
    *,
    private: bool = False,
    revision: str | None = None,
    agreed: bool = False,
) -> str:
    """Upload what was planned, note it in the manifest and return the commit's URL.

    Raises:
        UserError: something is held back and not ``agreed`` to, or the hub does not take it.
    """
    if planned.held and not agreed:
        raise UserError(
            f"a run to publish of which something is held back: {'; '.join(planned.held)}",
            "your word that you may",
            "look at --dry-run, then add --yes",
        )
    message = f"{run.recipe().name}: {planned.part}, by SQLForge"
    url = upload(
        planned.repository, planned.files, private=private, revision=revision, message=message
    )
    entry = {
        "to": planned.repository,
        "revision": revision or "main",
        "part": planned.part,
        "commit": url,
        "sha256": {file.path: file.sha256 for file in planned.files},
    }
    earlier = [e for e in run.manifest().get("published", []) if e["commit"] != url]
    run.note(published=[*earlier, entry])
    return url


def file_rows(files: Sequence[Upload]) -> list[dict[str, object]]:
    """The files as plain values, for ``--json`` and people."""
    return [{"path": f.path, "bytes": f.size, "sha256": f.sha256} for f in files]


def _part(run: RunDir, asked: Part | None) -> Part:
    trained = run.trained()
    if asked == "adapter" and trained == run.merged:
        raise UserError(
            f"--adapter for {run.path}, which was fine-tuned whole",
            "--merged",
            "leave the option out",
        )
    if asked == "merged" and not run.merged.is_dir():
        raise UserError(
            f"{run.path} without merged/",
            "a run whose adapter was merged",
            f"start 'sqlforge merge {run.path}' first, or publish the --adapter",
        )
    return asked or ("merged" if run.merged.is_dir() else "adapter")
