import type { HandlerFactory } from '../registry.js';
import { EnvelopedHandler } from './enveloped-handler.js';
import { envelopeOf } from './envelopes.js';
import { jsonEnvelope } from './json.js';
import { onOneLineInTurns } from './json-text.js';
import { kserveEnvelope } from './kserve.js';
import { kserveV2Envelope } from './kserve-v2.js';
import { KServeV2Tensors } from './kserve-v2-tensors.js';
import { TensorInstances } from './tensor-instances.js';

/**
 * Handlers that take and give what an envelope holds. Those on threads open it themselves.
 *
 * @throws {SconceError} INVALID_CONFIGURATION for a name that is not known
 */
export function withEnvelope(factory: HandlerFactory, name: string | undefined): HandlerFactory {
  const envelope = envelopeOf(name);
  if (envelope === undefined) return factory;
  return (context) => {
    const handler = factory({ ...context, envelope: name });
    if (handler.kind !== 'rows') return handler;
    const { tensorPlan } = handler;
    if (tensorPlan === undefined) return new EnvelopedHandler(handler, envelope, context);
    switch (envelope) {
      case jsonEnvelope:
        return new TensorInstances(handler, envelope, context, true, onOneLineInTurns);
      case kserveEnvelope:
        return new TensorInstances(handler, envelope, context, false, (text) => text);
      case kserveV2Envelope:
        return new KServeV2Tensors(handler, envelope, context, tensorPlan, context.offLoop);
      default:
        return new EnvelopedHandler(handler, envelope, context);
    }
  };
}
