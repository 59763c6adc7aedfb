// Fault rules of the fake.
import type { FaultRule } from '../lib/backend/api';

import type { Commands } from './page';

export let faultRules: FaultRule[] = [];

const report = () => faultRules.map((rule) => ({ rule, seen: 14, struck: 1 }));

export const faultCommands: Commands = {
  faults: report,
  faults_set: ({ rules }) => {
    faultRules = rules;
    return report();
  },
};
