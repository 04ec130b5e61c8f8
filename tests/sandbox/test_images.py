from __future__ import annotations

import json

import pytest

from tests.sandbox.kit import BASE, Client


@pytest.fixture
def path(client: Client) -> str:
    task_id = client.accepted("a red fox --ar 3:2")
    client.now += 60
    image: str = client.row(task_id)["images"][0]
    return image.removeprefix(BASE)


def test_every_image_of_a_finished_job_is_served_without_a_key(client: Client) -> None:
    task_id = client.accepted()
    client.now += 60
    row = client.row(task_id)
    pictures = [client.get(url.removeprefix(BASE)) for url in [row["image"], *row["images"]]]
    assert [picture.status for picture in pictures] == [200] * 5
    assert {picture.headers["content-type"] for picture in pictures} == {"image/png"}
    assert len({picture.body for picture in pictures}) == 5
    assert len({picture.headers["etag"] for picture in pictures}) == 5


def test_an_image_keeps_its_size_when_the_options_change(client: Client, path: str) -> None:
    before = client.get(path)
    client.tune(pixels=64)
    assert client.get(path) == before


@pytest.mark.parametrize("prompt", ["a red fox", "moderated"])
def test_an_unfinished_or_failed_job_has_no_images(client: Client, prompt: str) -> None:
    path = f"/images/{client.accepted(prompt)}/grid.png"
    assert client.get(path).status == 404
    client.now += 60
    assert client.get(path).status == (200 if prompt == "a red fox" else 404)


@pytest.mark.parametrize("name", ["0_4.png", "1_0.png", "grid.jpg", "grid.png/", "..", ""])
def test_other_names_are_not_found(client: Client, path: str, name: str) -> None:
    folder = path.rpartition("/")[0]
    assert client.get(f"{folder}/{name}").status == 404
    assert client.get("/images/sbx_unknown/grid.png").status == 404


def test_head_tells_size_and_etag(client: Client, path: str) -> None:
    get, head = client.get(path), client.send("HEAD", path, headers={"range": "bytes=0-9"})
    assert head.status == 200
    assert head.headers == get.headers
    assert head.headers["accept-ranges"] == "bytes"
    assert head.headers["content-length"] == str(len(get.body))
    assert head.body == b""


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-99", slice(0, 100)),
        ("Bytes=10-10", slice(10, 11)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-999999999999", slice(5, None)),
        ("bytes=-999999999999", slice(0, None)),
    ],
)
def test_a_range_is_served(client: Client, path: str, asked: str, part: slice) -> None:
    whole = client.get(path).body
    response = client.get(path, range=asked)
    first = whole.index(response.body) if response.body != whole else 0
    assert response.status == 206
    assert response.body == whole[part]
    assert response.headers["content-length"] == str(len(response.body))
    assert response.headers["content-range"].endswith(f"/{len(whole)}")
    if len(response.body) > 4:
        span = f"bytes {first}-{first + len(response.body) - 1}/{len(whole)}"
        assert response.headers["content-range"] == span


@pytest.mark.parametrize("asked", ["bytes=-0", "bytes=999999-", "bytes=999999-999999"])
def test_a_range_outside_the_image_is_refused(client: Client, path: str, asked: str) -> None:
    length = len(client.get(path).body)
    response = client.get(path, range=asked)
    assert response.status == 416
    assert response.headers["content-range"] == f"bytes */{length}"
    assert json.loads(response.body)["status"] == 416


@pytest.mark.parametrize(
    "asked",
    ["", "bytes=-", "bytes=9-3", "bytes=0-1,3-4", "lines=0-1", "bytes=x-1", "bytes=" + "9" * 99],
)
def test_a_range_that_is_none_is_ignored(client: Client, path: str, asked: str) -> None:
    assert client.get(path, range=asked) == client.get(path)


def test_if_range_protects_against_a_changed_image(client: Client, path: str) -> None:
    etag = client.get(path).headers["etag"]
    assert client.get(path, range="bytes=0-9", if_range=etag).status == 206
    assert client.get(path, range="bytes=0-9", if_range='"other"').status == 200
    assert client.get(path, range="bytes=0-9", if_range=f"W/{etag}").status == 200
