"""Tiny-ImageNet: the archive's layout on a small folder, its faults one by one, the download, and the real one."""

import dataclasses
import hashlib
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from serving import serving

from snip_lib import data
from snip_lib.data import sets, tiny_imagenet

CLASSES = ("n02124075", "n01443537", "n09999999")  # in the order of wnids.txt, which is not the sorted one
EACH, TEST = 20, 4  # images a class: for training in the whole set, for testing in both
NAMES = ("tiny-imagenet", "tiny-imagenet-half")


def colour(wnid, number):
    """What the picture of that number shows everywhere: red tells the class, green the number."""
    return 60 * sorted(CLASSES).index(wnid) + 20, 10 * number + 10, 90


def picture(path, shade, size=(64, 64)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(shade, int) else "RGB", size, shade).save(path, "JPEG", quality=95)


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """The two sets with three classes, and a folder for them."""
    for name, each in zip(NAMES, (EACH, EACH // 2), strict=True):
        sizes = {"train": 3 * each, "test": 3 * TEST}
        monkeypatch.setitem(sets.SOURCES, name, dataclasses.replace(sets.SOURCES[name], classes=3, sizes=sizes))
    monkeypatch.setenv("SNIP_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def archive(folder, each=EACH):
    """A folder in the archive's layout, with what the archive has beside: boxes, test images, words."""
    folder = folder / "tiny-imagenet-200"
    for wnid in CLASSES:
        for i in range(each):
            picture(folder / "train" / wnid / "images" / f"{wnid}_{i}.JPEG", colour(wnid, i))
        (folder / "train" / wnid / f"{wnid}_boxes.txt").write_text(f"{wnid}_0.JPEG\t0\t10\t63\t58\n", encoding="utf-8")
    lines = []
    for i in range(3 * TEST):
        picture(folder / "val" / "images" / f"val_{i}.JPEG", colour(CLASSES[i % 3], i))
        lines.append(f"val_{i}.JPEG\t{CLASSES[i % 3]}\t0\t32\t44\t62\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(reversed(lines)), encoding="utf-8")
    picture(folder / "test" / "images" / "test_0.JPEG", 7)
    (folder / "wnids.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    (folder / "words.txt").write_text("n01443537\tgoldfish, Carassius auratus\n", encoding="utf-8")
    return folder


@pytest.fixture
def whole(small):
    return archive(small)


# What is read


def shown(found, part):
    """(class, number) of each image by the colour that it shows, and its label."""
    x, y = getattr(found, f"{part}_x"), getattr(found, f"{part}_y")
    assert (x.dtype, y.dtype, tuple(x.shape[1:])) == (torch.uint8, torch.int64, (3, 64, 64))
    assert x.is_contiguous()
    means = x.float().mean((2, 3))
    assert (x.float().std((2, 3)) < 2).all()
    assert ((means[:, 2] - 90).abs() < 3).all()
    return [
        (round((r - 20) / 60), round((g - 10) / 10), int(label))
        for (r, g, _), label in zip(means.tolist(), y, strict=True)
    ]


@pytest.mark.parametrize(("name", "each"), list(zip(NAMES, (EACH, EACH // 2), strict=True)))
def test_every_image_is_read_with_its_label(small, name, each):
    archive(small, each)
    assert data.available(name)
    found = data.load(name, download=False)
    assert (found.classes, found.input_shape, found.name) == (3, (3, 64, 64), name)
    assert len(found.valid_y) == 3 * each // 10  # the split of all sets
    training = shown(found, "train") + shown(found, "valid")
    assert sorted(training) == [(label, i, label) for label in range(3) for i in range(each)]
    labels = [sorted(CLASSES).index(CLASSES[i % 3]) for i in range(3 * TEST)]
    assert shown(found, "test") == [(label, i, label) for i, label in enumerate(labels)]


def test_the_split_follows_its_seed(whole):
    splits = [data.load("tiny-imagenet", split_seed=seed).valid_x for seed in (0, 0, 1)]
    assert torch.equal(splits[0], splits[1])
    assert not torch.equal(splits[0], splits[2])


def test_grey_images_have_three_equal_channels(whole):
    picture(whole / "val" / "images" / "val_0.JPEG", 77)
    assert (data.load("tiny-imagenet").test_x[0].float() - 77).abs().max() <= 2


def test_stray_files_do_no_harm(whole):
    """What file managers, editors and Windows leave behind: hidden files and folders, thumbnails, ends of lines."""
    (whole / "train" / ".DS_Store").write_bytes(b"\0")
    (whole / "train" / ".ipynb_checkpoints").mkdir()
    (whole / "train" / CLASSES[0] / "images" / "Thumbs.db").write_bytes(b"\0")
    (whole / "val" / "images" / "._val_0.JPEG").write_bytes(b"\0")
    before = data.load("tiny-imagenet")
    for name in ("wnids.txt", "val/val_annotations.txt"):
        text = (whole / name).read_text(encoding="utf-8")
        (whole / name).write_bytes(text.replace("\n", "\r\n").encode() + b"\r\n")
    assert torch.equal(data.load("tiny-imagenet").test_y, before.test_y)


# One clear line for each fault


def replaced(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def cut(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


FIRST = f"train/{CLASSES[0]}/images/{CLASSES[0]}_0.JPEG"
NOTES = "val/val_annotations.txt"
FAULTS = {
    "an empty image": (lambda f: (f / FIRST).write_bytes(b""), f"{FIRST} is no whole JPEG"),
    "a text for an image": (lambda f: (f / FIRST).write_bytes(b"<html>404</html>\n"), f"{FIRST} is no whole JPEG"),
    "half an image": (lambda f: cut(f / FIRST, 0.6), f"{FIRST} is no whole JPEG"),
    "the head of an image": (lambda f: cut(f / "val/images/val_3.JPEG", 0.05), "val_3.JPEG is no whole JPEG"),
    "another format": (lambda f: Image.new("RGB", (64, 64)).save(f / FIRST, "PNG"), f"{FIRST} is no whole JPEG"),
    "a folder for an image": (lambda f: ((f / FIRST).unlink(), (f / FIRST).mkdir()), f"{FIRST} is no whole JPEG"),
    "a smaller image": (lambda f: picture(f / FIRST, 7, (64, 63)), f"{FIRST} is 63x64 pixels, not 64x64"),
    "a training image less": (lambda f: (f / FIRST).unlink(), f"{CLASSES[0]}/images holds 19 images, not 20"),
    "a training image more": (
        lambda f: shutil.copy(f / FIRST, f / FIRST.replace("_0.", "_20.")),
        f"{CLASSES[0]}/images holds 21 images, not 20",
    ),
    "a number left out": (lambda f: (f / FIRST).rename(f / FIRST.replace("_0.", "_99.")), f"{FIRST} is missing"),
    "another class's image": (
        lambda f: (f / FIRST).rename(f / FIRST.replace(f"{CLASSES[0]}_0", f"{CLASSES[1]}_99")),
        f"{CLASSES[1]}_99.JPEG: an image of that name does not belong",
    ),
    "a test image less": (lambda f: (f / "val/images/val_11.JPEG").unlink(), "val/images holds 11 images, not 12"),
    "no images of a class": (
        lambda f: shutil.rmtree(f / "train" / CLASSES[1] / "images"),
        f"{CLASSES[1]}/images cannot be read (No such file",
    ),
    "no folder of a class": (lambda f: shutil.rmtree(f / "train" / CLASSES[1]), f"{CLASSES[1]} is missing"),
    "no train": (lambda f: shutil.rmtree(f / "train"), "train cannot be read (No such file"),
    "no val": (lambda f: shutil.rmtree(f / "val"), "val/images cannot be read (No such file"),
    "no annotations": (lambda f: (f / NOTES).unlink(), f"{NOTES} cannot be read (No such file"),
    "no list of classes": (lambda f: (f / "wnids.txt").unlink(), "wnids.txt cannot be read (No such file"),
    "an unknown class's folder": (
        lambda f: (f / "train" / "n00000001").mkdir(),
        "n00000001: that class is not in wnids.txt",
    ),
    "a class less in the list": (
        lambda f: replaced(f / "wnids.txt", CLASSES[2] + "\n", ""),
        "wnids.txt names 2 classes, not 3",
    ),
    "a class twice in the list": (
        lambda f: replaced(f / "wnids.txt", CLASSES[2], CLASSES[1]),
        "wnids.txt names 2 classes, not 3",
    ),
    "another class in the list": (
        lambda f: replaced(f / "wnids.txt", CLASSES[2], "n00000001"),
        "train/n00000001 is missing",
    ),
    "bytes for the list": (lambda f: (f / "wnids.txt").write_bytes(b"\xff\xfe\0n\n1\n2"), "is missing: every class of"),
    "a missing annotation": (
        lambda f: replaced(f / NOTES, f"val_4.JPEG\t{CLASSES[1]}\t0\t32\t44\t62\n", ""),
        "val_annotations.txt: val_4.JPEG has no line",
    ),
    "no annotation at all": (lambda f: (f / NOTES).write_bytes(b""), "val_0.JPEG has no line"),
    "an annotation twice": (
        lambda f: replaced(f / NOTES, "val_4.JPEG", "val_5.JPEG"),
        "two lines for val_5.JPEG",
    ),
    "an annotation of no image": (
        lambda f: replaced(f / NOTES, "val_4.JPEG", "val_77.JPEG"),
        "a line for 'val_77.JPEG', which is no image",
    ),
    "an annotation without a class": (
        lambda f: replaced(f / NOTES, f"val_4.JPEG\t{CLASSES[1]}\t0\t32\t44\t62", "val_4.JPEG"),
        "val_4.JPEG is of class '', which is not in wnids.txt",
    ),
    "an unknown class": (
        lambda f: replaced(f / NOTES, f"val_4.JPEG\t{CLASSES[1]}", "val_4.JPEG\tn00000001"),
        "val_4.JPEG is of class 'n00000001', which is not in wnids.txt",
    ),
    "a wrong class": (
        lambda f: replaced(f / NOTES, f"val_4.JPEG\t{CLASSES[1]}", f"val_4.JPEG\t{CLASSES[2]}"),
        f"3 images of class {CLASSES[1]}, not 4",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_said_in_one_line(whole, fault):
    change, message = FAULTS[fault]
    change(whole)
    assert message in refused("tiny-imagenet")


def refused(name, **options):
    with pytest.raises(data.DataError) as caught:
        data.load(name, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("asked", "there"), [NAMES, NAMES[::-1]])
def test_the_half_and_the_whole_are_never_mixed(small, asked, there):
    archive(small, EACH if there == "tiny-imagenet" else EACH // 2)
    assert (data.available(there), data.available(asked)) == (True, False)
    for download in (False, True):  # a download does not fill up the half
        assert tiny_imagenet.BOTH in refused(asked, download=download)


@pytest.mark.parametrize("name", NAMES)
def test_other_images_than_those_of_the_half(small, name):
    """As many as the half has, but not the first ones: neither set."""
    folder = archive(small) / "train"
    for wnid in CLASSES:
        for i in range(EACH // 2):
            (folder / wnid / "images" / f"{wnid}_{i}.JPEG").unlink()
    refused(name)


# The download


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """The archive as a file, under the address and the checksum that are asked for."""
    made = archive(tmp_path / "made")
    with zipfile.ZipFile(tmp_path / "tiny-imagenet-200.zip", "w") as file:
        for path in sorted(made.rglob("*")):
            file.write(path, path.relative_to(made.parent))
    path = tmp_path / "tiny-imagenet-200.zip"
    monkeypatch.setattr(tiny_imagenet, "MD5", hashlib.md5(path.read_bytes()).hexdigest())
    with serving(tmp_path) as address:
        monkeypatch.setattr(tiny_imagenet, "URL", f"{address}{path.name}")
        yield path


def test_the_archive_is_downloaded_once(small, offered):
    assert not data.available("tiny-imagenet")
    first = data.load("tiny-imagenet")
    assert data.available("tiny-imagenet")
    assert [path.name for path in small.iterdir()] == ["tiny-imagenet-200"]  # the archive itself is not kept
    offered.unlink()
    assert torch.equal(data.load("tiny-imagenet").train_x, first.train_x)


@pytest.mark.parametrize("what", ["another checksum", "nothing there", "no folder inside", "no place"])
def test_a_download_that_fails_leaves_nothing(small, offered, what, monkeypatch):
    if what == "another checksum":
        monkeypatch.setattr(tiny_imagenet, "MD5", "0" * 32)
    elif what == "nothing there":
        offered.unlink()
    elif what == "no place":
        small.write_text("a file where the folder should be", encoding="utf-8")
    else:
        with zipfile.ZipFile(offered, "w") as file:
            file.writestr("something.txt", "else")
        monkeypatch.setattr(tiny_imagenet, "MD5", hashlib.md5(offered.read_bytes()).hexdigest())
    told = refused("tiny-imagenet")
    assert "tiny-imagenet could not be loaded (" in told
    assert "SNIP_DATA" in told
    assert what == "no place" or list(small.iterdir()) == []


def test_another_process_may_be_faster(small, offered, monkeypatch):
    """Both unpack beside the place; the second finds it taken and reads what is there."""
    rename = Path.rename

    def late(self, target):
        shutil.copytree(self, target)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    assert len(data.load("tiny-imagenet").test_y) == 3 * TEST
    assert [path.name for path in small.iterdir()] == ["tiny-imagenet-200"]


def test_nothing_is_downloaded_where_nobody_allows_it(small, offered):
    assert "could not be loaded" in refused("tiny-imagenet", download=False)
    assert "could not be loaded" in refused("tiny-imagenet-half")  # there is no archive of the half
    assert not small.exists()


# The real one


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_real_set(name, monkeypatch):
    """Statistics from counts of the 256 values, the labels of some images, and the split, where the data is."""
    monkeypatch.undo()
    if not data.available(name):
        pytest.skip(f"{name} is not under SNIP_DATA")
    source = data.SOURCES[name]
    found = data.load(name, download=False)
    each = source.sizes["train"] // 200
    assert (len(found.train_y), len(found.valid_y), len(found.test_y)) == (180 * each, 20 * each, 10_000)
    assert found.test_y.bincount(minlength=200).tolist() == [50] * 200
    assert (found.train_y.bincount() + found.valid_y.bincount()).tolist() == [each] * 200
    for channel in range(3):
        parts = (found.train_x, found.valid_x)
        counts = sum(np.bincount(part[:, channel].flatten().numpy(), minlength=256) for part in parts)
        values = np.arange(256) / 255
        mean = (counts * values).sum() / counts.sum()
        assert source.mean[channel] == pytest.approx(mean, abs=2e-5)
        std = np.sqrt((counts * (values - mean) ** 2).sum() / counts.sum())
        assert source.std[channel] == pytest.approx(std, abs=2e-5)  # decoders differ in the last bit of a pixel
    folder = data.root() / "tiny-imagenet-200" / "val"
    wnids = sorted((folder.parent / "wnids.txt").read_text(encoding="utf-8").split())
    for line in (folder / "val_annotations.txt").read_text(encoding="utf-8").splitlines()[::1000]:
        image, wnid = line.split("\t")[:2]
        place = int(image.removeprefix("val_").removesuffix(".JPEG"))
        assert wnids[found.test_y[place]] == wnid
        expected = torch.from_numpy(np.array(Image.open(folder / "images" / image).convert("RGB"))).permute(2, 0, 1)
        assert torch.equal(found.test_x[place], expected)
