import { pino } from 'pino';
import { accessLine } from './access-record.js';
import { type Channel, infoLevel, warnLevel } from './channel.js';
import type { Log } from './log.js';
import type { Messages } from './messages.js';

export interface MessageChannels {
  server: Channel;
  access: Channel;
  model: Channel;
}

/** TorchServe's lines. */
export function textMessages(level: string, channels: MessageChannels): Messages {
  return {
    log: textLog(level, channels.server),
    accessWanted: true,
    access(record) {
      channels.access.write(infoLevel, 'main', accessLine(record));
    },
    model(severity, worker, line) {
      if (severity === 'info') channels.model.write(infoLevel, `${worker}-stdout`, line);
      else channels.model.write(warnLevel, `${worker}-stderr`, line);
    },
  };
}

/**
 * A log whose entries become lines of a channel: the message, then the other fields as JSON. The
 * field `component` is the name of the logger.
 */
function textLog(level: string, channel: Channel): Log {
  const write = (json: string): void => {
    const { level: number, msg, component, ...fields }: Record<string, unknown> = JSON.parse(json);
    const parts = typeof msg === 'string' ? [msg] : [];
    if (Object.keys(fields).length > 0) parts.push(JSON.stringify(fields));
    const logger = typeof component === 'string' ? `sconce.${component}` : undefined;
    channel.write(levelName(number), 'main', parts.join(' '), logger);
    channel.flushSoon();
  };
  return pino({ level, base: null, timestamp: false }, { write });
}

function levelName(level: unknown): string {
  const label = typeof level === 'number' ? pino.levels.labels[level] : undefined;
  return label?.toUpperCase().padEnd(5) ?? infoLevel;
}
