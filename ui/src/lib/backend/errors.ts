// What can go wrong when the page asks, as a value of one class.
import type { ApiError } from './bindings/ApiError';
import type { ErrorCode } from './bindings/ErrorCode';

/** A command failed. `message` says what happened, to what; `hint` what to do next. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(error: ApiError) {
    super(error.message);
    this.code = error.code;
    this.hint = error.hint;
  }
}

const CODES: Record<ErrorCode, true> = {
  'port-in-use': true,
  'open-to-all': true,
  'listener-failed': true,
  'wrong-state': true,
  'invalid-input': true,
  'not-found': true,
  'already-exists': true,
  file: true,
  store: true,
  certificate: true,
  locked: true,
  keychain: true,
  client: true,
  config: true,
  cancelled: true,
  internal: true,
};

function isApiError(value: unknown): value is ApiError {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message } = value as Record<string, unknown>;
  return typeof code === 'string' && code in CODES && typeof message === 'string';
}

/** Anything thrown, as a failure; what the API does not define is a fault of the program itself. */
export function asFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  if (isApiError(thrown)) return new Failure(thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Failure({ code: 'internal', message });
}

/** Answers by code. Every code has to be answered: a new one fails to compile until it is. */
export function matchCode<T>(code: ErrorCode, answers: Record<ErrorCode, T>): T {
  return answers[code];
}
