// Alert rules in words. Pure.
import type { AlertCondition, AlertSource, ChartMeasure } from '$lib/backend';
import { duration } from '$lib/shared/format';

const BY_QOS = ['in, QoS 0', 'in, QoS 1', 'in, QoS 2', 'out, QoS 0', 'out, QoS 1', 'out, QoS 2'];

/** What can be watched of the broker, and its lines as the workbench names them; one that a rule begins with, where all are seldom meant. */
export const MEASURES: readonly {
  value: ChartMeasure;
  label: string;
  lines: readonly string[];
  usual?: string;
}[] = [
  { value: 'messages', label: 'Messages per second', lines: ['in', 'out'] },
  { value: 'messages-by-qos', label: 'Messages by QoS per second', lines: BY_QOS },
  { value: 'bytes', label: 'Bytes per second', lines: ['in', 'out'] },
  { value: 'bytes-by-qos', label: 'Bytes by QoS per second', lines: BY_QOS },
  { value: 'latency', label: 'Latency in ms', lines: ['median', '95 %', '99 %', 'longest'], usual: '99 %' },
  { value: 'connections', label: 'Connections', lines: ['connections'] },
  { value: 'queued', label: 'Waiting messages', lines: ['waiting messages'] },
  { value: 'retained', label: 'Retained messages', lines: ['retained messages'] },
  { value: 'lost', label: 'Losses per second', lines: ['messages dropped', 'packets not captured'] },
];

export type ConditionKind = AlertCondition['kind'];

export const CONDITIONS: readonly { value: ConditionKind; label: string }[] = [
  { value: 'above', label: 'is above' },
  { value: 'below', label: 'is below' },
  { value: 'no-data', label: 'has not come for' },
  { value: 'changed', label: 'changes' },
  { value: 'rate', label: 'changes faster than' },
  { value: 'unusual', label: 'is unusual' },
];

/** What a rule watches. */
export function sourceText(source: AlertSource): string {
  switch (source.kind) {
    case 'payload':
      return source.path ? `${source.path} of ${source.filter}` : source.filter;
    case 'broker': {
      const label = MEASURES.find((each) => each.value === source.measure)?.label ?? source.measure;
      return source.line ? `${label}, ${source.line}` : label;
    }
    case 'device':
      return source.name === '*' ? 'every device' : `device ${source.name}`;
  }
}

const held = (secs: number) => (secs > 0 ? ` for ${duration(secs)}` : '');

/** When it is met. */
export function conditionText(condition: AlertCondition): string {
  switch (condition.kind) {
    case 'above':
      return `above ${condition.limit}${held(condition.holdSecs)}`;
    case 'below':
      return `below ${condition.limit}${held(condition.holdSecs)}`;
    case 'no-data':
      return `nothing for ${duration(condition.afterSecs)}`;
    case 'changed':
      return 'at each change';
    case 'rate':
      return `changes by more than ${condition.perSecond} a second over ${duration(condition.overSecs)}`;
    case 'unusual':
      return `further than ${condition.score} robust deviations from the usual`;
    case 'state':
      return `${condition.state}${held(condition.holdSecs)}`;
  }
}
