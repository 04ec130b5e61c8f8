"""Job-status calls: what may be repeated, what may not, and what is never shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mj_cli.api.service import Endpoint
from mj_cli.api.service import Service as Api
from mj_cli.errors import KeyRefusedError, ServiceError
from mj_cli.models import TaskState
from mj_cli.retry import TemporaryError
from tests.support.actions import Action
from tests.support.blackhole import Blackhole
from tests.support.faults import (
    Answer,
    Close,
    CorruptJson,
    ForeignRows,
    HalfAnswer,
    Hang,
    Html,
    Redirect,
    Refuse,
    Reset,
    ThenClose,
)
from tests.support.service import Service

Open = Callable[[str, float], Api]


@pytest.fixture
def open_api() -> Iterator[Open]:
    opened: list[Api] = []

    def open_one(url: str, seconds: float = 5.0) -> Api:
        endpoint = Endpoint(base_url=url, key="test-key", answer_seconds=seconds)
        opened.append(Api(endpoint, now=lambda: 0.0))
        return opened[-1]

    yield open_one
    for api in opened:
        api.close()


@pytest.fixture
def api(open_api: Open, service: Service) -> Api:
    return open_api(service.url, 0.4)


def test_tasks_are_asked_for_in_one_call_over_one_connection(api: Api, service: Service) -> None:
    ids = [service.jobs.accept({"prompt": text}).id for text in ("fox", "owl")]
    service.on_status("fox", ForeignRows(2))
    assert api.status([*ids, "nobody"]).keys() == set(ids)
    assert api.status(ids)[ids[0]].state is TaskState.COMPLETED
    assert [seen.json for seen in service.polls] == [
        {"taskIds": [*ids, "nobody"]},
        {"taskIds": ids},
    ]
    assert len(service.connections) == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Reset(), "127.0.0.1 cannot be reached: "),
        (Close(), "the connection broke"),
        (HalfAnswer(10), "the connection broke"),
        (Hang(), "within"),
        (Answer(408), "HTTP 408"),
        (Answer(425), "HTTP 425"),
        (Answer(429), "HTTP 429"),
        (Answer(500), "HTTP 500"),
        (Answer(503), "HTTP 503"),
        (Html(), "makes no sense: not JSON: it begins with '<!doctype"),
        (Answer(200), "makes no sense: not JSON: it is empty"),
        (CorruptJson(), "makes no sense"),
        (Answer(200, {"status": 0, "data": {}}), "makes no sense: its data is not a list"),
        (Refuse(1001, "quota not enough"), "status 1001 quota not enough"),
    ],
)
def test_what_may_pass_can_be_asked_again(
    api: Api, service: Service, fault: Action, words: str
) -> None:
    service.on_status("", fault)
    with pytest.raises(TemporaryError) as caught:
        api.status(["x"])
    assert words in caught.value.reason
    assert api.status(["x"]) == {}


def test_a_call_that_may_be_repeated_says_when(api: Api, service: Service) -> None:
    service.on_status("", Answer(503, b"", {"Retry-After": "9"}))
    with pytest.raises(TemporaryError) as caught:
        api.status(["x"])
    assert caught.value.retry_after == 9.0


@pytest.mark.parametrize("http", [401, 403])
def test_a_refused_key_is_told(api: Api, service: Service, http: int) -> None:
    service.on_status("", Refuse(http, "no such key", http))
    with pytest.raises(KeyRefusedError, match=r"127\.0\.0\.1 refused the key: no such key"):
        api.status(["x"])


@pytest.mark.parametrize("answer", [Answer(404, b"<html>"), Answer(400), Redirect("/", 301)])
def test_what_would_not_get_better_is_an_error(api: Api, service: Service, answer: Action) -> None:
    service.on_status("", answer)
    with pytest.raises(ServiceError, match=r"answered HTTP \d+ to job-status$"):
        api.status(["x"])


def test_a_connection_that_went_stale_is_no_error_for_long(api: Api, service: Service) -> None:
    service.on_status("", ThenClose())
    assert api.status(["x"]) == {}
    service.wait_for(lambda seen: seen.connections[0].closed)
    assert api.status(["x"]) == {}


def test_an_address_without_an_answer_is_told_plainly(
    open_api: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mj_cli.transport.CONNECT_SECONDS", 0.1)
    with Blackhole() as nowhere, pytest.raises(TemporaryError, match="reached: no connection"):
        open_api(nowhere.url, 5).status(["x"])


def test_a_key_is_checked_by_asking_for_what_cannot_exist(api: Api, service: Service) -> None:
    api.check_key()
    (seen,) = service.polls
    assert seen.json["taskIds"][0].startswith("mj-key-check-")
    service.api.key = "another"
    with pytest.raises(KeyRefusedError):
        api.check_key()


def test_an_endpoint_keeps_its_key_to_itself() -> None:
    assert "secret" not in repr(Endpoint(base_url="https://e", key="secret", answer_seconds=1.0))
