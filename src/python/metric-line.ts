import { type MetricKind, metricKinds } from '../metrics/specification.js';

/** One value of a metric that the worker has printed. */
export interface WorkerMetric {
  name: string;
  unit: string;
  value: number;
  /** Undefined where the line names no type, as in lines of older handlers. */
  kind: MetricKind | undefined;
  dimensions: readonly [name: string, value: string][];
  hostname: string;
  /** Seconds since 1970. */
  timestamp: number;
  /** Identifiers of the requests that it belongs to, joined by commas; empty for none. */
  requestIds: string;
}

/** What a line of the worker begins with that is a metric. */
export const metricPrefix = '[METRICS]';

/** TorchServe's expression, which in values also knows the plus sign that Python writes. */
const grammar =
  /^\s*([\w\s]+)\.([\w\s]+):([-+0-9.e]+)\|#([^|]*)(?:\|#type:([^|,]+))?\|#hostname:([^,]+),([^,]+)(?:,(.*))?$/;

/**
 * Reads what follows `[METRICS]`:
 * `Name.Unit:value|#Dimension:value,…|#type:GAUGE|#hostname:host,timestamp,request,…`.
 * Undefined for a line that does not say that, or whose value is not a finite number.
 */
export function parseMetricLine(text: string): WorkerMetric | undefined {
  const found = grammar.exec(text);
  if (found === null) return undefined;
  const [, name = '', unit = '', number = '', dimensions = '', type, hostname = '', time] = found;
  const value = Number(number);
  const timestamp = Number(time);
  const kind = metricKinds.find((known) => known === type?.toLowerCase());
  if (!Number.isFinite(value) || !Number.isFinite(timestamp)) return undefined;
  if (type !== undefined && kind === undefined) return undefined;
  return {
    name: name.trim(),
    unit: unit.trim(),
    value,
    kind,
    dimensions: parseDimensions(dimensions),
    hostname,
    timestamp,
    requestIds: found[8] ?? '',
  };
}

/** What is no pair is left out, as TorchServe does. */
function parseDimensions(text: string): [string, string][] {
  return text.split(',').flatMap((pair): [string, string][] => {
    const [name, value, ...more] = pair.split(':');
    if (name === undefined || value === undefined || more.length > 0) return [];
    return [[name.trim(), value.trim()]];
  });
}
