// Recordings: the one that is made, the one that is open, and what is done with them.
import {
  asFailure,
  jobCancel,
  jobForget,
  jobPause,
  recordStart,
  recordStop,
  recordingClose,
  recordingDelete,
  recordingOpen,
  recordingRename,
  recordingRestore,
  recordings as listRecordings,
  recordingsState,
  type Failure,
  type Job,
  type RecordRequest,
  type RecordingEntry,
  type RecordingsState,
} from '$lib/backend';
import { again } from '$lib/shared/again';
import { count, counted } from '$lib/shared/format';
import { toasts } from '$lib/shared/state/toasts.svelte';

const EVERY_MS = 500;

/** A recording of everything, until somebody stops it. */
export const EVERYTHING: RecordRequest = { name: '', topics: [], past: false, rolling: false };

class Recordings {
  state = $state.raw<RecordingsState | undefined>();
  entries = $state.raw<readonly RecordingEntry[] | undefined>();
  failure = $state.raw<Failure | undefined>();
  /** A command is under way. */
  busy = $state(false);
  #listed = -1;

  readonly record = $derived(this.state?.record);
  readonly recording: boolean = $derived(this.record !== undefined && this.record.ended === undefined);
  readonly opened = $derived(this.state?.opened);
  readonly openedName: string | undefined = $derived(this.opened?.name);
  readonly jobs: readonly Job[] = $derived(this.state?.jobs ?? []);

  /** Looks again and again, as long as somebody shows it; `list` for the recordings too. */
  watch(list: boolean): () => void {
    return again(EVERY_MS, () => this.read(list));
  }

  async read(list = false): Promise<void> {
    try {
      const state = await recordingsState();
      this.state = state;
      // The one that grows is read again each time; the others change when something is done with them.
      if (list && (this.#listed !== state.changes || this.recording)) {
        this.entries = await listRecordings();
        this.#listed = state.changes;
      }
      this.failure = undefined;
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
  }

  /** Begins to record. */
  start(request: RecordRequest): Promise<boolean> {
    return this.#do(() => recordStart(request));
  }

  stop(): Promise<boolean> {
    return this.#do(async () => {
      const made = await recordStop();
      if (made.ended?.why === 'failed') throw made.ended.error;
      toasts.done(`“${made.name}” has ${counted(made.packets, 'packet')}`, {
        label: 'Open',
        run: () => this.open(made.name).then(() => undefined),
      });
    });
  }

  open(name: string): Promise<boolean> {
    return this.#do(() => recordingOpen(name));
  }

  close(): Promise<boolean> {
    return this.#do(() => recordingClose());
  }

  rename(name: string, renamed: string): Promise<boolean> {
    return this.#do(() => recordingRename(name, renamed));
  }

  remove(name: string): Promise<boolean> {
    return this.#do(async () => {
      await recordingDelete(name);
      toasts.done(`“${name}” is deleted`, {
        label: 'Undo',
        run: async () => {
          await recordingRestore(name);
          await this.read(true);
        },
      });
    });
  }

  /** Does what makes a job. */
  begin(job: () => Promise<Job>): Promise<boolean> {
    return this.#do(job);
  }

  cancel(job: Job): Promise<boolean> {
    return this.#do(() => jobCancel(job.id));
  }

  pause(job: Job): Promise<boolean> {
    return this.#do(() => jobPause(job.id, job.state === 'running'));
  }

  forget(job: Job): Promise<boolean> {
    return this.#do(() => jobForget(job.id));
  }

  async #do(command: () => Promise<unknown>): Promise<boolean> {
    this.busy = true;
    try {
      await command();
      return true;
    } catch (thrown) {
      toasts.failed(thrown);
      return false;
    } finally {
      this.busy = false;
      await this.read(this.entries !== undefined);
    }
  }
}

export const recordings = new Recordings();

/** How many packets are missing, and why; empty where none are. */
export function missing(entry: RecordingEntry): string {
  const gaps = entry.contents?.missing ?? [];
  return gaps.map((gap) => `${count(gap.packets)}: ${gap.reason}`).join('; ');
}

/** Packets that are missing. */
export function lost(entry: RecordingEntry): number {
  return (entry.contents?.missing ?? []).reduce((sum, gap) => sum + gap.packets, 0);
}
