// Numbers, sizes and times as a person reads them. Locale-free on purpose: an instrument reads the same everywhere.

const thousands = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `1,284` */
export function count(value: number): string {
  return thousands.format(value);
}

/** A count and its noun: `1 client`, `2 clients`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A rate: whole from ten on, one digit below. */
export function rate(value: number): string {
  if (value === 0) return '0';
  return value < 10 ? value.toFixed(1) : count(value);
}

/** A size: `87 B`, `1.5 KiB`, `64 MiB`. */
export function bytes(value: number): string {
  if (value < 1024) return `${count(value)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = -1;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const text = size < 10 ? size.toFixed(1).replace(/\.0$/, '') : count(size);
  return `${text} ${units[unit] ?? ''}`;
}

/** A reading: at most four significant digits, without a tail of zeros. */
export function reading(value: number | undefined): string {
  if (value === undefined) return '–';
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1000 && size < 1e15) return count(value);
  if (size !== 0 && (size < 0.001 || size >= 1e15)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

const two = (value: number) => String(value).padStart(2, '0');

/** `14:02:11` of local time. */
export function clock(millis: number): string {
  const at = new Date(millis);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** `14:02:11.482` of local time. */
export function clockMillis(millis: number): string {
  return `${clock(millis)}.${String(Math.floor(millis) % 1000).padStart(3, '0')}`;
}

/** `14:02:11.482013` of local time. */
export function clockMicros(micros: number): string {
  return `${clock(micros / 1000)}.${String(micros % 1_000_000).padStart(6, '0')}`;
}

/** `28 November 2026` of local time. */
export function day(millis: number): string {
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric' }).format(millis);
}

/** `28 November 2026, 09:14:00` of local time. */
export function dayAndTime(millis: number): string {
  return `${day(millis)}, ${clock(millis)}`;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' });

/** How far off a moment is: `in 6 days`, `4 minutes ago`. */
export function distance(millis: number, now: number): string {
  const delta = millis - now;
  const size = Math.abs(delta);
  const steps: [number, Intl.RelativeTimeFormatUnit][] = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1000, 'second'],
  ];
  for (const [length, unit] of steps) {
    if (size >= length) return relative.format(Math.trunc(delta / length), unit);
  }
  return 'now';
}

/** A length of time: `48 s`, `12 min`, `3 h 20 min`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return counted(Math.floor(hours / 24), 'day');
}
