import type { BaseHandler } from '../../../src/handlers/api/base-handler.js';
import type { HandlerInput } from '../../../src/handlers/api/handler-input.js';
import { replyJson } from '../../../src/handlers/api/reply-json.js';
import { LocalContext, type LocalModel } from '../local-context.js';

/** Runs a request through all steps of a handler; the text of the answer. */
export async function answer(
  handler: BaseHandler,
  request: HandlerInput,
  model: LocalModel,
): Promise<string> {
  const context = new LocalContext(model, request);
  const inputs = await handler.preprocess(request, context);
  const outputs = await handler.inference(inputs ?? undefined, context);
  return replyJson(await handler.postprocess(outputs, request, context));
}
