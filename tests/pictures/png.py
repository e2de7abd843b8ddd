"""A third of a screenshot's size: at most 256 colours, found by the browser, in a PNG with a palette."""

from __future__ import annotations

import base64
import struct
import zlib

from playwright.sync_api import Page

# Shades that lie close together become the one that most pixels have, so that surfaces keep their very colour; how
# close is as little as it takes.
FEWER_COLOURS = """async (png) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    const data = context.getImageData(0, 0, image.width, image.height).data;
    const colours = Uint32Array.from({ length: data.length / 4 },
        (_, at) => (data[4 * at] << 16) | (data[4 * at + 1] << 8) | data[4 * at + 2]);
    const counts = new Map();
    for (const colour of colours) counts.set(colour, (counts.get(colour) ?? 0) + 1);
    const popular = [...counts].sort((one, other) => other[1] - one[1] || one[0] - other[0]);
    const near = (colour, step) => [16, 8, 0].map((by) => Math.floor(((colour >> by) & 255) / step)).join();
    let groups, step = 0;
    do {
        groups = new Map();
        step += 1;
        for (const [colour] of popular) {
            const key = near(colour, step);
            if (!groups.has(key)) groups.set(key, colour);
        }
    } while (groups.size > 256);
    const palette = [...groups.values()];
    const places = new Map([...groups.keys()].map((key, at) => [key, at]));
    const place = new Map(popular.map(([colour]) => [colour, places.get(near(colour, step))]));
    let pixels = "";
    for (const colour of colours) pixels += String.fromCharCode(place.get(colour));
    return { width: image.width, height: image.height, palette, pixels: btoa(pixels) };
}"""


def small(blank: Page, screenshot: bytes) -> bytes:
    """The same picture. ``blank``: a page without a security policy, which works it out."""
    found = blank.evaluate(FEWER_COLOURS, base64.b64encode(screenshot).decode())
    width, height, pixels = found["width"], found["height"], base64.b64decode(found["pixels"])
    lines = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    palette = b"".join(colour.to_bytes(3, "big") for colour in found["palette"])
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = {b"IHDR": head, b"PLTE": palette, b"IDAT": zlib.compress(lines, 9), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts.items())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
