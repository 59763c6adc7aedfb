// What mends a finding, done from the window.
import {
  accessFindings,
  accessRemoveRule,
  accessSave,
  deviceExport,
  deviceRenew,
  revocationsSign,
  type ConfigReport,
  type FixAct,
} from '$lib/backend';
import { counted } from './format';
import { setKey } from './setting';
import { signing } from './signing';
import { live } from './state/live.svelte';
import { PAGES, navigation } from './state/navigation.svelte';
import { toasts } from './state/toasts.svelte';

/** Does it, says so, and offers to take back what can be. What is found is looked at anew. */
export async function mend(act: FixAct): Promise<void> {
  try {
    await signing(() => done(act));
  } catch (thrown) {
    toasts.failed(thrown);
  } finally {
    if (act.kind !== 'show') await accessFindings().catch(toasts.failed.bind(toasts));
  }
}

async function done(act: FixAct): Promise<void> {
  switch (act.kind) {
    case 'set': {
      const when = (report: ConfigReport) => (report.restart ? ' from the next start of the broker' : '');
      return setKey(act.key, act.value, (report) => `${act.key} is ${act.value}${when(report)}`, accessFindings);
    }
    case 'restart':
      return live.restart();
    case 'renew': {
      const { hasKey } = await deviceRenew({ name: act.name, days: act.days, newKey: false, revokeOld: false });
      // A device that keeps its own key takes the certificate alone.
      const where = hasKey ? `: its files are in ${(await deviceExport({ name: act.name })).folder}` : '';
      return toasts.done(`${act.name} has a new certificate${where}`, {
        label: 'Show',
        run: () => navigation.go('certificates', act.name),
      });
    }
    case 'signRevocations': {
      // Where the key was unlocked for it, what has waited is signed already, this list among it.
      const { number } = await revocationsSign(act.number);
      return toasts.done(`Revocation list ${number} is signed`);
    }
    case 'removeRule': {
      const { applied, before } = await accessRemoveRule(act.line);
      const taken = applied.taken.length;
      const lost = taken > 0 ? ` ${counted(taken, 'subscription')} no longer allowed: taken away.` : '';
      return toasts.done(`${counted(applied.rules, 'rule')} left.${lost}`, {
        label: 'Undo',
        run: async () => {
          await accessSave(before);
          await accessFindings();
        },
      });
    }
    case 'show': {
      const page = PAGES.find((each) => each === act.page);
      if (page) navigation.go(page, act.part);
    }
  }
}
