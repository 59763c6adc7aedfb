#!/usr/bin/env python3
"""Renders icon.svg to the bitmaps that tauri.conf.json names.

Needs rsvg-convert (librsvg2-bin) and ImageMagick's convert. An .icns is a header and PNGs, each under its own type.
"""

import struct
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
PNGS = {"32x32.png": 32, "128x128.png": 128, "128x128@2x.png": 256, "icon.png": 512}
ICNS = {b"ic11": 32, b"ic12": 64, b"ic07": 128, b"ic08": 256, b"ic13": 256, b"ic09": 512, b"ic14": 512, b"ic10": 1024}


def png(size: int) -> bytes:
    command = ["rsvg-convert", "-w", str(size), "-h", str(size), str(HERE / "icon.svg")]
    return subprocess.run(command, check=True, capture_output=True).stdout


for name, size in PNGS.items():
    (HERE / name).write_bytes(png(size))

chunks = b"".join(kind + struct.pack(">I", len(data) + 8) + data for kind, data in ((k, png(s)) for k, s in ICNS.items()))
(HERE / "icon.icns").write_bytes(b"icns" + struct.pack(">I", len(chunks) + 8) + chunks)

subprocess.run(
    ["convert", str(HERE / "icon.png"), "-define", "icon:auto-resize=256,128,64,48,32,24,16", str(HERE / "icon.ico")],
    check=True,
)
