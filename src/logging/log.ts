import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/** A log of one JSON object a line. */
export function jsonLog(level: string, destination: DestinationStream): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
