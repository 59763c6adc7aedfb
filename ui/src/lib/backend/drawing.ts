// When what comes from the workbench is drawn: with the next animation frame, behind what a person types.
//
// A letter is answered by the page itself within a frame or two. A table that is drawn anew in the same frames would make it
// wait, so drawing gives way to it for a moment; a person who types on and on delays it by a bounded time. Other keys and clicks
// are answered by what is drawn, so nothing gives way to them.

/** A page that is not shown has no animation frames; it gets by with one frame a second. */
const HIDDEN_MS = 1000;
/** Drawing waits until this long after a letter … */
export const REST_MS = 50;
/** … but no longer than this. */
export const PATIENCE_MS = 250;

let lastLetter = Number.NEGATIVE_INFINITY;

/** A person has typed a letter. */
export function letterTyped(): void {
  lastLetter = performance.now();
}

/** Whether drawing that has waited since a time gives way to a letter that was typed at another. */
export function givesWay(since: number, now: number, letter: number): boolean {
  return now - letter < REST_MS && now - since < PATIENCE_MS;
}

/** Draws with the next animation frame that is free for it. Returns what calls it off. */
export function whenDrawing(draw: () => void): () => void {
  const since = performance.now();
  const done = () => {
    stop();
    draw();
  };
  const look = () => {
    if (givesWay(since, performance.now(), lastLetter)) frame = requestAnimationFrame(look);
    else done();
  };
  let frame = requestAnimationFrame(look);
  const timer = setTimeout(done, HIDDEN_MS);
  const stop = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  return stop;
}
