// Walking over the topic tree by keys. Pure: what it walks over is given.
//
// Where the chosen row is, whether a branch has opened and what a row out of sight is are known with a frame of the core. A key
// that is pressed before waits for it: however fast they come, keys do what they would have done one by one.
import type { TopicRow } from '$lib/backend';

export interface Tree {
  /** Rows in all. */
  total: () => number;
  chosen: () => TopicRow | undefined;
  /** Where the chosen row is; `undefined` where it is not shown, `unknown` until it is told. */
  place: () => number | 'unknown' | undefined;
  /** The row at a place; `undefined` until it is known. */
  row: (place: number) => TopicRow | undefined;
  /** How many rows fit in sight. */
  page: () => number;
  reveal: (place: number) => void;
  choose: (row: TopicRow) => void;
  toggle: (row: TopicRow, open: boolean) => void;
  /** Chooses the branch above a row. */
  toParent: (row: TopicRow, parent: number) => void;
}

const KEYS = ['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End', 'ArrowRight', 'ArrowLeft', 'Enter'];
/** Keys that wait at most: more than a person presses, or a key that is held repeats, until a frame comes. */
const WAITING = 64;

export class TreeWalk {
  readonly #tree: Tree;
  #keys: string[] = [];
  /** The row at this place is chosen once it is known. */
  #awaited: number | undefined;
  /** A branch that was told to open or to close. */
  #turning: { node: number; open: boolean } | undefined;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** Takes a key. Whether it is one of the tree's. */
  press(key: string): boolean {
    if (!KEYS.includes(key)) return false;
    if (this.#keys.length < WAITING) this.#keys.push(key);
    this.go();
    return true;
  }

  /** Chooses the row at a place, now or once it is known. */
  moveTo(place: number): void {
    this.#step(place);
    this.go();
  }

  /** A person has done something else: what waits is void. */
  forget(): void {
    this.#keys = [];
    this.#awaited = undefined;
    this.#turning = undefined;
  }

  /** Does what waits, as far as enough is known. */
  go(): void {
    while (this.#settled()) {
      const key = this.#keys.shift();
      if (key === undefined) return;
      this.#do(key);
    }
  }

  #settled(): boolean {
    const { chosen, place, row, choose } = this.#tree;
    if (this.#awaited !== undefined) {
      const found = row(this.#awaited);
      if (!found) return false;
      this.#awaited = undefined;
      choose(found);
    }
    const at = chosen();
    if (this.#turning) {
      if (at?.node === this.#turning.node && at.open !== this.#turning.open) return false;
      this.#turning = undefined;
    }
    return at === undefined || place() !== 'unknown';
  }

  #do(key: string): void {
    const tree = this.#tree;
    const row = tree.chosen();
    const told = tree.place();
    const at = row && typeof told === 'number' ? told : undefined;
    switch (key) {
      case 'ArrowDown':
        this.#step(at === undefined ? 0 : at + 1);
        break;
      case 'ArrowUp':
        this.#step(at === undefined ? 0 : at - 1);
        break;
      case 'PageDown':
        this.#step((at ?? 0) + tree.page());
        break;
      case 'PageUp':
        this.#step((at ?? 0) - tree.page());
        break;
      case 'Home':
        this.#step(0);
        break;
      case 'End':
        this.#step(tree.total() - 1);
        break;
      case 'ArrowRight':
        if (!row || at === undefined) break;
        if (row.open) this.#step(at + 1);
        else this.#turn(row, true);
        break;
      case 'ArrowLeft':
        if (row?.open) this.#turn(row, false);
        else if (row?.parent !== undefined) tree.toParent(row, row.parent);
        break;
      case 'Enter':
        if (row) this.#turn(row, !row.open);
    }
  }

  /** As `moveTo`, from within `go`. */
  #step(place: number): void {
    const to = Math.max(0, Math.min(this.#tree.total() - 1, place));
    this.#tree.reveal(to);
    this.#awaited = to;
  }

  #turn(row: TopicRow, open: boolean): void {
    if (row.children === 0 || row.open === open) return;
    this.#turning = { node: row.node, open };
    this.#tree.toggle(row, open);
  }
}
