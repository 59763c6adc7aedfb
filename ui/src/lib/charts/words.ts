// What charts are called.
import type { ChartKind, ChartMeasure, ChartSource } from '$lib/backend';

export const MEASURES: readonly { value: ChartMeasure; label: string; note: string }[] = [
  { value: 'messages', label: 'Messages', note: 'per second' },
  { value: 'messages-by-qos', label: 'Messages by QoS', note: 'per second, in and out' },
  { value: 'bytes', label: 'Bytes', note: 'per second' },
  { value: 'bytes-by-qos', label: 'Bytes by QoS', note: 'per second, in and out' },
  { value: 'latency', label: 'Latency', note: 'publisher to subscriber' },
  { value: 'connections', label: 'Connections', note: 'now' },
  { value: 'queued', label: 'Waiting messages', note: 'in all sessions' },
  { value: 'retained', label: 'Retained messages', note: 'now' },
  { value: 'lost', label: 'Losses', note: 'per second' },
];

export const KINDS: readonly { value: ChartKind; label: string }[] = [
  { value: 'line', label: 'Line' },
  { value: 'step', label: 'Steps' },
  { value: 'scatter', label: 'Dots' },
  { value: 'bar', label: 'Bars' },
  { value: 'histogram', label: 'Distribution' },
  { value: 'heat-map', label: 'Heat map' },
  { value: 'last-value', label: 'Last value' },
  { value: 'states', label: 'States' },
];

export const WINDOWS: readonly { value: string; label: string }[] = [
  { value: '10', label: '10 s' },
  { value: '60', label: '1 min' },
  { value: '600', label: '10 min' },
  { value: '3600', label: '1 h' },
  { value: '21600', label: '6 h' },
  { value: '86400', label: '24 h' },
  { value: '0', label: 'all' },
];

const UNITS: Partial<Record<ChartMeasure, string>> = {
  messages: '/s',
  'messages-by-qos': '/s',
  lost: '/s',
  bytes: 'B/s',
  'bytes-by-qos': 'B/s',
  latency: 'ms',
};

/** What values are measured in, where somebody said it or it is known. */
export function unitOf(source: ChartSource, said: string): string {
  return said || (source.kind === 'broker' ? (UNITS[source.measure] ?? '') : '');
}

/** Whether what stands in it says more than the values at a time: bars, cells, tiles, states. */
export function hasSpots(kind: ChartKind): boolean {
  return kind === 'histogram' || kind === 'last-value' || kind === 'heat-map' || kind === 'states';
}

/** Whether time runs from left to right. */
export function overTime(kind: ChartKind): boolean {
  return kind !== 'histogram' && kind !== 'last-value';
}
