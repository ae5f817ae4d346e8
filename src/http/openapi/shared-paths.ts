import {
  content,
  internalError,
  json,
  type Operation,
  object,
  type Paths,
  queryParameter,
  value,
} from './parts.js';

const describeApi = {
  description: 'Get openapi description.',
  operationId: 'apiDescription',
  parameters: [],
  responses: {
    200: json(
      'A openapi 3.0.1 descriptor',
      object({
        openapi: { type: 'string' },
        info: { type: 'object' },
        paths: { type: 'object' },
      }),
    ),
    500: internalError,
  },
} satisfies Operation;

const metrics = {
  description: 'Get TorchServe application metrics in prometheus format.',
  operationId: 'metrics',
  parameters: [queryParameter('name[]', 'Names of metrics to filter')],
  responses: {
    200: {
      description: 'TorchServe application metrics',
      content: content(
        'text/plain; version=0.0.4; charset=utf-8',
        object({
          '# HELP': value('string', 'Help text for TorchServe metric.'),
          '# TYPE': value('string', 'Type of TorchServe metric.'),
          metric: value('string', 'TorchServe application metric.'),
        }),
      ),
    },
    500: internalError,
  },
} satisfies Operation;

export const describeApiPath: Paths = { '/': { options: describeApi } };

export const legacyDescribeApiPath: Paths = {
  '/api-description': {
    get: { ...describeApi, operationId: 'api-description', deprecated: true },
  },
};

export const metricsPath: Paths = { '/metrics': { get: metrics } };
