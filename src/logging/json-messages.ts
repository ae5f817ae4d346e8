import type { AccessRecord } from './access-record.js';
import { escapeJson } from './escape.js';
import type { LineBuffer } from './line-buffer.js';
import { jsonLog, type Log } from './log.js';
import type { Messages } from './messages.js';

/** JSON, one object a line. The server's own messages do not wait in the buffer, others do. */
export function jsonMessages(level: string, accessLog: boolean, buffer: LineBuffer): Messages {
  const traffic = jsonLog(level, { write: (json) => buffer.write(escapeJson(json)) });
  return {
    log: promptJsonLog(level, buffer),
    accessWanted: accessLog && traffic.isLevelEnabled('info'),
    access(record: AccessRecord) {
      if (accessLog) traffic.info(record, 'request');
    },
    model(severity, worker, line) {
      traffic[severity]({ worker }, line);
    },
  };
}

/** A log of JSON whose lines are written at the end of the turn. */
export function promptJsonLog(level: string, buffer: LineBuffer): Log {
  return jsonLog(level, {
    write(json) {
      buffer.write(escapeJson(json));
      buffer.flushSoon();
    },
  });
}
