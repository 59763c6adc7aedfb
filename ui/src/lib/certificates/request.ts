// What a device may be called. The workbench decides; saying it while a person types saves a round trip.

export const MOST_DAYS = 3650;

/** Why a name can't be used; nothing if it can. */
export function nameFault(name: string, taken: readonly string[]): string | undefined {
  if (name === '') return 'A device needs a name.';
  if (name.length > 64) return 'At most 64 characters.';
  const wrong = /[^A-Za-z0-9._-]/u.exec(name)?.[0];
  if (wrong !== undefined)
    return `${wrong.trim() === '' ? 'A space' : `“${wrong}”`} can’t be part of it: letters, digits and . _ - can.`;
  if (taken.includes(name)) return `There is a certificate for ${name} already.`;
  return undefined;
}
