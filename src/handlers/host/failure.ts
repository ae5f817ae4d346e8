import { errorCodeOf, inWords, isErrorCode, messageOf, SconceError } from '../../errors.js';
import { PredictionError } from '../api/prediction-error.js';

/** An error as it crosses between threads: its code would not survive cloning. */
export interface Failure {
  code: string;
  message: string;
  reason: string | undefined;
  /** Set when it is not the one of the code. */
  status: number | undefined;
}

/** Characters of a reason that a client gets: the log has the rest. */
const longestReason = 2000;

/** Lines of a stack that are printed. */
const mostStackLines = 12;

const ownFolder = new URL('../../', import.meta.url).href;

/** What a handler has thrown, for the main loop. What has no code is HANDLER_FAILED. */
export function handlerFailure(error: unknown): Failure {
  try {
    return seenFailure(error);
  } catch {
    // A proxy or a getter that throws in its turn: the request is answered all the same.
    return unnamedFailure('a handler threw what cannot be read');
  }
}

function seenFailure(error: unknown): Failure {
  if (error instanceof PredictionError) {
    const { message, status } = error;
    return { code: 'PREDICTION_ERROR', message: String(message), reason: undefined, status };
  }
  const code = errorCodeOf(error);
  if (code === undefined) return unnamedFailure(reasonOf(error));
  return toFailure(error instanceof SconceError ? error : new SconceError(code, messageOf(error)));
}

function unnamedFailure(reason: string): Failure {
  const { message } = new SconceError('HANDLER_FAILED');
  const shown = reason.length > longestReason ? `${reason.slice(0, longestReason)}…` : reason;
  return { code: 'HANDLER_FAILED', message, reason: shown, status: undefined };
}

/**
 * Lines that show a handler's author what it has thrown and where: its own places, or all when
 * there are none.
 */
export function traceOf(error: unknown): string[] {
  try {
    if (!(error instanceof Error)) return [];
    const [first = '', ...places] = stackOf(error).split(/\n(?= {4}at )/);
    const own = places.filter((line) => !line.includes(ownFolder) && !/[( ]node:/.test(line));
    const title = error instanceof SconceError ? inWords(error) : first;
    const shown = (own.length > 0 ? own : places).slice(0, mostStackLines);
    return [...title.slice(0, longestReason).split('\n').slice(0, mostStackLines), ...shown];
  } catch {
    return [];
  }
}

function stackOf({ stack, message }: Error): string {
  return typeof stack === 'string' ? stack : message;
}

/** An error of ours for another thread. */
export function toFailure({ code, message, reason, status }: SconceError): Failure {
  return { code, message, reason, status };
}

/** The error that it was made from. */
export function fromFailure({ code, message, reason, status }: Failure): SconceError {
  const error = new SconceError(isErrorCode(code) ? code : 'INTERNAL');
  error.message = message;
  error.reason = reason;
  return status === undefined || status === error.status ? error : error.withStatus(status);
}

/** The name of the error's class belongs to the reason, unless it says nothing. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return `a handler threw ${describe(error)}`;
  const { name, message, cause } = error;
  // fetch() says only that it has failed.
  const why = cause instanceof Error ? ` (${cause.message || causeCode(cause)})` : '';
  return (name === 'Error' ? message : `${name}: ${message}`) + why;
}

/** What an error without a message has, as that of a refused connection. */
function causeCode(cause: Error): string {
  return 'code' in cause ? String(cause.code) : cause.name;
}

function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
