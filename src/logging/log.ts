import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/** The server's log: one JSON object a line on standard error. */
export function createLog(level: string): Log {
  return jsonLog(level, pino.destination(2));
}

/** A log of one JSON object a line. */
export function jsonLog(level: string, destination: DestinationStream): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
