"""Compares two FABs: entries, order, header fields, bytes; pyproject.toml as TOML. Prints one difference per line."""

import hashlib
import sys
import zipfile

import tomli

FIELDS = [
    "filename", "compress_type", "date_time", "create_system", "create_version", "extract_version", "flag_bits",
    "external_attr", "internal_attr", "extra", "comment", "volume", "reserved",
]


def same_types(a: object, b: object) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_types(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same_types, a, b))
    return a == b or (a != a and b != b)


def manifest_is_true(archive: zipfile.ZipFile) -> bool:
    lines = archive.read(".info/CONTENT").decode().split("\n")
    names = [info.filename for info in archive.infolist()][:-1]
    expected = []
    for name in names:
        content = archive.read(name)
        expected.append(f"{name},{hashlib.sha256(content).hexdigest()},{len(content) * 8}")
    return lines == expected


theirs, ours = (zipfile.ZipFile(path) for path in sys.argv[1:3])
their_infos, our_infos = theirs.infolist(), ours.infolist()
if [i.filename for i in their_infos] != [i.filename for i in our_infos]:
    print("entries", [i.filename for i in their_infos], [i.filename for i in our_infos])
for a, b in zip(their_infos, our_infos):
    for field in FIELDS:
        if getattr(a, field) != getattr(b, field):
            print("field", a.filename, field, getattr(a, field), getattr(b, field))
    if a.filename not in ("pyproject.toml", ".info/CONTENT") and theirs.read(a) != ours.read(b):
        print("bytes", a.filename)
if not same_types(tomli.loads(theirs.read("pyproject.toml").decode()), tomli.loads(ours.read("pyproject.toml").decode())):
    print("pyproject.toml", theirs.read("pyproject.toml"), ours.read("pyproject.toml"))
if ours.testzip() is not None:
    print("crc")
if not manifest_is_true(theirs) or not manifest_is_true(ours):
    print("manifest")
