"""The processors of the kill tests: slow enough that kills hit them at work, and one that fails on one page."""

from __future__ import annotations

from pathlib import Path

from tests.behaviour.scripted_processors import write_processor

_BY_PAGE = """
    import signal
    from PIL import Image
    from ocrd.processor.ocrd_page_result import OcrdPageResultImage

    class Scripted(Described):
        "Takes some time for each page; has a child process, as processors that call other programs have."

        def setup(self):
            self.child = subprocess.Popen(["sleep", "600"])

        def process_page_pcgts(self, *input_pcgts, page_id=None):
            mode, where = self.parameter["mode"], self.parameter["where"]
            time.sleep({seconds})
            if mode == "fail" and page_id == where:
                raise ValueError("this page is not liked")
            if mode == "wait":
                signal.pause()
            result = OcrdPageResult(input_pcgts[0])
            if mode == "image":
                page = input_pcgts[0].get_Page()
                from ocrd_models.ocrd_page import AlternativeImageType
                reference = AlternativeImageType(comments="cropped")
                page.add_AlternativeImage(reference)
                result.images.append(OcrdPageResultImage(Image.new("L", (200, 300), 128), ".IMG-CROP", reference))
            return result
"""

_WHOLE_BOOK = """
    class Scripted(Described):
        "Of API 2: nobody sees the end of a page."

        def process(self):
            for file in self.input_files:
                time.sleep({seconds})
                new_id = make_file_id(file, self.output_file_grp)
                self.workspace.add_file(
                    file_id=new_id, file_grp=self.output_file_grp, page_id=file.pageId, mimetype="text/plain",
                    local_filename=os.path.join(self.output_file_grp, new_id + ".txt"), content="page " + file.pageId,
                )
"""


def write_processors(directory: Path, seconds: float = 0.05) -> Path:
    """``ocrd-slow`` (its ``mode``: ok, image, fail on the page ``where``, or wait for ever) and ``ocrd-whole``."""
    directory.mkdir()
    write_processor(directory, _BY_PAGE.format(seconds=seconds), "ocrd-slow")
    write_processor(directory, _WHOLE_BOOK.format(seconds=seconds / 2), "ocrd-whole")
    return directory
