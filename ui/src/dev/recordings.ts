// Recordings of the fake, and long work on them.
import type { Job, RecordProgress, RecordingContents, RecordingEntry, RecordingsState } from '../lib/backend/api';

import { quiet, started, type Commands } from './page';

const HOUR = 3_600_000;
const began = started - 26 * HOUR;

const base: RecordingContents = {
  origin: 'broker',
  detail: 'The embedded broker at mqtt://127.0.0.1:1883.',
  packets: 0,
  begun: began,
  ended: began + 2 * HOUR,
  from: began,
  until: began + 2 * HOUR - 4_000,
  missing: [],
  rolledOff: 0,
};

function entry(name: string, packets: number, size: number, more: Partial<RecordingEntry> = {}): RecordingEntry {
  return {
    name,
    path: `/home/ada/.local/share/mqtt-workbench/recordings/${name}.mqttrec`,
    size,
    contents: { ...base, packets },
    recording: false,
    open: false,
    ...more,
  };
}

let entries: RecordingEntry[] = [
  entry('Night shift', 1_284_220, 96_400_000, {
    contents: {
      ...base,
      packets: 1_284_220,
      missing: [{ packets: 1_902, reason: 'they came faster than the disk could take them' }],
    },
  }),
  entry('Rolling, last hour', 402_118, 33_554_432, {
    contents: { ...base, packets: 402_118, rolledOff: 2_118_000, until: began + HOUR },
  }),
  entry('capture from the plant', 8_411, 720_896, {
    contents: {
      ...base,
      origin: 'import',
      packets: 8_411,
      until: began + 300_000,
      detail: 'Imported from /tmp/plant.pcapng.',
    },
  }),
  entry('cut off by the power', 51_002, 4_100_000, {
    contents: {
      origin: 'broker',
      detail: '',
      packets: 51_002,
      begun: began,
      from: began,
      until: began + 9e5,
      missing: [],
      rolledOff: 0,
    },
  }),
  {
    name: 'from a later version',
    path: '/home/ada/.local/share/mqtt-workbench/recordings/from a later version.mqttrec',
    size: 12_288,
    problem: {
      code: 'invalid-input',
      message: 'from a later version.mqttrec has tables of version 9, and this program knows those up to 1.',
    },
    recording: false,
    open: false,
  },
];
if (quiet) entries = [];

let record: RecordProgress | undefined;
let opened: string | undefined;
let changes = 0;
let jobs: Job[] = [];

function begin(kind: Job['kind'], title: string, outcome: Partial<Job>): Job {
  const job: Job = { id: jobs.length + 1, kind, title, state: 'running', done: 0, total: 1_284_220, message: '' };
  jobs = [job, ...jobs];
  const timer = setInterval(() => {
    const now = jobs.find((each) => each.id === job.id);
    if (!now || now.state === 'cancelled') return clearInterval(timer);
    if (now.state === 'paused') return;
    const done = Math.min(job.total, now.done + 90_000);
    const over = done === job.total;
    jobs = jobs.map((each) =>
      each.id === job.id ? { ...each, done, ...(over ? { state: 'done', ...outcome } : {}) } : each,
    );
    if (over) clearInterval(timer);
  }, 300);
  return job;
}

const set = (id: number, change: Partial<Job>) => {
  jobs = jobs.map((job) => (job.id === id ? { ...job, ...change } : job));
  return null;
};

export const recordingCommands: Commands = {
  recordings_state: (): RecordingsState => {
    if (record && !record.ended) record = { ...record, packets: record.packets + 640, size: record.size + 48_000 };
    const found = entries.find((each) => each.name === opened);
    return {
      ...(record ? { record } : {}),
      ...(found ? { opened: { ...found, open: true } } : {}),
      jobs,
      changes,
      damaged: 0,
    };
  },
  recordings: () => entries.map((each) => ({ ...each, open: each.name === opened })),
  record_start: ({ request }) => {
    record = {
      name: request.name || '2026-03-01 12.00.00 UTC',
      path: '/home/ada/x.mqttrec',
      begun: Date.now(),
      packets: 0,
      size: 81_920,
      notCaptured: 0,
      overtaken: 0,
      rolledOff: 0,
    };
    changes += 1;
    entries = [entry(record.name, 0, 81_920, { recording: true }), ...entries];
    return record;
  },
  record_stop: () => {
    if (!record) return null;
    record = { ...record, ended: { why: 'stopped' } };
    changes += 1;
    entries = entries.map((each) => ({ ...each, recording: false }));
    return record;
  },
  recording_open: ({ name }) => {
    opened = name;
    changes += 1;
    return null;
  },
  recording_close: () => {
    opened = undefined;
    changes += 1;
    return null;
  },
  recording_rename: ({ name, renamed }) => {
    changes += 1;
    entries = entries.map((each) => (each.name === name ? { ...each, name: renamed } : each));
    return null;
  },
  recording_delete: ({ name }) => {
    changes += 1;
    entries = entries.filter((each) => each.name !== name);
    return null;
  },
  recording_restore: ({ name }) => {
    changes += 1;
    entries = [entry(name, 10, 81_920), ...entries];
    return null;
  },
  file_choose: ({ question }) => (question.save ? `/home/ada/${question.name}` : '/home/ada/chosen'),
  recording_export: ({ request }) =>
    begin('export', `${request.name} → /home/ada/exports/${request.name}.${request.format}`, {
      message: `1284220 packets are in /home/ada/exports/${request.name}.${request.format}.`,
    }),
  recording_import: ({ request }) =>
    begin('import', `${request.path} → plant`, {
      message:
        '8411 packets of MQTT in 12 connections, of 20114 packets of the network; 3 connections: TLS, which can’t be read without its keys.',
    }),
  recording_replay: ({ request }) =>
    begin('replay', `${request.name} → ${request.url ?? '127.0.0.1:1883'}`, { message: '4022 messages published.' }),
  recording_compare: ({ request }) =>
    begin('compare', `${request.left} and ${request.right}`, {
      message: '4019 equal, 1 missing, 1 extra, 1 different, 2 late.',
      comparison: {
        equal: 4019,
        missing: 1,
        extra: 1,
        different: 1,
        late: 2,
        rows: [
          { kind: 'different', topic: 'plant/pump-7/state', left: 118, right: 240, atMicros: 4_120_000 },
          {
            kind: 'late',
            topic: 'plant/pump-7/value',
            left: 204,
            right: 411,
            atMicros: 9_300_000,
            lateMicros: 540_000,
          },
          { kind: 'missing', topic: 'plant/valve-2/alarm', left: 377, atMicros: 12_001_000 },
          { kind: 'extra', topic: 'plant/new', right: 802, atMicros: 14_220_000 },
        ],
      },
    }),
  job_cancel: ({ id }) => set(id, { state: 'cancelled', message: 'It was cancelled.' }),
  job_pause: ({ id, pause }) => set(id, { state: pause ? 'paused' : 'running' }),
  job_forget: ({ id }) => {
    jobs = jobs.filter((job) => job.id !== id);
    return null;
  },
};
