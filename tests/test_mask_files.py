"""Files of masks: what was altered is refused, what cannot be written leaves what was there."""

import contextlib
import errno
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import snip_lib as sl
from snip_lib.pruning import files

MASKS = sl.Masks({"w": torch.arange(15).view(3, 5) % 2 == 0, "b": torch.tensor([True, False, True])})


@pytest.fixture
def path(tmp_path):
    MASKS.save(tmp_path / "some.safetensors")
    return tmp_path / "some.safetensors"


def test_no_altered_byte_is_read_as_other_masks(path):
    """Every bit of the file flipped, one at a time: refused, or the same masks."""
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            with contextlib.suppress(ValueError):
                assert sl.Masks.load(path) == MASKS


def test_bits_with_a_flipped_one_are_refused_by_the_checksum(path):
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1 << 7
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"its checksum is wrong, so it was altered or damaged"):
        sl.Masks.load(path)


def rewritten(path, *, extra=None, **metadata):
    """The same file with other metadata, its checksum made to fit, and perhaps a tensor more."""
    with safe_open(path, framework="numpy") as file:
        found = file.metadata() | metadata
    bits = load_file(path)
    digest = hashlib.sha256(found["shapes"].encode())
    for name in MASKS:
        digest.update(bits[name])
    save_file(bits | (extra or {}), path, metadata={"sha256": digest.hexdigest()} | found)


DEEP = "[" * 100_000
STRANGE = {
    "negative": '{"w": [-3, -5], "b": [3]}',
    "null": '{"w": null, "b": [3]}',
    "no object": "null",
    "a list": '["w", "b"]',
    "fractions": '{"w": [3.0, 5], "b": [3]}',
    "booleans": '{"w": [true, 15], "b": [3]}',
    "texts": '{"w": ["3", 5], "b": [3]}',
    "other sizes": '{"w": [3, 6], "b": [3]}',
    "huge": '{"w": [%s], "b": [3]}' % ("9" * 5000),
    "absurd": '{"w": [1000000000000000, 1000000000000000], "b": [3]}',
    "nothing": "{}",
    "one less": '{"w": [3, 5]}',
    "one more": '{"w": [3, 5], "b": [3], "v": [1]}',
    "deep": DEEP,
    "deep shapes": '{"w": ' + DEEP,
    "no JSON": "{w: [3, 5]}",
}


@pytest.mark.parametrize("kind", STRANGE)
def test_shapes_that_are_none_are_refused_even_with_a_right_checksum(path, kind):
    with safe_open(path, framework="numpy") as file:
        old = file.metadata()
    del old["sha256"]
    bits = load_file(path)
    digest = hashlib.sha256(STRANGE[kind].encode())
    for name in json.loads(old["shapes"]):
        digest.update(bits[name])
    metadata = {**old, "shapes": STRANGE[kind], "sha256": digest.hexdigest()}
    save_file(bits, path, metadata=metadata)
    with pytest.raises(ValueError, match="some.safetensors is not a readable file of masks: ") as found:
        sl.Masks.load(path)
    assert len(str(found.value)) < 6000
    assert "\n" not in str(found.value)


def test_a_tensor_too_many_is_refused(path):
    rewritten(path)
    assert sl.Masks.load(path) == MASKS
    rewritten(path, extra={"hidden": np.zeros(3, np.uint8)})
    with pytest.raises(ValueError, match="its tensors are not those that its shapes name"):
        sl.Masks.load(path)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (files.OLD, "it is of the first format, which had no checksum: prune and save again"),
        ("snip masks 3", "it holds something else"),
        ("", "it holds something else"),
    ],
)
def test_another_format_is_refused_in_one_line(path, form, message):
    rewritten(path, format=form)
    with pytest.raises(ValueError, match=message):
        sl.Masks.load(path)


# Writing


def test_what_cannot_be_written_is_an_os_error_that_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    for path, number in (
        (tmp_path, errno.EISDIR),
        (tmp_path / ("n" * 300), errno.ENAMETOOLONG),
        (tmp_path / "missing" / "some.safetensors", errno.ENOENT),
        (tmp_path / "file" / "some.safetensors", errno.ENOTDIR),
    ):
        with pytest.raises(OSError, match="the masks could not be saved: ") as found:
            MASKS.save(path)
        assert found.value.errno == number
        assert str(found.value).count("\n") == 0
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_a_full_disk_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="the masks could not be saved: No space left") as found:
        MASKS.save("/dev/full")
    assert found.value.errno == errno.ENOSPC
    assert Path("/dev/full").is_char_device()
    (tmp_path / "link").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        MASKS.save(tmp_path / "link")


def test_a_disk_that_is_full_half_way_leaves_the_old_file(path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        MASKS.shuffled(generator=0).save(path)
    assert sl.Masks.load(path) == MASKS
    assert os.listdir(path.parent) == ["some.safetensors"]


def test_a_file_is_replaced_through_a_link(path, tmp_path):
    other = MASKS.shuffled(generator=0)
    (tmp_path / "link").symlink_to(path)
    other.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert sl.Masks.load(path) == other != MASKS


def test_reading_a_folder_or_nothing_is_an_os_error(tmp_path):
    with pytest.raises(IsADirectoryError):
        sl.Masks.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        sl.Masks.load(tmp_path / "none")


def test_a_link_that_leads_to_itself_is_replaced(tmp_path):
    path = tmp_path / "loop.safetensors"
    path.symlink_to(path)
    masks = sl.Masks({"weight": torch.eye(3).bool()})
    masks.save(path)
    assert sl.Masks.load(path) == masks
