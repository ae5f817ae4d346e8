import { inferencePaths, predictionPaths } from './inference-paths.js';
import { managementPaths, modelPaths } from './management-paths.js';
import type { ApiDescription, Paths } from './parts.js';
import { describeApiPath, legacyDescribeApiPath, metricsPath } from './shared-paths.js';

/*
 * What TorchServe answers to `OPTIONS /`, and to OPTIONS on a model. Clients are generated from
 * these, so they are its documents word for word, what it has wrong included.
 */

/** `OPTIONS /` of the inference listener. */
export function inferenceDescription(version: string): ApiDescription {
  return describeServer(version, {
    ...describeApiPath,
    ...inferencePaths,
    ...legacyDescribeApiPath,
    ...metricsPath,
  });
}

/** `OPTIONS /` of the management listener. */
export function managementDescription(version: string): ApiDescription {
  return describeServer(version, {
    ...describeApiPath,
    ...managementPaths,
    ...legacyDescribeApiPath,
    ...metricsPath,
  });
}

/** `OPTIONS /` of the metrics listener. */
export function metricsDescription(version: string): ApiDescription {
  return describeServer(version, metricsPath);
}

/** `OPTIONS /` of a listener that serves inference and management. */
export function allDescription(version: string): ApiDescription {
  return describeServer(version, {
    ...describeApiPath,
    ...inferencePaths,
    ...legacyDescribeApiPath,
    ...managementPaths,
    ...metricsPath,
  });
}

/** `OPTIONS /predictions/{model}`. */
export function modelDescriptionDocument(modelName: string): ApiDescription {
  return {
    openapi: '3.0.1',
    info: { title: `RESTful API for: ${modelName}`, version: '1.0.0' },
    paths: predictionPaths(modelName),
  };
}

/** `OPTIONS /models/{model}` of the management listener. */
export function modelManagementDescription(modelName: string, version: string): ApiDescription {
  return {
    openapi: '3.0.1',
    info: { title: `RESTful Management API for: ${modelName}`, version },
    paths: modelPaths,
  };
}

function describeServer(version: string, paths: Paths): ApiDescription {
  return {
    openapi: '3.0.1',
    info: {
      title: 'TorchServe APIs',
      description: 'TorchServe is a flexible and easy to use tool for serving deep learning models',
      version,
    },
    paths,
  };
}
