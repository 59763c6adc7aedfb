// Alert rules in words. Pure.
import type { AlertCondition, AlertSource, ChartMeasure } from '$lib/backend';
import { duration } from '$lib/shared/format';

export const MEASURES: readonly { value: ChartMeasure; label: string }[] = [
  { value: 'messages', label: 'Messages per second' },
  { value: 'bytes', label: 'Bytes per second' },
  { value: 'connections', label: 'Connections' },
  { value: 'retained', label: 'Retained messages' },
  { value: 'lost', label: 'Losses per second' },
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
    case 'broker':
      return MEASURES.find((each) => each.value === source.measure)?.label ?? source.measure;
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
