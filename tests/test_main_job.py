"""The main job: a prompt goes in, four verified image files come out."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.conftest import Mj
from tests.support.service import Service


def test_submit_prints_the_task_id_at_once(mj: Mj, service: Service) -> None:
    ran = mj("submit", "a red fox")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [service.bill[0].task_id]
    assert len(service.submits) == 1
    assert not service.polls


def test_submit_wait_saves_four_verified_files(mj: Mj, service: Service) -> None:
    ran = mj("submit", "a red fox", "--wait", "--json")
    assert ran.code == 0
    (job,) = ran.records
    assert job["state"] == "succeeded"
    saved = [image for image in job["images"] if image["index"] > 0]
    assert len(saved) == 4
    for image in saved:
        content = Path(image["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == image["sha256"]
        assert len(content) == image["bytes"]
    assert len(service.bill) == 1
    names = {path.name for path in Path.cwd().iterdir()}
    assert names == {Path(image["path"]).name for image in saved}


def test_the_sandbox_needs_no_key_and_no_network(mj: Mj) -> None:
    ran = mj("submit", "a red fox --ar 3:2", "--sandbox", "--wait")
    assert ran.code == 0
    assert len(ran.lines) == 4
    assert all(Path(line).read_bytes().startswith(b"\x89PNG") for line in ran.lines)
