import { jsonLog, type Log } from '../../src/logging/log.js';

/** A log for the parts of a server that a test puts together; on standard error. */
export function createLog(level: string): Log {
  return jsonLog(level, process.stderr);
}
