import { descriptions, oneAddress } from './cases/descriptions.js';
import { bodyEnvelope, jsonEnvelope, kserveEnvelope, kserveV2Envelope } from './cases/envelopes.js';
import { imageHandlers } from './cases/image-handlers.js';
import {
  byUrl,
  defaultUrls,
  listing,
  management,
  registration,
  withoutModelApi,
} from './cases/management.js';
import { logMode, prometheus } from './cases/metrics.js';
import { numbers } from './cases/numbers.js';
import {
  cors,
  limits,
  openInference,
  openInferenceUnready,
  predictions,
  startup,
} from './cases/predictions.js';
import { pythonHandlers, pythonPredictions } from './cases/python-handlers.js';
import { textHandlers } from './cases/text-handlers.js';
import { tokens } from './cases/tokens.js';
import type { Scenario } from './compat-case.js';

/** All cases. */
export const scenarios: readonly Scenario[] = [
  descriptions,
  predictions,
  limits,
  startup,
  numbers,
  openInference,
  openInferenceUnready,
  cors,
  listing,
  registration,
  byUrl,
  defaultUrls,
  management,
  withoutModelApi,
  oneAddress,
  tokens,
  prometheus,
  logMode,
  imageHandlers,
  textHandlers,
  bodyEnvelope,
  jsonEnvelope,
  kserveEnvelope,
  kserveV2Envelope,
  pythonHandlers,
  pythonPredictions,
];
