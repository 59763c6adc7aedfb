// The sizes of panes, as a person left them.

/** The size of a pane, or its usual one. */
export function paneSize(name: string, usual: number): number {
  try {
    const kept = Number(localStorage.getItem(`pane:${name}`));
    return Number.isFinite(kept) && kept > 0 ? kept : usual;
  } catch {
    return usual;
  }
}
