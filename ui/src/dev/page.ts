// What every part of the fake core shares: the state of the page that was asked for, failures, numbers and streams.
// It knows no domain. A domain's file has its state and its commands; core.ts joins the commands.

export const PARAMETERS = new URLSearchParams(location.search);
/** `?state=`: see core.ts. */
export const STATE = PARAMETERS.get('state') ?? 'running';
export const quiet = STATE === 'quiet';
/** Whether the broker runs as the page opens. */
export const running = STATE === 'running' || quiet;
/** Whether clients talk through it. */
export const busy = STATE === 'running';
export const started = Date.now();

/* eslint-disable @typescript-eslint/no-explicit-any -- each command's arguments are its own, as at the shell's edge */
export type Commands = Record<string, (args: any) => unknown>;
type Frame = (args: any) => object;

interface Stream {
  timer: ReturnType<typeof setInterval>;
  args: any;
  send: () => void;
}
/* eslint-enable @typescript-eslint/no-explicit-any */

/** A command's failure, as the shell tells it. */
export const fail = (code: string, message: string, hint?: string) => Promise.reject({ code, message, hint });

let made = 100;
/** A number that nothing else has. */
export const newId = () => ++made;

const streams = new Map<number, Stream>();

/** Opens a stream of frames, one each `every` milliseconds; the first one comes at once. */
export function stream(args: Stream['args'], every: number, frame: Frame): number {
  const id = newId();
  let number = 0;
  const send = () => args.channel.onmessage({ frame: { ...frame(args), frame: ++number } });
  streams.set(id, { args, send, timer: setInterval(send, every) });
  setTimeout(send, 10);
  return id;
}

/** What an open stream goes by: a frame is made of these anew each time. */
export const streamOf = (id: number): Stream | undefined => streams.get(id);

export const streamCommands: Commands = {
  stream_acknowledge: () => null,
  stream_close: ({ stream }) => {
    clearInterval(streams.get(stream)?.timer);
    streams.delete(stream);
  },
};
