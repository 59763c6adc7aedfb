// Asks the shell; what it refuses with is a Failure.
import { invoke } from '@tauri-apps/api/core';
import { asFailure } from './errors';

export async function call<T>(command: string, args: Record<string, unknown> = {}): Promise<T> {
  try {
    return await invoke<T>(command, args);
  } catch (thrown) {
    throw asFailure(thrown);
  }
}
