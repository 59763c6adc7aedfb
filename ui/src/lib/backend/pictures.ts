// Pictures of charts as the workbench sends them: crates/app/src/charts/packed.rs says how.
import type { ChartsFrame } from './api';

interface Header {
  readonly counts: readonly number[];
  readonly frame: ChartsFrame;
}

/** A frame out of its bytes. Coordinates are looked at where they are, not copied. */
export function unpacked(bytes: ArrayBuffer): ChartsFrame {
  const length = new DataView(bytes).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length))) as Header;
  // Every system that the workbench runs on is little-endian.
  const numbers = new Float32Array(bytes, 4 + length);
  let [path, at] = [0, 0];
  for (const { drawn } of header.frame.pictures) {
    for (const op of drawn?.ops ?? []) {
      if (op.op !== 'path' && op.op !== 'fill') continue;
      const count = header.counts[path] ?? 0;
      op.points = numbers.subarray(at, at + count);
      path += 1;
      at += count;
    }
  }
  return header.frame;
}
