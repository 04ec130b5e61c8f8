"""Many jobs in one run: one end of the account ends them all, one failed job only itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mj_cli.api.service import Endpoint
from mj_cli.api.service import Service as Api
from mj_cli.downloads import Downloader
from mj_cli.events import Event, ServiceBusy, SlotsTaken
from mj_cli.ledger.sqlite import SqliteLedger
from mj_cli.models import Destination, JobRequest, JobState
from mj_cli.pipeline.engine import Engine
from mj_cli.pipeline.run import Plan, Report, Run
from tests.clock import FakeClock
from tests.support.faults import Answer, BusyEnvelope, Quota, Refuse, Reset, TooMany
from tests.support.service import Service

ACCOUNT = "account"
RunJobs = Callable[..., Report]


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def run_jobs(
    tmp_path: Path, clock: FakeClock, service: Service, events: list[Event]
) -> Iterator[RunJobs]:
    """Submits prompts in one run; what is not said about the plan is plain."""
    ledger = SqliteLedger(tmp_path / "state", now=clock.time)
    ledger.use_account(ACCOUNT, profile="default", base_url=service.url)

    def no_downloads() -> Downloader:
        raise AssertionError("nothing is to be fetched")

    def run(*prompts: str, slots: int = 10, queue: bool = True) -> Report:
        plan = Plan(
            slots=slots,
            queue=queue,
            follow=False,
            destination=Destination(out="/", template="x", images="all"),
            poll_min_seconds=1.0,
            ids_per_call=50,
            connect_give_up_seconds=30.0,
            give_up_seconds=300.0,
        )
        means = Run(
            ledger=ledger,
            service=Api(
                Endpoint(base_url=service.url, key="test-key", answer_seconds=5), now=clock.time
            ),
            account=ACCOUNT,
            plan=plan,
            clock=clock,
            emit=events.append,
            open_downloader=no_downloads,
        )
        jobs = [
            ledger.attempts.add(
                account=ACCOUNT, request=JobRequest(prompt=prompt), destination=None
            )
            for prompt in prompts
        ]
        return Engine(means, new=jobs).run()

    yield run
    ledger.close()


def states(report: Report) -> dict[str, JobState]:
    return {job.request.prompt: job.state for job in report.finished}


def owls(count: int) -> list[str]:
    return [f"owl {number}" for number in range(count)]


def test_every_job_gets_through_a_few_slots(
    run_jobs: RunJobs, service: Service, events: list[Event]
) -> None:
    report = run_jobs(*owls(7), slots=2)
    assert set(states(report).values()) == {JobState.RUNNING}
    assert sorted(charge.prompt for charge in service.bill) == owls(7)
    assert any(isinstance(event, SlotsTaken) for event in events)


def test_without_a_queue_each_job_that_finds_no_slot_fails_at_once(
    run_jobs: RunJobs, service: Service, clock: FakeClock
) -> None:
    report = run_jobs(*owls(5), slots=2, queue=False)
    assert sorted(states(report).values()) == [JobState.FAILED] * 3 + [JobState.RUNNING] * 2
    assert len(service.bill) == 2
    assert clock.passed < 1


@pytest.mark.parametrize(("no", "slug"), [(Quota(), "quota"), (Answer(401), "key_refused")])
def test_the_end_of_the_account_is_the_end_of_all_jobs(
    run_jobs: RunJobs, service: Service, no: Answer | Quota, slug: str
) -> None:
    service.on_submit("fox", no)
    report = run_jobs("fox", *owls(40), slots=1)
    assert len(service.submits) == 1
    assert report.errors[0].slug == slug


def test_one_refused_or_doubtful_job_does_not_stop_the_others(
    run_jobs: RunJobs, service: Service
) -> None:
    service.on_submit("fox", Refuse(1003, "banned"))
    service.on_submit("wolf", Reset())
    report = run_jobs("fox", "wolf", *owls(4))
    assert states(report) == {
        "fox": JobState.FAILED,
        "wolf": JobState.IN_DOUBT,
        **dict.fromkeys(owls(4), JobState.RUNNING),
    }
    assert {error.slug for error in report.errors} == {"job_refused", "in_doubt"}


def test_a_busy_service_holds_up_the_whole_run(
    run_jobs: RunJobs, service: Service, events: list[Event], clock: FakeClock
) -> None:
    service.on_submit("fox", TooMany("5"))
    report = run_jobs("fox", "owl", slots=1)
    assert states(report) == {"fox": JobState.RUNNING, "owl": JobState.RUNNING}
    assert 5.0 in [event.seconds for event in events if isinstance(event, ServiceBusy)]
    assert clock.passed >= 5


def test_what_is_busy_is_not_paid_twice(run_jobs: RunJobs, service: Service) -> None:
    service.jobs.slots = 3
    report = run_jobs(*owls(8))
    assert set(states(report).values()) == {JobState.RUNNING}
    assert sorted(charge.prompt for charge in service.bill) == owls(8)


def test_a_pause_of_one_job_does_not_stop_a_run_without_a_queue_from_ending(
    run_jobs: RunJobs, service: Service
) -> None:
    service.on_submit("fox", BusyEnvelope())
    report = run_jobs("fox", *owls(3), slots=1, queue=False)
    assert len(report.finished) == 4
