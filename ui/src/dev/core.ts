// FAKE-BACKEND-FOR-DEVELOPMENT: stands in for @tauri-apps/api/core under `npm run dev:fake`, to work on the look in any
// browser. Its data is invented. It is never part of a build: scripts/check-dist.mjs looks for the words above.
//
// `?state=stopped`, `?state=port-in-use`, `?state=quiet`, `?state=broken` show the other states, `?keys=locked` keys that
// are locked. Here the commands of all domains are joined and called; a domain's state and commands are in its own file.
import { learnCommands } from './access';
import { alertCommands } from './alerts';
import { brokerCommands } from './broker';
import { certificateCommands } from './certificates';
import { chartCommands } from './charts';
import { clientCommands } from './clients';
import { deviceCommands } from './devices';
import { faultCommands } from './faults';
import { findingCommands } from './findings';
import { liveCommands } from './live';
import { messageCommands } from './messages';
import { packetCommands } from './packets';
import { streamCommands, type Commands } from './page';
import { payloadCommands } from './payloads';
import { recordingCommands } from './recordings';
import { ruleCommands } from './rules';
import { sessionCommands } from './sessions';
import { settingCommands } from './settings';
import { topicCommands } from './topics';

/** It is in what `invoke` may say, so that whatever bundles that holds the mark. */
const MARK = 'FAKE-BACKEND-FOR-DEVELOPMENT';

export class Channel<T> {
  onmessage: (message: T) => void = () => undefined;
}

const commands: Commands = {
  about: () => ({ version: '0.1.0', dataFolder: '/home/ada/.local/share/mqtt-workbench', captureBudget: 67_108_864 }),
  ...streamCommands,
  ...liveCommands,
  ...brokerCommands,
  ...settingCommands,
  ...sessionCommands,
  ...ruleCommands,
  ...learnCommands,
  ...findingCommands,
  ...certificateCommands,
  ...clientCommands,
  ...packetCommands,
  ...payloadCommands,
  ...faultCommands,
  ...messageCommands,
  ...topicCommands,
  ...chartCommands,
  ...deviceCommands,
  ...alertCommands,
  ...recordingCommands,
};

export async function invoke<T>(command: string, args: Record<string, unknown> = {}): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, 15));
  const answer = commands[command];
  if (!answer) throw { code: 'internal', message: `${MARK}: there is no ${command}.` };
  return (await answer(args)) as T;
}
