// Devices in words. Pure.
import type { DeviceRow, DeviceState, Version } from '$lib/backend';

export const STATES: Record<DeviceState, { word: string; dot: string }> = {
  online: { word: 'online', dot: 'ok' },
  offline: { word: 'offline', dot: 'error' },
  unknown: { word: 'unknown', dot: 'warn' },
};

const VERSIONS: Record<Version, string> = { '3.1': 'MQTT 3.1', '3.1.1': 'MQTT 3.1.1', '5': 'MQTT 5' };

/** Who it is by what it proved: its certificate, or else its user name. */
export function identity(row: DeviceRow): string | undefined {
  if (row.commonName !== undefined) return `CN=${row.commonName}`;
  return row.user;
}

export function version(of: Version): string {
  return VERSIONS[of];
}

/** A list of words or topics as one text to type in, and back. */
export function joined(texts: readonly string[]): string {
  return texts.join(', ');
}

/** Words apart by commas, spaces around them taken away. */
export function words(text: string): string[] {
  return text
    .split(/[,\n]/)
    .map((word) => word.trim())
    .filter(Boolean);
}
