import { Type } from 'typebox';
import { forgivingToggle, integer, optionalText, toggle } from './forms.js';

/** Where TorchServe's own metrics go. */
export const metricsModes = ['log', 'prometheus', 'legacy'] as const;

/** What the server tells of itself. */
export const observationSettings = {
  enableMetricsApi: forgivingToggle(true, 'Serve the metrics on `metrics_address`.'),
  metricsMode: Type.Enum([...metricsModes], {
    default: 'log',
    description:
      "Where TorchServe's own metrics go: to log lines, to Prometheus, or (`legacy`) three of them to Prometheus and the others to log lines.",
  }),
  metricsConfig: optionalText("File with the definitions of TorchServe's own metrics."),
  modelMetricsAutoDetect: forgivingToggle(
    false,
    'Take metrics of handlers that `metrics_config` does not define.',
  ),
  disableSystemMetrics: forgivingToggle(false, 'Leave out the metrics of the machine.'),
  metricTimeInterval: integer(1, 86_400, 60, 'Seconds between two metrics of the machine.'),
  logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Least severe messages that are logged.',
  }),
  accessLog: toggle(false, 'Log one line for each request.'),
  logLocation: Type.Optional(
    Type.String({
      minLength: 1,
      environment: 'LOG_LOCATION',
      description: "Folder that TorchServe's log files are written to; none are without it.",
    }),
  ),
  metricsLocation: Type.Optional(
    Type.String({
      minLength: 1,
      environment: 'METRICS_LOCATION',
      description: 'Folder of the log files with metrics; `log_location` without it.',
    }),
  ),
};
