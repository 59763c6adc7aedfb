// What is built holds nothing of the fake backend, and asks nothing of the network.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
/** Stands in src/dev/core.ts, and has to be missing here. */
const MARK = 'FAKE-BACKEND-FOR-DEVELOPMENT';

const files = readdirSync(DIST, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));
const texts = files.filter((file) => /\.(html|js|css)$/.test(file));
const faults = [];
if (!texts.some((file) => file.endsWith('.js'))) faults.push('dist holds no script');
for (const file of texts) {
  const text = readFileSync(file, 'utf8');
  if (text.includes(MARK)) faults.push(`${file} holds the fake backend`);
  if (/\.(css|html)$/.test(file) && /(url\(|src=|href=)["']?https?:/.test(text))
    faults.push(`${file} loads from the network`);
}
if (!readFileSync(fileURLToPath(new URL('../src/dev/core.ts', import.meta.url)), 'utf8').includes(MARK)) {
  faults.push('src/dev/core.ts has lost its mark: this check would prove nothing');
}
for (const fault of faults) console.error(fault);
process.exit(faults.length ? 1 : 0);
