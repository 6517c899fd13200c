"""What `offizin import` makes, read by the reference."""

from __future__ import annotations

from pathlib import Path

import pytest
from ocrd import Resolver, Workspace
from ocrd_validators import WorkspaceValidator
from PIL import Image

from offizin.workspaces.image_import import import_images


@pytest.fixture
def mets(tmp_path: Path) -> Path:
    for number, ending in enumerate(("tif", "png", "jpg"), start=1):
        Image.new("L", (400, 600), 255).save(tmp_path / f"scan {number}.{ending}", dpi=(300, 300))
    return import_images(sorted(tmp_path.glob("scan*")), tmp_path / "book", identifier="urn:nbn:de:test").mets


def test_the_reference_finds_nothing_wrong(mets: Path) -> None:
    report = WorkspaceValidator.validate(Resolver(), str(mets), src_dir=str(mets.parent))
    assert report.is_valid, report.to_xml()
    assert not report.warnings
    assert not report.notices


def test_the_reference_sees_the_same_pages_and_files(mets: Path) -> None:
    workspace = Workspace(Resolver(), str(mets.parent))
    assert workspace.mets.unique_identifier == "urn:nbn:de:test"
    assert workspace.mets.physical_pages == ["PHYS_0001", "PHYS_0002", "PHYS_0003"]
    assert [(file.ID, file.pageId, file.mimetype, str(file.local_filename)) for file in workspace.find_files()] == [
        ("OCR-D-IMG_0001", "PHYS_0001", "image/tiff", "OCR-D-IMG/OCR-D-IMG_0001.tif"),
        ("OCR-D-IMG_0002", "PHYS_0002", "image/png", "OCR-D-IMG/OCR-D-IMG_0002.png"),
        ("OCR-D-IMG_0003", "PHYS_0003", "image/jpeg", "OCR-D-IMG/OCR-D-IMG_0003.jpg"),
    ]
