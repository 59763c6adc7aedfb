import { beforeEach, describe, expect, it } from 'vitest';
import type { TopicRow } from '$lib/backend';
import { TreeWalk } from './tree-walk';

/** A core that answers when it is told to, and not before: rows in sight, and where the chosen one is, are those of its last frame. */
class Core {
  rows: TopicRow[] = [];
  chosen: TopicRow | undefined;
  #open = new Set<number>();
  #frame: { rows: TopicRow[]; of: number | undefined; at: number | undefined } = {
    rows: [],
    of: undefined,
    at: undefined,
  };
  /** Rows that a frame has. */
  inSight = { from: 0, to: 4 };

  readonly walk = new TreeWalk({
    total: () => this.#frame.rows.length,
    chosen: () => this.chosen,
    place: () => (this.#frame.of === this.chosen?.node ? this.#frame.at : 'unknown'),
    row: (place) => (place >= this.inSight.from && place < this.inSight.to ? this.#frame.rows[place] : undefined),
    page: () => 2,
    reveal: (place) => (this.revealed = place),
    choose: (row) => (this.chosen = row),
    toggle: (row, open) => (open ? this.#open.add(row.node) : this.#open.delete(row.node)),
    toParent: (_, parent) => (this.chosen = this.#all().find((row) => row.node === parent)),
  });
  revealed: number | undefined;

  /** `a` has `b` and `c` below it; `d`, `e` and `f` follow. */
  #all(): TopicRow[] {
    const row = (node: number, level: string, below?: number): TopicRow => ({
      node,
      ...(below === undefined ? {} : { parent: below }),
      depth: below === undefined ? 0 : 1,
      level,
      name: level,
      children: node === 1 ? 2 : 0,
      open: this.#open.has(node),
      topics: 1,
      messages: 1,
      rate: 0,
    });
    return [row(1, 'a'), row(2, 'b', 1), row(3, 'c', 1), row(4, 'd'), row(5, 'e'), row(6, 'f')];
  }

  /** A frame comes. */
  answer(inSight = this.inSight): void {
    this.inSight = inSight;
    const rows = this.#all().filter((row) => row.parent === undefined || this.#open.has(row.parent));
    const of = this.chosen?.node;
    const at = rows.findIndex((row) => row.node === of);
    this.#frame = { rows, of, at: at < 0 ? undefined : at };
    this.chosen = rows.find((row) => row.node === of) ?? this.chosen;
    this.walk.go();
  }

  level(): string | undefined {
    return this.chosen?.level;
  }
}

describe('a key', () => {
  let core = new Core();
  beforeEach(() => {
    core = new Core();
    core.answer();
    core.chosen = undefined;
  });

  it('between choosing and the next frame waits for it', () => {
    core.walk.moveTo(0);
    expect(core.level()).toBe('a');
    core.walk.press('ArrowDown');
    core.walk.press('ArrowDown');
    expect(core.level()).toBe('a');
    core.answer();
    core.answer();
    expect(core.level()).toBe('e');
  });

  it('does not go on from the row that was chosen before', () => {
    core.walk.moveTo(0);
    core.answer();
    core.walk.moveTo(2);
    core.walk.press('ArrowUp');
    core.answer();
    expect(core.level()).toBe('d');
  });

  it('behind the one that opens a branch goes into it', () => {
    core.walk.moveTo(0);
    core.answer();
    core.walk.press('ArrowRight');
    core.walk.press('ArrowRight');
    expect(core.level()).toBe('a');
    core.answer();
    expect(core.level()).toBe('b');
    core.walk.press('ArrowLeft');
    core.walk.press('ArrowLeft');
    for (let frames = 0; frames < 3; frames += 1) core.answer();
    expect([core.level(), core.chosen?.open]).toEqual(['a', false]);
  });

  it('behind one that leads out of sight counts from there', () => {
    core.inSight = { from: 0, to: 2 };
    core.walk.moveTo(0);
    core.answer();
    core.walk.press('End');
    core.walk.press('ArrowUp');
    expect([core.level(), core.revealed]).toEqual(['a', 3]);
    core.answer({ from: 2, to: 4 });
    core.answer();
    expect(core.level()).toBe('e');
  });

  it('goes to the first row where the chosen one is not shown', () => {
    core.chosen = { ...(core.chosen ?? {}), node: 2, level: 'b' } as TopicRow;
    core.answer();
    core.walk.press('ArrowDown');
    expect(core.level()).toBe('a');
  });

  it('that waits is void when a person does something else', () => {
    core.walk.moveTo(0);
    core.walk.press('ArrowDown');
    core.walk.forget();
    core.answer();
    expect([core.level(), core.walk.press('x')]).toEqual(['a', false]);
  });
});
