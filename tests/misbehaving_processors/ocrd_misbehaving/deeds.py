"""What to do on the bad page, before it has any output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time


def misbehave(mode: str) -> None:
    """Returns for modes that spoil the output, or make none."""
    match mode:
        case "raise":
            raise ValueError("no ink")
        case "memory":
            raise MemoryError
        case "image":
            from PIL import UnidentifiedImageError

            raise UnidentifiedImageError("cannot identify image file 'blot.tif'")
        case "disk":
            raise OSError(28, "No space left on device")
        case "exit":
            sys.exit(3)
        case "leave":
            os._exit(4)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(600)
        case "fork":
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "left-behind"])
            os._exit(5)
        case "flood":
            sys.stdout.buffer.write(b"\x1b[31m\xff\x00" * 200_000)
            raise ValueError("flood")
