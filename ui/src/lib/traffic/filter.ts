// The filter on the traffic as a person sees it: its conditions one by one, and points in time as they are typed. Pure.
import type { Direction, SeenBy, TrafficFilter } from '$lib/backend';
import { clockMillis, count, day } from '$lib/shared/format';

/** The filter that lets everything pass. */
export const ALL: TrafficFilter = { text: '', payload: '', clients: [], topic: '', packets: [], faults: false };

/** What may be missing in a filter. */
type Optional = 'direction' | 'qos' | 'message' | 'from' | 'until' | 'seenBy';

/** What to change of a filter; `undefined` takes a condition away. */
export type FilterChange = Partial<Omit<TrafficFilter, Optional>> & {
  direction?: Direction | undefined;
  qos?: number | undefined;
  message?: number | undefined;
  from?: number | undefined;
  until?: number | undefined;
  seenBy?: SeenBy | undefined;
};

/** The ends that a packet can be seen at, in words. */
export const ENDS: Record<SeenBy, string> = {
  broker: 'the broker',
  'client-of-broker': 'test clients of it',
  'client-of-remote': 'test clients of other brokers',
};

/** A filter with a change made to it. */
export function changed(filter: TrafficFilter, change: FilterChange): TrafficFilter {
  const all = { ...filter, ...change };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as TrafficFilter;
}

/** Whether it keeps anything back. */
export function narrows(filter: TrafficFilter): boolean {
  return (
    filter.text !== '' ||
    filter.payload !== '' ||
    filter.clients.length > 0 ||
    filter.topic !== '' ||
    filter.packets.length > 0 ||
    filter.faults ||
    filter.direction !== undefined ||
    filter.qos !== undefined ||
    filter.message !== undefined ||
    filter.from !== undefined ||
    filter.until !== undefined ||
    filter.seenBy !== undefined
  );
}

/** A condition that has no field of its own in the toolbar. */
export interface Chip {
  name: string;
  value: string;
  /** Takes it away. */
  without: FilterChange;
}

/** The conditions that stand as chips below the toolbar. */
export function chips(filter: TrafficFilter, now: number): Chip[] {
  const out: Chip[] = [];
  for (const client of filter.clients) {
    out.push({
      name: 'client',
      value: client,
      without: { clients: filter.clients.filter((each) => each !== client) },
    });
  }
  if (filter.payload) out.push({ name: 'payload holds', value: filter.payload, without: { payload: '' } });
  if (filter.message !== undefined)
    out.push({ name: 'message', value: count(filter.message), without: { message: undefined } });
  if (filter.from !== undefined)
    out.push({ name: 'from', value: written(filter.from, now), without: { from: undefined } });
  if (filter.until !== undefined)
    out.push({ name: 'before', value: written(filter.until, now), without: { until: undefined } });
  if (filter.seenBy !== undefined)
    out.push({ name: 'seen at', value: ENDS[filter.seenBy], without: { seenBy: undefined } });
  if (filter.faults) out.push({ name: 'struck by a fault rule', value: '', without: { faults: false } });
  return out;
}

/** A point in time of today as `14:02:11.482`, of another day with its date; to the microsecond. `now` in milliseconds. */
export function written(micros: number, now: number): string {
  const millis = Math.floor(micros / 1000);
  const rest = micros % 1000;
  const time = rest
    ? `${clockMillis(millis)}${String(rest).padStart(3, '0')}`
    : clockMillis(millis).replace(/\.000$/, '');
  return day(millis) === day(now) ? time : `${date(millis)} ${time}`;
}

function date(millis: number): string {
  const at = new Date(millis);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

const MOMENT = /^(?:(\d{4})-(\d\d)-(\d\d)[ T])?(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/;

/** The point in time that was typed, in microseconds since 1970; `null` where it is none. Without a date it is today's. */
export function moment(text: string, now: number): number | null {
  const parts = MOMENT.exec(text.trim());
  if (!parts) return null;
  const today = new Date(now);
  const [year, month, dayOf] = parts[1]
    ? [Number(parts[1]), Number(parts[2]) - 1, Number(parts[3])]
    : [today.getFullYear(), today.getMonth(), today.getDate()];
  const [hours, minutes, seconds] = [Number(parts[4]), Number(parts[5]), Number(parts[6] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  const at = new Date(year, month, dayOf, hours, minutes, seconds);
  if (at.getMonth() !== month || at.getDate() !== dayOf) return null;
  return at.getTime() * 1000 + Number((parts[7] ?? '').padEnd(6, '0'));
}

/** Client identifiers as they are typed, with commas between them. */
export function clientList(text: string): string[] {
  return [
    ...new Set(
      text
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== ''),
    ),
  ];
}
