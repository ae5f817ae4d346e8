import { type Logger, pino } from 'pino';

export type Log = Logger;

/** The server's log: one JSON object a line on standard error. */
export function createLog(level: string): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}
