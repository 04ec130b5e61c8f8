"""`mj wait`: jobs are followed to their end, and nothing is asked or fetched twice."""

from __future__ import annotations

import hashlib
import json
import queue
from collections import Counter
from pathlib import Path
from typing import TypeVar

import pytest

from mj_cli.ledger.sqlite import SqliteLedger
from mj_cli.models import TaskReport, TaskState
from mj_cli.pipeline.watching import usual_seconds
from tests.clock import FakeClock
from tests.conftest import Mj, Ran, spawn
from tests.support.actions import Step
from tests.support.faults import (
    ABSENT,
    Answer,
    Hang,
    Html,
    MissingRows,
    Normal,
    Reset,
    RowPatch,
    TooMany,
    always,
    times,
)
from tests.support.jobs import ImagesAs
from tests.support.service import Service

T = TypeVar("T")


def submit(mj: Mj, prompt: str = "a red fox", *options: str) -> str:
    """Submit without waiting; the task id."""
    ran = mj("submit", prompt, *options)
    assert ran.code == 0, ran.err
    return ran.lines[0]


def saved(ran: Ran) -> dict[int, Path]:
    """The files of the one job in a `--json` answer, by index."""
    (job,) = ran.records
    return {one["index"]: Path(one["path"]) for one in job["images"] if one["path"]}


def state_of(mj: Mj, task: str) -> str:
    found = [one for one in mj("jobs", "--json").records if one.get("task_id") == task]
    return str(found[0]["state"])


def configure(home: Path, text: str) -> None:
    """Write the user's settings file."""
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "config.toml").write_text(text)


# --- The usual ---


def test_without_ids_it_brings_every_unfinished_job_to_disk(mj: Mj, service: Service) -> None:
    submit(mj, "a red fox")
    submit(mj, "an owl")
    ran = mj("wait")
    assert ran.code == 0
    assert len(ran.lines) == 8
    assert all(Path(line).is_file() for line in ran.lines)
    assert len(service.bill) == 2


def test_there_may_be_nothing_to_wait_for(mj: Mj, service: Service) -> None:
    ran = mj("wait")
    assert (ran.code, ran.out) == (0, "")
    assert "nothing to wait for" in ran.err
    assert not service.connections


def test_many_tasks_take_one_call_per_tick(mj: Mj, service: Service, clock: FakeClock) -> None:
    service.plan("fox", polls=6)
    tasks = [submit(mj, f"fox {number}") for number in range(10)]
    clock.passed = 0
    assert mj("wait", "--no-download").code == 0
    assert len(service.polls) == 6
    assert all(sorted(seen.json["taskIds"]) == sorted(tasks) for seen in service.polls)
    assert clock.passed >= 5  # never more often than once a second


def test_only_tasks_that_are_still_open_are_asked_about(mj: Mj, service: Service) -> None:
    service.plan("quick", polls=1)
    service.plan("slow", polls=3)
    submit(mj, "quick")
    slow = submit(mj, "slow")
    mj("wait", "--no-download")
    assert [seen.json["taskIds"] for seen in service.polls][1:] == [[slow], [slow]]


def test_more_than_fifty_tasks_are_asked_about_in_two_calls(mj: Mj, service: Service) -> None:
    service.plan("foreign", polls=1)
    ids = [f"foreign-{number}" for number in range(51)]
    for task_id in ids:
        service.jobs.accept({"prompt": f"foreign {task_id}"}, task_id)
    assert mj("wait", *ids, "--no-download", "--quiet").code == 0
    assert [len(seen.json["taskIds"]) for seen in service.polls] == [50, 1]


def test_a_task_of_another_program_is_adopted(mj: Mj, service: Service) -> None:
    service.jobs.accept({"prompt": "a lone wolf"}, "foreign-1")
    ran = mj("wait", "foreign-1", "--json")
    assert ran.code == 0
    assert sorted(saved(ran)) == [1, 2, 3, 4]
    assert saved(ran)[1].name == "a-lone-wolf-foreign-1-1.png"
    assert state_of(mj, "foreign-1") == "succeeded"


def test_two_processes_may_adopt_one_task_at_the_same_time(home: Path, clock: FakeClock) -> None:
    report = TaskReport(task_id="t1", state=TaskState.COMPLETED, images=((1, "https://a/1.png"),))
    first, second = (SqliteLedger(home / "state", now=clock.time) for _ in range(2))
    first.use_account("a", profile="default", base_url="https://a")
    adopted = [ledger.jobs.adopt("a", report) for ledger in (first, second)]
    assert adopted[0] == adopted[1]
    first.close()
    second.close()


def test_the_files_of_an_adopted_task_go_where_the_first_wait_sent_them(
    mj: Mj, service: Service
) -> None:
    service.jobs.accept({"prompt": "a fox"}, "foreign-1")
    service.on_image("fox", times(4, Answer(404)), index=2)
    assert mj("wait", "foreign-1", "--out", "there").code == 9
    ran = mj("wait", "foreign-1", "--json")
    assert ran.code == 0
    assert {path.parent.name for path in saved(ran).values()} == {"there"}


def test_a_job_that_is_being_submitted_elsewhere_is_pending(mj: Mj, service: Service) -> None:
    service.on_submit("fox", Hang())
    with spawn("submit", "a fox") as process:
        service.wait_for("submit")
        (job,) = [one for one in mj("jobs", "--json").records if one["type"] == "job"]
        ran = mj("wait", job["id"])
        service.release()
        process.communicate()
    assert ran.code == 8
    assert "being submitted by another process" in ran.err


def test_a_job_in_doubt_that_is_named_ends_in_doubt(mj: Mj, service: Service) -> None:
    service.on_submit("fox", Reset())
    mj("submit", "a fox")
    (job,) = [one for one in mj("jobs", "--json").records if one["type"] == "job"]
    ran = mj("wait", job["id"])
    assert ran.code == 6
    assert f"mj jobs show {job['id']}" in ran.err


# --- Leaving early ---


@pytest.mark.parametrize("seconds", ["0", "4", "0.5"])
def test_it_leaves_after_the_given_time_and_the_job_goes_on(
    mj: Mj, service: Service, clock: FakeClock, seconds: str
) -> None:
    service.plan("fox", polls=1000)
    task = submit(mj)
    clock.passed = 0
    ran = mj("wait", "--for", seconds)
    assert (ran.code, ran.out) == (8, "")
    assert f"1 job is not finished after {seconds} s" in ran.err
    assert "mj wait" in ran.err
    assert clock.passed == float(seconds)
    assert state_of(mj, task) == "running"
    assert len(service.bill) == 1


def test_a_job_that_was_left_is_brought_home_by_the_next_wait(mj: Mj, service: Service) -> None:
    service.plan("fox", polls=3)
    submit(mj)
    assert mj("wait", "--for", "1").code == 8
    assert len(mj("wait").lines) == 4


@pytest.mark.parametrize("seconds", ["-1", "inf", "nan", "soon"])
def test_an_impossible_time_is_refused(mj: Mj, service: Service, seconds: str) -> None:
    assert mj("wait", "--for", seconds).code == 2
    assert not service.connections


def test_leaving_during_a_download_leaves_no_trace_in_the_directory(
    mj: Mj, service: Service
) -> None:
    task = submit(mj)
    service.on_image("fox", Hang())
    ran = mj("wait", "--for", "60", "--images", "1", "--json")
    assert ran.code == 8
    assert "1 job is not finished" in ran.error["message"]
    assert not list(Path().iterdir())
    assert sorted(saved(mj("wait", task, "--images", "all", "--json"))) == [1, 2, 3, 4]


# --- Once is enough ---


def test_run_again_it_fetches_only_what_is_missing(mj: Mj, service: Service) -> None:
    task = submit(mj)
    service.on_image("fox", times(4, Answer(404)), index=3)
    assert mj("wait").code == 9
    before = Counter(seen.path for seen in service.image_requests)
    ran = mj("wait", "--json")
    assert ran.code == 0
    assert sorted(saved(ran)) == [1, 2, 3, 4]
    fetched = Counter(seen.path for seen in service.image_requests) - before
    assert fetched == {f"/images/{task}/3.png": 1}


def test_a_file_that_is_gone_is_fetched_again_alone(mj: Mj, service: Service) -> None:
    task = submit(mj)
    files = saved(mj("wait", "--json"))
    files[2].unlink()
    before = len(service.image_requests)
    assert mj("wait", task).code == 0
    assert [seen.path for seen in service.image_requests[before:]] == [f"/images/{task}/2.png"]
    assert files[2].is_file()


def test_files_that_are_there_need_no_request_at_all(mj: Mj, service: Service) -> None:
    task = submit(mj)
    first = mj("wait", "--json")
    requests = len(service.requests)
    again = mj("wait", task, "--json")
    assert again.code == 0
    assert again.records == first.records
    assert len(service.requests) == requests


def test_another_directory_gets_copies_without_a_download(mj: Mj, service: Service) -> None:
    task = submit(mj)
    first = saved(mj("wait", "--json"))
    requests = len(service.requests)
    second = saved(mj("wait", task, "--out", "other/place", "--json"))
    assert len(service.requests) == requests
    assert {path.parent for path in second.values()} == {Path.cwd() / "other/place"}
    for index, path in second.items():
        assert path.read_bytes() == first[index].read_bytes()


def test_a_template_names_the_files(mj: Mj, service: Service) -> None:
    task = submit(mj)
    mj("wait")
    requests = len(service.requests)
    ran = mj("wait", task, "--template", "{mode}/{index:02}.{ext}", "--quiet")
    assert ran.lines == [f"fast/0{index}.png" for index in (1, 2, 3, 4)]
    assert len(service.requests) == requests


def test_an_option_that_is_not_given_stays_as_it_was_for_the_job(mj: Mj, service: Service) -> None:
    submit(mj, "a fox", "--out", "there", "--template", "x{index}.{ext}")
    ran = mj("wait", "--images", "2", "--quiet")
    assert ran.lines == ["there/x2.png"]


def test_a_changed_file_is_not_overwritten(mj: Mj, service: Service) -> None:
    task = submit(mj)
    files = saved(mj("wait", "--json"))
    files[1].write_bytes(b"my own work")
    requests = len(service.requests)
    ran = mj("wait", task, "--json")
    assert (ran.code, ran.error["slug"]) == (9, "file_exists")
    assert files[1].read_bytes() == b"my own work"
    assert len(service.requests) == requests


def test_two_waits_at_once_share_the_work(
    mj: Mj, service: Service, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    jump = clock.receive

    def receive(inbox: queue.SimpleQueue[T], seconds: float) -> T | None:
        if clock.passed > began + 3 and process.poll() is None:
            service.release()
            process.wait()
        return jump(inbox, seconds)

    task = submit(mj, "a fox")
    service.on_image("fox", times(4, Hang()))
    with spawn("wait", "--quiet") as process:
        service.wait_for("image", 4)
        began = clock.passed
        monkeypatch.setattr(clock, "receive", receive)
        here = mj("wait", task, "--quiet")
        assert process.stdout is not None
        there = process.stdout.read().splitlines()
    assert (here.code, process.returncode) == (0, 0)
    assert sorted(here.lines) == sorted(there)
    assert len(here.lines) == len(service.image_requests) == 4


def test_what_a_killed_process_was_fetching_is_taken_over(
    mj: Mj, service: Service, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    jump = clock.receive

    def receive(inbox: queue.SimpleQueue[T], seconds: float) -> T | None:
        if clock.passed > began + 3:
            process.kill()
            process.wait()
        return jump(inbox, seconds)

    service.on_image("fox", Hang(), Answer(500))
    task = submit(mj, "a fox")
    with spawn("wait", "--images", "1", "--quiet") as process:
        service.wait_for("image")
        began = clock.passed
        monkeypatch.setattr(clock, "receive", receive)
        ran = mj("wait", task, "--quiet")
    assert ran.code == 0
    assert ran.lines == [path.name for path in Path().iterdir()]
    assert len(service.image_requests) == 3


def test_a_wait_that_leaves_takes_no_file_from_another(mj: Mj, service: Service) -> None:
    service.plan("fox", polls=1)
    submit(mj, "a fox")
    service.on_image("fox", times(4, Hang()))
    with spawn("wait", "--quiet") as process:
        service.wait_for("image", 4)
        assert mj("wait", "--for", "5").code == 8
        service.release()
        assert process.stdout is not None
        assert len(process.stdout.read().splitlines()) == 4
    assert process.returncode == 0
    assert len(service.image_requests) == 4


# --- What is shown and saved ---


def test_without_download_it_prints_urls_and_counts_as_handed_over(
    mj: Mj, service: Service
) -> None:
    task = submit(mj)
    ran = mj("wait", "--no-download")
    assert ran.code == 0
    base = f"{service.url}/images/{task}"
    assert ran.lines == [f"{base}/grid.png", *(f"{base}/{index}.png" for index in (1, 2, 3, 4))]
    assert not service.image_requests
    assert not list(Path().iterdir())
    assert "nothing to wait for" in mj("wait").err
    assert len(mj("wait", task).lines) == 4


@pytest.mark.parametrize(
    ("selection", "indexes"),
    [("all", [1, 2, 3, 4]), ("grid", [0]), ("1,3", [1, 3]), ("3,0,3", [0, 3])],
)
def test_images_are_chosen(mj: Mj, service: Service, selection: str, indexes: list[int]) -> None:
    submit(mj)
    ran = mj("wait", "--images", selection, "--json")
    assert ran.code == 0
    assert sorted(saved(ran)) == indexes
    assert len(service.image_requests) == len(indexes)


def test_an_image_that_the_task_does_not_have_is_an_error(mj: Mj, service: Service) -> None:
    submit(mj)
    ran = mj("wait", "--images", "2,7", "--json")
    assert ran.code == 9
    assert "image 7" in ran.error["message"]
    assert "no such image" in ran.error["message"]
    assert "--images" in ran.error["hint"]
    assert sorted(saved(ran)) == [2]


@pytest.mark.parametrize(
    ("shape", "indexes"),
    [("grid-only", [0]), ("objects", [1, 2, 3, 4]), ("duplicated", [1, 2, 3, 4])],
)
def test_all_images_in_every_shape_of_the_answer(
    mj: Mj, service: Service, shape: ImagesAs, indexes: list[int]
) -> None:
    service.plan("fox", images_as=shape)
    submit(mj)
    ran = mj("wait", "--json")
    assert ran.code == 0
    assert sorted(saved(ran)) == indexes


@pytest.mark.parametrize("options", [(), ("--no-download",)])
def test_a_task_that_is_done_without_images_is_asked_about_again_and_kept_open(
    mj: Mj, service: Service, options: tuple[str, ...]
) -> None:
    service.plan("fox", polls=1, images_as="none")
    submit(mj)
    ran = mj("wait", "--json", *options)
    assert (ran.code, ran.error["slug"]) == (7, "no_images")
    assert len(service.polls) == 3
    service.on_status("fox", RowPatch({"images": [f"{service.url}/images/gone/1.png"]}))
    assert mj("wait", "--no-download").lines == [f"{service.url}/images/gone/1.png"]


def test_a_task_done_without_images_that_is_then_forgotten_is_no_success(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MJ_POLL_MIN_SECONDS", "25")
    service.plan("fox", polls=1, images_as="none")
    submit(mj)
    assert mj("wait").code == 7
    service.on_status("fox", always(MissingRows()))
    ran = mj("wait", "--json")
    assert (ran.code, ran.error["slug"]) == (3, "unknown_task")


def test_images_that_come_late_are_waited_for(mj: Mj, service: Service) -> None:
    submit(mj)
    service.on_status("fox", Normal(), RowPatch({"images": ABSENT, "image": ABSENT}))
    assert len(mj("wait").lines) == 4


@pytest.mark.parametrize(
    ("selection", "template"), [("all", "{index}.{ext}"), ("1", "{slug}{index}.{ext}")]
)
def test_two_jobs_with_one_name_do_not_overwrite_each_other(
    mj: Mj, service: Service, selection: str, template: str
) -> None:
    service.plan("fox", polls=1)
    tasks = [submit(mj), submit(mj)]
    ran = mj("wait", "--template", template, "--images", selection, "--quiet")
    assert ran.code == 9
    hashes = {hashlib.sha256(Path(line).read_bytes()).hexdigest() for line in ran.lines}
    assert len(hashes) == len(ran.lines) == len(list(Path().iterdir()))
    assert mj("wait", "--template", "{task}-{index}.{ext}", *tasks).code == 0


# --- How jobs end ---


def test_a_failed_task_ends_with_the_reason_made_visible(mj: Mj, service: Service) -> None:
    service.plan("fox", fails="banned \x1b[31mword\u202e\nnext")
    task = submit(mj)
    ran = mj("wait")
    assert (ran.code, ran.out) == (3, "")
    assert f"job {task} failed: banned \\x1b[31mword\\u202e\\nnext" in ran.err
    assert "nothing to wait for" in mj("wait").err
    assert mj("wait", task).code == 3


def test_one_failed_task_does_not_keep_the_others_from_disk(mj: Mj, service: Service) -> None:
    service.plan("owl", fails="no owls today")
    submit(mj, "a fox")
    submit(mj, "an owl")
    ran = mj("wait")
    assert ran.code == 3
    assert len(ran.lines) == 4


def test_a_task_that_answers_do_not_contain_for_a_minute_is_unknown(
    mj: Mj, service: Service, clock: FakeClock
) -> None:
    service.on_status("fox", always(MissingRows()))
    task = submit(mj)
    ran = mj("wait", "--json")
    assert (ran.code, ran.error["slug"]) == (3, "unknown_task")
    assert [one["state"] for one in ran.records] == ["unknown"]
    assert len(service.polls) >= 3
    assert 60 <= clock.passed < 70
    assert state_of(mj, task) == "running"


def test_a_foreign_id_that_nobody_knows_ends_alike(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MJ_POLL_MIN_SECONDS", "25")
    submit(mj, "a fox")
    (task,) = service.tasks
    ran = mj("wait", "nobody-knows-me", task)
    assert ran.code == 3
    assert "does not know task nobody-knows-me" in ran.err
    assert len(ran.lines) == 4


def test_rows_that_are_missing_for_less_than_a_minute_mean_nothing(
    mj: Mj, service: Service
) -> None:
    service.on_status("fox", times(20, MissingRows()))
    submit(mj)
    assert len(mj("wait").lines) == 4


def test_an_answer_that_contains_the_task_starts_the_minute_anew(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MJ_POLL_MIN_SECONDS", "25")
    service.plan("fox", polls=6)
    submit(mj)
    service.on_status("fox", times(2, MissingRows()), Normal(), times(2, MissingRows()))
    assert mj("wait").code == 0


def test_a_minute_alone_is_not_enough_to_be_unknown(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MJ_POLL_MIN_SECONDS", "70")
    submit(mj)
    service.on_status("fox", always(MissingRows()))
    assert mj("wait").code == 3
    assert len(service.polls) == 3


def test_a_row_with_wrong_types_counts_as_missing(
    mj: Mj, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MJ_POLL_MIN_SECONDS", "25")
    service.on_status("fox", always(RowPatch({"status": "1"})))
    submit(mj)
    ran = mj("wait", "--json")
    assert (ran.code, ran.error["slug"]) == (3, "unknown_task")


# --- Bad days ---


@pytest.mark.parametrize("fault", [Answer(502), Html()])
def test_failing_calls_are_repeated_ever_more_slowly_and_given_up_after_five_minutes(
    mj: Mj, service: Service, clock: FakeClock, fault: Step
) -> None:
    service.on_status("", always(fault))
    task = submit(mj)
    ran = mj("wait", "--json")
    assert (ran.code, ran.error["slug"]) == (7, "service")
    assert "failed for 300 s" in ran.error["message"]
    assert 250 < clock.passed <= 300
    assert 10 < len(service.polls) < 30
    assert state_of(mj, task) == "running"


def test_the_patience_is_a_setting(mj: Mj, service: Service, clock: FakeClock, home: Path) -> None:
    configure(home, "give_up_seconds = 20\n")
    service.on_status("", always(Answer(500)))
    submit(mj)
    assert mj("wait").code == 7
    assert 5 < clock.passed <= 20


def test_a_single_success_starts_the_patience_anew(
    mj: Mj, service: Service, clock: FakeClock
) -> None:
    service.plan("fox", polls=37)
    submit(mj)
    for _ in range(4):
        service.on_status("", times(8, Answer(500)), Normal())
    assert mj("wait").code == 0
    assert clock.passed > 300


def test_retry_after_is_honoured(mj: Mj, service: Service, clock: FakeClock) -> None:
    submit(mj)
    service.on_status("", TooMany("90"))
    assert mj("wait").code == 0
    assert clock.passed >= 90


@pytest.mark.parametrize(("status", "code"), [(401, 4), (404, 7)])
def test_a_definite_no_ends_it_at_once(
    mj: Mj, service: Service, clock: FakeClock, status: int, code: int
) -> None:
    service.on_status("", Answer(status))
    task = submit(mj)
    assert mj("wait").code == code
    assert (len(service.polls), clock.passed) == (1, 0)
    assert state_of(mj, task) == "running"


# --- The estimate ---


@pytest.mark.parametrize(
    ("durations", "usual"),
    [([], 40.0), ([5.0] * 4, 40.0), ([5.0] * 5, 5.0), ([10.0, 20.0, 30.0, 40.0, 50.0], 45.0)],
)
def test_the_usual_time_is_what_three_of_four_jobs_needed(
    durations: list[float], usual: float
) -> None:
    assert usual_seconds(durations) == usual


def test_after_five_quick_jobs_it_asks_more_often(
    mj: Mj, service: Service, clock: FakeClock
) -> None:
    def seconds_for_ten_polls() -> float:
        service.plan("slow", polls=10)
        submit(mj, "a slow fox")
        before = clock.passed
        mj("wait", "--no-download")
        return clock.passed - before

    assert seconds_for_ten_polls() == pytest.approx(22.5)
    for number in range(5):
        submit(mj, f"quick {number}")
    mj("wait", "--no-download")
    assert seconds_for_ten_polls() == pytest.approx(9.0)


def test_the_sandbox_goes_the_same_way(mj: Mj, clock: FakeClock) -> None:
    submit(mj, "a fox", "--sandbox")
    ran = mj("wait", "--sandbox", "--json")
    assert ran.code == 0
    assert sorted(saved(ran)) == [1, 2, 3, 4]


def test_where_files_go_is_remembered_from_a_submit_that_did_not_wait(
    mj: Mj, service: Service
) -> None:
    assert mj("submit", "a fox", "--template", "{slug}_{index}.{ext}", "--images", "2").code == 0
    assert mj("wait").lines == ["a-fox_2.png"]


def test_an_image_that_does_not_exist_fails_once(mj: Mj, service: Service) -> None:
    assert mj("submit", "a fox", "--images", "1,7", "--wait").code == 9
    ran = mj("wait")
    assert (ran.code, "nothing to wait for" in ran.err) == (0, True)


def test_while_it_waits_for_a_slot_json_says_so(mj: Mj, service: Service) -> None:
    service.jobs.slots = 100
    for number in range(10):
        assert mj("submit", f"fox {number}").code == 0
    ran = mj("submit", "one more", "--json")
    assert ran.code == 0
    notes = [json.loads(line)["message"] for line in ran.err.splitlines()]
    assert any("waiting for one" in note for note in notes)
