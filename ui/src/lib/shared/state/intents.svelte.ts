// What a person wants that another part of the window carries out: a button on one page opens a dialog of another domain.

class Intents {
  /** The command palette is open. */
  palette = $state(false);
  /** The list of shortcuts is open. */
  shortcuts = $state(false);
  /** The dialog that issues a device certificate is open. */
  issueDevice = $state(false);
  /** Somebody waits for the authority's key to be unlocked, and hears whether it was. */
  unlock = $state.raw<((unlocked: boolean) => void) | undefined>();
  /** The faults lie open beside the traffic. */
  faults = $state(false);
  /** The listener that is to be changed, by its name; null for one to add. */
  listener = $state<string | null | undefined>();
  /** The topic that something is to be published to. */
  publishTo = $state<string | undefined>();
  /** Grows each time a new test client is wanted. */
  newClient = $state(0);
}

export const intents = new Intents();
